"""One of a kind on this host: a lock that the kernel releases when the process dies."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path


def lock_folder() -> Path:
    """Return the folder of this user's locks and sockets on this host."""
    return Path('/tmp') / f'tektra-{os.getuid()}'


class HostLock:
    """A lock of this machine that the kernel gives back when its holder dies.

    ``what`` there may be one of, ``name``d so, in a ROS domain (0: on this machine).
    """

    def __init__(self, folder: Path, domain_id: int, name: str, what: str) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        self.path = folder / f'{what}-{domain_id}-{digest}.lock'
        self._descriptor: int | None = None
        self.holder = ''  # process id of who has it, as text
        self.trouble = ''  # why there is no lock, where the folder cannot be written

    def take(self) -> bool:
        """Take the lock; return False, and fill ``holder``, if another has it."""
        if self._descriptor is not None:
            return True
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self.trouble = f'{self.path}: {error.strerror}'
            return True  # what is heard tells of another one, if a little later
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.holder = os.read(descriptor, 32).decode(errors='replace').strip() or 'unknown'
            os.close(descriptor)
            return False
        except OSError as error:  # a file system without locks
            os.close(descriptor)
            self.trouble = f'{self.path}: {error.strerror}'
            return True
        self._descriptor, self.trouble = descriptor, ''
        with contextlib.suppress(OSError):  # no space: it is held all the same, without a name
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f'{os.getpid()}\n'.encode(), 0)
        return True

    def release(self) -> None:
        """Give it back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
