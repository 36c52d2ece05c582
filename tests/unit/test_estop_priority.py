"""Priority is raised where that is allowed, and is no reason not to start where it is not."""

import os
import subprocess
import sys

from tektra.runtime.priority import raise_priority


def refuse(*_):
    raise PermissionError(13, 'Permission denied')


def test_where_it_is_not_allowed_estop_goes_on(monkeypatch):
    monkeypatch.setattr(os, 'setpriority', refuse)
    assert raise_priority() == 'Permission denied'


def test_all_threads_are_raised_or_the_reason_is_told():
    code = (
        'import os, threading; from tektra.runtime.priority import raise_priority\n'
        'go, told = threading.Event(), []\n'
        'def wait():\n'
        '    go.wait(); told.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))\n'
        'thread = threading.Thread(target=wait); thread.start()\n'
        'trouble = raise_priority(); go.set(); thread.join(); print(trouble or told[0])'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() in ('-10', 'Permission denied', 'Operation not permitted')
