"""The base: turn, drive a straight line, go to a place. Closed loops on odometry.

Along a way the speed is that of ``profile.approach``. Across it, a base that cannot go sideways
steers back to the line as in Kanayama et al., "A stable tracking control method for an autonomous
mobile robot" (ICRA 1990), linearised about a straight line: with the heading error ``psi``, the
distance ``e`` to the left of the line and the signed speed ``v`` it turns with
``-K_LINE v e - K_HEADING |v| psi``. Per metre of way that is
``e'' + K_HEADING e' + K_LINE e = 0``, forwards and backwards, critically damped and at rest when
the base is.
"""

from __future__ import annotations

import math

from tektra.commands.command import Command
from tektra.robot_bridge.profile import approach, wrapped
from tektra.robot_bridge.senses import Odometry, Senses
from tektra.robot_bridge.step import Drive, Step
from tektra.robot_gate.drivers.driver import REST, BaseVelocity
from tektra.robots.spec import BASE, AxisSpec, BaseSpec, RobotSpec

K_LINE = 9.0  # 1/m^2: an offset is gone after about a metre
K_HEADING = 2 * math.sqrt(K_LINE)  # 1/m
_WORST_OFF_M = 0.3  # an offset beyond this does not turn the base any farther from the line
_STEERING = 0.5  # of the highest turning speed, at most, while driving
# A holonomic base corrects offset and heading with these rates instead (1/s).
_SIDEWAYS, _UPRIGHT = 1.5, 2.0

SHARES = {'slow': 0.35, 'normal': 0.7, 'fast': 1.0}  # of the highest speed
ANGLE_RAD = math.radians(0.35)
# This part of the way counts as there, within these.
_THERE, _NEAREST_M, _FARTHEST_M = 0.005, 0.003, 0.01
_PLACE_M = 0.02  # of a place; nearer needs no driving
_RANGE_M = 0.1  # is kept free ahead, where the way ahead is measured
_LEAST_SHARE = 0.1
_LEAST_M, _LEAST_RAD = 0.01, math.radians(1.0)  # smallest commands of the vocabulary


def share_of(speed: str, pace: float) -> float:
    """Return the part of the highest speed that is used."""
    return min(1.0, max(_LEAST_SHARE, SHARES[speed] * pace))


class _Base:
    """What the steps of the base share."""

    channels: tuple[str, ...] = (BASE,)
    ends_at_a_stop = False
    stage = 0

    def __init__(self, robot: RobotSpec, speed: str) -> None:
        assert robot.base is not None  # the planner refuses what needs one
        self._robot = robot
        self._limits: BaseSpec = robot.base
        self._speed = speed
        self._whole = self._left = 0.0
        self.asks = False
        self.done = False

    @property
    def left(self) -> float:
        """Return what is left, never negative."""
        return abs(self._left)

    @property
    def progress(self) -> float:
        """Return the part that is done, 0..1."""
        if self.done or not self._whole:
            return 1.0
        return min(1.0, max(0.0, 1.0 - abs(self._left / self._whole)))

    def _arrive(self, senses: Senses) -> Drive:
        """Stand still; the end is when that is measured."""
        self.done = senses.speed(self.channels) <= 1.0
        self.asks = False
        return Drive(REST)


class Turn(_Base):
    """Turns on the spot by an angle (rad, positive to the left), of several turns if need be."""

    unit = 'rad'

    def __init__(self, robot: RobotSpec, angle: float, speed: str = 'normal') -> None:
        super().__init__(robot, speed)
        self._whole = self._left = angle
        self._tolerance = min(ANGLE_RAD, abs(angle) / 4)
        self._yaw = 0.0

    def begin(self, senses: Senses, now_ns: int) -> None:
        """Take the present heading as the start."""
        self._yaw = _pose(senses).yaw

    def tick(self, senses: Senses, pace: float, now_ns: int) -> Drive:
        """Turn on."""
        self._measure(senses)
        if abs(self._left) <= self._tolerance:
            return self._arrive(senses)
        self.asks = True
        creep = self._robot.standstill.angular_rad_s
        share = share_of(self._speed, pace)
        return Drive(BaseVelocity(yaw=approach(self._left, self._limits.angular, share, creep)))

    def remaining(self, senses: Senses) -> Command | None:
        """Return the rest of the turn."""
        self._measure(senses)
        if self.left < _LEAST_RAD:
            return None
        return Command('turn', {'angle': self._left}, {'speed': self._speed})

    def _measure(self, senses: Senses) -> None:
        yaw = _pose(senses).yaw
        self._left -= wrapped(yaw - self._yaw)
        self._yaw = yaw


