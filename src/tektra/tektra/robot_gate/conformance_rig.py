"""What the conformance suite of drivers stands on: a timed driver, a small motion, a world."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from tektra.robot_gate.drivers.driver import (
    BaseVelocity,
    Category,
    DriverCommand,
    DriverError,
    Feedback,
    JointTarget,
    RobotDriver,
)
from tektra.robots.spec import BASE, RobotSpec
from tektra.runtime.clock import NS_PER_S

TICK_S = 0.01  # the gate's
CALL_S = 0.005  # no call may take longer
_BASE_M_S = 0.1  # the fastest that the suite drives a base


class CheckFailed(Exception):
    """A driver or robot does not do what it must; ``measured`` is the number that shows it."""

    def __init__(self, text: str, measured: float | None = None, unit: str = '') -> None:
        super().__init__(text)
        self.measured, self.unit = measured, unit


@dataclass(frozen=True)
class Report:
    """What a commander saw last before it was killed. Boot-time clock; place as ``Motion``'s."""

    received_ns: int
    speed: float
    place: tuple[float, float]


class World(Protocol):
    """Time, drivers and other processes: the real ones, or those of a test."""

    def now_ns(self) -> int:
        """Return the boot-time clock."""

    def slept(self) -> int:
        """Return how often this thread has given up the processor by itself."""

    def pause(self, seconds: float) -> None:
        """Let time pass, and what the drivers need in the background be done."""

    def open(self, controller_id: str) -> RobotDriver:
        """Return a new driver of the robot, not yet connected."""

    def release(self, driver: RobotDriver) -> None:
        """Close a driver and what ``open`` made for it."""

    def kill_a_commander(self) -> tuple[Report, int]:
        """Let another process drive the robot, kill -9 it; return its last report and when."""


@dataclass(frozen=True)
class Motion:
    """A slow motion within the robot's limits: its base forwards, or without a base a joint.

    ``speed``: signed, m/s or 1/s. ``start``: where the joint begins (rad or m).
    """

    robot: RobotSpec
    channel: str  # BASE, or the name of a joint
    speed: float
    start: float = 0.0

    def command(self, at_s: float) -> DriverCommand:
        """Return the set-point ``at_s`` seconds after the start."""
        rising_s = abs(self.speed) / self.acceleration
        part = min(1.0, at_s / rising_s)
        if self.channel == BASE:
            return DriverCommand(base=BaseVelocity(x=self.speed * part))
        gone = self.speed * (part * min(at_s, rising_s) / 2 + max(0.0, at_s - rising_s))
        return DriverCommand(
            joints={self.channel: JointTarget(self.start + gone, self.speed * part)}
        )

    def rest(self, said: Feedback) -> DriverCommand:
        """Return the set-point that stops the part where its ramp ends."""
        if self.channel == BASE:
            return DriverCommand(base=BaseVelocity())
        there = said.positions[self.channel] + self.speed_of(said) * self.ramp_s / 2
        return DriverCommand(joints={self.channel: JointTarget(there, 0.0)})

    def speed_of(self, said: Feedback) -> float:
        """Return how fast the part moves along its axis (m/s or 1/s).

        :raises CheckFailed: if the robot does not measure it.
        """
        if self.channel == BASE and said.base is not None:
            return said.base.x
        if self.channel in said.velocities:
            return said.velocities[self.channel]
        raise CheckFailed(f'feedback has no speed of {self.channel}; the gate needs it to stop')

    def place_of(self, said: Feedback) -> tuple[float, float]:
        """Return where the part is: x, y of the base (m), or position of the joint and 0."""
        if self.channel == BASE and said.pose is not None:
            return said.pose.x, said.pose.y
        return said.positions.get(self.channel, math.nan), 0.0

    @property
    def acceleration(self) -> float:
        """Return the configured acceleration (1/s^2)."""
        if self.channel == BASE and self.robot.base:
            return self.robot.base.linear.acceleration
        return self.robot.joints[self.channel].acceleration

    @property
    def deceleration(self) -> float:
        """Return the configured deceleration of a stop (1/s^2)."""
        if self.channel == BASE and self.robot.base:
            return self.robot.base.linear.deceleration
        return self.robot.joints[self.channel].deceleration

    @property
    def ramp_s(self) -> float:
        """Return how long the robot takes from this speed to zero, as configured."""
        return abs(self.speed) / self.deceleration


