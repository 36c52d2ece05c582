"""The same launch file handed to the real launch: only where a ROS installation has it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from launching_support import WAIT_S, make_plan, node

pytest.importorskip('launch_ros', reason='the real launch is not installed')

RUN = """
import os, sys
from pathlib import Path
from tektra.launching import real
assert real.wanted({})
sys.exit(real.run(Path(sys.argv[1]), {}, os.environ))
"""


def _run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    plan = make_plan(folder, text)
    prefix = Path(plan.processes[0].command[0]).parents[2]
    search = f'{prefix}{os.pathsep}{os.environ.get("AMENT_PREFIX_PATH", "")}'
    return subprocess.run(
        [sys.executable, '-c', RUN, str(plan.file)],
        env={**os.environ, 'AMENT_PREFIX_PATH': search, 'ROS_LOG_DIR': str(folder / 'log')},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


def test_the_exit_code_of_a_required_process_comes_through(tmp_path: Path) -> None:
    done = _run(tmp_path, node('steady') + node('crash', ', on_exit: shutdown, output: screen'))
    assert '[crash-2] crash' in done.stdout
    assert done.returncode == 3


def test_a_launch_whose_processes_all_end_well_ends_well(tmp_path: Path) -> None:
    started = time.monotonic()
    done = _run(tmp_path, node('finish', ', output: screen'))
    assert '[finish-1] done' in done.stdout
    assert done.returncode == 0
    assert time.monotonic() - started < WAIT_S
