"""What a command means: whose goals it sets, and what it refuses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tektra_msgs.srv import ManageNodes

from tektra.launching.errors import did_you_mean, listing
from tektra.lifecycle_manager.graph import Graph, Tier
from tektra.lifecycle_manager.steps import Goal

_R = ManageNodes.Request
STARTUP = int(_R.COMMAND_STARTUP)
PAUSE = int(_R.COMMAND_PAUSE)
RESUME = int(_R.COMMAND_RESUME)
RESET = int(_R.COMMAND_RESET)
SHUTDOWN = int(_R.COMMAND_SHUTDOWN)
CONFIGURE_NODES = int(_R.COMMAND_CONFIGURE)
CLEANUP_NODES = int(_R.COMMAND_CLEANUP)

COMMANDS = {
    'startup': STARTUP,
    'pause': PAUSE,
    'resume': RESUME,
    'reset': RESET,
    'shutdown': SHUTDOWN,
    'configure': CONFIGURE_NODES,
    'cleanup': CLEANUP_NODES,
}
NAMES = {number: name for name, number in COMMANDS.items()}
_UP = (STARTUP, RESUME, CONFIGURE_NODES)


class CommandRefused(ValueError):
    """The command cannot be carried out; the text says why and what to do."""


@dataclass
class Operation:
    """A command under way.

    ``goals`` are those of its nodes; ``before`` what they were; ``unloaded``: which of them were
    down only because they were idle.
    """

    id: int
    command: int
    asked: tuple[str, ...]
    goals: dict[str, Goal]
    before: dict[str, Goal | None]
    began_ns: int
    deadline_ns: int
    unloaded: frozenset[str] = frozenset()
    automatic: bool = False
    named: tuple[str, ...] = ()  # by the person, who must be told if one of them fails
    origin: dict[str, Goal] = field(default_factory=dict)  # of nodes that were brought up
    failed: dict[str, str] = field(default_factory=dict)
    core_is_up: bool = False  # from then on trouble is repaired, not rolled back
    rolling_back: bool = False
    undone: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Return the command as a word."""
        return NAMES[self.command]

    @property
    def up(self) -> bool:
        """Return whether the command brings nodes up."""
        return self.command in _UP


@dataclass(frozen=True)
class Outcome:
    """How an operation ended."""

    id: int
    success: bool
    message: str


def check(graph: Graph, command: int, names: Iterable[str], prefix: str) -> tuple[str, ...]:
    """Return the fully qualified nodes that a command names; none named: all managed.

    :raises CommandRefused: for an unknown command or node, or a safety node.
    """
    if command not in NAMES:
        raise CommandRefused(f'command {command} is not known; known: {listing(COMMANDS)}')
    found = []
    for name in names:
        full = name if name.startswith('/') else f'{prefix}/{name}'
        if full not in graph.nodes:
            known = [n.rsplit('/', 1)[-1] for n in graph.order]
            hint = did_you_mean(name, known) or f'; known: {listing(known)}'
            raise CommandRefused(f"no node '{name}' is managed here{hint}")
        if graph[full].tier is Tier.SAFETY:
            raise CommandRefused(f'{full}: a safety node is watched, and never managed')
        found.append(full)
    return tuple(name for name in graph.managed if not found or name in found)


def goals_of(
    graph: Graph, command: int, targets: tuple[str, ...], now: Mapping[str, Goal]
) -> dict[str, Goal]:
    """Return the goals that ``command`` sets, given how far up each node is wanted ``now``.

    :raises CommandRefused: if a node is not where the command begins.
    """
    if command in (STARTUP, RESUME):
        scope = graph.with_requirements(targets)
        if command == RESUME:
            _refuse(scope, now, below=Goal.INACTIVE, text='not configured; use startup')
        return dict.fromkeys(scope, Goal.ACTIVE)
    if command == CONFIGURE_NODES:
        return {name: max(now[name], Goal.INACTIVE) for name in targets}
    if command == CLEANUP_NODES:
        above = [name for name in targets if now[name] > Goal.INACTIVE]
        if above:
            raise CommandRefused(f'{listing(above)}: active; use reset, or pause first')
        return {name: min(now[name], Goal.UNCONFIGURED) for name in targets}
    goals = {
        name: Goal.INACTIVE
        for name in graph.with_dependents(targets)
        if now[name] >= Goal.INACTIVE
    }
    if command == RESET:
        goals |= {name: min(now[name], Goal.UNCONFIGURED) for name in targets}
    elif command == SHUTDOWN:
        goals |= dict.fromkeys(targets, Goal.FINALIZED)
    return goals


def _refuse(scope: list[str], now: Mapping[str, Goal], below: Goal, text: str) -> None:
    wrong = [name for name in scope if now[name] < below]
    if wrong:
        raise CommandRefused(f'{listing(wrong)}: {text}')
