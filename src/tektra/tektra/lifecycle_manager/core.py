"""Ordered bring-up from heartbeats: which node is to make which transition now.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lifecycle_msgs.msg import State, Transition
from tektra_msgs.msg import NodeHeartbeat, SystemState

from tektra.runtime.clock import nanoseconds, seconds

UNCONFIGURED = int(State.PRIMARY_STATE_UNCONFIGURED)
INACTIVE = int(State.PRIMARY_STATE_INACTIVE)
ACTIVE = int(State.PRIMARY_STATE_ACTIVE)
CONFIGURING = int(State.TRANSITION_STATE_CONFIGURING)

_NEXT = {
    UNCONFIGURED: int(Transition.TRANSITION_CONFIGURE),
    INACTIVE: int(Transition.TRANSITION_ACTIVATE),
}


@dataclass(frozen=True)
class Timing:
    """Waits of the bring-up, in s."""

    silent_s: float = 1.0  # no heartbeat (5 Hz) for so long: the node is missing
    unheard_s: float = 0.7  # a request that changed nothing is sent again after this
    retry_first_s: float = 1.0  # after a failed transition; doubles up to
    retry_max_s: float = 30.0


@dataclass(frozen=True)
class Request:
    """Ask ``node`` (fully qualified) to make ``transition`` (lifecycle_msgs/Transition id)."""

    node: str
    transition: int


@dataclass
class Managed:
    """What is known of one node."""

    name: str
    optional: bool
    instance_id: str = ''
    state: int = 0
    seen_ns: int = -1
    restarts: int = 0
    backend: str = ''
    degraded: bool = False
    status: str = ''
    last_error: str = ''
    failures: int = 0
    asked: int = 0  # transition asked for and not answered
    asked_ns: int = 0
    not_before_ns: int = 0
    missing: bool = True

    def why(self) -> str:
        """Return why the node is not healthy; empty: it is."""
        if self.seen_ns < 0:
            return 'not seen yet'
        if self.missing:
            return 'no heartbeat'
        if self.state != ACTIVE:
            return self.last_error or 'coming up'
        return self.status or ('degraded' if self.degraded else '')


@dataclass
class BringUp:
    """Decides transitions.

    ``nodes`` are fully qualified names in the order of activation.     Consumers first.

    All configure in parallel; a node activates when every earlier one of ``nodes`` that is not
    optional is active. A node that comes back as a new instance is brought up again from whatever
    state it is in.
    """

    nodes: Sequence[str]
    optional: frozenset[str] = frozenset()
    timing: Timing = field(default_factory=Timing)

    def __post_init__(self) -> None:
        self._managed = {n: Managed(n, n in self.optional) for n in self.nodes}
        self._was_ready = False

    def on_heartbeat(self, beat: NodeHeartbeat, now_ns: int) -> None:
        """Take a sign of life; nodes that are not managed are ignored."""
        node = self._managed.get(beat.node)
        if node is None:
            return
        if node.instance_id != beat.instance_id:
            if node.instance_id:
                node.restarts += 1
            node.instance_id = beat.instance_id
            node.asked, node.failures, node.not_before_ns = 0, 0, 0
        if node.asked and beat.state not in (node.state, CONFIGURING):
            node.asked = 0  # it has moved: the answer itself may still come, or was lost
        node.seen_ns, node.missing = now_ns, False
        node.state = beat.state
        node.backend, node.degraded = beat.backend, beat.degraded
        node.status, node.last_error = beat.status, beat.last_error

    def on_result(self, request: Request, success: bool, now_ns: int) -> None:
        """Take the answer to a request."""
        node = self._managed[request.node]
        if node.asked != request.transition:
            return
        node.asked = 0
        if success:
            node.failures = 0
            node.state = (
                INACTIVE if request.transition == Transition.TRANSITION_CONFIGURE else ACTIVE
            )
            return
        wait = min(self.timing.retry_first_s * 2**node.failures, self.timing.retry_max_s)
        node.failures += 1
        node.not_before_ns = now_ns + nanoseconds(wait)

    def tick(self, now_ns: int) -> list[Request]:
        """Return the transitions to ask for now."""
        requests = []
        earlier_active = True
        for node in self._managed.values():
            if node.seen_ns >= 0 and seconds(now_ns - node.seen_ns) > self.timing.silent_s:
                node.missing = True
            wanted = self._wanted(node, earlier_active, now_ns)
            if wanted:
                node.asked, node.asked_ns = wanted, now_ns
                requests.append(Request(node.name, wanted))
            if not node.optional and (node.missing or node.state != ACTIVE):
                earlier_active = False
        return requests

    def _wanted(self, node: Managed, earlier_active: bool, now_ns: int) -> int:
        if node.missing or node.state not in _NEXT or now_ns < node.not_before_ns:
            return 0
        unheard = seconds(now_ns - node.asked_ns) > self.timing.unheard_s
        if node.asked and not unheard:
            return 0
        if node.state == INACTIVE and not earlier_active:
            return 0
        return _NEXT[node.state]

    def system_state(self) -> SystemState:
        """Return the state of the whole graph (header not filled)."""
        rows = list(self._managed.values())
        state, reason = self._overall(rows)
        return SystemState(
            state=state,
            reason=reason,
            nodes=[n.name for n in rows],
            tiers=[
                SystemState.TIER_OPTIONAL if n.optional else SystemState.TIER_CORE for n in rows
            ],
            node_states=[0 if n.missing else n.state for n in rows],
            instance_ids=[n.instance_id for n in rows],
            restarts=[n.restarts for n in rows],
            backends=[n.backend for n in rows],
            reasons=[n.why() for n in rows],
        )

    def _overall(self, rows: list[Managed]) -> tuple[int, str]:
        down = [n for n in rows if n.missing or n.state != ACTIVE]
        failed = [n for n in down if n.failures and not n.optional and not n.missing]
        if failed:
            return SystemState.STATE_FAILED, f'{failed[0].name}: {failed[0].why()}'
        core_down = [n for n in down if not n.optional]
        if core_down and not self._was_ready:
            waiting = ', '.join(n.name for n in core_down)
            return SystemState.STATE_STARTING, f'waiting for {waiting}'
        self._was_ready = True
        unwell = [n for n in rows if n.why()]
        if unwell:
            return SystemState.STATE_DEGRADED, '; '.join(f'{n.name}: {n.why()}' for n in unwell)
        return SystemState.STATE_READY, ''
