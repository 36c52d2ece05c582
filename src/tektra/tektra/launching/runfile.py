"""The run file: one running graph per checkout, found again by every other command.

The graph holds a lock (flock) on `<state>/run/lock` and describes itself in `graph.json` beside
it. The lock, not the file, says whether a graph runs: a file left by a killed graph is ignored.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tektra.launching.errors import LaunchError

STATE_VARIABLE = 'TEKTRA_STATE_DIR'

_WAIT_FOR_GUARD_S = 12.0
"""How long `claim` waits for the guard of a killed graph to stop what it left (see
guard.GRACE_S)."""


@dataclass(frozen=True)
class RunningGraph:
    """A graph as it describes itself.

    `started` is the start time of `pid` in clock ticks since boot.
        Pid and start time together name a process for good: a recycled pid has another start time.
    """

    pid: int
    started: int
    domain_id: int
    launch_file: str
    arguments: dict[str, str]
    nodes: list[str]


class GraphLock:
    """The claim of a graph that runs in this process; `descriptor` holds the lock."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self.descriptor = descriptor
        self.path = path

    def describe(
        self,
        domain_id: int,
        launch_file: Path,
        arguments: Mapping[str, str],
        nodes: Sequence[str],
    ) -> RunningGraph:
        """Write the run file; from now on other commands find the graph."""
        pid = os.getpid()
        started = start_time(pid)
        if started is None:
            raise LaunchError('/proc is not mounted; it is needed to tell processes apart')
        graph = RunningGraph(
            pid, started, domain_id, str(launch_file), dict(arguments), list(nodes)
        )
        draft = self.path.with_suffix('.new')
        draft.write_text(json.dumps(asdict(graph), indent=2) + '\n', encoding='utf-8')
        draft.replace(self.path)
        return graph

    def release(self) -> None:
        """Remove the run file and give the lock back."""
        if self.descriptor < 0:
            return
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)
        self.descriptor = -1


def state_dir(checkout: Path | None, environment: Mapping[str, str]) -> Path:
    """Return where a checkout, or an installed world without one, keeps its state.

    TEKTRA_STATE_DIR if set; `<checkout>/.tektra`; `$XDG_RUNTIME_DIR/tektra`; `~/.cache/tektra`.
    """
    if environment.get(STATE_VARIABLE):
        return Path(environment[STATE_VARIABLE])
    if checkout is not None:
        return checkout / '.tektra'
    if environment.get('XDG_RUNTIME_DIR'):
        return Path(environment['XDG_RUNTIME_DIR']) / 'tektra'
    return Path(environment.get('HOME', '~')).expanduser() / '.cache' / 'tektra'


def claim(state: Path) -> GraphLock:
    """Take the right to run a graph of this checkout.

    Waits a few seconds while what a killed graph left behind is being stopped.

    Raises:
        LaunchError: a graph runs already, named with its pid and the fix; or the folder cannot be
            written.
    """
    folder = state / 'run'
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / 'lock', os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LaunchError(
            f'{folder}: {error.strerror}; set {STATE_VARIABLE} to a folder that can be written'
        ) from None
    deadline = time.monotonic() + _WAIT_FOR_GUARD_S
    while not _lock(descriptor):
        graph = find(state)
        if graph is not None or time.monotonic() > deadline:
            os.close(descriptor)
            raise LaunchError(_taken(graph, state))
        time.sleep(0.05)
    lock = GraphLock(descriptor, folder / 'graph.json')
    lock.path.unlink(missing_ok=True)
    return lock


def is_free(state: Path) -> bool:
    """Return whether nobody holds the lock: the graph has ended, and its guard as well."""
    try:
        descriptor = os.open(state / 'run' / 'lock', os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        return _lock(descriptor)
    finally:
        os.close(descriptor)


def _taken(graph: RunningGraph | None, state: Path) -> str:
    if graph is None:
        return f'{state}: another launch is starting or ending here; wait for it, or ./tektra down'
    return (
        f'a graph of this checkout runs already: pid {graph.pid}, {graph.launch_file}, '
        f'ROS_DOMAIN_ID {graph.domain_id}; stop it with ./tektra down'
    )


def find(state: Path) -> RunningGraph | None:
    """Return the running graph of this checkout.

    None: there is no file, or it is stale or unreadable.
    """
    try:
        values = json.loads((state / 'run' / 'graph.json').read_text(encoding='utf-8'))
        graph = RunningGraph(**values)
    except (OSError, ValueError, TypeError):
        return None
    return graph if start_time(graph.pid) == graph.started else None


def start_time(pid: int) -> int | None:
    """Return the start time of a process in clock ticks since boot; None if it is gone."""
    try:
        text = Path(f'/proc/{pid}/stat').read_text(encoding='utf-8', errors='replace')
    except OSError:
        return None
    # Fields after the command, which may itself hold spaces and brackets: proc(5).
    fields = text.rpartition(')')[2].split()
    state, ticks = fields[0], int(fields[19])
    return None if state in 'ZX' else ticks


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
