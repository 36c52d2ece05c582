"""One gate a robot on this host: a lock that the kernel releases when the process dies."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

from tektra.launching.domain import lock_folder
from tektra.robots.spec import RobotSpec
from tektra.runtime.main import StartError


class DeviceLock:
    """Of whatever the driver reaches: two names for one robot do not help."""

    def __init__(self, robot: RobotSpec) -> None:
        driver = robot.driver
        device = f'{driver.type}-{driver.host}-{driver.port}-{driver.cmd_vel_topic}'
        if driver.type == 'sim':
            device = f'sim-{robot.name}'
        name = re.sub(r'[^A-Za-z0-9.-]+', '_', device)
        self.path: Path = lock_folder() / f'gate-{name}.lock'
        self._file: int | None = None

    def take(self) -> None:
        """Take the lock.

        :raises StartError: if another gate has it, or it cannot be made.
        """
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self.path.read_text(encoding='utf-8').strip() or 'unknown'
            self.release()
            raise StartError(
                f'another gate (process {holder}) holds this robot; end it first'
            ) from None
        except OSError as error:
            raise StartError(f'{self.path}: {error.strerror}') from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let go of it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
