"""ROS side of an operator: on any node, spun by its owner; not thread-safe."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from tektra_msgs.msg import EstopState, GateState
from tektra_msgs.srv import DisableMotion, EnableMotion, ResetEstop

from tektra.runtime.clock import BootClock, Clock
from tektra.runtime.topics import open_subscription
from tektra.stop_client.client import GATE_STATE, STATE
from tektra.stop_client.operator import Operator


class OperatorClient:
    """The ROS side of an ``Operator``: its robot's states, and a client of each service."""

    def __init__(self, node: Node, operator: Operator, clock: Clock | None = None) -> None:
        self.operator = operator
        self._clock: Clock = clock or BootClock()
        robot = operator.watch.robot
        # Before the subscriptions: whoever is heard on the topics knows the clients already, so
        # that no answer is lost.
        self._clients = {
            ResetEstop.Request: node.create_client(ResetEstop, f'/{robot}/estop/reset'),
            EnableMotion.Request: node.create_client(EnableMotion, f'/{robot}/enable_motion'),
            DisableMotion.Request: node.create_client(DisableMotion, f'/{robot}/disable_motion'),
        }
        open_subscription(node, STATE, self._on_estop, robot)
        open_subscription(node, GATE_STATE, self._on_gate, robot)

    def now_ns(self) -> int:
        """Return the time that the operator is asked with, in ns."""
        return self._clock.now_ns()

    def ready(self, request_type: type) -> bool:
        """Return whether a request of this type would reach its service.

        That a state was heard does not say so: discovery tells of topics and of services in any
        order, and a request that is sent before its service is known is lost.
        """
        return bool(self._clients[request_type].service_is_ready())

    def send(self, request: Any) -> Any:
        """Send a request of the operator; return the future of its answer."""
        return self._clients[type(request)].call_async(request)

    def _on_estop(self, state: EstopState) -> None:
        self.operator.watch.on_estop(state, self._clock.now_ns())

    def _on_gate(self, state: GateState) -> None:
        self.operator.watch.on_gate(state, self._clock.now_ns())
