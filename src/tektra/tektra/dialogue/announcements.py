"""Which capabilities were lost or are back, and when that is worth saying."""

from __future__ import annotations

from dataclasses import dataclass

from tektra_msgs.msg import SystemState

from tektra.runtime.clock import seconds

_ACTIVE = 3  # lifecycle_msgs/State PRIMARY_STATE_ACTIVE

# What a person misses when a node is away. Nodes that are not here are not spoken of.
_SENSES = {
    'audio_capture': 'hearing',
    'vad': 'hearing',
    'stt': 'hearing',
    'turn_taking': 'thread',
    'dialogue': 'thread',
    'tts': 'voice',
    'audio_playback': 'voice',
}


@dataclass
class _Node:
    instance_id: str = ''
    active: bool = False
    was_active: bool = False
    lost_ns: int | None = None  # since when it is away, or was replaced


class SenseWatch:
    """Says 'lost_<sense>' once a sense stays away, and 'back_<sense>' when it is there again.

    Times in s. Nothing is said before a sense was there for the first time, while the graph stops,
    while the voice itself is away, or sooner than ``gap_s`` after the last time.
    """

    def __init__(self, own_name: str, lost_after_s: float, gap_s: float) -> None:
        self._own_name = own_name
        self._lost_after_s = lost_after_s
        self._gap_s = gap_s
        self._nodes: dict[str, _Node] = {}
        self._said_lost: set[str] = set()
        self._said_ns: int | None = None

    @property
    def waiting(self) -> bool:
        """True while something may become worth saying without a further state: call ``due``."""
        return any(node.lost_ns is not None for node in self._nodes.values())

    def observe(self, state: SystemState, now_ns: int) -> None:
        """Take the state of the graph."""
        if state.state in (SystemState.STATE_STOPPING, SystemState.STATE_STOPPED):
            self._nodes.clear()
            return
        rows = zip(
            state.nodes, state.node_states, state.instance_ids, state.restarts, strict=False
        )
        for full_name, node_state, instance_id, restarts in rows:
            name = full_name.rsplit('/', 1)[-1]
            if name in _SENSES:
                active = node_state == _ACTIVE
                self._observe_node(name, active, instance_id, restarts, now_ns)

    def due(self, now_ns: int) -> list[str]:
        """Return what is to be said now: keys of texts; mostly nothing."""
        too_soon = self._said_ns is not None and seconds(now_ns - self._said_ns) < self._gap_s
        if too_soon or not self._voice_works():
            return []
        said = []
        for sense in ('voice', 'hearing', 'thread'):
            away = [n for name, n in self._nodes.items() if _SENSES[name] == sense]
            lost = [n.lost_ns for n in away if n.lost_ns is not None]
            if not lost:
                continue
            if all(n.active for n in away if n.was_active):
                said.append(f'back_{sense}')
                self._said_lost.discard(sense)
                for node in away:
                    node.lost_ns = None
            elif sense not in self._said_lost and seconds(now_ns - min(lost)) > self._lost_after_s:
                said.append(f'lost_{sense}')
                self._said_lost.add(sense)
        if said:
            self._said_ns = now_ns
        return said

    def _observe_node(
        self, name: str, active: bool, instance_id: str, restarts: int, now_ns: int
    ) -> None:
        first = name not in self._nodes
        node = self._nodes.setdefault(name, _Node())
        replaced = bool(node.instance_id) and instance_id not in ('', node.instance_id)
        # Only of itself a node that is seen for the first time knows that it is not the first.
        reborn = first and name == self._own_name and restarts > 0
        if node.was_active and (not active or replaced) and node.lost_ns is None:
            node.lost_ns = now_ns
        if reborn:
            node.lost_ns, node.was_active = now_ns, True
        node.instance_id = instance_id or node.instance_id
        node.active = active
        node.was_active = node.was_active or active

    def _voice_works(self) -> bool:
        voices = [n for name, n in self._nodes.items() if _SENSES[name] == 'voice']
        return all(node.active for node in voices)