class Line(_Base):
    """Drives straight from where it is: ``distance`` (m) in the direction ``bearing`` (rad).

    ``bearing`` is relative to the heading of the start: 0 forward, pi backward; any other is for
    bases that go sideways. ``heading``: the line's own, if it is not that of the start.
    """

    unit = 'm'

    def __init__(
        self,
        robot: RobotSpec,
        distance: float,
        speed: str = 'normal',
        *,
        bearing: float = 0.0,
        heading: float | None = None,
        tolerance: float | None = None,
    ) -> None:
        super().__init__(robot, speed)
        self._whole = self._left = distance
        nearest = min(_FARTHEST_M, max(_NEAREST_M, _THERE * distance))
        self._tolerance = min(nearest if tolerance is None else tolerance, distance / 4)
        self._bearing, self._heading = bearing, heading
        self._start = Odometry(0.0, 0.0, 0.0)
        self._axis = _along(self._limits, bearing)

    def begin(self, senses: Senses, now_ns: int) -> None:
        """Take the present pose as the start of the line."""
        self._start = _pose(senses)
        if self._heading is None:
            self._heading = self._start.yaw

    def tick(self, senses: Senses, pace: float, now_ns: int) -> Drive:
        """Drive on."""
        off, turned = self._measure(senses)
        if abs(self._left) <= self._tolerance:
            return self._arrive(senses)
        self.asks = True
        creep = self._robot.standstill.linear_m_s
        speed = approach(self._left, self._axis, share_of(self._speed, pace), creep)
        if self._limits.lateral is None:
            return Drive(self._steered(math.cos(self._bearing) * speed, off, turned, senses))
        return Drive(self._sliding(speed, off, turned, senses))

    def remaining(self, senses: Senses) -> Command | None:
        """Return the rest of the way."""
        self._measure(senses)
        values = {
            'x': self._left * math.cos(self._bearing),
            'y': self._left * math.sin(self._bearing),
        }
        values = {axis: way for axis, way in values.items() if abs(way) >= _LEAST_M}
        return Command('move', values, {'speed': self._speed}) if values else None

    def _measure(self, senses: Senses) -> tuple[float, float]:
        """Return how far it is to the left of the line (m) and turned away from it (rad)."""
        pose, heading = _pose(senses), self._heading or 0.0
        x, y = pose.x - self._start.x, pose.y - self._start.y
        way = heading + self._bearing
        self._left = self._whole - (x * math.cos(way) + y * math.sin(way))
        return y * math.cos(way) - x * math.sin(way), wrapped(pose.yaw - heading)

    def _steered(self, speed: float, off: float, turned: float, senses: Senses) -> BaseVelocity:
        """Return what a differential base does; ``speed`` is negative backwards."""
        if self._bearing:
            off = -off  # to the left of the way is to the right of a base that backs up
        speed = _ahead_free(speed, self._limits.linear, senses)
        off = max(-_WORST_OFF_M, min(_WORST_OFF_M, off))
        most = _STEERING * self._limits.angular.velocity
        turning = -K_LINE * speed * off - K_HEADING * abs(speed) * turned
        return BaseVelocity(speed, 0.0, max(-most, min(most, turning)))

    def _sliding(self, speed: float, off: float, turned: float, senses: Senses) -> BaseVelocity:
        """Return what a base does that goes in all directions; it keeps its heading."""
        most = self._axis.velocity / 4
        across = max(-most, min(most, -_SIDEWAYS * off))
        way = self._bearing - turned  # in the frame of the base as it stands now
        x = speed * math.cos(way) - across * math.sin(way)
        y = speed * math.sin(way) + across * math.cos(way)
        assert self._limits.lateral is not None
        fastest = self._limits.angular.velocity * _STEERING
        return BaseVelocity(
            _ahead_free(_clamped(x, self._limits.linear), self._limits.linear, senses),
            _clamped(y, self._limits.lateral),
            max(-fastest, min(fastest, -_UPRIGHT * turned)),
        )


