"""Which transitions are due: the one place that knows the order. Pure."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from lifecycle_msgs.msg import State, Transition

from tektra.lifecycle_manager.graph import Graph, Tier

MISSING = int(State.PRIMARY_STATE_UNKNOWN)
UNCONFIGURED = int(State.PRIMARY_STATE_UNCONFIGURED)
INACTIVE = int(State.PRIMARY_STATE_INACTIVE)
ACTIVE = int(State.PRIMARY_STATE_ACTIVE)
FINALIZED = int(State.PRIMARY_STATE_FINALIZED)
PRIMARY = (UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED)

CONFIGURE = int(Transition.TRANSITION_CONFIGURE)
CLEANUP = int(Transition.TRANSITION_CLEANUP)
ACTIVATE = int(Transition.TRANSITION_ACTIVATE)
DEACTIVATE = int(Transition.TRANSITION_DEACTIVATE)
SHUTDOWN_UNCONFIGURED = int(Transition.TRANSITION_UNCONFIGURED_SHUTDOWN)
SHUTDOWN_INACTIVE = int(Transition.TRANSITION_INACTIVE_SHUTDOWN)

# transition -> (its name for people, the state it ends in)
TRANSITIONS = {
    CONFIGURE: ('configure', INACTIVE),
    CLEANUP: ('cleanup', UNCONFIGURED),
    ACTIVATE: ('activate', ACTIVE),
    DEACTIVATE: ('deactivate', INACTIVE),
    SHUTDOWN_UNCONFIGURED: ('shutdown', FINALIZED),
    SHUTDOWN_INACTIVE: ('shutdown', FINALIZED),
}

STATE_NAMES = {
    MISSING: 'missing',
    UNCONFIGURED: 'unconfigured',
    INACTIVE: 'inactive',
    ACTIVE: 'active',
    FINALIZED: 'finalized',
    int(State.TRANSITION_STATE_CONFIGURING): 'configuring',
    int(State.TRANSITION_STATE_CLEANINGUP): 'cleaning up',
    int(State.TRANSITION_STATE_SHUTTINGDOWN): 'shutting down',
    int(State.TRANSITION_STATE_ACTIVATING): 'activating',
    int(State.TRANSITION_STATE_DEACTIVATING): 'deactivating',
    int(State.TRANSITION_STATE_ERRORPROCESSING): 'processing an error',
}


class Goal(enum.IntEnum):
    """How far up a node is wanted."""

    FINALIZED = 0
    UNCONFIGURED = 1
    INACTIVE = 2
    ACTIVE = 3


_STATE_OF = {
    Goal.FINALIZED: FINALIZED,
    Goal.UNCONFIGURED: UNCONFIGURED,
    Goal.INACTIVE: INACTIVE,
    Goal.ACTIVE: ACTIVE,
}


def reached(state: int, goal: Goal) -> bool:
    """Return whether a node in ``state`` is where it is wanted."""
    return state == _STATE_OF[goal]


def level(state: int) -> Goal:
    """Return the goal that leaves a node in ``state`` as it is; in transition: low."""
    return next((g for g, s in _STATE_OF.items() if s == state), Goal.UNCONFIGURED)


@dataclass(frozen=True)
class Step:
    """One transition of one node."""

    node: str
    transition: int

    def __str__(self) -> str:
        return f'{TRANSITIONS[self.transition][0]} {self.node}'


@dataclass(frozen=True)
class Situation:
    """What the order depends on.

    ``states``: lifecycle states, 0 = no sign of life. ``goals``: nodes without one are left alone.
    ``broken``: nodes whose transitions fail; they hold up nobody on the way down, nor on the way
    up unless ``strict``: in a start everything required must really be there, in a repair what
    works comes up by itself.
    """

    graph: Graph
    states: Mapping[str, int]
    goals: Mapping[str, Goal]
    broken: frozenset[str] = field(default_factory=frozenset)
    strict: bool = True


def due(now: Situation) -> list[Step]:
    """Return all steps that may be made at once: down in reverse order, then up in order."""
    down = [_down(now, name) for name in reversed(now.graph.managed)]
    up = [_up(now, name) for name in now.graph.managed]
    return [step for step in (*down, *up) if step is not None]


def _up(now: Situation, name: str) -> Step | None:
    state, goal = now.states[name], now.goals.get(name)
    if goal is None or goal < Goal.INACTIVE:
        return None
    if state == UNCONFIGURED and _core_is_up(now, name):
        return Step(name, CONFIGURE)
    if state == INACTIVE and goal is Goal.ACTIVE and _may_activate(now, name):
        return Step(name, ACTIVATE)
    return None


def _core_is_up(now: Situation, name: str) -> bool:
    """Return whether ``name`` need not leave the processor to more important nodes."""
    if now.graph.is_core(name) or not now.strict:
        return True
    return all(
        now.states[other] == ACTIVE
        for other in now.graph.managed
        if now.graph.is_core(other) and now.goals.get(other) is Goal.ACTIVE
    )


def _may_activate(now: Situation, name: str) -> bool:
    return all(_is_there(now, required) for required in now.graph[name].requires)


def _is_there(now: Situation, required: str) -> bool:
    state = now.states[required]
    if now.graph[required].tier is Tier.SAFETY:
        return state != MISSING or not now.strict
    if state == ACTIVE:
        return True
    return not now.strict and (state == MISSING or required in now.broken)


def _down(now: Situation, name: str) -> Step | None:
    state, goal = now.states[name], now.goals.get(name)
    if goal is None or goal is Goal.ACTIVE:
        return None
    if state == ACTIVE:
        return None if _holds(now, name, (ACTIVE,)) else Step(name, DEACTIVATE)
    if goal is Goal.INACTIVE:
        return None
    if _holds(now, name, (ACTIVE, INACTIVE)):
        return None
    if state == INACTIVE:
        return Step(name, CLEANUP if goal is Goal.UNCONFIGURED else SHUTDOWN_INACTIVE)
    if state == UNCONFIGURED and goal is Goal.FINALIZED:
        return Step(name, SHUTDOWN_UNCONFIGURED)
    return None


def _holds(now: Situation, name: str, states: tuple[int, ...]) -> bool:
    """Return whether a node that requires ``name`` is on its way down and still in ``states``."""
    for other in now.graph.dependents(name):
        goal = now.goals.get(other)
        if goal is None or goal is Goal.ACTIVE or other in now.broken:
            continue
        on_its_way = now.states[other] in states and not reached(now.states[other], goal)
        if on_its_way:
            return True
    return False


def plan(graph: Graph, states: Mapping[str, int], goals: Mapping[str, Goal]) -> list[str]:
    """Return, for people, the steps that would be made if each succeeded."""
    imagined = dict(states)
    lines: list[str] = []
    while True:
        steps = due(Situation(graph, imagined, goals))
        if not steps:
            return lines
        for transition in dict.fromkeys(step.transition for step in steps):
            names = [step.node for step in steps if step.transition == transition]
            together = ' (in parallel)' if len(names) > 1 else ''
            lines.append(f'{TRANSITIONS[transition][0]} {", ".join(names)}{together}')
        for step in steps:
            imagined[step.node] = TRANSITIONS[step.transition][1]
