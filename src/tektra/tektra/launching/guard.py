"""The guard of a supervisor: stops its processes when the supervisor itself is killed.

It is a small process in a session of its own that waits for the end of a pipe whose other end only
the supervisor holds; the kernel closes it however the supervisor dies. Unlike PR_SET_PDEATHSIG
this does not depend on which thread forked, reaches the children of children, and lets nodes shut
down in order. Every process of a launch is known by TOKEN in its environment, so none is missed
between its fork and a registration. Standard library only; runs with `-I -S` to start in
milliseconds.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

TOKEN = 'TEKTRA_LAUNCH_ID'
"""Environment variable that marks every process of one launch."""

DISMISSED = b'done'
"""What the supervisor writes when everything has ended in order."""

GRACE_S = ((signal.SIGINT, 3.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0))
"""Signals of the guard and how long it waits after each."""


def processes_of(token: str) -> list[int]:
    """Return the ids of the living processes of a launch (those of this user)."""
    wanted = f'{TOKEN}={token}'.encode()
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            variables = Path(f'/proc/{name}/environ').read_bytes().split(b'\0')
        except OSError:
            continue
        if wanted in variables:
            found.append(int(name))
    return found


def send(pids: Iterable[int], signal_number: int) -> None:
    """Send a signal to those that still are."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal_number)


def stop_all(token: str, steps: Sequence[tuple[int, float]] = GRACE_S) -> int:
    """Signal the processes of a launch in steps until none is left; return how many were."""
    count = 0
    for signal_number, seconds in steps:
        pids = processes_of(token)
        count = max(count, len(pids))
        send(pids, signal_number)
        deadline = time.monotonic() + seconds
        while pids and time.monotonic() < deadline:
            time.sleep(0.02)
            pids = processes_of(token)
        if not pids:
            break
    return count


class Guard:
    """The supervisor's side: starts the guard and dismisses it."""

    def __init__(
        self, token: str, domain_id: int | None, folder: Path | None, held: Sequence[int] = ()
    ) -> None:
        """Start the guard.

        Args:
            token: value of TOKEN in the environment of the launch.
            domain_id: whose shared memory is cleaned afterwards.
            folder: a temporary folder of the launch, removed afterwards.
            held: descriptors (of lock files) that stay open until the guard has ended, so that a
                killed launch keeps its locks while its processes still run.
        """
        read_end, self._write_end = os.pipe()
        os.set_inheritable(read_end, True)
        arguments = [token, str(read_end), '' if domain_id is None else str(domain_id)]
        try:
            self.process = subprocess.Popen(
                [sys.executable, '-I', '-S', __file__, *arguments, str(folder or '')],
                pass_fds=(read_end, *held),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError:
            os.close(self._write_end)
            raise
        finally:
            os.close(read_end)
        self.exit_watch: int | None = None
        with contextlib.suppress(OSError, AttributeError):
            self.exit_watch = os.pidfd_open(self.process.pid)

    def dismiss(self) -> None:
        """Tell the guard that everything has ended, and wait for it; again: nothing."""
        if self._write_end < 0:
            return
        with contextlib.suppress(OSError):
            os.write(self._write_end, DISMISSED)
        os.close(self._write_end)
        self._write_end = -1
        if self.exit_watch is not None:
            os.close(self.exit_watch)
        try:
            self.process.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def main(arguments: Sequence[str]) -> int:
    """Wait for the supervisor to end; clean up after it unless it said that it has."""
    token, descriptor, domain, folder = arguments
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with os.fdopen(int(descriptor), 'rb') as pipe:
        if pipe.read() == DISMISSED:
            return 0
    count = stop_all(token)
    # The lock of a segment is released a moment after its owner can no longer be seen in /proc.
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    from tektra.launching import shm

    shm.clean(int(domain) if domain else None)
    if folder:
        shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        sys.stderr.write(f'[launch] the launcher was killed; {count} processes were stopped\n')
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
