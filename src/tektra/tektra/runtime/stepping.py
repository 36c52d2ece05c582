"""Simulated time, step by step: a node says when it has done all that was due at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.time import Time
from tektra_msgs.msg import ClockProgress

from tektra.runtime.topics import open_publisher, open_subscription

if TYPE_CHECKING:
    from tektra.runtime.node import TektraNode

SETTLE_TURNS = 256  # of the executor at most before time goes on: the depth of the longest queue


class Stepping:
    """Follows ``/clock`` for a node and answers each tick with a ClockProgress."""

    def __init__(self, node: TektraNode[Any]) -> None:
        self.handled = 0  # messages and timers so far
        self._node = node
        self._publisher = open_publisher(node, 'clock/progress')
        open_subscription(node, '/clock', self._on_clock)

    def _on_clock(self, message: Any) -> None:
        """Say, after everything received before this tick was handled, that its time is done."""
        if self._node.active:
            self._node.call_soon(lambda: self._when_settled(message.clock, -1, SETTLE_TURNS))

    def _when_settled(self, clock: Any, handled: int, turns: int) -> None:
        """Go on once a turn of the executor, which serves each queue once, has found all empty."""
        if self.handled != handled and turns:
            seen = self.handled
            self._node.call_soon(lambda: self._when_settled(clock, seen, turns - 1))
        elif self._node.active:
            self._node.on_time(Time.from_msg(clock).nanoseconds)
            self._report(clock)

    def _report(self, clock: Any) -> None:
        worker = self._node.worker
        busy = worker.busy
        message = ClockProgress(node=self._node.get_fully_qualified_name(), busy=busy)
        message.header.stamp = clock
        self._publisher.publish(message)
        if busy:
            worker.submit(lambda: None, counts=False).add_done_callback(
                lambda _: self._node.call_soon(lambda: self._report(clock))
            )
