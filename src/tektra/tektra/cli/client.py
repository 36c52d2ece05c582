"""A short-lived ROS node for commands that talk to the running graph of this checkout."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher

from tektra.cli.errors import EXIT_NO_GRAPH, UserError
from tektra.cli.state import running
from tektra.launching import runfile
from tektra.runtime.topics import open_publisher, open_subscription


class GraphClient:
    """A node of its own context, spun by whoever waits.

    Not thread-safe.
    """

    def __init__(self, domain_id: int, name: str) -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context, args=[], domain_id=domain_id)
        self.node: Node = rclpy.create_node(
            name,
            context=self._context,
            use_global_arguments=False,
            start_parameter_services=False,
            enable_rosout=False,
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)

    def subscribe(self, name: str, callback: Callable[[Any], None]) -> None:
        """Subscribe to a topic of the table."""
        open_subscription(self.node, name, callback)

    def publisher(self, name: str) -> Publisher:
        """Return a publisher of a topic of the table."""
        return open_publisher(self.node, name)

    def spin(self, seconds: float) -> None:
        """Handle callbacks for about ``seconds``; at least what is ready now."""
        self._executor.spin_once(timeout_sec=max(0.0, seconds))

    def wait(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Spin until ``done()``; return False if ``timeout_s`` passed first."""
        deadline = time.monotonic() + timeout_s
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.spin(min(left, 0.1))
        return True

    def wait_for_reader(self, publisher: Publisher, timeout_s: float = 5.0) -> bool:
        """Wait until somebody listens, so that a single message is not lost in discovery."""
        return self.wait(lambda: publisher.get_subscription_count() > 0, timeout_s)

    def close(self) -> None:
        """Destroy the node and its context."""
        self._executor.shutdown(timeout_sec=0)
        self.node.destroy_node()
        self._context.try_shutdown()


def running_graph() -> runfile.RunningGraph:
    """Return what the run file of this checkout says.

    :raises UserError: if no graph of this checkout runs.
    """
    found = running()
    if found is None:
        raise UserError(
            'no graph of this checkout is running; start one with: ./tektra up',
            EXIT_NO_GRAPH,
        )
    return found


@contextlib.contextmanager
def connected(name: str) -> Iterator[GraphClient]:
    """Give a client of the running graph and close it afterwards.

    :raises UserError: if no graph of this checkout runs.
    """
    info = running_graph()
    os.environ['ROS_DOMAIN_ID'] = str(info.domain_id)
    client = GraphClient(info.domain_id, f'{name}_{os.getpid()}')
    try:
        yield client
    finally:
        client.close()
