"""A robot side and its driver in simulated time, each with faults to be found."""

import math

from tektra.robot_gate.conformance_rig import Report, Rig
from tektra.robot_gate.drivers.driver import (
    BaseVelocity,
    Category,
    DriverCommand,
    DriverError,
    Feedback,
    Pose2D,
)
from tektra.robot_side.plant import Plant
from tektra.runtime.clock import NS_PER_S, ManualClock

STEP_S = 0.005
LEASE_S = 0.3  # a controller that is not heard for so long has lost the robot


class Side:
    """A robot that obeys one controller and stops by itself, but for its ``faults``."""

    timeout_s = 0.2

    def __init__(self, robot, clock, faults):
        self.plant, self.clock, self.faults = Plant(robot), clock, faults
        self.owner, self.heard_ns, self.commanded_ns = '', 0, None
        self.seq, self.reported = 0, None
        self.robot, self.last = robot, DriverCommand()

    def grant(self, controller_id):
        now = self.clock.now_ns()
        free = self.owner in ('', controller_id) or now - self.heard_ns > LEASE_S * NS_PER_S
        if free or 'steals' in self.faults:
            if self.owner != controller_id and 'resumes' not in self.faults:
                self.plant.disable()
            self.owner, self.heard_ns = controller_id, now
        return self.owner == controller_id

    def take(self, command):
        if 'unpowered' in self.faults:
            self.plant.enable()
        sign = -1.0 if 'reversed' in self.faults else 1.0
        base = command.base
        if base is not None and math.isfinite(base.x) and math.isfinite(base.yaw):
            self.plant.command_base(sign * base.x, base.y, base.yaw)
        for name, target in command.joints.items():
            if math.isfinite(target.position) and math.isfinite(target.velocity):
                self.plant.command_joint(name, target.position, target.velocity)
        self.commanded_ns, self.last = self.clock.now_ns(), command

    def enable(self):
        self.plant.enable()
        if 'remembers' in self.faults and self.last.base:
            self.plant.command_base(self.last.base.x, 0.0, 0.0)

    def stop(self, category):
        self.plant.brake()
        self.commanded_ns = None
        wrong = f'category {category.value}' in self.faults
        if (category is Category.HOLDING) == wrong:
            self.plant.disable()

    def step(self):
        now = self.clock.now_ns()
        patience_s = 0.6 if 'patient' in self.faults else self.timeout_s
        endless = 'host timeout' in self.faults
        silent = self.commanded_ns is not None and now - self.commanded_ns >= patience_s * NS_PER_S
        if silent and not endless:
            self.plant.brake()
            self.commanded_ns = None
        self.plant.step(STEP_S)
        period_s = 0.4 if 'quiet' in self.faults else 0.02
        if self.reported is None or now - self.reported.received_ns >= period_s * NS_PER_S:
            self._report(now)

    def _report(self, now):
        self.seq += 1
        base = self.plant.base if self.robot.base and 'speedless' not in self.faults else None
        self.reported = Feedback(
            received_ns=now,
            seq=self.seq,
            enabled=self.plant.enabled,
            base=base,
            pose=Pose2D('odom', *self.plant.pose) if self.robot.base else None,
            positions=self.plant.positions,
            velocities=self.plant.velocities,
        )


class SideDriver:
    """Drives a ``Side`` in the same process."""

    name, simulated = 'side', True

    def __init__(self, side, controller_id, world):
        self.side, self.id, self.world = side, controller_id, world
        self.joining = self.connected = False
        self.commanded_ns, self.repeated = None, None
        self.faults = side.faults

    def connect(self, now_ns):
        self.joining = 'absent' not in self.faults
        if 'blocks' in self.faults:
            self.world.block(0.05)

    @property
    def timeout_s(self):
        return -1.0 if 'undeclared' in self.faults else self.side.timeout_s

    def read(self, now_ns):
        self.connected = self.joining and self.side.grant(self.id)
        if not self.connected:
            return None
        self.side.heard_ns = now_ns
        if 'repeats' in self.faults and self.repeated and self.side.plant.enabled:
            self.side.take(self.repeated)
        if 'host timeout' in self.faults and self.commanded_ns is not None:
            if now_ns - self.commanded_ns >= 0.2 * NS_PER_S:
                self.side.take(DriverCommand(base=BaseVelocity()))
        return self.side.reported

    def enable(self, now_ns):
        if not self.connected:
            raise DriverError('somebody else has the robot')
        self.repeated = None
        self.side.enable()

    def write(self, command, now_ns):
        targets = [one for t in command.joints.values() for one in (t.position, t.velocity)]
        base = command.base or BaseVelocity()
        numbers = [base.x, base.y, base.yaw, command.valid_for_s, *targets]
        if 'credulous' not in self.faults and not all(map(math.isfinite, numbers)):
            raise DriverError('not finite')
        if 'breaks' in self.faults and self.side.plant.enabled:
            raise KeyError('joints')
        if self.connected:
            self.commanded_ns, self.repeated = now_ns, command
            self.side.take(command)

    def stop(self, category, now_ns):
        self.commanded_ns = self.repeated = None
        if self.connected:
            self.side.stop(category)

    def disable(self, now_ns):
        self.commanded_ns = self.repeated = None
        if self.connected and 'undisabled' not in self.faults:
            self.side.plant.disable()

    def rival(self):
        return ''

    def close(self):
        if self.connected and 'resumes' not in self.faults:
            self.side.plant.disable()
        if self.connected:
            self.side.owner = ''
        self.joining = self.connected = False


class SimulatedWorld:
    """Time that passes only when the suite pauses, or when a driver blocks."""

    def __init__(self, robot, faults=()):
        self.robot = robot
        self.clock = ManualClock(NS_PER_S)
        self.side = Side(robot, self.clock, frozenset(faults))
        self._blocked = 0

    def now_ns(self):
        return self.clock.now_ns()

    def slept(self):
        return self._blocked

    def block(self, seconds):
        self._blocked += 1
        self.pause(seconds)

    def pause(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.clock.advance(STEP_S)
            self.side.step()

    def open(self, controller_id):
        return SideDriver(self.side, controller_id, self)

    def release(self, driver):
        driver.close()

    def kill_a_commander(self):
        """Drive with a second rig, and never call its driver again."""
        rig = Rig(self.robot, self)
        rig.connect('commander')
        motion = rig.move(0.5)
        said = rig.said
        report = Report(said.received_ns, motion.speed_of(said), motion.place_of(said))
        return report, self.now_ns()
