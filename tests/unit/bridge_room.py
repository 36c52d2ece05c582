"""The room of the gate with an executor in it: what it asks goes through the real gate."""

from __future__ import annotations

import functools
import math

from description_files import tek as tek_kinematics
from gate_room import TEK, Room
from tektra_msgs.msg import Setpoint

from tektra.commands.command import Command
from tektra.commands.motions import Motion, read_motion
from tektra.commands.vocabulary import Vocabulary, read_vocabulary
from tektra.robot_bridge.core import Executor
from tektra.robot_bridge.outcome import Outcome, Result
from tektra.robot_bridge.senses import Odometry, Sensors
from tektra.robot_gate.owners import Epoch
from tektra.robots.spec import RobotSpec

CONFIG = TEK.parents[1]


@functools.cache
def vocabulary() -> Vocabulary:
    files = sorted((CONFIG / 'motions').glob('*.yaml'))
    return read_vocabulary(CONFIG / 'commands.yaml', [path.stem for path in files])


@functools.cache
def motion(name: str) -> Motion:
    return read_motion(CONFIG / 'motions' / f'{name}.yaml')


def move(x: float = 0.0, y: float = 0.0, speed: str = 'normal') -> Command:
    values = {axis: value for axis, value in (('x', x), ('y', y)) if value}
    return Command('move', values, {'speed': speed})


def turn(degrees: float) -> Command:
    return Command('turn', {'angle': math.radians(degrees)})


def asks(point: Setpoint) -> bool:
    """Return whether a set-point asks for motion."""
    twist = point.twist
    return bool(twist.linear.x or twist.linear.y or twist.angular.z or point.joint_names)


def epoch_of(point: Setpoint) -> Epoch:
    return Epoch(point.estop_instance_id, point.stop_id, point.gate_instance_id, point.gate_epoch)


class BridgeRoom(Room):
    """`renews`: the requester lives; `measures`: odometry and joint states come."""

    def __init__(self, robot: RobotSpec | None = None, *, kinematics: bool = True) -> None:
        super().__init__(robot)
        self.executor = Executor(
            self.robot, vocabulary(), tek_kinematics() if kinematics else None, motion
        )
        self.renews = self.measures = self.gate_speaks = self.hears = True
        self.battery: float | None = 0.8
        self.bumper: bool | None = False
        self.range_m: float | None = None
        self.results: list[Result] = []
        self.sent: list[tuple[int, Setpoint]] = []
        self.void: list[Setpoint] = []  # of an epoch that the executor knew to be over
        self.late: list[Setpoint] = []  # that ask for motion after their goal was over
        self.goal = ''
        self.frame = 'odom'
        self._ticks = self._goals = 0
        self._heard_epoch = self._told_epoch = self.gate.epoch

    def step(self) -> None:
        super().step()
        self._ticks += 1
        if self._ticks % 20 == 1 and self.hears:
            self.gate.on_stop_word_health(True, self.now)
        if self.measures:
            self._measure()
        fresh = self.gate.epoch != self._heard_epoch
        if self.gate_speaks and (fresh or self._ticks % 5 == 0):
            self._heard_epoch = self.gate.epoch
            self.tell_gate_state()
        if self.renews and self._ticks % 10 == 0:
            self.executor.renew(self.goal, self.now)
        if self._ticks % 2 == 0:
            self.bridge_tick()

    def tell_gate_state(self) -> None:
        self._told_epoch = self.gate.epoch
        self.executor.on_gate_state(self.state, self.now)

    def bridge_tick(self) -> None:
        for point in self.executor.tick(self.now):
            self.sent.append((self.now, point))
            if epoch_of(point) != self._told_epoch:
                self.void.append(point)
            if asks(point) and any(point.lease_id.startswith(f'{g}/') for g in self.over):
                self.late.append(point)
            self.gate.on_setpoint(point, self.now)
        self.results += self.executor.take_results()

    def _measure(self) -> None:
        x, y, yaw = self.plant.pose
        base = self.plant.base
        self.executor.on_odometry(
            Odometry(x, y, yaw, base.x, base.y, base.yaw, self.frame), self.now
        )
        self.executor.on_joints(self.plant.positions, self.plant.velocities, self.now)
        self.executor.on_sensors(Sensors(self.battery, self.bumper, self.range_m))

    # ---- people ---------------------------------------------------------------------------------

    def ask(self, *commands: Command, goal: str = '') -> str:
        """Return '' or the sentence of the refusal."""
        self._goals += 1
        self._told_epoch = self.gate.epoch
        goal = goal or f'goal-{self._goals}'
        answer = self.executor.accept(goal, commands, self.state, self.now)
        if not answer:
            self.goal = goal
        self.results += self.executor.take_results()
        return answer

    def until_over(self, most_s: float = 60.0) -> Result:
        """Go on until the goal that was asked for has ended, and the robot rests."""
        for _ in range(round(most_s * 100)):
            if any(result.goal_id == self.goal for result in self.results):
                break
            self.step()
        found = [result for result in self.results if result.goal_id == self.goal]
        assert found, f'still at it: {self.executor.progress}'
        self.run(0.3)
        return found[0]

    def do(self, *commands: Command, most_s: float = 60.0) -> Result:
        assert self.ask(*commands) == ''
        return self.until_over(most_s)

    def done(self, *commands: Command, most_s: float = 60.0) -> Result:
        result = self.do(*commands, most_s=most_s)
        assert result.outcome is Outcome.DONE, result
        return result

    @property
    def over(self) -> set[str]:
        """Return the goals that have ended."""
        return {result.goal_id for result in self.results}

    # ---- what is seen ---------------------------------------------------------------------------

    @property
    def yaw_deg(self) -> float:
        return math.degrees(self.plant.pose[2])

    def wild(self) -> list[str]:
        """Return every set-point that asks for what the robot's file does not allow."""
        found, base = [], self.robot.base
        axes = (base.linear, base.lateral, base.angular) if base else (None, None, None)
        most = [axis.velocity if axis else 0.0 for axis in axes]
        for _, point in self.sent:
            twist = (point.twist.linear.x, point.twist.linear.y, point.twist.angular.z)
            if any(abs(speed) > limit for speed, limit in zip(twist, most, strict=True)):
                found.append(f'base {twist}')
            for name, at, speed in zip(
                point.joint_names, point.positions, point.velocities, strict=True
            ):
                limits = self.robot.joints[name]
                if not (limits.lower <= at <= limits.upper and abs(speed) <= limits.velocity):
                    found.append(f'{name} {at:.3f} {speed:.3f}')
        return found
