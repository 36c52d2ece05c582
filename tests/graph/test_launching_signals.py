"""A launch that is interrupted, terminated, hung up or killed leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from launching_support import WAIT_S, living, make_plan, node, wait_for

from tektra.launching import runfile
from tektra.launching.errors import LaunchError

RUNNER = Path(__file__).with_name('launching_runner.py')


class Launched:
    """The runner in a process of its own, and the lines that it prints."""

    def __init__(self, folder: Path, text: str) -> None:
        plan = make_plan(folder, text)
        self.mark = uuid.uuid4().hex
        self.state = folder / 'state'
        self.lines: list[str] = []
        self._changed = threading.Condition()
        prefix = Path(plan.processes[0].command[0]).parents[2]
        self.process = subprocess.Popen(
            [sys.executable, str(RUNNER), str(plan.file), str(self.state)],
            env={**os.environ, 'LAUNCH_TEST_MARK': self.mark, 'AMENT_PREFIX_PATH': str(prefix)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip('\n'))
                self._changed.notify_all()

    def until_said(self, text: str, count: int = 1) -> None:
        """Wait for a text in the output."""
        with self._changed:
            said = self._changed.wait_for(
                lambda: sum(text in line for line in self.lines) >= count, WAIT_S
            )
        assert said, self.lines

    def living(self) -> list[int]:
        """Return the processes left, without those of the launcher itself."""
        guards = {self.process.pid}
        return [pid for pid in living(self.mark) if pid not in guards]


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[list[Launched]]:
    """Collect launches; whatever a failing test leaves is killed."""
    made: list[Launched] = []
    yield made
    for launch in made:
        for pid in living(launch.mark):
            os.kill(pid, signal.SIGKILL)
        launch.process.wait(WAIT_S)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order(
    tmp_path: Path, launched: list[Launched], number: signal.Signals
) -> None:
    launch = Launched(tmp_path, node('steady') + node('stubborn') + node('parent'))
    launched.append(launch)
    launch.until_said('ready', 3)
    assert runfile.find(launch.state) is not None
    launch.process.send_signal(number)
    assert launch.process.wait(WAIT_S) == 0
    launch.until_said(f'stopping: {number.name}')
    assert launch.living() == []
    assert runfile.find(launch.state) is None


def test_three_interrupts_kill_at_once(tmp_path: Path, launched: list[Launched]) -> None:
    launch = Launched(tmp_path, node('stubborn').replace('0.2', '1000.0'))
    launched.append(launch)
    launch.until_said('ready')
    for said in ('stopping: SIGINT', 'sending SIGTERM', 'sending SIGKILL'):
        launch.process.send_signal(signal.SIGINT)
        launch.until_said(said)
    assert launch.process.wait(WAIT_S) == 0
    assert launch.living() == []


def test_the_exit_code_tells_that_a_required_process_failed(
    tmp_path: Path, launched: list[Launched]
) -> None:
    launch = Launched(tmp_path, node('steady') + node('crash', ', on_exit: shutdown'))
    launched.append(launch)
    assert launch.process.wait(WAIT_S) == 3


def test_killing_the_launcher_leaves_no_process(tmp_path: Path, launched: list[Launched]) -> None:
    launch = Launched(tmp_path, node('steady') + node('stubborn') + node('parent'))
    launched.append(launch)
    launch.until_said('ready', 3)
    wait_for(lambda: len(launch.living()) == 7)  # with the children of shells, and the guard
    launch.process.kill()
    launch.process.wait(WAIT_S)
    wait_for(lambda: launch.living() == [])
    launch.until_said('the launcher was killed; 6 processes were stopped')


def test_killing_the_whole_process_group_of_the_launcher_leaves_no_process(
    tmp_path: Path, launched: list[Launched]
) -> None:
    launch = Launched(tmp_path, node('steady') + node('parent'))
    launched.append(launch)
    launch.until_said('ready', 2)
    os.killpg(launch.process.pid, signal.SIGKILL)
    launch.process.wait(WAIT_S)
    wait_for(lambda: launch.living() == [])


def test_a_second_launch_of_a_checkout_is_refused_with_pid_and_fix(
    tmp_path: Path, launched: list[Launched]
) -> None:
    launch = Launched(tmp_path, node('steady'))
    launched.append(launch)
    launch.until_said('ready')
    with pytest.raises(LaunchError) as caught:
        runfile.claim(launch.state)
    assert f'runs already: pid {launch.process.pid}' in caught.value.render()
    assert './tektra down' in caught.value.render()


def test_after_a_kill_the_checkout_is_free_only_when_its_processes_are_gone(
    tmp_path: Path, launched: list[Launched]
) -> None:
    launch = Launched(tmp_path, node('stubborn'))
    launched.append(launch)
    launch.until_said('ready')
    launch.process.kill()
    launch.process.wait(WAIT_S)
    assert runfile.find(launch.state) is None
    lock = runfile.claim(launch.state)
    assert launch.living() == []
    lock.release()
