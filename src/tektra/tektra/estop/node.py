"""ROS shell of estop: demands in, ``estop/state`` out, and the services stop and reset."""

from __future__ import annotations

import sys

from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.parameter import Parameter
from rclpy.subscription import Subscription
from std_srvs.srv import Trigger
from tektra_msgs.msg import EstopSource, EstopState, GateState, StopRequest
from tektra_msgs.srv import ResetEstop

from tektra.estop.core import CLEAR, STOPPED, EstopCore
from tektra.estop.latch import LatchWriter, Record, latch_file, read_latch
from tektra.estop.pace import REGULAR_HZ
from tektra.estop.params import EstopParams
from tektra.estop.resets import Identity
from tektra.robots.proof import RobotKeyError, ensure_key, key_file
from tektra.robots.records import RecordError
from tektra.robots.registry import find_robot
from tektra.robots.spec import RobotSpec
from tektra.runtime.drained import Drained
from tektra.runtime.host_lock import HostLock, lock_folder
from tektra.runtime.main import StartError, run_node
from tektra.runtime.plain import PlainNode
from tektra.runtime.priority import raise_priority
from tektra.runtime.topics import open_publisher, open_subscription

LAST_WORD_S = 0.1  # that the readers of estop/state may take at the end
LAST_WRITE_S = 0.3  # that a disk may take at the end
WRITE_AGAIN_TICKS = 5 * REGULAR_HZ  # after a write that failed
RIVALS_TICKS = REGULAR_HZ // 2  # between two looks for a second estop; the gate sees it at once
STOP_TOPICS = {'estop/stop_request': False, '/fleet/estop/stop_request': True}


