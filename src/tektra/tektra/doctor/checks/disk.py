"""Space on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from tektra.doctor.finding import Finding, Severity

FULL = 100_000_000
"""Bytes below which logs and reports are soon cut."""
LOW = 2_000_000_000
"""Bytes below which a set-up or the default weights no longer fit."""


class DiskSpace:
    """There is room where Tektra writes."""

    name = 'disk'

    def __init__(self, folders: tuple[Path, ...], low: int = LOW, full: int = FULL) -> None:
        self._folders = folders
        self._low = low
        self._full = full

    def run(self) -> list[Finding]:
        """Look at each folder, or the nearest above it that exists; a disk is named once."""
        seen: dict[int, Finding] = {}
        for folder in self._folders:
            place = folder
            while not place.exists():
                place = place.parent
            seen.setdefault(place.stat().st_dev, self._one(folder, shutil.disk_usage(place).free))
        return list(seen.values())

    def _one(self, folder: Path, free: int) -> Finding:
        what = f'{folder}: {free / 1e9:.1f} GB free'
        if free < self._full:
            return Finding(Severity.ERROR, what, 'free some space: df -h; tektra weights list')
        if free < self._low:
            what += f', less than the {self._low / 1e9:.0f} GB that weights or a set-up take'
            return Finding(Severity.WARNING, what, 'free some space: df -h; tektra weights list')
        return Finding(Severity.OK, what)
