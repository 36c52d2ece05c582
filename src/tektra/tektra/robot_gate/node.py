"""ROS shell of the gate: messages into the loop's mailboxes, what the loop says out."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from tektra_msgs.msg import EstopState, GateState, Setpoint, StopRequest, StopWordHealth
from tektra_msgs.srv import DisableMotion, EnableMotion

from tektra.robot_gate.auto_enable import AutoEnable
from tektra.robot_gate.core import Gate
from tektra.robot_gate.device_lock import take_device
from tektra.robot_gate.drivers.driver import DriverError, Feedback
from tektra.robot_gate.drivers.registry import make_driver
from tektra.robot_gate.loop import GateLoop
from tektra.robot_gate.messages import joint_state, odometry
from tektra.robot_gate.owners import velocity_of
from tektra.robot_gate.params import RobotGateParams
from tektra.robot_gate.readiness import DriverView
from tektra.robots import proof
from tektra.robots.records import RecordError
from tektra.robots.registry import find_robot
from tektra.runtime.drained import Drained
from tektra.runtime.main import StartError, run_node
from tektra.runtime.plain import PlainNode
from tektra.runtime.priority import raise_priority
from tektra.runtime.topics import open_publisher, open_subscription

ENDPOINTS_S = 0.5
REFUSALS_S = 1.0  # a flood of set-points is one line a second
AUTO_S = 0.2
RESTING_S = 0.1  # between two messages of joints and odometry that say the same
KEY_S = 1.0  # between two looks for a key that estop has not made yet


class RobotGateNode(PlainNode):
    """The only holder of one robot's driver.

    :raises StartError: if the robot's file is wrong, or another gate holds the robot.
    """

    params_class = RobotGateParams

    def __init__(self, **more: Any) -> None:
        super().__init__('robot_gate', **more)
        try:
            self._robot = find_robot(self.params.robot)
            driver = make_driver(self._robot, self.instance_id, self)
        except (RecordError, DriverError) as error:
            raise StartError(str(error)) from None
        self._lock = take_device(
            self._robot, self.context.get_domain_id(), self.resolve_topic_name
        )
        view = DriverView(driver.name, driver.simulated, False, -1.0)
        self._gate = Gate(self._robot, self.instance_id, None, view)
        self._pubs: dict[str, Publisher] = {
            name: open_publisher(self, name)
            for name in ('gate_state', 'estop/stop_request', 'joint_states', 'odom')
        }
        self._loop = GateLoop(self._gate, driver, self.boot, self)
        self._shown: Feedback | None = None
        self._told: tuple[str, int, int, int] = ('', 0, 0, 0)  # of estop, as it was heard last
        self._tripped = ''  # id of the request that was logged
        self._refused = 0  # set-points, as far as that was logged
        self._subscribe()
        self.create_service(EnableMotion, 'enable_motion', self._on_enable)
        self.create_service(DisableMotion, 'disable_motion', self._on_disable)
        self.create_timer(ENDPOINTS_S, self._look_at_endpoints, clock=self.steady)
        self.create_timer(REFUSALS_S, self._tell_refusals, clock=self.steady)
        self.create_timer(KEY_S, self._read_key, clock=self.steady)
        self._has_key, self._key_trouble = False, ''
        self._read_key()
        self._auto = AutoEnable(self, self._robot, self._loop, self._gate)
        if self._robot.auto_enable and driver.simulated:
            self.create_timer(AUTO_S, self._auto.step, clock=self.steady)
        trouble = raise_priority()
        if trouble:
            self.log.info(f'runs at normal priority: {trouble}')
        self._loop.start()

    def on_failure(self, what: str) -> None:
        """Trip: what was to be heard may have been a stop."""
        gate = self._gate
        self._loop.post('failure', lambda ns: gate.on_failure(f'robot_gate: {what}', ns))

    def shut_down(self) -> None:
        """Stop the robot and let go of it."""
        if self._loop.close():
            self._lock.release()  # else it is this process's until it has ended

    # ---- in -------------------------------------------------------------------------------------

    def _subscribe(self) -> None:
        open_subscription(self, 'estop/state', self._on_estop)
        for name in ('estop/stop_request', '/fleet/estop/stop_request'):
            if name.startswith('/') and self._robot.estop.fleet == 'ignore':
                continue
            for best_effort in (False, True):  # a publisher of either kind is heard
                Drained(self, name, self._loop.post_stop, best_effort=best_effort)
        Drained(self, 'gate/setpoint', self._on_setpoint)
        open_subscription(self, '/stop_word/health', self._on_health)
        newest = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
        self._inputs: dict[str, int] = {}
        for owner in self._robot.owners:
            if owner.input == 'setpoint':
                continue
            topic = f'robot/cmd/{owner.source}/cmd_vel'
            stamped = owner.input == 'cmd_vel_stamped'
            self.create_subscription(
                TwistStamped if stamped else Twist,
                topic,
                partial(self._on_cmd_vel, owner.source),
                newest,
            )
            self._inputs[topic] = 1
        writers = sum(owner.input == 'setpoint' for owner in self._robot.owners)
        self._inputs.update({'gate/setpoint': writers, 'estop/state': 1, 'gate_state': 1})

    def _on_estop(self, state: EstopState) -> None:
        self._auto.state = state
        gate = self._gate
        clear = state.state == EstopState.STATE_CLEAR
        # Two slots: no CLEAR, whoever it is from, replaces a stop that has not been read yet.
        slot = 'estop clear' if clear else 'estop stop'
        self._loop.post(slot, lambda ns: gate.on_estop_state(state, ns))
        told = (state.instance_id, state.stop_id, state.state, state.category)
        if not clear and told != self._told:  # what is only said again waits for the next tick
            self._loop.wake()
        self._told = told

    def _on_setpoint(self, point: Setpoint) -> None:
        slot = f'{point.source[:64]}/{point.channel[:64]}'
        known = any(o.source == point.source for o in self._robot.owners)
        if not known or point.channel not in self._robot.channels:
            slot = 'unknown'  # one slot for all that is nobody's
        gate = self._gate
        self._loop.post(slot, lambda ns: gate.on_setpoint(point, ns))

    def _on_cmd_vel(self, source: str, message: Any) -> None:
        twist = getattr(message, 'twist', message)
        gate = self._gate
        try:
            asked = velocity_of(twist)
        except ValueError as error:
            why = str(error)
            self._loop.post(f'{source}/', lambda ns: gate.on_unreadable(source, why, ns))
        else:
            self._loop.post(f'{source}/', lambda ns: gate.on_cmd_vel(source, asked, ns))

    def _on_health(self, health: StopWordHealth) -> None:
        listening, gate = bool(health.listening), self._gate
        self._loop.post('health', lambda ns: gate.on_stop_word_health(listening, ns))

    def _on_enable(
        self, request: EnableMotion.Request, response: EnableMotion.Response
    ) -> EnableMotion.Response:
        try:
            answer: EnableMotion.Response = self._loop.ask(
                lambda ns: self._gate.enable(request, ns)
            )
        except Exception as error:
            self.report_error('enable_motion', error)
            return EnableMotion.Response(success=False, message=self.last_error)
        what = 'release a hold' if request.release_hold else 'enable motion'
        who = request.operator_name[:64] or 'somebody'
        done = 'done' if answer.success else f'refused: {answer.message}'
        self.log.info(f'{who} asked to {what}: {done}')
        return answer

    def _on_disable(
        self, request: DisableMotion.Request, response: DisableMotion.Response
    ) -> DisableMotion.Response:
        try:
            answer: DisableMotion.Response = self._loop.ask(
                lambda ns: self._gate.disable(request, ns), late=True
            )
        except Exception as error:
            self.report_error('disable_motion', error)
            return DisableMotion.Response(success=False, message=self.last_error)
        self._auto.give_up()  # a person has taken motion away
        self.log.info(f'{request.operator_name[:64] or "somebody"} disabled motion')
        return answer

    # ---- what is looked at now and then ---------------------------------------------------------

    def _tell_refusals(self) -> None:
        """Log set-points that were not taken: whoever sends them has no other way to know."""
        count, why = self._gate.refused
        if count > self._refused:
            self.log.warning(f'{count - self._refused} set-points were refused; the last: {why}')
        self._refused = count

    def _look_at_endpoints(self) -> None:
        """Find a second publisher. A killed one stays listed for up to 20 s: that is safe."""
        self.status = '; '.join(one for one in self._troubles() if one)
        problems = []
        for topic, most in self._inputs.items():
            count = self.count_publishers(topic)
            if count > most:
                problems.append(
                    f'{count} publishers on {topic} where {most} may be (one that was killed is '
                    'listed for up to 20 s); end the other one'
                )
        text, gate = '; '.join(problems), self._gate
        self._loop.post('endpoints', lambda _: gate.on_publishers(text))

    def _troubles(self) -> tuple[str, ...]:
        dead = 'the thread of the gate has ended: nothing moves; restart robot_gate'
        lock = f'no lock against a second gate: {self._lock.trouble}'
        return (
            '' if self._loop.alive else dead,
            self._key_trouble,
            lock if self._lock.trouble else '',
        )

    def _read_key(self) -> None:
        if self._has_key:  # once: whoever puts another file there later has no key of this robot
            return
        try:
            key = proof.read_key(proof.key_file(self._robot.name))
        except proof.RobotKeyError as error:
            self._key_trouble = f'nobody can enable motion: {error}'
            return
        self._key_trouble, self._has_key = '', True
        gate = self._gate
        self._loop.post('key', lambda _: gate.use_key(key))

    # ---- out: called from the loop's thread -----------------------------------------------------

    def gate_state(self, state: GateState) -> None:
        """Publish what the gate allows."""
        state.header.stamp = self.stamp()
        self._pubs['gate_state'].publish(state)
        self._auto.gate = state

    def stop_request(self, request: StopRequest) -> None:
        """Ask estop to latch."""
        request.header.stamp = self.stamp()
        self._pubs['estop/stop_request'].publish(request)
        if request.request_id != self._tripped:  # it is repeated until estop has latched
            self._tripped = request.request_id
            self.log.warning(f'tripped: {request.reason}')

    def feedback(self, feedback: Feedback) -> None:
        """Publish what the robot reported; a robot at rest says it less often."""
        known = self._shown
        if known is not None and feedback.same_motion(known):
            if (feedback.received_ns - known.received_ns) * 1e-9 < RESTING_S:
                return
        self._shown = feedback
        header = Header(stamp=self.stamp())
        if feedback.positions:
            message: JointState = joint_state(feedback, header)
            self._pubs['joint_states'].publish(message)
        if feedback.pose is not None:
            odom: Odometry = odometry(feedback, header, self._robot.name)
            self._pubs['odom'].publish(odom)

    def failed(self, what: str, error: BaseException) -> None:
        """Log what went wrong in the loop."""
        self.report_error(what, error)


def main() -> int:
    """Run the node."""
    return run_node(RobotGateNode)


if __name__ == '__main__':
    sys.exit(main())