class EstopNode(PlainNode):
    """The latch of one robot, in the robot's namespace.

    :raises StartError: if the robot is unknown, or another estop of this machine has it.
    """

    params_class = EstopParams

    def __init__(
        self,
        name: str,
        *,
        context: Context | None = None,
        namespace: str | None = None,
        parameter_overrides: list[Parameter] | None = None,
    ) -> None:
        super().__init__(
            name,
            context=context,
            namespace=namespace,
            parameter_overrides=parameter_overrides,
        )
        robot = self._find(self.params)
        self._lock = self._claim(robot)
        self._core, self._latch = self._begin(robot)
        self._told: tuple[int, int] = (0, STOPPED)  # (stop_id, state) that was logged
        self._kept: Record | None = None  # what was given to the file
        self._ticks = 0
        self._rivals: Subscription | None = None
        self._out = open_publisher(self, 'estop/state')
        self._listen()
        self.create_service(Trigger, 'estop/stop', self._on_stop)
        self.create_service(ResetEstop, 'estop/reset', self._on_reset)
        self.create_timer(1 / REGULAR_HZ, self._tick, clock=self.steady)
        self._tick()

    def on_failure(self, what: str) -> None:
        """Latch: what was to be heard may have been a stop."""
        self._core.on_failure(what, self.boot.now_ns())
        self._tell()

    def shut_down(self) -> None:
        """Say STOPPED once more, write it down, and give the robot back."""
        self._core.on_exit(self.boot.now_ns())
        self._publish()
        self._out.wait_for_all_acked(Duration(seconds=LAST_WORD_S))
        self._keep()
        self._latch.close(LAST_WRITE_S)
        self._lock.release()

    def _find(self, params: EstopParams) -> RobotSpec:
        try:
            robot = find_robot(params.robot)
        except RecordError as error:
            raise StartError(f'estop: {error}') from None
        if self.get_namespace() != robot.namespace:
            raise StartError(
                f"estop of '{robot.name}' was started in namespace {self.get_namespace()}, where "
                f'nobody listens; start it with -r __ns:={robot.namespace}'
            )
        return robot

    def _claim(self, robot: RobotSpec) -> HostLock:
        domain_id = self.context.get_domain_id()
        lock = HostLock(lock_folder(), domain_id, robot.namespace, what='estop')
        if not lock.take():
            raise StartError(
                f"another estop of '{robot.name}' runs on this machine (process {lock.holder}, "
                f'{lock.path}); stop that one first'
            )
        return lock

    def _begin(self, robot: RobotSpec) -> tuple[EstopCore, LatchWriter]:
        key, trouble = b'', ''
        try:
            key = ensure_key(key_file(robot.name))
        except RobotKeyError as error:  # a stop needs no key
            trouble = str(error)
        path = latch_file(robot.name)
        found = read_latch(path)
        who = Identity(robot, self.instance_id, key, trouble)
        core = EstopCore(who, found, self.boot.now_ns())
        return core, LatchWriter(path, trouble=found.trouble)

    def _listen(self) -> None:
        # A reliable subscription does not match a best-effort publisher, and a best-effort one
        # may lose what a reliable publisher says only once: a demand to stop is heard by both.
        for topic, fleet in STOP_TOPICS.items():
            heard = self._on_fleet_request if fleet else self._on_request
            for best_effort in (False, True):
                Drained(self, topic, heard, best_effort=best_effort)
        # One subscription only: between two of them beats would come out of order.
        Drained(self, 'estop/source', self._on_source, best_effort=True)
        open_subscription(self, 'gate_state', self._on_gate_state)

    def _look_for_rivals(self) -> None:
        """Listen to estop/state from the first time that somebody else can be seen to publish it.

        Hearing oneself 40 times a second would take a third of what estop needs when idle.
        """
        if self._rivals is None and self.count_publishers('estop/state') > 1:
            self._rivals = open_subscription(self, 'estop/state', self._on_state)

    def _on_request(self, msg: StopRequest) -> None:
        self._core.on_stop_request(msg, self.boot.now_ns())
        self._tell()

    def _on_fleet_request(self, msg: StopRequest) -> None:
        self._core.on_stop_request(msg, self.boot.now_ns(), fleet=True)
        self._tell()

    def _on_source(self, msg: EstopSource) -> None:
        self._core.on_source(msg, self.boot.now_ns())
        self._tell()

    def _on_gate_state(self, msg: GateState) -> None:
        self._core.on_gate_state(msg, self.boot.now_ns())
        self._tell()

    def _on_state(self, msg: EstopState) -> None:
        if msg.instance_id != self.instance_id:
            self._core.on_other_estop(msg.instance_id, self.boot.now_ns())
            self._tell()

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._core.on_stop_service(self.boot.now_ns())
        self._tell()
        response.success = True
        response.message = f'stopped: stop_id {self._core.stop_id}'
        return response

    def _on_reset(
        self, request: ResetEstop.Request, response: ResetEstop.Response
    ) -> ResetEstop.Response:
        answer = self._core.reset(request, self.boot.now_ns())
        self._tell()
        return answer

    def _tick(self) -> None:
        now_ns = self.boot.now_ns()
        self._core.tick(now_ns)
        self._publish()
        self._ticks += 1
        if self._ticks % RIVALS_TICKS == 0:
            self._look_for_rivals()
        self._keep(again=bool(self._latch.trouble) and self._ticks % WRITE_AGAIN_TICKS == 0)
        trouble = (self._core.status(now_ns), self._latch.trouble, self._lock.trouble)
        self.status = '; '.join(one for one in trouble if one)

    def _tell(self) -> None:
        """Publish what an event has changed; what is held back goes out with the next tick."""
        if self._core.due(self.boot.now_ns()):
            self._publish()

    def _publish(self) -> None:
        self._out.publish(self._core.state(self.boot.now_ns(), self.stamp()))
        now = (self._core.stop_id, self._core.level)
        if now == self._told:
            return
        self._told = now
        if self._core.level == STOPPED:
            self.log.warning(f'STOPPED, stop {self._core.stop_id}: {self._core.reason}')
        elif self._core.level == CLEAR:
            self.log.info(f'CLEAR: stop {self._core.stop_id} was reset by {self._core.operator}')

    def _keep(self, *, again: bool = False) -> None:
        """Have the newest stop written: only now, when it has been published and answered.

        Also when a person, or a more severe category, has only joined it.
        """
        record = self._core.record()
        if again or record != self._kept:
            self._kept = record
            self._latch.put(record)


def _make() -> EstopNode:
    node = EstopNode('estop')
    trouble = raise_priority()
    if trouble:
        node.log.info(f'runs at normal priority: {trouble}')
    return node


def main() -> int:
    """Run the node."""
    return run_node(_make)


if __name__ == '__main__':
    sys.exit(main())