def plan_motion(robot: RobotSpec, said: Feedback, backwards: bool = False) -> Motion:
    """Return a motion that shows clearly against the standstill limits.

    ``backwards``: of the base. A joint goes towards the middle of its range.
    """
    if robot.base:
        speed = min(max(_BASE_M_S, 3 * robot.standstill.linear_m_s), robot.base.linear.velocity)
        return Motion(robot, BASE, -speed if backwards else speed)
    name, joint = next(iter(robot.joints.items()))
    speed = min(joint.velocity, max(0.1 * joint.velocity, 4 * robot.standstill.joint_per_s))
    start = said.positions.get(name, 0.0)
    return Motion(robot, name, math.copysign(speed, joint.lower + joint.upper - 2 * start), start)


def still(robot: RobotSpec, said: Feedback) -> bool:
    """Return whether everything that is measured is below the robot's standstill limits."""
    limits, base = robot.standstill, said.base or BaseVelocity()
    return (
        math.hypot(base.x, base.y) <= limits.linear_m_s
        and abs(base.yaw) <= limits.angular_rad_s
        and all(abs(speed) <= limits.joint_per_s for speed in said.velocities.values())
    )


class Rig:
    """One driver that is called as the gate calls it, with every call timed."""

    def __init__(self, robot: RobotSpec, world: World) -> None:
        self.robot, self.world = robot, world
        self.slow: dict[str, list[float]] = {}  # s, of calls that waited for longer than CALL_S
        self.calls: Counter[str] = Counter()
        self.worst: tuple[str, float] = ('none', 0.0)
        self.gaps_s: list[float] = []  # between reports
        self.last: Feedback | None = None
        self.wrote_ns = 0  # newest set-point
        self._driver: RobotDriver | None = None
        self._backwards = False

    @property
    def driver(self) -> RobotDriver:
        """Return the driver under test; open one first."""
        if self._driver is None:
            raise RuntimeError('no driver is open')
        return self._driver

    @property
    def said(self) -> Feedback:
        """Return the newest report.

        :raises CheckFailed: if there is none.
        """
        if self.last is None:
            raise CheckFailed('the robot has reported nothing')
        return self.last

    def open(self, controller_id: str) -> None:
        """Open and begin to connect a new driver."""
        self._driver, self.last = self.world.open(controller_id), None
        self.call('connect', self._driver.connect)

    def close(self) -> None:
        """Let go of the driver, if there is one."""
        driver, self._driver = self._driver, None
        if driver is not None:
            self.world.release(driver)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Time a call; that of a thread which was only pushed aside by others does not count."""
        slept, begun = self.world.slept(), self.world.now_ns()
        try:
            yield
        finally:
            took_s = (self.world.now_ns() - begun) / NS_PER_S
            waited = self.world.slept() > slept
            if took_s > self.worst[1] and (waited or took_s <= CALL_S):
                self.worst = name, took_s
            self.calls[name] += 1
            if took_s > CALL_S and waited:
                self.slow.setdefault(name, []).append(took_s)

    def call(self, name: str, method: Callable[[int], None]) -> None:
        """Call a method that takes only the time."""
        with self.timed(name):
            method(self.world.now_ns())

    def write(self, command: DriverCommand) -> None:
        """Write a set-point."""
        with self.timed('write'):
            self.wrote_ns = self.world.now_ns()
            self.driver.write(command, self.wrote_ns)

    def tick(self, command: DriverCommand | None = None) -> None:
        """Do what the gate does in one tick: read, write if there is something, wait."""
        with self.timed('read'):
            said = self.driver.read(self.world.now_ns())
        if said is not None and (self.last is None or said.seq != self.last.seq):
            if self.last is not None:
                self.gaps_s.append((said.received_ns - self.last.received_ns) / NS_PER_S)
            self.last = said
        if command is not None:
            self.write(command)
        self.world.pause(TICK_S)

    def until(
        self, done: Callable[[], bool], limit_s: float, command: DriverCommand | None = None
    ) -> float | None:
        """Tick, with ``command``, until ``done()``; return the seconds, None after ``limit_s``."""
        begun = self.world.now_ns()
        while not done():
            if (self.world.now_ns() - begun) / NS_PER_S >= limit_s:
                return None
            self.tick(command)
        return (self.world.now_ns() - begun) / NS_PER_S

    def wait(self, seconds: float) -> None:
        """Only read for so long."""
        self.until(lambda: False, seconds)

    def still(self) -> bool:
        """Return whether the newest report says so."""
        return still(self.robot, self.said)

    def connect(self, controller_id: str, limit_s: float = 5.0) -> float:
        """Open a driver and wait until it is connected and reports; return the seconds.

        :raises CheckFailed: if that takes longer than ``limit_s``.
        """
        self.open(controller_id)
        took_s = self.until(lambda: self.driver.connected and self.last is not None, limit_s)
        if took_s is None:
            rival = self.driver.rival()
            raise CheckFailed(
                f'not connected and reporting within {limit_s:g} s'
                f'{f" ({rival})" if rival else ""}; is the robot on, and nobody else in control?'
            )
        return took_s

    def enable(self, limit_s: float = 1.0) -> float:
        """Enable at standstill and wait until the robot says that it is; return the seconds.

        :raises CheckFailed: if it refuses, or says nothing in time.
        """
        self.until(self.still, 2.0)
        # A controller that was killed is a rival until discovery forgets it, after 20 s.
        self.until(lambda: not self.driver.rival(), 25.0)
        try:
            self.call('enable', self.driver.enable)
        except DriverError as error:
            raise CheckFailed(f'enable is refused: {error}') from error
        took_s = self.until(lambda: self.said.enabled, limit_s)
        if took_s is None:
            why = f': {self.said.fault}' if self.said.fault else ''
            raise CheckFailed(f'not enabled within {limit_s:g} s{why}')
        return took_s

    def move(self, seconds: float) -> Motion:
        """Drive a small motion for so long, at its speed in the end, and return it.

        The base goes to and fro in turn, so that it stays where it is.

        :raises CheckFailed: if the robot does not move so.
        """
        # Also where power is kept: a stop is latched until the next enable.
        self.enable()
        motion = plan_motion(self.robot, self.said, self._backwards)
        self._backwards = not self._backwards
        begun = self.world.now_ns()
        while (gone_s := (self.world.now_ns() - begun) / NS_PER_S) < seconds:
            self.tick(motion.command(gone_s))
        speed = motion.speed_of(self.said)
        if not 0.5 <= speed / motion.speed <= 1.5:
            why = f' ({self.said.fault})' if self.said.fault else ''
            raise CheckFailed(
                f'asked for {motion.speed:.3f} of {motion.channel}, it moves with '
                f'{speed:.3f}{why}',
                speed,
                '1/s',
            )
        return motion

    def settle(self, what: str, since_ns: int, limit_s: float) -> float:
        """Wait for standstill; return the seconds since ``since_ns`` until it was reported.

        :raises CheckFailed: naming ``what``, if it takes longer than ``limit_s``.
        """
        if self.until(self.still, limit_s + 2.0) is None:
            raise CheckFailed(f'{what}: still moving after {limit_s + 2.0:.3f} s')
        took_s = max(0.0, (self.said.received_ns - since_ns) / NS_PER_S)
        if took_s > limit_s:
            raise CheckFailed(
                f'{what}: standstill after {took_s:.3f} s, later than {limit_s:.3f} s', took_s, 's'
            )
        return took_s

    def make_safe(self) -> None:
        """Stop and power off, whatever state things are in, and let go."""
        if self._driver is None:
            return
        # What cannot be reached stops by its time-out; whatever a driver raises, it is let go.
        with suppress(Exception):
            self._driver.stop(Category.CONTROLLED, self.world.now_ns())
        with suppress(Exception):
            self._driver.disable(self.world.now_ns())
        self.close()

    @property
    def period_s(self) -> float:
        """Return the usual time between two reports (s): the median."""
        gaps = sorted(self.gaps_s)
        return gaps[len(gaps) // 2] if gaps else TICK_S
