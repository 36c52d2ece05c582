"""What the robot measures, as the steps see it, and whether it is fresh enough to act on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tektra.robots.spec import BASE, RobotSpec

STALE_S = 0.3
"""Odometry and joint states that are older say nothing about now; as the gate has it."""
_S = 1e-9


@dataclass(frozen=True)
class Odometry:
    """Pose of the base in ``frame`` (m, m, rad) and its velocity in its own (m/s, m/s, rad/s)."""

    x: float
    y: float
    yaw: float
    forward: float = 0.0
    left: float = 0.0
    turning: float = 0.0
    frame: str = 'odom'

    @property
    def finite(self) -> bool:
        """Return whether every number is one."""
        return all(
            map(
                math.isfinite,
                (self.x, self.y, self.yaw, self.forward, self.left, self.turning),
            )
        )


@dataclass(frozen=True)
class Sensors:
    """``battery`` 0..1, ``bumper`` pressed, ``range_m`` free way ahead; None: not measured."""

    battery: float | None = None
    bumper: bool | None = None
    range_m: float | None = None


@dataclass
class Senses:
    """The newest of everything. Positions are in rad or m, velocities in 1/s, times in ns."""

    robot: RobotSpec
    odometry: Odometry | None = None
    home: Odometry | None = None  # where the base was first seen
    positions: dict[str, float] = field(default_factory=dict)
    velocities: dict[str, float] = field(default_factory=dict)
    sensors: Sensors = Sensors()
    _odometry_ns: int = 0
    _joints_ns: int = 0

    def on_odometry(self, odometry: Odometry, now_ns: int) -> None:
        """Take a pose; one that is not finite is as good as none."""
        if odometry.finite:
            self.odometry, self._odometry_ns = odometry, now_ns
            self.home = self.home or odometry

    def on_joints(
        self, positions: Mapping[str, float], velocities: Mapping[str, float], now_ns: int
    ) -> None:
        """Take joint states; they count only if every joint of the robot is among them."""
        if all(math.isfinite(positions.get(name, math.nan)) for name in self.robot.joints):
            self.positions = {name: positions[name] for name in self.robot.joints}
            self.velocities = {
                name: speed for name, speed in velocities.items() if math.isfinite(speed)
            }
            self._joints_ns = now_ns

    def on_sensors(self, sensors: Sensors) -> None:
        """Take battery, bumper and range; what is not finite is not measured."""
        battery, ahead = (
            value if value is not None and math.isfinite(value) else None
            for value in (sensors.battery, sensors.range_m)
        )
        self.sensors = Sensors(battery, sensors.bumper, ahead)

    def unknown(self, channels: Iterable[str], now_ns: int) -> str:
        """Return what of ``channels`` is not measured now, in words; empty: nothing."""
        used = set(channels)
        late = round(STALE_S / _S)
        if BASE in used and (self.odometry is None or now_ns - self._odometry_ns > late):
            return 'I do not know where I am'
        if used - {BASE} and (not self.positions or now_ns - self._joints_ns > late):
            return 'I do not feel my joints'
        return ''

    def speed(self, channels: Iterable[str]) -> float:
        """Return the highest measured speed, in units of what counts as standing still."""
        still, levels = self.robot.standstill, [0.0]
        for channel in channels:
            if channel == BASE and self.odometry is not None:
                base = self.odometry
                levels.append(math.hypot(base.forward, base.left) / still.linear_m_s)
                levels.append(abs(base.turning) / still.angular_rad_s)
            for name in self.robot.joints_of(channel):
                levels.append(abs(self.velocities.get(name, 0.0)) / still.joint_per_s)
        return max(levels)
