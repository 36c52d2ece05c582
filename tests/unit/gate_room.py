"""A gate, a simulated robot and an estop that the test plays, on one clock that the test moves."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

from geometry_msgs.msg import Twist
from tektra_msgs.msg import EstopState, GateState, Setpoint, StopRequest
from tektra_msgs.srv import DisableMotion, EnableMotion

from tektra.robot_gate.core import Gate
from tektra.robot_gate.drivers.driver import BaseVelocity, Category, Feedback, Pose2D
from tektra.robot_gate.readiness import DriverView
from tektra.robot_side.plant import Plant
from tektra.robots import proof
from tektra.robots.spec import RobotSpec, read_robot
from tektra.runtime.clock import ManualClock

TICK_S = 0.01
KEY = b'k' * 32
TEK = Path(__file__).parents[2] / 'config' / 'robots' / 'tek.yaml'
FORWARD = BaseVelocity(0.5, 0.0, 0.0)


def tek(**changes: object) -> RobotSpec:
    return dataclasses.replace(read_robot(TEK), **changes)


class Room:
    """`driver` may be changed by the test; what the gate told the robot is in the lists."""

    def __init__(self, robot: RobotSpec | None = None) -> None:
        self.robot = robot or tek()
        self.clock = ManualClock(10_000_000_000)
        self.driver = DriverView('sim', True, True, 0.2)
        self.gate = Gate(self.robot, 'gate-1', KEY, self.driver)
        self.plant = Plant(self.robot)
        self.estop = EstopState(
            robot=self.robot.name,
            instance_id='estop-1',
            seq=0,
            stop_id=1,
            state=EstopState.STATE_STOPPED,
            reason='startup',
            config_hash=self.robot.config_hash,
        )
        self.estop_speaks = True
        self.reports = True
        self.latches = True  # estop obeys the gate
        self.stops: list[Category] = []
        self.commands: list[BaseVelocity | None] = []
        self.asked: list[StopRequest] = []
        self.pose_std = 0.0
        self.carried_m = 0.0
        self.deaf = False  # the robot goes on as it was told before
        self.pushed = 0.0  # m/s
        self.seq = 0
        self._report = 0
        self._estop_due = 0.0
        self._speed: list[float] = []

    # ---- time -----------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        return self.clock.now_ns()

    def step(self) -> None:
        """One tick of everything."""
        self.clock.advance(TICK_S)
        self._estop_due -= TICK_S
        if self.estop_speaks and self._estop_due <= 0:
            self.beat()
        self.plant.step(TICK_S)
        self.tick()

    def tick(self) -> None:
        if self.reports:
            self._report += 1
        self.gate.on_driver(self.driver, self._feedback() if self.reports else None, self.now)
        output = self.gate.tick(self.now)
        if output.stop is not None:
            self.stops.append(output.stop)
            if output.stop is Category.IMMEDIATE:
                self.plant.disable()
        if output.disable:
            self.plant.disable()
        if output.enable:
            self.plant.enable()
        if output.command is not None and self.plant.enabled and not self.deaf:
            base = output.command.base
            if base is not None:
                self.plant.command_base(base.x, base.y, base.yaw)
            for name, target in output.command.joints.items():
                self.plant.command_joint(name, target.position, target.velocity)
        self.commands.append(None if output.command is None else output.command.base)
        request = self.gate.wants_latch(self.now)
        if request is not None:
            self.asked.append(request)
            if self.latches and self.estop_speaks:
                self.stop_estop(request.reason, request.category)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.step()

    def run_with(self, seconds: float, source: str, asked: BaseVelocity) -> None:
        """As `run`, while a source goes on asking at 50 Hz."""
        for n in range(round(seconds / TICK_S)):
            if n % 2 == 0:
                self.gate.on_cmd_vel(source, asked, self.now)
            self.step()

    # ---- estop ----------------------------------------------------------------------------------

    def beat(self) -> None:
        self._estop_due = 0.025
        self.estop.seq += 1
        self.gate.on_estop_state(copy(self.estop), self.now)

    def clear_estop(self) -> None:
        self.estop.state = EstopState.STATE_CLEAR
        self.run(0.1)

    def stop_estop(self, reason: str = 'button', category: int = 0) -> None:
        if self.estop.state == EstopState.STATE_CLEAR:
            self.estop.stop_id += 1
        self.estop.state, self.estop.reason = EstopState.STATE_STOPPED, reason
        self.estop.category = category
        self.beat()

    # ---- people ---------------------------------------------------------------------------------

    def enable_request(self, **changes: object) -> EnableMotion.Request:
        e = self.gate.epoch
        request = EnableMotion.Request(
            estop_instance_id=e.estop_instance_id,
            stop_id=e.stop_id,
            gate_instance_id=e.gate_instance_id,
            gate_epoch=e.gate_epoch,
        )
        for name, value in changes.items():
            setattr(request, name, value)
        if 'key_proof' not in changes:
            request.key_proof = proof.enable_proof(
                KEY,
                request.estop_instance_id,
                request.stop_id,
                request.gate_instance_id,
                request.gate_epoch,
            )
        return request

    def enable(self, **changes: object) -> str:
        """Return '' or the refusal."""
        return self.gate.enable(self.enable_request(**changes), self.now).message

    def disable(self, *channels: str) -> None:
        self.gate.disable(DisableMotion.Request(channels=list(channels)), self.now)

    def ready(self) -> None:
        """Clear, enabled, and every owner neutral for long enough."""
        self.run(0.2)
        self.clear_estop()
        assert self.enable() == ''
        self.run(0.5)

    def request_stop(self, level: int = StopRequest.LEVEL_STOP, **more: object) -> None:
        request = StopRequest(request_id='r1', source='test', reason='because', level=level)
        for name, value in more.items():
            setattr(request, name, value)
        self.gate.on_stop_request(request, self.now)

    def setpoint(self, channel: str = 'base', **changes: object) -> Setpoint:
        e = self.gate.epoch
        self.seq += 1
        point = Setpoint(
            robot=self.robot.name,
            estop_instance_id=e.estop_instance_id,
            stop_id=e.stop_id,
            gate_instance_id=e.gate_instance_id,
            gate_epoch=e.gate_epoch,
            source='robot_bridge',
            lease_id='goal-1',
            seq=self.seq,
            valid_for_s=0.2,
            channel=channel,
        )
        if channel == 'base':
            point.twist = Twist()
            point.twist.linear.x = 0.5
        for name, value in changes.items():
            setattr(point, name, value)
        return point

    def run_setpoints(self, seconds: float, channel: str = 'base', **changes: object) -> None:
        for n in range(round(seconds / TICK_S)):
            if n % 5 == 0:
                self.gate.on_stop_word_health(True, self.now)
                self.gate.on_setpoint(self.setpoint(channel, **changes), self.now)
            self.step()

    # ---- what is seen ---------------------------------------------------------------------------

    @property
    def state(self) -> GateState:
        return self.gate.state(self.now)

    @property
    def level(self) -> int:
        return self.gate.level

    def why(self, channel: str = 'base') -> str:
        state = self.state
        return str(state.refusing_because[list(state.channels).index(channel)])

    @property
    def moving(self) -> bool:
        return not self.plant.at_standstill

    @property
    def speed(self) -> float:
        return math.hypot(self.plant.base.x, self.plant.base.y)

    def _feedback(self) -> Feedback:
        x, y, yaw = self.plant.pose
        return Feedback(
            received_ns=self.now,
            seq=self._report,
            enabled=self.plant.enabled,
            base=self.plant.base if not self.pushed else BaseVelocity(self.pushed),
            pose=Pose2D('odom', x + self.carried_m, y, yaw, self.pose_std),
            positions=self.plant.positions,
            velocities=self.plant.velocities,
            battery=self.plant.battery,
        )


def copy(state: EstopState) -> EstopState:
    return EstopState(
        **{
            name.lstrip('_'): getattr(state, name)
            for name in EstopState.get_fields_and_field_types()
        }
    )
