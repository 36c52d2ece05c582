"""A node's sign of life, with what matters of its health."""

from __future__ import annotations

import os
from collections.abc import Callable

from rclpy.clock import Clock as RosClock
from rclpy.clock import ClockType
from rclpy.node import Node
from tektra_msgs.msg import NodeHeartbeat

from tektra.runtime.clock import BootClock
from tektra.runtime.topics import open_publisher

HEARTBEAT_S = 0.2


class Heartbeat:
    """Beats every ``HEARTBEAT_S`` from the executor of its node, so that a hang is seen.

    ``fill`` puts what the node knows of itself into the message.
    """

    def __init__(
        self, node: Node, instance_id: str, fill: Callable[[NodeHeartbeat], None]
    ) -> None:
        self._node = node
        self._instance_id = instance_id
        self._fill = fill
        self._publisher = open_publisher(node, 'heartbeat')
        self._boot = BootClock()
        self._seq = 0
        self._due_ns = self._boot.now_ns() + round(HEARTBEAT_S * 1e9)
        steady = RosClock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(HEARTBEAT_S, self._beat, clock=steady)

    def _beat(self) -> None:
        now = self._boot.now_ns()
        lag_s = max(0.0, (now - self._due_ns) / 1e9)
        self._due_ns = now + round(HEARTBEAT_S * 1e9)
        self.publish(lag_s)

    def publish(self, lag_s: float = 0.0) -> None:
        """Beat once. ``lag_s``: how late the executor was."""
        message = NodeHeartbeat(
            node=self._node.get_fully_qualified_name(),
            instance_id=self._instance_id,
            pid=os.getpid(),
            seq=self._seq,
            loop_lag_s=lag_s,
        )
        self._fill(message)
        self._seq = (self._seq + 1) % 2**32
        self._publisher.publish(message)
