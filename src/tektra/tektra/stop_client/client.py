"""ROS side of the stop client: on any node, spun by its owner; not thread-safe.

Publishers exist from the start: one that is made for a message loses it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from rclpy.clock import Clock as RosClock
from rclpy.clock import ClockType
from rclpy.node import Node
from tektra_msgs.msg import EstopState, GateState, StopRequest

from tektra.runtime.clock import BootClock, Clock
from tektra.runtime.ids import new_id
from tektra.runtime.topics import open_publisher, open_subscription
from tektra.stop_client.core import CONFIRM_S, REPEAT_NS, StopAttempt
from tektra.stop_client.watch import RobotWatch

REQUEST = 'estop/stop_request'
FLEET_REQUEST = '/fleet/estop/stop_request'
STATE = 'estop/state'
GATE_STATE = 'gate_state'


class StopClient:
    """Sends stops and holds, and hears whether the robots obey."""

    def __init__(self, node: Node, robots: Iterable[str] = (), clock: Clock | None = None) -> None:
        self._node = node
        self._clock: Clock = clock or BootClock()
        self._fleet = open_publisher(node, FLEET_REQUEST)
        self._links: dict[str, _Link] = {}
        self._running: list[tuple[StopAttempt, bool]] = []
        for robot in robots:
            self.add(robot)
        steady = RosClock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(REPEAT_NS / 1e9, self.work, clock=steady)

    def now_ns(self) -> int:
        """Return the time that attempts are asked with, in ns."""
        return self._clock.now_ns()

    def add(self, robot: str) -> None:
        """Open the stop path to a robot, and include it in what is said to all."""
        if robot in self._links:
            return
        self._links[robot] = _Link(self._node, robot, self._on_state)
        for attempt, everyone in self._running:
            if everyone:
                attempt.include(robot)

    def heard(self) -> list[str]:
        """Return the robots of which estop or gate was ever heard."""
        return [name for name, link in self._links.items() if link.watch.heard]

    def watch(self, robot: str) -> RobotWatch:
        """Return what a robot has said.

        :raises KeyError: if it was never added.
        """
        return self._links[robot].watch

    def stop(
        self,
        robots: Iterable[str] | None,
        *,
        source: str,
        reason: str,
        level: int = StopRequest.LEVEL_STOP,
        category: int = StopRequest.CATEGORY_UNSET,
        timeout_s: float = CONFIRM_S,
    ) -> StopAttempt:
        """Send a stop or hold at once, repeat it until all confirm or it expires; return the loop.

        ``robots`` None: all, also those that only listen to the fleet.
        """
        chosen = list(self._links if robots is None else robots)
        for robot in chosen:
            self.add(robot)
        attempt = StopAttempt(
            chosen,
            level,
            source,
            reason,
            new_id(),
            self._clock.now_ns(),
            category=category,
            timeout_s=timeout_s,
        )
        self._running.append((attempt, robots is None))
        self.work()
        return attempt

    def work(self) -> None:
        """Publish what is due; the timer does it, and whoever cannot wait for the timer."""
        now = self._clock.now_ns()
        for attempt, everyone in self._running:
            if attempt.due(now):
                self._publish(attempt, everyone)
        for link in self._links.values():
            link.open_service()
        for attempt, _ in self._running:
            if attempt.call_due(now):
                for robot in attempt.unconfirmed(now):
                    self._links[robot].call_stop()
        self._running = [one for one in self._running if not one[0].expired(now)]

    def close(self) -> None:
        """Stop repeating; the endpoints go with the node."""
        self._timer.cancel()
        self._running = []

    def _publish(self, attempt: StopAttempt, everyone: bool) -> None:
        request = attempt.request
        request.header.stamp = self._node.get_clock().now().to_msg()
        for robot in attempt.robots:
            self._links[robot].requests.publish(request)
        if everyone:
            self._fleet.publish(request)

    def _on_state(self, robot: str, message: EstopState | GateState) -> None:
        now = self._clock.now_ns()
        estop = isinstance(message, EstopState)
        for attempt, _ in self._running:
            (attempt.on_estop if estop else attempt.on_gate)(robot, message, now)
        watch = self._links[robot].watch
        (watch.on_estop if estop else watch.on_gate)(message, now)


class _Link:
    """What connects this node with one robot's stop."""

    def __init__(
        self, node: Node, robot: str, on_state: Callable[[str, EstopState | GateState], None]
    ) -> None:
        self.watch = RobotWatch(robot)
        self.requests = open_publisher(node, REQUEST, robot)
        callback = functools.partial(on_state, robot)
        open_subscription(node, STATE, callback, robot)
        open_subscription(node, GATE_STATE, callback, robot)
        self._node = node
        self._client: Any = None

    def open_service(self) -> None:
        """Make the client of the service, once; after the first request.

        Its type takes 0.1 s to import: that of services imports numpy.
        """
        if self._client is None:
            from std_srvs.srv import Trigger

            self._client = self._node.create_client(Trigger, f'/{self.watch.robot}/estop/stop')

    def call_stop(self) -> None:
        """Call the service as well, if it is there; its answer is not waited for: the state is."""
        if self._client.service_is_ready():
            self._client.call_async(self._client.srv_type.Request())


def robots_on(node: Node) -> set[str]:
    """Return the robots that discovery knows: those with an estop or a robot_gate.

    A process that was killed stays known for up to 20 s.
    """
    found = node.get_node_names_and_namespaces()
    return {
        namespace[1:]
        for name, namespace in found
        if name in ('estop', 'robot_gate') and namespace.count('/') == 1 and namespace != '/'
    }
