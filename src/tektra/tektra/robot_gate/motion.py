"""Whether the robot really moves: standstill by measurement, and motion that nobody commands."""

from __future__ import annotations

import math
from collections.abc import Iterable

from tektra.robot_gate.drivers.driver import Feedback
from tektra.robots.spec import BASE, RobotSpec

STALE_S = 0.3  # an older report of the robot says nothing about now
# After zero is commanded inertia may carry on for so long before motion is uncontrolled ...
GRACE_S = 0.5
# ... and it must be seen for so long, and be so much more than what counts as standing still.
SEEN_S = 0.1
CLEARLY = 2.0
# Measured against the limit: a controller overshoots a little.
OVERSPEED = 1.3
OVERSPEED_SLACK = 0.1  # m/s or rad/s
OUT_OF_RANGE = 0.05  # rad or m beyond a joint's limit
_S = 1e-9


class MotionMonitor:
    """Watches one channel."""

    def __init__(self, robot: RobotSpec, channel: str) -> None:
        self._robot = robot
        self._channel = channel
        self._joints = robot.joints_of(channel)
        self._still_from_ns: int | None = None
        self._measured_ns: int | None = None
        self._zero_from_ns: int | None = None
        self._moving_from_ns: int | None = None
        self._too_fast_from_ns: int | None = None
        self._too_fast = ''

    def on_feedback(self, feedback: Feedback) -> None:
        """Take a report of the robot."""
        now_ns = feedback.received_ns
        level = self._level(feedback)
        if level is None:
            self._measured_ns = self._still_from_ns = self._moving_from_ns = None
            return
        self._measured_ns = now_ns
        if level > 1.0:
            self._still_from_ns = None
        elif self._still_from_ns is None:
            self._still_from_ns = now_ns
        if level <= CLEARLY:
            self._moving_from_ns = None
        elif self._moving_from_ns is None:
            self._moving_from_ns = now_ns
        self._too_fast = self._violation(feedback)
        if not self._too_fast:
            self._too_fast_from_ns = None
        elif self._too_fast_from_ns is None:
            self._too_fast_from_ns = now_ns

    def on_same(self, now_ns: int) -> None:
        """Take a report that says what the one before it said."""
        if self._measured_ns is not None:
            self._measured_ns = now_ns

    def commanded(self, zero: bool, now_ns: int) -> None:
        """Note whether the gate commands standstill."""
        if not zero:
            self._zero_from_ns = None
        elif self._zero_from_ns is None:
            self._zero_from_ns = now_ns

    def standstill(self, now_ns: int) -> bool:
        """Return whether the channel has been seen at rest for as long as is asked for."""
        if self._measured_ns is None or self._still_from_ns is None:
            return False
        if (now_ns - self._measured_ns) * _S > STALE_S:
            return False
        return (self._measured_ns - self._still_from_ns) * _S >= self._robot.standstill.settle_s

    def blind(self, now_ns: int) -> bool:
        """Return whether it is not measured: nobody knows whether it moves."""
        return self._measured_ns is None or (now_ns - self._measured_ns) * _S > STALE_S

    def uncontrolled(self, now_ns: int) -> bool:
        """Return whether it moves though it should have come to rest."""
        if self._moving_from_ns is None or self._zero_from_ns is None:
            return False
        moving_s = (now_ns - max(self._moving_from_ns, self._zero_from_ns)) * _S
        return (now_ns - self._zero_from_ns) * _S > GRACE_S and moving_s > SEEN_S

    def violation(self, now_ns: int) -> str:
        """Return which limit is measurably broken, for as long as ``SEEN_S``; empty: none."""
        since = self._too_fast_from_ns
        return self._too_fast if since is not None and (now_ns - since) * _S >= SEEN_S else ''

    def _level(self, feedback: Feedback) -> float | None:
        """Return the speed in units of what counts as standing still; None: not measured."""
        limits = self._robot.standstill
        if self._channel == BASE:
            base = feedback.base
            if base is None:
                return None
            along = math.hypot(base.x, base.y) / limits.linear_m_s
            return _most((along, abs(base.yaw) / limits.angular_rad_s))
        speeds = [feedback.velocities.get(name) for name in self._joints]
        known = [abs(speed) for speed in speeds if speed is not None]
        return _most(s / limits.joint_per_s for s in known) if len(known) == len(speeds) else None

    def _violation(self, feedback: Feedback) -> str:
        if self._channel == BASE and self._robot.base and feedback.base:
            base = self._robot.base
            for axis, value, limits in (
                ('x', feedback.base.x, base.linear),
                ('y', feedback.base.y, base.lateral),
                ('yaw', feedback.base.yaw, base.angular),
            ):
                if limits and abs(value) > OVERSPEED * limits.velocity + OVERSPEED_SLACK:
                    return f'the base goes at {value:.2f} along {axis}: limit {limits.velocity:g}'
        for name in self._joints:
            joint = self._robot.joints[name]
            speed = feedback.velocities.get(name, 0.0)
            if abs(speed) > OVERSPEED * joint.velocity + OVERSPEED_SLACK:
                return f'{name} goes at {speed:.2f}: limit {joint.velocity:g}'
            position = feedback.positions.get(name, joint.lower)
            if not joint.lower - OUT_OF_RANGE <= position <= joint.upper + OUT_OF_RANGE:
                return f'{name} is at {position:.2f}: limits {joint.lower:g}..{joint.upper:g}'
        return ''


def _most(levels: Iterable[float]) -> float | None:
    """Return the highest; None if any is no number, wherever it stands."""
    known = list(levels)
    return max(known) if all(map(math.isfinite, known)) else None