class GoTo:
    """Drives to a place of the odometry's frame: turns towards it, drives, turns to ``yaw``."""

    channels: tuple[str, ...] = (BASE,)
    unit = 'm'
    ends_at_a_stop = False

    def __init__(
        self, robot: RobotSpec, x: float, y: float, yaw: float | None = None, speed: str = 'normal'
    ) -> None:
        self._robot, self._speed = robot, speed
        self._x, self._y, self._yaw = x, y, yaw
        self._part: Step | None = None
        self._whole = self.left = 0.0
        self.stage = 0
        self.done = False

    def begin(self, senses: Senses, now_ns: int) -> None:
        """Take the distance from the present pose as the whole."""
        pose = _pose(senses)
        self._whole = self.left = math.hypot(self._x - pose.x, self._y - pose.y)
        self._begin_part(senses, now_ns)

    def tick(self, senses: Senses, pace: float, now_ns: int) -> Drive:
        """Go on with the part that is under way, or with the next."""
        here = _pose(senses)
        self.left = math.hypot(self._x - here.x, self._y - here.y)
        if self._part is not None and self._part.done:
            self.stage += 1
            self._begin_part(senses, now_ns)
        return Drive(REST) if self._part is None else self._part.tick(senses, pace, now_ns)

    @property
    def asks(self) -> bool:
        """Return whether the present part asks for motion."""
        return self._part is not None and self._part.asks

    @property
    def progress(self) -> float:
        """Return the part of the way that is done, 0..1."""
        if self.done or not self._whole:
            return 1.0
        return min(1.0, max(0.0, 1.0 - self.left / self._whole))

    def remaining(self, senses: Senses) -> Command | None:
        """Return the same place: it does not depend on where the base is."""
        yaw = {} if self._yaw is None else {'yaw': self._yaw}
        return Command('go_to', {'x': self._x, 'y': self._y, **yaw})

    def _begin_part(self, senses: Senses, now_ns: int) -> None:
        self._part = None
        while self._part is None and self.stage < 3:
            self._part = self._make(_pose(senses))
            self.stage += self._part is None
        self.done = self._part is None
        if self._part is not None:
            self._part.begin(senses, now_ns)

    def _make(self, here: Odometry) -> Step | None:
        """Return the part of the present stage; None: it is not needed."""
        x, y = self._x - here.x, self._y - here.y
        far, towards = math.hypot(x, y), math.atan2(y, x)
        if self.stage == 2:
            return None if self._yaw is None else self._turn(self._yaw - here.yaw)
        if far <= _PLACE_M:
            return None
        if self.stage == 0:
            return self._turn(towards - here.yaw)
        return Line(self._robot, far, self._speed, heading=towards, tolerance=_PLACE_M / 2)

    def _turn(self, angle: float) -> Step | None:
        angle = wrapped(angle)
        return None if abs(angle) <= ANGLE_RAD else Turn(self._robot, angle, self._speed)


def _along(base: BaseSpec, bearing: float) -> AxisSpec:
    """Return the limits in a direction: where no axis goes beyond its own."""
    if base.lateral is None:
        return base.linear
    parts = [
        (axis, abs(part))
        for axis, part in (
            (base.linear, math.cos(bearing)),
            (base.lateral, math.sin(bearing)),
        )
        if abs(part) > 1e-6
    ]
    return AxisSpec(
        *(
            min(getattr(axis, name) / part for axis, part in parts)
            for name in ('velocity', 'acceleration', 'jerk', 'deceleration')
        )
    )


def _ahead_free(speed: float, limits: AxisSpec, senses: Senses) -> float:
    """Return ``speed``, so much slower that it ends before what is measured ahead."""
    ahead = senses.sensors.range_m
    if speed <= 0 or ahead is None:
        return speed
    free = ahead - _RANGE_M
    return min(speed, approach(free, limits, 1.0, 0.0)) if free > 0 else 0.0


def _clamped(speed: float, limits: AxisSpec) -> float:
    return max(-limits.velocity, min(limits.velocity, speed))


def _pose(senses: Senses) -> Odometry:
    assert senses.odometry is not None  # the executor lets nothing run that is not measured
    return senses.odometry
