"""A short-lived ROS node for commands that talk to the running graph of this checkout."""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import rclpy
from lifecycle_msgs.msg import State
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from tektra_msgs.msg import NodeHeartbeat, SystemState

from tektra.cli.errors import EXIT_NO_GRAPH, UserError
from tektra.cli.state import running
from tektra.launching import domain, runfile
from tektra.launching.errors import LaunchError
from tektra.runtime.bare import without_types
from tektra.runtime.topics import open_publisher, open_subscription

SAFETY_NODES = ('estop', 'robot_gate')

NODES_S = 10.0
"""s to wait for a heartbeat of every node; discovery of a new participant takes 1 to 4."""


class GraphClient:
    """A node of its own context, spun by whoever waits.

    Not thread-safe.
    """

    def __init__(self, domain_id: int, name: str, namespace: str = '') -> None:
        self._context = rclpy.Context()
        rclpy.init(context=self._context, args=[], domain_id=domain_id)
        self.node: Node = rclpy.create_node(
            name,
            namespace=namespace,
            context=self._context,
            use_global_arguments=False,
            parameter_overrides=without_types(),
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

    def wait_for_nodes(
        self, timeout_s: float = NODES_S, robots: Iterable[str] = ()
    ) -> dict[str, NodeHeartbeat]:
        """Wait until every node that is up has been heard; return their latest heartbeats.

        ``robots``: whose safety nodes are waited for too; they beat in the robot's namespace.

        A graph without a lifecycle manager names no nodes: then those heard in ``timeout_s``.
        Publishers and subscriptions that this client has opened before are known to the nodes
        afterwards: a node learns of the endpoints of a participant in the order they were made,
        and its heartbeat cannot arrive before it knows our subscription to it. So what they
        publish from now on arrives here.
        """
        beats: dict[str, NodeHeartbeat] = {}
        systems: list[SystemState] = []

        def heard() -> bool:
            # Less than: the manager beats as well and is not one of its own nodes.
            return bool(systems) and _up(systems[-1]) < beats.keys() and safety <= beats.keys()

        robots = tuple(robots)
        safety = {f'/{robot}/{node}' for robot in robots for node in SAFETY_NODES}
        self.subscribe('system/state', systems.append)
        for namespace in ('', *robots):
            open_subscription(
                self.node,
                'heartbeat',
                lambda beat: beats.__setitem__(beat.node, beat),
                namespace,
            )
        self.wait(heard, timeout_s)
        return beats

    def wait_for_reader(self, publisher: Publisher, timeout_s: float = 5.0) -> bool:
        """Wait until somebody listens, so that a single message is not lost in discovery."""
        return self.wait(lambda: publisher.get_subscription_count() > 0, timeout_s)

    def close(self) -> None:
        """Destroy the node and its context, and with them the participant's shared memory.

        What the executor was waiting for is kept in a suspended generator until it is collected.
        """
        self._executor.shutdown(timeout_sec=0)
        self.node.destroy_node()
        self._context.try_shutdown()
        gc.collect()
        self._context.destroy()


def _up(system: SystemState) -> set[str]:
    """Return the nodes that should be heard: those that are not missing."""
    states = zip(system.nodes, system.node_states, strict=True)
    return {node for node, state in states if state != State.PRIMARY_STATE_UNKNOWN}


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

    Where ROS 2 is installed, ``ros2 launch`` may have started the graph and left no run file:
    then it is looked for where every ROS program looks, on ROS_DOMAIN_ID.

    :raises UserError: if no graph of this checkout runs.
    """
    domain_id, namespace = _whereabouts()
    os.environ['ROS_DOMAIN_ID'] = str(domain_id)
    client = GraphClient(domain_id, f'{name}_{os.getpid()}', namespace)
    try:
        yield client
    finally:
        client.close()


def _whereabouts() -> tuple[int, str]:
    from tektra.launching import real  # all of the launcher: `tektra stop` does not wait for it

    try:
        if running() is None and real.wanted(os.environ):
            return domain.of_ros(os.environ), os.environ.get('ROS_NAMESPACE', '')
    except LaunchError as error:
        raise UserError(error.render()) from error
    info = running_graph()
    return info.domain_id, info.arguments.get('namespace', '')
