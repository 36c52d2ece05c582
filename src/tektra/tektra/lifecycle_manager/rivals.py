"""Managers of one namespace on several machines: heartbeats tell, and the oldest one manages."""

from __future__ import annotations

from tektra_msgs.msg import NodeHeartbeat

from tektra.runtime.clock import seconds

# A manager is known by this queue in its heartbeat.
QUEUE = 'lifecycle_steps'
SILENT_S = 3.0  # a manager that is silent for so long has gone


class Rivals:
    """Managers of the same namespace that are heard; the oldest one manages.

    Instance ids are UUIDv7, so that all agree which is the oldest.
    """

    def __init__(self, namespace: str, instance_id: str) -> None:
        self._prefix = namespace.rstrip('/') + '/'
        self._instance_id = instance_id
        self._seen: dict[str, tuple[NodeHeartbeat, int]] = {}

    def on_heartbeat(self, beat: NodeHeartbeat, now_ns: int) -> None:
        """Take a heartbeat of any node."""
        mine = beat.instance_id == self._instance_id
        here = beat.node.rpartition('/')[0] + '/' == self._prefix
        if here and not mine and QUEUE in beat.queues:
            self._seen[beat.instance_id] = (beat, now_ns)

    def older(self, now_ns: int) -> str:
        """Return who comes first, for people; empty: nobody."""
        self._seen = {
            instance: (beat, seen)
            for instance, (beat, seen) in self._seen.items()
            if seconds(now_ns - seen) < SILENT_S
        }
        first = min(self._seen, default=self._instance_id)
        if first >= self._instance_id:
            return ''
        beat, _ = self._seen[first]
        return f'{beat.node}, process {beat.pid}'
