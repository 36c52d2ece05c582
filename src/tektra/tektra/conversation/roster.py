"""The nodes of the graph as they report themselves: state, engine, trouble, drops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lifecycle_msgs.msg import State
from tektra_msgs.msg import BackendState, NodeHeartbeat, SystemState

STATES = {
    State.PRIMARY_STATE_UNCONFIGURED: 'unconfigured',
    State.PRIMARY_STATE_INACTIVE: 'inactive',
    State.PRIMARY_STATE_ACTIVE: 'active',
    State.PRIMARY_STATE_FINALIZED: 'finalized',
    State.TRANSITION_STATE_CONFIGURING: 'configuring',
    State.TRANSITION_STATE_CLEANINGUP: 'cleaningup',
    State.TRANSITION_STATE_SHUTTINGDOWN: 'shuttingdown',
    State.TRANSITION_STATE_ACTIVATING: 'activating',
    State.TRANSITION_STATE_DEACTIVATING: 'deactivating',
    State.TRANSITION_STATE_ERRORPROCESSING: 'errorprocessing',
}


@dataclass(frozen=True)
class ProcessFigures:
    """What only who started a node's process knows. rss_mb in MB (1e6 bytes), cpu_s in s."""

    restarts: int = 0
    rss_mb: float | None = None
    cpu_s: float | None = None


@dataclass
class Seen:
    """One node, as it was seen last."""

    name: str
    state: str = 'missing'
    backend: str = ''
    instance_id: str = ''
    trouble: str = ''
    dropped: dict[tuple[str, str], int] = field(default_factory=dict)  # (instance, queue) -> count


class Roster:
    """Follows heartbeats, backends and the system state. Names have no leading slash."""

    def __init__(self) -> None:
        self._nodes: dict[str, Seen] = {}
        self._backends: dict[str, BackendState] = {}

    def on_heartbeat(self, m: NodeHeartbeat) -> bool:
        """Follow a node; return True if it is a new process of a node seen before."""
        seen = self._node(m.node)
        again = bool(seen.instance_id) and seen.instance_id != m.instance_id
        seen.instance_id = m.instance_id
        seen.state = STATES.get(m.state, 'unknown')
        seen.backend = m.backend or seen.backend
        seen.trouble = m.status or m.last_error
        for queue, dropped in zip(m.queues, m.queue_dropped, strict=False):
            seen.dropped[m.instance_id, queue] = int(dropped)
        return again

    def on_backend(self, m: BackendState) -> bool:
        """Follow an engine; return True if this is news."""
        before = self._backends.get(m.capability)
        self._backends[m.capability] = m
        self._node(m.node).backend = m.active
        return before is None or (before.active, before.event) != (m.active, m.event)

    def on_system(self, m: SystemState) -> None:
        """Follow the lifecycle manager."""
        for node, state, engine in zip(m.nodes, m.node_states, m.backends, strict=False):
            seen = self._node(node)
            seen.state = STATES.get(state, 'missing')
            seen.backend = engine or seen.backend

    def without(self, capability: str) -> str:
        """Return why a capability has no engine at all; empty: it has one, or is not known."""
        state = self._backends.get(capability)
        if state is None or state.active:
            return ''
        return '; '.join(reason for reason in state.reasons if reason) or state.event

    def trouble(self, node: str) -> str:
        """Return what a node last said is wrong with it; empty: nothing, or it was never seen."""
        seen = self._nodes.get(node)
        return seen.trouble if seen else ''

    def report(self, figures: Callable[[str], ProcessFigures]) -> list[dict[str, object]]:
        """Return one row a node for report.json."""
        return [
            {
                'name': seen.name,
                'state': seen.state,
                'backend': seen.backend,
                **vars(figures(seen.name)),
            }
            for _, seen in sorted(self._nodes.items())
        ]

    def drops(self) -> dict[str, int]:
        """Return what queues have lost, by 'node/queue', over all processes of a node."""
        counts: dict[str, int] = {}
        for seen in self._nodes.values():
            for (_, queue), dropped in seen.dropped.items():
                if dropped:
                    name = f'{seen.name}/{queue}'
                    counts[name] = counts.get(name, 0) + dropped
        return counts

    def _node(self, full_name: str) -> Seen:
        name = full_name.lstrip('/')
        return self._nodes.setdefault(name, Seen(name))
