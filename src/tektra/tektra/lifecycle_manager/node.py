"""The lifecycle manager's ROS shell: heartbeats in, transitions and ``system/state`` out."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.client import Client
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.service import Service
from tektra_msgs.msg import NodeHeartbeat, SystemState
from tektra_msgs.srv import ManageNodes

from tektra.lifecycle_manager.core import LifecycleManager
from tektra.lifecycle_manager.exchange import GET_STATE, Request
from tektra.lifecycle_manager.graph import load_graph
from tektra.lifecycle_manager.memory import MemoryFile
from tektra.lifecycle_manager.operation import CommandRefused, Outcome
from tektra.lifecycle_manager.params import LifecycleManagerParams
from tektra.lifecycle_manager.processes import HostProcesses
from tektra.lifecycle_manager.report import diagnostics
from tektra.lifecycle_manager.rivals import QUEUE, Rivals
from tektra.lifecycle_manager.steps import CONFIGURE
from tektra.lifecycle_manager.watch import Timing
from tektra.resources.catalogue import CatalogueError
from tektra.resources.plan import needs
from tektra.resources.survey import plan_here
from tektra.runtime.host_lock import HostLock, lock_folder
from tektra.runtime.main import StartError, run_node
from tektra.runtime.node import TektraNode
from tektra.runtime.share import share_dir

TICK_S = 0.1
DIAGNOSTICS_S = 1.0
CLAIM_S = 1.0  # between two looks whether the other manager has gone


class LifecycleManagerNode(TektraNode[LifecycleManagerParams]):
    """Manages the nodes beside it in its namespace.

    It brings itself up: nobody manages the manager. Of two in one namespace one acts.
    """

    params_class = LifecycleManagerParams

    def setup(self, params: LifecycleManagerParams, loaded: Any) -> None:
        """Read the graph and make two clients a node."""
        namespace = self.get_namespace()
        path = Path(params.graph_file or share_dir() / 'config' / 'lifecycle.yaml')
        graph = load_graph(path, namespace)
        self._core = LifecycleManager(
            graph,
            prefix=namespace.rstrip('/'),
            timing=Timing(
                appear_s=params.appear_timeout_s,
                step_s=params.step_timeout_s,
                down_s=params.down_timeout_s,
                attempts=params.start_attempts,
            ),
            autostart=params.autostart,
            processes=HostProcesses(),
        )
        self._needs: dict[str, int] = {}
        self._change_clients: dict[str, Client] = {}
        self._state_clients: dict[str, Client] = {}
        for name in graph.managed:
            self._change_clients[name] = self.create_client(ChangeState, f'{name}/change_state')
            self._state_clients[name] = self.create_client(GetState, f'{name}/get_state')
        self._asked: dict[str, tuple[Client, Any]] = {}
        self._waiting: dict[int, list[Future[Outcome]]] = {}
        self._published: SystemState | None = None
        self._said_ns = 0
        self._acts = False
        self._rival = ''
        self._next_claim_ns = 0
        self._manage: Service | None = None
        self._rivals = Rivals(namespace, self.instance_id)
        domain_id = self.context.get_domain_id()
        self._lock = HostLock(lock_folder(), domain_id, namespace, 'manager')
        self._memory = MemoryFile(self._lock.path.with_suffix('.json'))
        self._state_pub = self.publisher('system/state')
        self._diagnostics_pub = self.publisher('/diagnostics')
        self.subscribe('heartbeat', self._on_heartbeat)

    def start(self) -> None:
        """Begin to manage.

        Steady time: the bring-up comes before any simulated clock.
        """
        tick = self._guard(lambda _: self._tick(), False)
        self._tick_timer = self.create_timer(TICK_S, lambda: tick(None), clock=self._steady)
        self._tick()

    def stop(self) -> None:
        """Stop managing; nodes stay as they are."""
        self.destroy_timer(self._tick_timer)
        self._resign('')
        self._lock.release()

    def teardown(self) -> None:
        """Release the clients."""
        for client in (*self._change_clients.values(), *self._state_clients.values()):
            self.destroy_client(client)
        self._change_clients, self._state_clients = {}, {}

    def _planned(self) -> dict[str, int]:
        """Return the MB that the plan of resources has for each node, as far as there is one."""
        try:
            return needs(plan_here())
        except CatalogueError as error:  # the nodes that need the plan do not start without it
            self.log.warning(f'no plan of resources: {error}')
            return {}

    # ---- one manager a namespace ----------------------------------------------------------------

    def _claim(self, now_ns: int) -> bool:
        """Return whether this manager is the one that acts."""
        older = self._rivals.older(now_ns)
        if self._acts and not older:
            return True
        if not older and now_ns >= self._next_claim_ns:
            self._next_claim_ns = now_ns + round(CLAIM_S * 1e9)
            if self._lock.take():
                if self._lock.trouble:
                    self.log.warning(f'no lock against a second manager: {self._lock.trouble}')
                self._take_over(now_ns)
                self._needs = self._planned()
                return True
            older = f'process {self._lock.holder}'
        if older:
            self._resign(older)
        return False

    def _take_over(self, now_ns: int) -> None:
        if self._rival:
            self.log.info(f'the other manager has gone ({self._rival}): managing from now on')
        self._acts, self._rival = True, ''
        self._core.recall(self._memory.load(), now_ns)
        self.set_degraded('')
        self.watch_queue(QUEUE, lambda: (len(self._asked), 0))
        self._manage = self.create_service(ManageNodes, 'manage', self._on_manage)

    def _resign(self, rival: str) -> None:
        """Act no more. ``rival``: who does; empty: this node is being stopped."""
        if rival and not self._rival:
            self.set_degraded(
                f'another lifecycle manager ({rival}) manages {self.get_namespace()}: this one '
                'does nothing until that has gone'
            )
        self._rival = rival
        if not self._acts:
            return
        self._acts = False
        self._lock.release()
        self._queues.pop(QUEUE, None)
        if self._manage is not None:
            self.destroy_service(self._manage)
            self._manage = None
        for operation in list(self._waiting):
            self._answer(Outcome(operation, False, 'this lifecycle manager was stopped'))

    # ---- callbacks ------------------------------------------------------------------------------

    def _on_heartbeat(self, beat: NodeHeartbeat) -> None:
        now = self._boot.now_ns()
        self._rivals.on_heartbeat(beat, now)
        if self._core.on_heartbeat(beat, now):
            self._tick()

    async def _on_manage(
        self, request: ManageNodes.Request, response: ManageNodes.Response
    ) -> ManageNodes.Response:
        names = list(request.nodes)
        try:
            response.plan = self._core.plan(request.command, names)
            if request.dry_run:
                response.success, response.message = True, 'nothing was done'
                return response
            operation = self._core.command(request.command, names, self._boot.now_ns())
        except CommandRefused as error:
            response.success, response.message = False, f'refused: {error}'
            return response
        done: Future[Outcome] = Future()
        self._waiting.setdefault(operation, []).append(done)
        self._tick()
        outcome = await self.await_future(done)
        response.success, response.message = outcome.success, outcome.message
        return response

    def _tick(self) -> None:
        now = self._boot.now_ns()
        if not self._claim(now):
            return
        requests = self._core.tick(now)
        if any(request.transition == CONFIGURE for request in requests):
            self._needs = self._planned()  # each node that loads reads the file, and so do we
        for request in requests:
            self._send(request)
        for event in self._core.events():
            self.log.warning(event)
        if trouble := self._memory.save(self._core.memory()):
            self.log.warning(f'the next manager will not know what is held down: {trouble}')
        self._publish_if_changed(now)
        for outcome in self._core.outcomes():
            self._answer(outcome)

    # ---- what goes out --------------------------------------------------------------------------

    def _send(self, request: Request) -> None:
        if request.transition == GET_STATE:
            client, message = self._state_clients[request.node], GetState.Request()
        else:
            client = self._change_clients[request.node]
            message = ChangeState.Request(transition=Transition(id=request.transition))
        before = self._asked.pop(request.node, None)
        if before is not None:
            before[0].remove_pending_request(before[1])  # no use any more, if it ever comes
        if not client.service_is_ready():
            self._core.on_unsent(request)  # not discovered yet: would be lost
            return
        future = client.call_async(message)
        self._asked[request.node] = (client, future)
        future.add_done_callback(self._answered(request))

    def _answered(self, request: Request) -> Callable[[Any], None]:
        def take(done: Any) -> None:
            answer = done.result()
            if answer is None or not self._acts:
                return
            self._asked.pop(request.node, None)
            if request.transition == GET_STATE:
                self._core.on_state(request, int(answer.current_state.id))
            else:
                self._core.on_answer(request, bool(answer.success), self._boot.now_ns())
            self._tick()

        return take

    def _answer(self, outcome: Outcome) -> None:
        if outcome.message and not outcome.success:
            self.log.error(outcome.message)
        for done in self._waiting.pop(outcome.id, []):
            done.set_result(outcome)

    def _publish_if_changed(self, now_ns: int) -> None:
        state = self._core.system_state()
        changed = state != self._published
        if changed:
            before = self._published
            if before is None or (state.state, state.reason) != (before.state, before.reason):
                reason = state.reason or 'all nodes are active'
                self.log.info(f'system state {state.state}: {reason}')
            self._published = state
            message = self._core.system_state()
            message.header.stamp = self.stamp()
            self._state_pub.publish(message)
        if changed or now_ns - self._said_ns >= round(DIAGNOSTICS_S * 1e9):
            self._said_ns = now_ns
            array = DiagnosticArray(status=diagnostics(self._core, self._needs))
            array.header.stamp = self.stamp()
            self._diagnostics_pub.publish(array)


def _make() -> LifecycleManagerNode:
    node = LifecycleManagerNode('lifecycle_manager')
    for bring_up in (node.trigger_configure, node.trigger_activate):
        if bring_up() != TransitionCallbackReturn.SUCCESS:
            why = f'{node.get_fully_qualified_name()}: {node.last_error}'
            node.shut_down()
            node.destroy_node()
            raise StartError(why)
    return node


def main() -> int:
    """Run the lifecycle manager."""
    return run_node(_make)
