"""The lifecycle manager's ROS shell: heartbeats in, transitions and ``system/state`` out."""

from __future__ import annotations

from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.client import Client
from tektra_msgs.msg import NodeHeartbeat, SystemState

from tektra.lifecycle_manager.core import BringUp, Request
from tektra.lifecycle_manager.params import LifecycleManagerParams
from tektra.runtime.main import run_node
from tektra.runtime.node import TektraNode

TICK_S = 0.1


class LifecycleManagerNode(TektraNode[LifecycleManagerParams]):
    """Manages the nodes beside it in its namespace.

    It brings itself up: nobody manages the manager.
    """

    params_class = LifecycleManagerParams

    def setup(self, params: LifecycleManagerParams, loaded: Any) -> None:
        """Make one client a node and the latched system state."""
        prefix = self.get_namespace().rstrip('/')
        names = [f'{prefix}/{name}' for name in params.nodes]
        self._core = BringUp(names, frozenset(f'{prefix}/{name}' for name in params.optional))
        self._change_clients: dict[str, Client] = {
            name: self.create_client(ChangeState, f'{name}/change_state') for name in names
        }
        self._published: SystemState | None = None
        self._state_pub = self.publisher('system/state')
        self.subscribe('heartbeat', self._on_heartbeat)

    def start(self) -> None:
        """Begin to bring up.

        Steady time: the bring-up comes before any simulated clock.
        """
        self._tick_timer = self.create_timer(TICK_S, self._tick, clock=self._steady)

    def stop(self) -> None:
        """Stop managing; nodes stay as they are."""
        self.destroy_timer(self._tick_timer)

    def teardown(self) -> None:
        """Release the clients."""
        for client in self._change_clients.values():
            self.destroy_client(client)
        self._change_clients = {}

    def _on_heartbeat(self, beat: NodeHeartbeat) -> None:
        before = self._core.system_state()
        self._core.on_heartbeat(beat, self._boot.now_ns())
        if self._core.system_state() != before:
            self._tick()

    def _tick(self) -> None:
        for request in self._core.tick(self._boot.now_ns()):
            self._send(request)
        self._publish_if_changed()

    def _send(self, request: Request) -> None:
        client = self._change_clients[request.node]
        if not client.service_is_ready():
            return  # asked again once the request counts as unheard
        future = client.call_async(
            ChangeState.Request(transition=Transition(id=request.transition))
        )
        future.add_done_callback(lambda done: self._on_answer(request, done))

    def _on_answer(self, request: Request, done: Any) -> None:
        answer = done.result()
        self._core.on_result(request, bool(answer and answer.success), self._boot.now_ns())
        self._tick()

    def _publish_if_changed(self) -> None:
        state = self._core.system_state()
        if state == self._published:
            return
        if self._published is None or state.reason != self._published.reason:
            self.log.info(f'system state {state.state}: {state.reason or "all nodes are active"}')
        self._published = state
        message = self._core.system_state()
        message.header.stamp = self.stamp()
        self._state_pub.publish(message)


def _make() -> LifecycleManagerNode:
    node = LifecycleManagerNode('lifecycle_manager')
    node.trigger_configure()
    node.trigger_activate()
    return node


def main() -> int:
    """Run the lifecycle manager."""
    return run_node(_make)
