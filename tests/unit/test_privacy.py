"""Libraries that could report to their makers do not."""

import os
import subprocess
import sys

from tektra.runtime.privacy import SILENCE

LOAD = 'from tektra.vad.backends.silero import Silero; Silero()'


def test_loading_a_model_leaves_no_identifier_of_this_machine(tmp_path):
    environment = {name: text for name, text in os.environ.items() if name not in SILENCE}
    environment |= {'HOME': str(tmp_path), 'XDG_CACHE_HOME': str(tmp_path / 'cache')}
    subprocess.run([sys.executable, '-B', '-c', LOAD], env=environment, check=True)
    assert [path for path in tmp_path.rglob('*') if path.is_file()] == []
