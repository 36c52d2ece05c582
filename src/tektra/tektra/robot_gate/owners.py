"""Who may move a channel now: one owner, by priority, with fresh set-points made in this epoch.

After motion is enabled, and after it lost a channel, an owner must be silent or zero for
``NEUTRAL_S`` before it counts: a stick that is held must not fire.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tektra_msgs.msg import Setpoint

from tektra.robot_gate.drivers.driver import REST, BaseVelocity, JointTarget
from tektra.robots.spec import BASE, HORIZON_S, AxisSpec, OwnerSpec, RobotSpec

NEUTRAL_S = 0.3
# A speed that is asked for is clamped to the limit; what is so far beyond it is no speed at all
# (a wrong unit, a wrong type): refused.
IMPLAUSIBLE = 10.0
_LEASES = 256  # that are over and remembered
_SHOWN = 64  # characters of a name that came from outside
_S = 1e-9


@dataclass(frozen=True)
class Epoch:
    """What a set-point is bound to."""

    estop_instance_id: str = ''
    stop_id: int = 0
    gate_instance_id: str = ''
    gate_epoch: int = 0


@dataclass(frozen=True)
class Ask:
    """What an owner wants of one channel until ``until_ns``."""

    until_ns: int
    base: BaseVelocity = REST
    joints: Mapping[str, JointTarget] = field(default_factory=dict)

    @property
    def neutral(self) -> bool:
        """Return whether it asks for nothing."""
        return not self.base.moving() and not self.joints


@dataclass
class _Owner:
    """One source. All tables are by channel."""

    spec: OwnerSpec
    asks: dict[str, Ask] = field(default_factory=dict)
    asked_ns: dict[str, int] = field(default_factory=dict)  # last that was not neutral
    neutral_from_ns: dict[str, int] = field(default_factory=dict)  # what was before counts not
    armed: set[str] = field(default_factory=set)
    seq: int = -1
    lease: str = ''
    over: deque[str] = field(default_factory=lambda: deque(maxlen=_LEASES))  # leases

    def disarm(self, channel: str, now_ns: int) -> None:
        """Be neutral before counting again."""
        self.asks.pop(channel, None)
        self.armed.discard(channel)
        self.neutral_from_ns[channel] = now_ns

    def note(self, channel: str, now_ns: int) -> None:
        """Remember that motion is asked for, whether it counts or not."""
        neutral_ns = now_ns - max(
            self.asked_ns.get(channel, 0), self.neutral_from_ns.get(channel, now_ns)
        )
        if neutral_ns * _S >= NEUTRAL_S:
            self.armed.add(channel)
        self.asked_ns[channel] = now_ns

    def live(self, channel: str, now_ns: int) -> Ask | None:
        """Return what is asked of a channel, unless it is void or nothing."""
        ask = self.asks.get(channel)
        return None if ask is None or ask.neutral or now_ns >= ask.until_ns else ask


class Owners:
    """The mailboxes of all sources: the newest set-point of each for each channel."""

    def __init__(self, robot: RobotSpec) -> None:
        self.refused = 0  # set-points that were not taken, since start
        self.last_refusal = ''
        self._robot = robot
        self._channels = robot.channels
        self._owners = {spec.source: _Owner(spec) for spec in robot.owners}
        self._holding: dict[str, str] = {}  # channel -> source

    # ---- what comes in --------------------------------------------------------------------------

    def on_setpoint(self, point: Setpoint, epoch: Epoch, now_ns: int) -> str:
        """Take a set-point; return why not, or ''."""
        owner = self._owners.get(point.source)
        if owner is None or owner.spec.input != 'setpoint':
            return self._refuse(f"'{point.source[:_SHOWN]}' is no owner that uses gate/setpoint")
        if point.channel not in self._channels:
            return self._refuse(f"{point.source}: no channel '{point.channel[:_SHOWN]}'")
        bad = self._stale(owner, point, epoch)
        ask = Ask(0)
        if not bad:
            try:
                ask = self._ask(point, now_ns)
            except ValueError as error:
                bad = str(error)
        if bad:  # it counts for nothing, but shows that somebody asks
            owner.asks.pop(point.channel, None)
            owner.asked_ns[point.channel] = now_ns
            return self._refuse(f'{point.source}: {bad}')
        self._keep(owner, point.channel, ask, now_ns)
        return ''

    def on_cmd_vel(self, source: str, asked: BaseVelocity, now_ns: int) -> str:
        """Take a velocity from ``robot/cmd/<source>/cmd_vel``; return why not, or ''."""
        owner = self._owners[source]
        try:
            self._check_base(asked)
        except ValueError as error:
            owner.asks.pop(BASE, None)
            owner.asked_ns[BASE] = now_ns
            return self._refuse(f'{source}: {error}')
        until = now_ns + round(self._robot.command_timeout_s * 1e9)
        self._keep(owner, BASE, Ask(until, base=asked), now_ns)
        return ''

    def refuse(self, source: str, why: str, now_ns: int) -> None:
        """Count a set-point of an owner that could not even be read."""
        owner = self._owners[source]
        owner.asks.clear()
        owner.asked_ns.update(dict.fromkeys(self._channels, now_ns))
        self._refuse(f'{source}: {why}')

    def flush(self, now_ns: int) -> None:
        """Forget all that is asked; every owner must be neutral before it counts again."""
        for owner in self._owners.values():
            for channel in self._channels:
                owner.disarm(channel, now_ns)
            owner.seq, owner.lease = -1, ''
            owner.over.clear()
        self._holding.clear()

    # ---- who moves ------------------------------------------------------------------------------

    def choose(self, channel: str, now_ns: int) -> tuple[str, Ask | None]:
        """Return the owner of a channel and what it asks; ('', None): nobody asks."""
        live = [
            (owner, ask)
            for owner in self._owners.values()
            if channel in owner.armed and (ask := owner.live(channel, now_ns)) is not None
        ]
        if not live:
            self._holding.pop(channel, None)
            return '', None
        held = self._holding.get(channel)
        best, ask = max(live, key=lambda one: (one[0].spec.priority, one[0].spec.source == held))
        for other, _ in live:
            if other is not best:  # the loser is aborted: it does not come back by itself
                other.disarm(channel, now_ns)
        self._holding[channel] = best.spec.source
        return best.spec.source, ask

    def waits_for_neutral(self, channel: str, now_ns: int) -> str:
        """Return an owner that asks but was not neutral yet; '': there is none."""
        for owner in self._owners.values():
            if channel not in owner.armed and owner.live(channel, now_ns) is not None:
                return owner.spec.source
        return ''

    def lost_lease(self, now_ns: int) -> str:
        """Return the owner whose set-points ended while they moved something; '': none."""
        late = round(self._robot.lease_timeout_s * 1e9)
        for owner in self._owners.values():
            for channel in owner.armed if owner.spec.input == 'setpoint' else ():
                ask = owner.asks.get(channel)
                if ask is not None and not ask.neutral and now_ns - ask.until_ns > late:
                    return owner.spec.source
        return ''

    def spoken(self, sources: Iterable[str]) -> str:
        """Return the first of ``sources`` that moves by spoken command; '': none."""
        return next((s for s in sources if s and self._owners[s].spec.spoken), '')

    def last_asked_ns(self, channel: str) -> int | None:
        """Return when anybody last asked for motion of a channel, counted or not."""
        times = [o.asked_ns[channel] for o in self._owners.values() if channel in o.asked_ns]
        return max(times, default=None)

    # ---- checks ---------------------------------------------------------------------------------

    def _stale(self, owner: _Owner, point: Setpoint, epoch: Epoch) -> str:
        made = Epoch(
            point.estop_instance_id, point.stop_id, point.gate_instance_id, point.gate_epoch
        )
        if point.robot != self._robot.name:
            return f"it is for robot '{point.robot[:_SHOWN]}'"
        if made != epoch:
            return 'it was made in another epoch'
        if point.lease_id in owner.over:
            return 'its lease is over'
        if point.lease_id != owner.lease:
            owner.over.append(owner.lease)
            owner.lease, owner.seq = point.lease_id, -1
        if point.seq <= owner.seq:
            return f'seq {point.seq} is not above {owner.seq}'
        owner.seq = point.seq
        return ''

    def _ask(self, point: Setpoint, now_ns: int) -> Ask:
        if not point.valid_for_s > 0:  # also NaN
            raise ValueError(f'valid_for_s is {point.valid_for_s:g}')
        valid_s = min(point.valid_for_s, self._robot.command_timeout_s, HORIZON_S)
        until = now_ns + round(valid_s * 1e9)
        base = velocity_of(point.twist)
        if point.channel == BASE:
            if point.joint_names:
                raise ValueError('a set-point of the base names joints')
            self._check_base(base)
            return Ask(until, base=base)
        if base.moving():
            raise ValueError(f"a set-point of '{point.channel}' has a twist")
        return Ask(until, joints=self._joints(point))

    def _joints(self, point: Setpoint) -> dict[str, JointTarget]:
        names = list(point.joint_names)
        if not len(names) == len(point.positions) == len(point.velocities):
            raise ValueError('joint_names, positions and velocities differ in length')
        if len(set(names)) != len(names):
            raise ValueError('a joint is named twice')
        mine = self._robot.joints_of(point.channel)
        found = {}
        for name, position, velocity in zip(names, point.positions, point.velocities, strict=True):
            if name not in mine:
                raise ValueError(f"'{name[:_SHOWN]}' is no joint of '{point.channel}'")
            limits = self._robot.joints[name]
            if not (math.isnan(position) or limits.lower <= position <= limits.upper):
                raise ValueError(
                    f'{name}: {position:g} is outside {limits.lower:g}..{limits.upper:g}'
                )
            if not (math.isnan(velocity) or abs(velocity) <= IMPLAUSIBLE * limits.velocity):
                raise ValueError(f'{name}: a speed of {velocity:g} is implausible')
            if math.isnan(position) and math.isnan(velocity):
                raise ValueError(f'{name}: has neither position nor velocity')
            found[name] = JointTarget(position, velocity)
        return found

    def _check_base(self, asked: BaseVelocity) -> None:
        base = self._robot.base
        if base is None:
            raise ValueError('this robot has no base')
        for axis, value, limits in (
            ('x', asked.x, base.linear),
            ('y', asked.y, base.lateral),
            ('yaw', asked.yaw, base.angular),
        ):
            _check_speed(axis, value, limits)

    def _keep(self, owner: _Owner, channel: str, ask: Ask, now_ns: int) -> None:
        if not ask.neutral:
            owner.note(channel, now_ns)
        owner.asks[channel] = ask

    def _refuse(self, why: str) -> str:
        self.refused += 1
        self.last_refusal = why
        return why


def velocity_of(twist: Any) -> BaseVelocity:
    """Return what a ``geometry_msgs/Twist`` asks of a base.

    :raises ValueError: if it asks for what no base on wheels can do.
    """
    for name, value in (
        ('linear.z', twist.linear.z),
        ('angular.x', twist.angular.x),
        ('angular.y', twist.angular.y),
    ):
        if value != 0.0:  # also NaN
            raise ValueError(f'a base cannot move along {name} ({value:g})')
    return BaseVelocity(twist.linear.x, twist.linear.y, twist.angular.z)


def _check_speed(axis: str, value: float, limits: AxisSpec | None) -> None:
    if not math.isfinite(value):
        raise ValueError(f'{axis} is {value:g}')
    if limits is None:
        if value != 0.0:
            raise ValueError(f'this base cannot move along {axis}')
    elif abs(value) > IMPLAUSIBLE * limits.velocity:
        raise ValueError(
            f'{axis}: a speed of {value:g} is implausible; the limit is {limits.velocity:g}'
        )
