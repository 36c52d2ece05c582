"""A node's sign of life, with what matters of its health."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tektra_msgs.msg import NodeHeartbeat

from tektra.runtime.topics import open_publisher

if TYPE_CHECKING:
    from tektra.runtime.node import TektraNode

HEARTBEAT_S = 0.2


class Heartbeat:
    """Beats every ``HEARTBEAT_S`` from the executor of its node, so that a hang is seen."""

    def __init__(self, node: TektraNode[Any]) -> None:
        self._node = node
        self._publisher = open_publisher(node, 'heartbeat')
        self._boot = node._boot
        self._seq = 0
        self._due_ns = self._boot.now_ns() + round(HEARTBEAT_S * 1e9)
        node.create_timer(HEARTBEAT_S, self._beat, clock=node._steady)

    def _beat(self) -> None:
        now = self._boot.now_ns()
        lag_s = max(0.0, (now - self._due_ns) / 1e9)
        self._due_ns = now + round(HEARTBEAT_S * 1e9)
        self.publish(lag_s)

    def publish(self, lag_s: float = 0.0) -> None:
        """Beat once. ``lag_s``: how late the executor was."""
        node = self._node
        rows = [(name, *read()) for name, read in node._queues.items()]
        backend = node._backend_status
        message = NodeHeartbeat(
            node=node.get_fully_qualified_name(),
            instance_id=node.instance_id,
            pid=os.getpid(),
            seq=self._seq,
            state=node._lifecycle_state(),
            transition=node._transitions.under_way,
            loop_lag_s=lag_s,
            busy=node.worker.busy or (node.active and node.in_use()),
            backend=backend.active if backend else '',
            degraded=bool(node._degraded) or bool(backend and backend.degraded),
            status=node._degraded,
            last_error=node.last_error,
            queues=[row[0] for row in rows],
            queue_depth=[row[1] for row in rows],
            queue_dropped=[row[2] for row in rows],
        )
        message.header.stamp = node.stamp()
        self._seq = (self._seq + 1) % 2**32
        self._publisher.publish(message)
