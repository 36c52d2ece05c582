"""What may move the drives, by the rules of the robot side: pure, with an injected clock.

The robot trusts no host: a set-point lives for 200 ms at most on the robot's own clock, a stop is
latched until an ENABLE that was decided on later, and whatever is not understood moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tektra.robot_side.plant import Plant
from tektra.robots.spec import HORIZON_S, RobotSpec
from tektra.wire.messages import JointSetpoint, Setpoint

MS = 1_000_000
TICK_MS = 5
HORIZON_MS = round(HORIZON_S * 1000)
# An ENABLE needs so long without a set-point that asks for motion: a held stick must not fire.
QUIET_MS = 200
# A joint that is told to be this close to where it is, is told to stay (rad or m).
_THERE = 0.02
# 32-bit floats round: this much beyond a limit is still at it.
_ROUNDING = 1e-3

Report = Callable[[str, Mapping[str, object]], None]


@dataclass(frozen=True)
class Active:
    """The set-point that moves the drives."""

    until_ns: int
    base: tuple[float, float, float] | None
    joints: frozenset[int]


class Motion:
    """Set-points in, plant commands out, or not.

    ``report(event, facts)`` is told what happened, for a log.
    """

    def __init__(self, robot: RobotSpec, plant: Plant, report: Report) -> None:
        self._robot = robot
        self._plant = plant
        self._report = report
        self._names = tuple(robot.joints)
        self._active: Active | None = None
        self._last_setpoint: Setpoint | None = None
        self._last_id = 0  # newest enable_id that was obeyed
        self._asked_ns: int | None = None
        self._power_off_ns: int | None = None
        self.enable_id = 0  # the ENABLE in force; 0: none
        self.stop_category: int | None = None  # that is latched
        self.fault = ''

    @property
    def stopping(self) -> bool:
        """Return whether a controlled stop runs, at the end of which the power goes off."""
        return self._power_off_ns is not None

    def begin(self) -> None:
        """Begin a session: nothing of an older one is in force."""
        self.enable_id = self._last_id = 0
        self.fault = ''

    def set_point(self, wanted: Setpoint, now_ns: int) -> str:
        """Obey a set-point; return why it is refused, or nothing."""
        if self._asks(wanted):
            self._asked_ns = now_ns
        refusal = self._void(wanted) or self._out_of_range(wanted)
        if refusal:
            return refusal
        named = frozenset(joint.index for joint in wanted.joints)
        if self._active is not None and (
            self._active.joints - named or (self._active.base and wanted.base is None)
        ):
            self._plant.brake()  # what is no longer named shall stand still
        if wanted.base is not None:
            self._plant.command_base(*wanted.base)
        for joint in wanted.joints:
            self._plant.command_joint(self._names[joint.index], joint.position, joint.velocity)
        # It must be over *within* its time, and the next look is a tick away.
        until_ns = now_ns + (wanted.valid_for_ms - TICK_MS) * MS
        self._active = Active(until_ns, wanted.base, named)
        self._last_setpoint = wanted
        return ''

    def enable(self, enable_id: int, now_ns: int) -> str:
        """Give power; return why not, or nothing. A repeat of the one in force changes nothing."""
        if enable_id and enable_id == self.enable_id:
            return ''
        refusal = self._why_no_power(enable_id, now_ns)
        if not refusal:
            self._plant.enable()
            if not self._plant.enabled:
                refusal = 'the drives get no power: the battery is empty; charge it'
        if refusal:
            self.fault = f'ENABLE refused: {refusal}'
            return refusal
        self._last_id = self.enable_id = enable_id
        self._active = None
        self.stop_category = None
        self.fault = ''
        self._report('enabled', {'enable_id': enable_id})
        return ''

    def disable(self) -> None:
        """Take power at once."""
        if self._plant.enabled:
            self._report('disabled', {})
        self._plant.disable()
        self._void_all()
        self._power_off_ns = None
        self.fault = ''

    def stop(self, category: int, reason: str, now_ns: int) -> None:
        """Stop, latched; a later one can only make it more severe. ``reason``: also the fault."""
        severe = category if self.stop_category is None else min(category, self.stop_category)
        if severe != self.stop_category or self.enable_id:
            self._report('stop', {'category': severe, 'reason': reason})
        self.stop_category = severe
        self._void_all()
        if reason and not self.fault:
            self.fault = reason
        if not self._plant.enabled:
            return
        if severe == 0:
            self._power_off('category 0')
            return
        self._plant.brake()
        if severe == 1 and self._power_off_ns is None:
            self._power_off_ns = now_ns + round(self._robot.stop.max_ramp_s * 1000) * MS

    def tick(self, now_ns: int) -> None:
        """Let set-points run out and finish controlled stops."""
        if self._active is not None and now_ns >= self._active.until_ns:
            asked = self._last_setpoint is not None and self._asks(self._last_setpoint)
            self._plant.brake()
            self._active = None
            if asked or not self._plant.at_standstill:
                # It must not move on by itself when set-points come again.
                self.stop(2, 'set-points stayed away while moving', now_ns)
        if self._power_off_ns is not None and (
            self._plant.at_standstill or now_ns >= self._power_off_ns
        ):
            self._power_off('end of the controlled stop')

    def _power_off(self, why: str) -> None:
        self._plant.disable()
        self._power_off_ns = None
        self._report('disabled', {'why': why})

    def _void_all(self) -> None:
        self._active = None
        self._last_setpoint = None
        self.enable_id = 0

    def _void(self, wanted: Setpoint) -> str:
        if not self.enable_id or self.stop_category is not None or not self._plant.enabled:
            return 'not enabled; send ENABLE'
        if wanted.enable_id != self.enable_id:
            return f'belongs to ENABLE {wanted.enable_id}, but {self.enable_id} is in force'
        if not TICK_MS < wanted.valid_for_ms <= HORIZON_MS:
            return f'valid for {wanted.valid_for_ms} ms; it must be {TICK_MS + 1} to {HORIZON_MS}'
        return ''

    def _why_no_power(self, enable_id: int, now_ns: int) -> str:
        if enable_id <= self._last_id:
            return f'enable id {enable_id} is used; decide anew with one above {self._last_id}'
        if self._power_off_ns is not None or not self._plant.at_standstill:
            return 'the robot still moves; wait for standstill'
        if self._asked_ns is not None and now_ns - self._asked_ns < QUIET_MS * MS:
            return f'set-points ask for motion; send none for {QUIET_MS} ms'
        return ''

    def _asks(self, wanted: Setpoint) -> bool:
        if wanted.base is not None and any(wanted.base):
            return True
        positions = self._plant.positions
        return any(
            joint.velocity
            or joint.index >= len(self._names)
            or abs(joint.position - positions[self._names[joint.index]]) > _THERE
            for joint in wanted.joints
        )

    def _out_of_range(self, wanted: Setpoint) -> str:
        if wanted.base is not None:
            base = self._robot.base
            if base is None:
                return 'this robot has no base'
            axes = (base.linear, base.lateral, base.angular)
            for name, value, axis in zip(('x', 'y', 'yaw'), wanted.base, axes, strict=True):
                most = axis.velocity if axis else 0.0
                if not abs(value) <= most * (1 + _ROUNDING):
                    return f'base {name} {value:g}: at most {most:g}'
        return next(filter(None, map(self._joint_out_of_range, wanted.joints)), '')

    def _joint_out_of_range(self, joint: JointSetpoint) -> str:
        if joint.index >= len(self._names):
            return f'joint {joint.index}: there are only {len(self._names)}'
        name = self._names[joint.index]
        spec = self._robot.joints[name]
        if not spec.lower - _ROUNDING <= joint.position <= spec.upper + _ROUNDING:
            return f'{name} at {joint.position:g}: outside {spec.lower:g}..{spec.upper:g}'
        if not abs(joint.velocity) <= spec.velocity * (1 + _ROUNDING):
            return f'{name} with {joint.velocity:g}: at most {spec.velocity:g}'
        return ''
