"""One manager a namespace: a lock on this machine, heartbeats across machines."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path

from tektra_msgs.msg import NodeHeartbeat

from tektra.runtime.clock import seconds

# A manager is known by this queue in its heartbeat.
QUEUE = 'lifecycle_steps'
SILENT_S = 3.0  # a manager that is silent for so long has gone


class HostLock:
    """A lock of this machine that the kernel gives back when its holder dies."""

    def __init__(
        self, folder: Path, domain_id: int, namespace: str, what: str = 'manager'
    ) -> None:
        digest = hashlib.sha256(namespace.encode()).hexdigest()[:12]
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
            return True  # heartbeats tell of another manager, if a little later
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


class Rivals:
    """Managers of the same namespace that are heard; the oldest one manages.

    Instance ids are UUIDv7, so that all agree which is the oldest.
    """

    def __init__(self, namespace: str, instance_id: str) -> None:
        self._prefix = namespace.rstrip('/') + '/'
        self._instance_id = instance_id
        self._seen: dict[str, tuple[NodeHeartbeat, int]] = {}

    def on_heartbeat(self, beat: NodeHeartbeat, now_ns: int) -> None:
        """Take a heartbeat of any node."""
        mine = beat.instance_id == self._instance_id
        here = beat.node.rpartition('/')[0] + '/' == self._prefix
        if here and not mine and QUEUE in beat.queues:
            self._seen[beat.instance_id] = (beat, now_ns)

    def older(self, now_ns: int) -> str:
        """Return who comes first, for people; empty: nobody."""
        self._seen = {
            instance: (beat, seen)
            for instance, (beat, seen) in self._seen.items()
            if seconds(now_ns - seen) < SILENT_S
        }
        first = min(self._seen, default=self._instance_id)
        if first >= self._instance_id:
            return ''
        beat, _ = self._seen[first]
        return f'{beat.node}, process {beat.pid}'
