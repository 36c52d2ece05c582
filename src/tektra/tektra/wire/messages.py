"""What frames say: one dataclass a type, in SI units. Their bytes are in ``payloads``."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TypeAlias

NONCE_BYTES = 16
NO_NONCE = bytes(NONCE_BYTES)
LONGEST_TEXT = 255
MOST_JOINTS = 64


class RefuseCode(enum.IntEnum):
    """Why the robot gives no session, or takes it back."""

    OTHER = 0
    HELD = 1  # another controller has the session
    VERSION = 2  # another version of the protocol
    ROBOT = 3  # this is another robot
    REPLAYED = 4  # this nonce has been used before
    ENDED = 5  # the session in the header is over


@dataclass(frozen=True)
class Hello:
    """Asks for a session. ``nonce``: new for every attempt."""

    nonce: bytes
    robot: str  # which robot is meant
    controller: str  # who asks; shown to others that are refused


@dataclass(frozen=True)
class Grant:
    """Gives a session, whose id is in the header."""

    nonce: bytes  # that of the HELLO
    timeout_ms: int  # the robot stops by itself this long after the last set-point at the latest
    lease_ms: int  # the session ends after so long without a heartbeat
    telemetry_ms: int  # a TELEMETRY comes this often
    has_base: bool
    has_lateral: bool  # the base can move sideways
    robot: str
    joints: tuple[str, ...]  # set-points and telemetry name them by their place in here


@dataclass(frozen=True)
class Refuse:
    """Gives no session, or ends the one in the header."""

    code: RefuseCode
    nonce: bytes  # that of the HELLO; NO_NONCE: not an answer to one
    reason: str
    holder: str  # who has the session; empty: nobody


@dataclass(frozen=True)
class JointSetpoint:
    """One joint: rad or m, 1/s."""

    index: int
    position: float
    velocity: float


@dataclass(frozen=True)
class Setpoint:
    """What the robot shall do now. What is not named is told to stand still."""

    enable_id: int  # the ENABLE it belongs to
    telemetry_seen: int  # sequence of the newest TELEMETRY when it was made
    valid_for_ms: int  # on the robot's clock, from receipt
    base: tuple[float, float, float] | None  # m/s, m/s, rad/s
    joints: tuple[JointSetpoint, ...] = ()


@dataclass(frozen=True)
class Enable:
    """Gives power to the drives. ``enable_id`` rises with every new decision to enable."""

    enable_id: int
    telemetry_seen: int


@dataclass(frozen=True)
class Disable:
    """Takes power from the drives at once."""


@dataclass(frozen=True)
class Stop:
    """Stops in an IEC 60204-1 category, latched until an ENABLE that was made later."""

    category: int


@dataclass(frozen=True)
class Heartbeat:
    """Keeps the session. ``telemetry_seen``: as in ``Setpoint``."""

    telemetry_seen: int


@dataclass(frozen=True)
class Telemetry:
    """What the robot measures. None: it does not measure that."""

    enabled: bool  # the drives have power
    stop_category: int | None  # of the stop that is latched; None: none is
    enable_id: int  # the ENABLE that is in force; 0: none
    host_sequence: int  # newest sequence that came from the host in this session
    base: tuple[float, float, float] | None = None  # m/s, m/s, rad/s
    pose: tuple[float, float, float, float] | None = None  # m, m, rad, and its deviation (m)
    battery: float | None = None  # 0..1
    bumper: bool | None = None
    range_m: float | None = None
    joints: tuple[tuple[float, float], ...] = ()  # position, velocity
    fault: str = ''


@dataclass(frozen=True)
class Bye:
    """Gives the session back; the robot stops and takes power from the drives."""


Message: TypeAlias = (
    Hello | Grant | Refuse | Setpoint | Enable | Disable | Stop | Heartbeat | Telemetry | Bye
)
