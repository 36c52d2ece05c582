"""The physics of a simulated robot: a base with inertia in a room, joints, and a battery.

Pure and deterministic: the same commands and steps give the same motion. It has no time-out and
no rules of its own; those are the firmware's (the emulator), so that the plant shows what the
firmware lets through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tektra.robot_gate.drivers.driver import BaseVelocity
from tektra.robots.spec import BASE, AxisSpec, JointSpec, RobotSpec

ROBOT_RADIUS_M = 0.25
ROOM_SIDE_M = 12.0  # a square room centred at the origin
LONGEST_STEP_S = 10.0  # a longer one is a mistake of the caller
_SUBSTEP_S = 0.005  # longer steps are taken in parts, so that their length hardly matters

# A small geared DC drive with its speed controller follows a set-point with about this lag.
_MOTOR_LAG_S = 0.02
# What the drives can do beyond the limits of the set-points, so that they follow a stop ramp.
_MARGIN = 1.5
# Without power friction slows the base with this part of the deceleration of a stop; joints have
# a brake and stop with all of it.
_COAST = 0.6
_SERVO_PER_S = 15.0  # position gain of the joints
_STILL = 1e-4  # m/s or rad/s: closer than this to its set-point a drive has reached it

# Time to empty: switched off, switched on, and with everything moving.
_OFF_S, _ON_S, _MOVING_S = 48 * 3600.0, 8 * 3600.0, 2 * 3600.0


def _towards(value: float, target: float, most: float) -> float:
    """Return ``value`` moved to ``target`` by at most ``most``."""
    return value + max(-most, min(most, target - value))


@dataclass
class _Axis:
    """One axis of the base: speed follows the set-point with a lag and limited acceleration."""

    spec: AxisSpec | None  # None: this axis does not exist
    speed: float = 0.0
    target: float = 0.0

    def step(self, powered: bool, dt_s: float) -> None:
        if self.spec is None:
            return
        if not powered:
            self.speed = _towards(self.speed, 0.0, _COAST * self.spec.deceleration * dt_s)
            return
        most = _MARGIN * max(self.spec.acceleration, self.spec.deceleration) * dt_s
        lagged = self.speed + (self.target - self.speed) * -math.expm1(-dt_s / _MOTOR_LAG_S)
        if abs(self.target - lagged) < _STILL:
            lagged = self.target
        self.speed = _towards(self.speed, lagged, most)


@dataclass
class _Joint:
    """One joint: a position servo within the joint's velocity, acceleration and range."""

    spec: JointSpec
    position: float
    speed: float = 0.0
    goal: tuple[float, float] | None = None  # position, velocity; None: stop and hold

    def step(self, powered: bool, dt_s: float) -> None:
        strongest = _MARGIN * max(self.spec.acceleration, self.spec.deceleration)
        most = strongest if powered else self.spec.deceleration
        wanted = self._wanted(strongest) if powered else 0.0
        self.speed = _towards(self.speed, wanted, most * dt_s)
        moved = self.position + self.speed * dt_s
        self.position = max(self.spec.lower, min(self.spec.upper, moved))
        if self.position != moved:  # an end stop
            self.speed = 0.0

    def _wanted(self, strongest: float) -> float:
        """Return the speed: what was asked for, and so much more that the position is reached."""
        if self.goal is None:
            return 0.0
        position, velocity = self.goal
        error = position - self.position
        # Not faster than it can still stop at the goal (v^2 = 2 a s).
        closing = min(_SERVO_PER_S * abs(error), math.sqrt(strongest * abs(error)))
        wanted = velocity + math.copysign(closing, error)
        if abs(wanted) < _STILL and abs(error) < _STILL:
            return 0.0
        return max(-self.spec.velocity, min(self.spec.velocity, wanted))


