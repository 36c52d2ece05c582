"""What the gate needs of a robot: connect, read, write a set-point, stop, disable.

A driver is called from the gate's thread only, a hundred times a second. No call may block:
sockets are non-blocking, connecting goes on in ``read``. A driver decides nothing: it neither
filters nor repeats set-points; when the gate falls silent, the *robot side* must stop by itself
within ``timeout_s``.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from tektra.robots.spec import RobotSpec


class DriverError(RuntimeError):
    """The robot cannot be reached or refuses; the text says why and what to do. Trips the gate."""


class Category(enum.IntEnum):
    """IEC 60204-1 stop categories."""

    IMMEDIATE = 0  # removal of power at once
    CONTROLLED = 1  # controlled stop, then removal of power
    HOLDING = 2  # controlled stop, power kept


@dataclass(frozen=True)
class BaseVelocity:
    """Of the base in its own frame: m/s forward, m/s to the left, rad/s about z."""

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0

    def moving(self) -> bool:
        """Return whether any part is not zero."""
        return bool(self.x or self.y or self.yaw)


REST = BaseVelocity()


@dataclass(frozen=True)
class JointTarget:
    """Where a joint shall be (rad or m) and how fast it shall go there now (1/s)."""

    position: float
    velocity: float


@dataclass(frozen=True)
class DriverCommand:
    """One set-point for the whole robot. What is not named is not commanded.

    ``valid_for_s``: the robot side stops by itself after this, counted on its own clock from
    receipt; at most ``spec.HORIZON_S``.
    """

    base: BaseVelocity | None = None
    joints: dict[str, JointTarget] = field(default_factory=dict)
    valid_for_s: float = 0.2


@dataclass(frozen=True)
class Pose2D:
    """Of the base in a named frame: m, m, rad; ``std_m`` its standard deviation (m)."""

    frame: str
    x: float
    y: float
    yaw: float
    std_m: float = 0.0


@dataclass(frozen=True)
class Feedback:
    """What the robot said last. ``received_ns``: boot-time clock of this machine.

    ``seq`` rises with every new report of the robot. None: the robot does not measure that.
    """

    received_ns: int
    seq: int
    enabled: bool  # the drives have power
    base: BaseVelocity | None = None
    pose: Pose2D | None = None
    positions: dict[str, float] = field(default_factory=dict)  # rad or m
    velocities: dict[str, float] = field(default_factory=dict)  # rad/s or m/s
    battery: float | None = None  # 0..1
    bumper: bool | None = None  # pressed
    range_m: float | None = None  # free way ahead
    fault: str = ''  # why the robot refuses or has stopped by itself; empty: it has not

    def same_motion(self, other: Feedback) -> bool:
        """Return whether this report tells the same of speeds and positions as another."""
        return (
            self.base == other.base
            and self.pose == other.pose
            and self.velocities == other.velocities
            and self.positions == other.positions
        )


class RobotDriver(Protocol):
    """One robot. All methods: gate thread, non-blocking, may raise ``DriverError``."""

    name: ClassVar[str]  # sim, tcp, udp, ros, ...
    simulated: ClassVar[bool]  # nothing physical moves, whatever is connected

    def __init__(self, robot: RobotSpec, controller_id: str) -> None:
        """Keep what is needed; do nothing yet. ``controller_id``: instance id of the gate."""

    def connect(self, now_ns: int) -> None:
        """Begin to reach the robot. It is connected when ``connected`` says so."""

    @property
    def connected(self) -> bool:
        """Return whether the robot has granted this controller its session and reports."""

    @property
    def timeout_s(self) -> float:
        """Return the robot side's own command time-out as *the robot* states it; < 0: unknown."""

    def read(self, now_ns: int) -> Feedback | None:
        """Do what is due (connect, heartbeat, telemetry); return the newest report, if any."""

    def enable(self, now_ns: int) -> None:
        """Give power to the drives, at standstill; ``Feedback.enabled`` tells when it is so."""

    def write(self, command: DriverCommand, now_ns: int) -> None:
        """Send one set-point. At most one is ever waiting to be sent: a newer one replaces it."""

    def stop(self, category: Category, now_ns: int) -> None:
        """Tell the robot side to stop in this category. Idempotent; overtakes set-points."""

    def disable(self, now_ns: int) -> None:
        """Take power from the drives. Idempotent."""

    def rival(self) -> str:
        """Return who else commands this robot, as far as can be seen; empty: nobody."""

    def close(self) -> None:
        """Stop, disable as far as possible, and let go. Never raises."""
