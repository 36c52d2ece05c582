"""The set-points that leave the gate: every channel follows its owner, or comes to rest."""

from __future__ import annotations

import math

from tektra.robot_gate.drivers.driver import BaseVelocity, DriverCommand, Feedback, JointTarget
from tektra.robot_gate.owners import Ask
from tektra.robot_gate.shaper import AxisShaper, JointShaper
from tektra.robots.spec import BASE, AxisSpec, RobotSpec


def _axis(limits: AxisSpec) -> AxisShaper:
    return AxisShaper(limits.velocity, limits.acceleration, limits.jerk, limits.deceleration)


class Body:
    """What is commanded now of base and joints."""

    def __init__(self, robot: RobotSpec) -> None:
        self._robot = robot
        base = robot.base
        self._x = _axis(base.linear) if base else None
        self._y = _axis(base.lateral) if base and base.lateral else None
        self._yaw = _axis(base.angular) if base else None
        self._joints = {
            name: JointShaper(
                joint.lower,
                joint.upper,
                joint.velocity,
                joint.acceleration,
                joint.jerk,
                joint.deceleration,
            )
            for name, joint in robot.joints.items()
        }
        self._of = {channel: robot.joints_of(channel) for channel in robot.channels}

    def start(self, channel: str, feedback: Feedback) -> None:
        """Begin at what is measured: nothing moves."""
        if channel == BASE:
            for axis in (self._x, self._y, self._yaw):
                if axis is not None:
                    axis.reset()
        for name in self._of[channel]:
            self._joints[name].start(feedback.positions[name])

    def missing(self, channel: str, feedback: Feedback) -> str:
        """Return a joint of which the position is not measured; empty: there is none."""
        names = self._of[channel]
        return next((n for n in names if not math.isfinite(_position(feedback, n))), '')

    def follow(self, channel: str, ask: Ask, cap: float, cap_now: float, dt_s: float) -> None:
        """Go on towards what is asked.

        ``cap``: highest speed of the base along the ground where it is asked to go; ``cap_now``:
        where it goes now.
        """
        if channel == BASE:
            self._follow_base(ask.base, cap, cap_now, dt_s)
            return
        # What the newest set-point does not name is not commanded, whatever one before it said.
        for name in self._of[channel]:
            target = ask.joints.get(name)
            if target is None:
                self._joints[name].brake(dt_s)
            else:
                self._joints[name].follow(target.position, target.velocity, dt_s)

    def brake(self, channel: str, dt_s: float) -> None:
        """Come to rest as a stop does."""
        if channel == BASE:
            for axis in (self._x, self._y, self._yaw):
                if axis is not None:
                    axis.brake(dt_s)
        for name in self._of[channel]:
            self._joints[name].brake(dt_s)

    def at_rest(self, channel: str) -> bool:
        """Return whether nothing but standing still is commanded of a channel."""
        if channel == BASE:
            return not self.base().moving()
        return all(self._joints[name].velocity == 0.0 for name in self._of[channel])

    def base(self) -> BaseVelocity:
        """Return what is commanded of the base."""
        return BaseVelocity(_speed(self._x), _speed(self._y), _speed(self._yaw))

    def command(self, channels: tuple[str, ...], valid_for_s: float) -> DriverCommand:
        """Return the set-point of ``channels``."""
        joints = {
            name: JointTarget(self._joints[name].position, self._joints[name].velocity)
            for channel in channels
            for name in self._of[channel]
        }
        return DriverCommand(self.base() if BASE in channels else None, joints, valid_for_s)

    def _follow_base(self, asked: BaseVelocity, cap: float, cap_now: float, dt_s: float) -> None:
        speed = math.hypot(asked.x, asked.y)
        share = 1.0 if speed <= cap else cap / speed
        now = self.base()
        too_fast = math.hypot(now.x, now.y) > cap_now
        for axis, target in ((self._x, asked.x * share), (self._y, asked.y * share)):
            if axis is None:
                continue
            if too_fast or (share < 1.0 and abs(axis.velocity) > abs(target)):
                axis.brake(dt_s)  # the border does not wait for the jerk limit
            else:
                axis.follow(target, dt_s)
        if self._yaw is not None:
            self._yaw.follow(asked.yaw, dt_s)


def _speed(axis: AxisShaper | None) -> float:
    return 0.0 if axis is None else axis.velocity


def _position(feedback: Feedback, name: str) -> float:
    return feedback.positions.get(name, math.nan)