class Plant:
    """One simulated robot at rest in the middle of its room, without power.

    ``room_m``: side of the room (m); ``battery``: what is left at the start (0..1). ``runaway``
    is a fault for tests: once commanded to move, the drives ignore zero and every brake until
    power is taken (motion after zero).
    """

    def __init__(
        self,
        robot: RobotSpec,
        *,
        room_m: float = ROOM_SIDE_M,
        battery: float = 1.0,
        runaway: bool = False,
    ) -> None:
        if not 0 <= battery <= 1:
            raise ValueError(f'battery {battery} is outside 0..1')
        if not (math.isfinite(room_m) and room_m > 2 * ROBOT_RADIUS_M):
            raise ValueError(f'room of {room_m} m does not hold a robot; it needs more than 0.5 m')
        self._robot = robot
        self._reach_m = room_m / 2 - ROBOT_RADIUS_M
        self._runaway = runaway
        base = robot.base
        self._axes = (
            _Axis(base.linear if base else None),
            _Axis(base.lateral if base else None),
            _Axis(base.angular if base else None),
        )
        self._joints = {
            name: _Joint(spec, max(spec.lower, min(spec.upper, 0.0)))
            for name, spec in robot.joints.items()
        }
        self._x = self._y = self._yaw = 0.0
        self._enabled = False
        self._bumper = False
        self._battery = battery

    def enable(self) -> None:
        """Give power to the drives, with everything told to stand still.

        An empty battery gives none: ``enabled`` tells.
        """
        self._forget()
        self._enabled = self._battery > 0

    def disable(self) -> None:
        """Take power from the drives: the base coasts, the joints are held by their brakes."""
        self._enabled = False
        self._forget()

    def command_base(self, x: float, y: float, yaw: float) -> None:
        """Set the speed (m/s, m/s, rad/s in the base's frame); beyond its limits it saturates.

        Without power it is ignored.

        :raises ValueError: if a value is not finite, or the base cannot move so.
        """
        values = (_finite('x', x), _finite('y', y), _finite('yaw', yaw))
        if self._robot.base is None:
            raise ValueError(f'{self._robot.name} has no {BASE}; send joints only')
        if y and self._robot.base.lateral is None:
            raise ValueError(f'base of {self._robot.name} cannot move sideways; y must be 0')
        if not self._enabled or (self._runaway and not any(values)):
            return
        for axis, value in zip(self._axes, values, strict=True):
            if axis.spec is not None:
                axis.target = max(-axis.spec.velocity, min(axis.spec.velocity, value))

    def command_joint(self, name: str, position: float, velocity: float) -> None:
        """Set where a joint shall be (rad or m) and its speed there now (1/s); it saturates.

        Without power it is ignored.

        :raises ValueError: if a value is not finite, or there is no such joint.
        """
        joint = self._joints.get(name)
        if joint is None:
            raise ValueError(f"{self._robot.name} has no joint '{name}'")
        goal = _finite(f'{name}: position', position), _finite(f'{name}: velocity', velocity)
        if self._enabled:
            spec = joint.spec
            joint.goal = (
                max(spec.lower, min(spec.upper, goal[0])),
                max(-spec.velocity, min(spec.velocity, goal[1])),
            )

    def brake(self) -> None:
        """Stop everything with the drives' own strength and hold it; power is kept."""
        if not self._runaway:
            self._forget()

    def step(self, dt_s: float) -> None:
        """Let ``dt_s`` seconds pass.

        :raises ValueError: if it is negative, not finite or longer than ``LONGEST_STEP_S``.
        """
        if not 0 <= _finite('dt_s', dt_s) <= LONGEST_STEP_S:
            raise ValueError(f'dt_s {dt_s:g} is outside 0..{LONGEST_STEP_S:g} s; step in parts')
        parts = math.ceil(dt_s / _SUBSTEP_S)
        for _ in range(parts):
            self._substep(dt_s / parts)

    @property
    def enabled(self) -> bool:
        """Return whether the drives have power."""
        return self._enabled

    @property
    def base(self) -> BaseVelocity:
        """Return how the base moves, in its own frame (m/s, rad/s)."""
        return BaseVelocity(*(axis.speed for axis in self._axes))

    @property
    def pose(self) -> tuple[float, float, float]:
        """Return x, y (m) and yaw (rad, -pi to pi) in the room."""
        return self._x, self._y, self._yaw

    @property
    def positions(self) -> dict[str, float]:
        """Return where each joint is (rad or m)."""
        return {name: joint.position for name, joint in self._joints.items()}

    @property
    def velocities(self) -> dict[str, float]:
        """Return how fast each joint moves (rad/s or m/s)."""
        return {name: joint.speed for name, joint in self._joints.items()}

    @property
    def battery(self) -> float:
        """Return what is left, 0..1."""
        return self._battery

    @property
    def bumper(self) -> bool:
        """Return whether the base touches a wall."""
        return self._bumper

    @property
    def range_m(self) -> float:
        """Return the free way straight ahead of the base, to the wall (m)."""
        ways = []
        for at, along in ((self._x, math.cos(self._yaw)), (self._y, math.sin(self._yaw))):
            if abs(along) > 1e-9:
                ways.append((math.copysign(self._reach_m + ROBOT_RADIUS_M, along) - at) / along)
        return max(0.0, min(ways) - ROBOT_RADIUS_M)

    @property
    def at_standstill(self) -> bool:
        """Return whether every speed is below the robot's ``standstill`` limits."""
        still = self._robot.standstill
        forward, sideways, turn = self._axes
        return (
            math.hypot(forward.speed, sideways.speed) <= still.linear_m_s
            and abs(turn.speed) <= still.angular_rad_s
            and all(abs(joint.speed) <= still.joint_per_s for joint in self._joints.values())
        )

    def _forget(self) -> None:
        for axis in self._axes:
            axis.target = 0.0
        for joint in self._joints.values():
            joint.goal = None

    def _substep(self, dt_s: float) -> None:
        for axis in self._axes:
            axis.step(self._enabled, dt_s)
        for joint in self._joints.values():
            joint.step(self._enabled, dt_s)
        self._drive(dt_s)
        self._drain(dt_s)

    def _drive(self, dt_s: float) -> None:
        forward, sideways, turn = self._axes
        # Along the mean direction of the step: an arc to second order.
        heading = self._yaw + turn.speed * dt_s / 2
        along = (math.cos(heading), math.sin(heading))
        x = self._x + (forward.speed * along[0] - sideways.speed * along[1]) * dt_s
        y = self._y + (forward.speed * along[1] + sideways.speed * along[0]) * dt_s
        self._x = max(-self._reach_m, min(self._reach_m, x))
        self._y = max(-self._reach_m, min(self._reach_m, y))
        yaw = self._yaw + turn.speed * dt_s
        self._yaw = math.atan2(math.sin(yaw), math.cos(yaw))
        if (x, y) != (self._x, self._y):  # against a wall the wheels stall
            forward.speed = sideways.speed = 0.0
        self._bumper = self._reach_m <= max(abs(self._x), abs(self._y))

    def _drain(self, dt_s: float) -> None:
        empty_s = _OFF_S
        if self._enabled:
            empty_s = _ON_S if self.at_standstill else _MOVING_S
        self._battery = max(0.0, self._battery - dt_s / empty_s)
        if self._enabled and self._battery == 0:
            self.disable()


def _finite(name: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f'{name} is {value}; it must be a finite number')
    return float(value)
