"""The same launch file handed to the real launch: only where a ROS installation has it."""

from __future__ import annotations

import contextlib
import os
import signal
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


def _start(folder: Path, text: str) -> subprocess.Popen[str]:
    plan = make_plan(folder, text)
    prefix = Path(plan.processes[0].command[0]).parents[2]
    search = f'{prefix}{os.pathsep}{os.environ.get("AMENT_PREFIX_PATH", "")}'
    return subprocess.Popen(
        [sys.executable, '-c', RUN, str(plan.file)],
        env={**os.environ, 'AMENT_PREFIX_PATH': search, 'ROS_LOG_DIR': str(folder / 'log')},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def _run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    process = _start(folder, text)
    output, _ = process.communicate(timeout=WAIT_S)
    return subprocess.CompletedProcess(process.args, process.returncode, output)


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


def test_an_interrupt_of_launch_alone_reaches_its_processes(tmp_path: Path) -> None:
    process = _start(tmp_path, node('polite', ', output: screen').replace('0.2', '30.0'))
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if '[polite-1] ready' in line:
                break
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=WAIT_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert '[polite-1] interrupted' in output
    assert process.returncode == 0
