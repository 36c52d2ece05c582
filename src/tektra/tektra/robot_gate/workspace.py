"""Where the base may go: a polygon with a margin in which it slows down, and a pose to trust."""

from __future__ import annotations

import math

from tektra.robot_gate.drivers.driver import BaseVelocity, Pose2D
from tektra.robots.spec import WorkspaceSpec

_AHEAD_S = 0.1  # a direction is judged by where it leads in this time
_CREEP_M = 0.02  # from the border; the last bit is not used
_INWARD = 0.5  # of the speed must lead away from the border (30 degrees) to be free of its limit
_FROZEN = 0.2  # of the way that the wheels report; a pose that goes less stands still
_S = 1e-9

Polygon = tuple[tuple[float, float], ...]


class Workspace:
    """Limits the speed of a base by where it is. Without a good pose nothing drives."""

    def __init__(self, spec: WorkspaceSpec, top: float, deceleration: float) -> None:
        """``top`` (m/s) is the highest speed, ``deceleration`` (m/s^2) that of a stop."""
        self._spec = spec
        self._top = top
        self._deceleration = deceleration
        self._pose: Pose2D | None = None
        self._seen_ns = 0
        self._jumped = ''
        self._unseen_m = 0.0  # driven while the pose stood still

    def forgive(self) -> None:
        """Accept the present pose after a jump: a person has enabled motion."""
        self._jumped, self._unseen_m = '', 0.0

    def on_pose(self, pose: Pose2D, speed: float, now_ns: int) -> None:
        """Take a new pose; ``speed``: measured, m/s, so that a fast robot is no jump."""
        if not all(map(math.isfinite, (pose.x, pose.y, pose.yaw, pose.std_m))):
            return  # then it grows old
        if self._pose is not None:
            step = math.hypot(pose.x - self._pose.x, pose.y - self._pose.y)
            since_s = max(0.0, (now_ns - self._seen_ns) * _S)
            way = abs(speed) * since_s
            self._unseen_m = self._unseen_m + way if step < _FROZEN * way else 0.0
            if self._unseen_m > self._spec.pose_max_jump_m:
                self._jumped = 'the base moves and the pose does not; check it, then enable again'
            if step > self._spec.pose_max_jump_m + way:
                self._jumped = f'the pose has jumped by {step:.2f} m; check it, then enable again'
        self._pose, self._seen_ns = pose, now_ns

    def problem(self, now_ns: int) -> str:
        """Return why the base may not move now; empty: the pose is good."""
        spec, pose = self._spec, self._pose
        if pose is None:
            return f"no pose in frame '{spec.frame}' from the driver"
        if pose.frame != spec.frame:
            return f"the pose is in frame '{pose.frame}', the workspace in '{spec.frame}'"
        age_s = (now_ns - self._seen_ns) * _S
        if age_s > spec.pose_max_age_s:
            return f'the pose is {age_s:.2f} s old'
        if pose.std_m > spec.pose_max_std_m:
            return f'the pose is uncertain by {pose.std_m:.2f} m'
        return self._jumped

    def cap(self, asked: BaseVelocity, now_ns: int) -> float:
        """Return how fast the base may go (m/s) in the direction that is asked, from 0 on.

        Away from the border there is no limit, so that a robot can come back in.
        """
        if self.problem(now_ns) or self._pose is None:
            return 0.0
        pose = self._pose
        x, y = _world(asked, pose.yaw)
        here = inside_by(self._spec.polygon, pose.x, pose.y)
        there = inside_by(self._spec.polygon, pose.x + x * _AHEAD_S, pose.y + y * _AHEAD_S)
        inward = there - here
        if inward > 0 and inward >= _INWARD * math.hypot(x, y) * _AHEAD_S:
            return math.inf
        room = max(0.0, here - _CREEP_M)
        share = min(1.0, room / self._spec.slow_down_m)
        return min(share * self._top, math.sqrt(2 * self._deceleration * room))


def inside_by(corners: Polygon, x: float, y: float) -> float:
    """Return the distance to the border of a polygon, negative outside (m)."""
    inside, nearest = False, math.inf
    for (ax, ay), (bx, by) in zip(corners, (*corners[1:], corners[0]), strict=True):
        nearest = min(nearest, _to_segment(x, y, ax, ay, bx, by))
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
    return nearest if inside else -nearest


def _world(asked: BaseVelocity, yaw: float) -> tuple[float, float]:
    c, s = math.cos(yaw), math.sin(yaw)
    return asked.x * c - asked.y * s, asked.x * s + asked.y * c


def _to_segment(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    dx, dy = bx - ax, by - ay
    t = max(0.0, min(1.0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)))
    return math.hypot(x - ax - t * dx, y - ay - t * dy)
