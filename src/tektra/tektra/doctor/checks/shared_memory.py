"""The shared memory that the nodes talk through."""

from __future__ import annotations

import shutil
from pathlib import Path
from shlex import quote

from tektra.doctor.finding import Finding, Severity, ok
from tektra.launching import shm

NODES = 12
PER_PARTICIPANT = 600_000
"""Bytes of a Fast DDS segment and its ports (default segment size 512 KiB), rounded up."""


class StaleSharedMemory:
    """Nothing is left of processes that were killed."""

    name = 'shared memory'

    def __init__(self, folder: Path = shm.FOLDER) -> None:
        self._folder = folder

    def run(self) -> list[Finding]:
        """Count the files that belong to no living process."""
        stale = shm.clean(None, folder=self._folder, dry_run=True)
        if not stale:
            return ok(f'{self._folder}: nothing is left of dead processes')
        what = f'{self._folder}: {len(stale)} files of Fast DDS belong to no living process'
        return [Finding(Severity.WARNING, what, 'tektra doctor --clean')]


class SharedMemorySpace:
    """A whole graph fits."""

    name = 'shared memory space'

    def __init__(self, folder: Path = shm.FOLDER, needed: int = NODES * PER_PARTICIPANT) -> None:
        self._folder = folder
        self._needed = needed

    def run(self) -> list[Finding]:
        """Compare free space with what a graph takes."""
        try:
            free = shutil.disk_usage(self._folder).free
        except OSError as error:
            what = f'{self._folder}: {error.strerror}; nodes fall back to UDP, which is slower'
            fix = f'sudo mount -t tmpfs tmpfs {quote(str(self._folder))}'
            return [Finding(Severity.WARNING, what, fix)]
        if free >= self._needed:
            return ok(f'{self._folder}: {free / 1e6:.0f} MB free')
        what = (
            f'{self._folder}: {free / 1e6:.1f} MB free, a graph needs {self._needed / 1e6:.0f} MB'
        )
        fix = 'tektra doctor --clean; in Docker: docker run --shm-size=256m'
        return [Finding(Severity.ERROR, what, fix)]
