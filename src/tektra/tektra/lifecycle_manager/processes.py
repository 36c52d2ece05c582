"""Looks at the processes of this machine: to tell a hang from an end, and for their memory."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tektra.lifecycle_manager.watch import Life

PAGE = os.sysconf('SC_PAGE_SIZE')


class HostProcesses:
    """Knows a process by its id and its start time, since ids are used again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, str]] = {}

    def adopt(self, node: str, pid: int) -> None:
        """Remember which process hosts ``node``; one that is not here is not known."""
        found = _stat(pid)
        if found is None:
            self._known.pop(node, None)
        else:
            self._known[node] = (pid, found.began)

    def life(self, node: str) -> Life:
        """Return what has become of it."""
        if node not in self._known:
            return Life.UNKNOWN
        pid, began = self._known[node]
        found = _stat(pid)
        if found is None or found.began != began or found.state in 'ZX':
            return Life.ENDED
        return Life.STOPPED if found.state in 'Tt' else Life.RUNS

    def memory_mb(self, node: str) -> float:
        """Return the resident memory of the process of ``node`` in MB; 0.0: not known."""
        pid, began = self._known.get(node, (0, ''))
        found = _stat(pid) if pid else None
        return found.resident / 1e6 if found is not None and found.began == began else 0.0


@dataclass(frozen=True)
class _Stat:
    """State letter, start time in ticks since boot, and resident bytes."""

    state: str
    began: str
    resident: int


def _stat(pid: int) -> _Stat | None:
    """Return what proc(5) tells of a process, or None."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
            fields = file.read().rpartition(')')[2].split()
    except OSError:
        return None
    return _Stat(fields[0], fields[19], int(fields[21]) * PAGE) if len(fields) > 21 else None
