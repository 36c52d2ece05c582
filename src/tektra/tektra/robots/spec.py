"""One robot's file, ``config/robots/NAME.yaml``: who it is, its driver, limits and safety rules.

The file is the robot's *safety configuration*: estop and robot_gate read it once, publish its
hash, and a change needs a restart of both.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from tektra.launching.errors import did_you_mean, listing
from tektra.robots import records
from tektra.robots.described import DescriptionSpec
from tektra.robots.records import RecordError, item

BASE = 'base'  # the actuator channel of the wheels
DRIVERS = ('sim', 'tcp', 'udp', 'ros', 'plugin')
NAME = re.compile(r'[a-z][a-z0-9_]{0,31}')

# No driver is handed a trajectory that is longer, and no set-point is valid for longer (design:
# Safety 5).
HORIZON_S = 0.2


@dataclass(frozen=True)
class DriverSpec:
    """How the gate reaches the robot. What is not used by the driver must not be given."""

    type: str = item('which driver', choices=DRIVERS)
    host: str = item('host of the robot (tcp, udp)', default='')
    port: int = item('port of the robot (tcp, udp)', default=0, low=0, high=65535)
    mac_key_file: str = item('file with the key of the frames (tcp, udp)', default='')
    timeout_budget_s: float = item(
        'longest robot-side time-out with which motion may be enabled',
        default=0.3,
        unit='s',
        low=0.02,
        high=1.0,
    )
    cmd_vel_topic: str = item('where base set-points go (ros)', default='')
    cmd_vel_stamped: bool = item(
        'the base controller takes TwistStamped instead of Twist (ros)', default=False
    )
    odom_topic: str = item("the base controller's odometry (ros)", default='controller/odom')
    trajectory_topic: str = item('where joint set-points go (ros)', default='')
    joint_states_topic: str = item(
        "the controllers' joint states (ros)", default='controller/joint_states'
    )
    plugin: str = item("class of a driver of your own, 'module:Class' (plugin)", default='')
    controller_timeout_s: float = item(
        "the controllers' own command time-out, as proven by tektra driver-check (ros); "
        'negative: unknown',
        default=-1.0,
        unit='s',
        low=-1.0,
        high=10.0,
    )


@dataclass(frozen=True)
class AxisSpec:
    """Limits of one axis of the base. Units: m, s for the linear, rad, s for the angular axis."""

    velocity: float = item('highest speed', unit='m/s or rad/s', low=0.001, high=20.0)
    acceleration: float = item('highest acceleration', unit='1/s^2', low=0.01, high=100.0)
    jerk: float = item('highest jerk', unit='1/s^3', low=0.1, high=10_000.0)
    deceleration: float = item('of a stop', unit='1/s^2', low=0.01, high=100.0)


@dataclass(frozen=True)
class BaseSpec:
    """A base driven by a twist: x forward, y left (holonomic bases only), turning about z."""

    linear: AxisSpec = item('along x')
    angular: AxisSpec = item('about z')
    lateral: AxisSpec | None = item('along y', default=None)


@dataclass(frozen=True)
class JointSpec:
    """One joint; rad for revolute, m for prismatic ones."""

    channel: str = item('actuator channel that it belongs to')
    lower: float = item('lowest position', unit='rad or m', low=-1000.0, high=1000.0)
    upper: float = item('highest position', unit='rad or m', low=-1000.0, high=1000.0)
    velocity: float = item('highest speed', unit='1/s', low=0.001, high=50.0)
    acceleration: float = item('highest acceleration', unit='1/s^2', low=0.01, high=500.0)
    jerk: float = item('highest jerk', unit='1/s^3', low=0.1, high=100_000.0)
    deceleration: float = item('of a stop', unit='1/s^2', low=0.01, high=500.0)

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if self.lower >= self.upper:
            raise ValueError(f'lower {self.lower:g} must be below upper {self.upper:g}')
        if self.channel == BASE or not NAME.fullmatch(self.channel):
            raise ValueError(f"channel '{self.channel}' is no name of a joint channel")


INPUTS = ('setpoint', 'cmd_vel', 'cmd_vel_stamped')


@dataclass(frozen=True)
class OwnerSpec:
    """A source of set-points: the topic that it uses says who it is."""

    source: str = item('its name')
    priority: int = item(
        'the highest wins; equal ones do not interrupt each other', low=0, high=255
    )
    input: str = item(
        'setpoint: gate/setpoint; cmd_vel: robot/cmd/<source>/cmd_vel as Twist; '
        'cmd_vel_stamped: the same as TwistStamped',
        choices=INPUTS,
    )
    spoken: bool = item('moves by spoken command: needs the health of stop_word', default=False)

    def __post_init__(self) -> None:
        """Refuse a name that is no part of a topic."""
        if not NAME.fullmatch(self.source):
            raise ValueError(f"source '{self.source}' must match {NAME.pattern}")


@dataclass(frozen=True)
class WorkspaceSpec:
    """Where the base may be, as a simple polygon in a named frame."""

    frame: str = item('frame of the polygon and of the pose: odom or map', choices=('odom', 'map'))
    polygon: tuple[tuple[float, float], ...] = item('corners x, y in order', unit='m')
    slow_down_m: float = item(
        'from here to the border speed falls to zero', default=0.3, unit='m', low=0.01, high=10.0
    )
    pose_max_age_s: float = item(
        'an older pose denies base motion', default=0.25, unit='s', low=0.02, high=2.0
    )
    pose_max_std_m: float = item(
        'a less certain pose denies base motion', default=0.2, unit='m', low=0.001, high=10.0
    )
    pose_max_jump_m: float = item(
        'a larger step between two poses denies base motion',
        default=0.3,
        unit='m',
        low=0.01,
        high=10.0,
    )

    def __post_init__(self) -> None:
        """Refuse what is no polygon."""
        if len(self.polygon) < 3:
            raise ValueError('polygon needs at least three corners')
        if len(set(self.polygon)) != len(self.polygon):
            raise ValueError('polygon names a corner twice')
        sides = list(zip(self.polygon, (*self.polygon[1:], self.polygon[0]), strict=True))
        for (n, one), (m, other) in itertools.combinations(enumerate(sides), 2):
            if m - n not in (1, len(sides) - 1) and _cross(*one, *other):
                raise ValueError(f'polygon: sides {n} and {m} cross')


def _cross(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]
) -> bool:
    def side(p: tuple[float, float], q: tuple[float, float], r: tuple[float, float]) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) <= 0 and side(c, d, a) * side(c, d, b) <= 0


@dataclass(frozen=True)
class StopSpec:
    """What a stop does when the request does not say; IEC 60204-1 stop categories."""

    category: int = item(
        '0: power off at once; 1: controlled stop, then power off; 2: controlled stop, power kept',
        default=1,
        low=0,
        high=2,
    )
    max_ramp_s: float = item(
        'category 1: power goes off after this at the latest',
        default=1.0,
        unit='s',
        low=0.05,
        high=5.0,
    )


@dataclass(frozen=True)
class StandstillSpec:
    """What counts as standing still, by measurement, and for how long it must be seen."""

    linear_m_s: float = item(
        'slower is still, of the base along the ground',
        default=0.02,
        unit='m/s',
        low=0.001,
        high=0.5,
    )
    angular_rad_s: float = item(
        'slower is still, of the base turning', default=0.05, unit='rad/s', low=0.001, high=0.5
    )
    joint_per_s: float = item(
        'slower is still, of a joint', default=0.05, unit='rad/s or m/s', low=0.001, high=0.5
    )
    settle_s: float = item(
        'for so long it must be seen', default=0.1, unit='s', low=0.02, high=2.0
    )


FLEET_POLICIES = ('stop', 'ignore')


@dataclass(frozen=True)
class EstopSpec:
    """Rules of the latch."""

    required_sources: dict[str, float] = item(
        'sources whose silence is a stop: name -> longest silence in s',
        default=None,
        unit='s',
        low=0.05,
        high=5.0,
    )
    fleet: str = item(
        "what /fleet/estop/stop_request does: 'stop' obeys it, 'ignore' is for a robot that is "
        'fenced off',
        default='stop',
        choices=FLEET_POLICIES,
    )
    quiet_s: float = item(
        'a reset is refused while a command channel was non-zero within this',
        default=0.3,
        unit='s',
        low=0.1,
        high=5.0,
    )

    def __post_init__(self) -> None:
        """Turn no sources into an empty table."""
        if self.required_sources is None:
            object.__setattr__(self, 'required_sources', {})


@dataclass(frozen=True)
class RobotSpec:
    """One robot. ``path`` and ``config_hash`` (SHA-256, hex) say which file this is."""

    name: str = item('its name, also its namespace')
    driver: DriverSpec = item('how the gate reaches it')
    owners: tuple[OwnerSpec, ...] = item('who may move it')
    spoken_names: tuple[str, ...] = item('what people call it', default=())
    base: BaseSpec | None = item('limits of the base', default=None)
    joints: dict[str, JointSpec] = item('limits of each joint', default=None)
    workspace: WorkspaceSpec | None = item('where the base may be; none: anywhere', default=None)
    stop: StopSpec = item('what a stop does', default=StopSpec())
    standstill: StandstillSpec = item('what counts as standing still', default=StandstillSpec())
    estop: EstopSpec = item('rules of the latch', default=EstopSpec())
    description: DescriptionSpec | None = item(
        'its URDF, for viewers, for reaching, pointing and looking; it limits nothing',
        default=None,
    )
    command_timeout_s: float = item(
        'a set-point is void after this', default=HORIZON_S, unit='s', low=0.05, high=HORIZON_S
    )
    lease_timeout_s: float = item(
        'a lease that is not renewed for so long is a hold',
        default=0.5,
        unit='s',
        low=0.1,
        high=5.0,
    )
    auto_enable: bool = item('simulated drivers only: resets and enables by itself', default=False)
    path: Path = field(default=Path())
    config_hash: str = field(default='')

    def __post_init__(self) -> None:
        """Check what must fit together."""
        if not NAME.fullmatch(self.name):
            raise ValueError(f"name '{self.name}' must match {NAME.pattern}")
        if self.joints is None:
            object.__setattr__(self, 'joints', {})
        if self.base is None and not self.joints:
            raise ValueError('has neither base nor joints: nothing could ever move')
        if self.workspace is not None and self.base is None:
            raise ValueError('workspace is for robots with a base')
        sources = [owner.source for owner in self.owners]
        for twice in {s for s in sources if sources.count(s) > 1}:
            raise ValueError(f"owners: '{twice}' is named twice")
        if sum(owner.input == 'setpoint' for owner in self.owners) > 1:
            # A second publisher on an input is a fault, and gate/setpoint is one input.
            raise ValueError('owners: only one may use input setpoint; the others use cmd_vel')
        self._check_driver()
        self._check_description()

    def _check_description(self) -> None:
        for name, arm in self.description.arms.items() if self.description else ():
            where = f'description.arms.{name}'
            joints = self.joints_of(arm.joints)
            if not joints:
                known = {joint.channel for joint in self.joints.values()}
                hint = did_you_mean(arm.joints, known) or f'; channels: {listing(sorted(known))}'
                raise ValueError(f"{where}: '{arm.joints}' is no channel of a joint{hint}")
            if arm.gripper and arm.gripper not in joints:
                hint = did_you_mean(arm.gripper, joints) or f'; its joints: {listing(joints)}'
                raise ValueError(f"{where}: gripper '{arm.gripper}' is not in {arm.joints}{hint}")

    def _check_driver(self) -> None:
        driver = self.driver
        if driver.type in ('tcp', 'udp') and not (driver.host and driver.port):
            raise ValueError(f'driver {driver.type} needs host and port')
        if driver.type not in ('tcp', 'udp', 'plugin') and (driver.host or driver.port):
            raise ValueError(f'driver {driver.type} takes neither host nor port')
        if bool(driver.plugin) != (driver.type == 'plugin'):
            raise ValueError("driver plugin needs plugin: 'module:Class', and no other takes it")
        if driver.type == 'ros' and self.base and not driver.cmd_vel_topic:
            raise ValueError('driver ros with a base needs cmd_vel_topic')
        if driver.type == 'ros' and self.joints and not driver.trajectory_topic:
            raise ValueError('driver ros with joints needs trajectory_topic')
        if self.auto_enable and driver.type != 'sim':
            raise ValueError(
                f'auto_enable is for simulated drivers only, and {driver.type} is not one; '
                'remove auto_enable and use `tektra enable`'
            )

    @property
    def namespace(self) -> str:
        """Return the namespace of the robot's nodes, with the leading slash."""
        return f'/{self.name}'

    @functools.cached_property
    def channels(self) -> tuple[str, ...]:
        """Return the actuator channels: the base first, then those of the joints in file order."""
        joints = dict.fromkeys(joint.channel for joint in self.joints.values())
        return (*((BASE,) if self.base else ()), *joints)

    def joints_of(self, channel: str) -> tuple[str, ...]:
        """Return the names of a channel's joints, in file order."""
        return tuple(name for name, joint in self.joints.items() if joint.channel == channel)


def read_robot(path: Path) -> RobotSpec:
    """Return the robot of a file.

    :raises RecordError: naming file, line, key and fix; also if others may change the file.
    """
    try:
        text = path.read_bytes()
        mode = path.stat().st_mode
    except OSError as error:
        raise RecordError(f'{path}: {error.strerror}') from None
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RecordError(
            f'{path}: others may change this safety file (mode {stat.S_IMODE(mode):o}); '
            f'chmod go-w {path}'
        )
    robot = records.read(RobotSpec, path)
    if robot.name != path.stem:
        raise RecordError(f"{path}: name '{robot.name}' must be that of the file, '{path.stem}'")
    object.__setattr__(robot, 'path', path)
    object.__setattr__(robot, 'config_hash', hashlib.sha256(text).hexdigest())
    return robot
