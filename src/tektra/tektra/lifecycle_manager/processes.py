"""Looks at the processes of this machine, to tell a hang from an end."""

from __future__ import annotations

from tektra.lifecycle_manager.watch import Life


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
            self._known[node] = (pid, found[1])

    def life(self, node: str) -> Life:
        """Return what has become of it."""
        if node not in self._known:
            return Life.UNKNOWN
        pid, began = self._known[node]
        found = _stat(pid)
        if found is None or found[1] != began or found[0] in 'ZX':
            return Life.ENDED
        return Life.STOPPED if found[0] in 'Tt' else Life.RUNS


def _stat(pid: int) -> tuple[str, str] | None:
    """Return (state letter, start time in ticks since boot) of a process (proc(5)), or None."""
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8', errors='replace') as file:
            fields = file.read().rpartition(')')[2].split()
    except OSError:
        return None
    return (fields[0], fields[19]) if len(fields) > 19 else None
