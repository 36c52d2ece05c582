"""Joints: from posture to posture along minimum-jerk paths, until the last is measured.

Each set-point says where the joints shall be when it runs out, and the speed that brings them
there from where they are *measured* by then; so the gate's own limits cause a delay, never an
overshoot, and what is asked for is never farther away than one horizon.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tektra.commands.command import Command
from tektra.robot_bridge.profile import minimum_jerk, shortest_s
from tektra.robot_bridge.senses import Senses
from tektra.robot_bridge.step import Drive
from tektra.robot_gate.drivers.driver import JointTarget
from tektra.robots.spec import JointSpec, RobotSpec

AHEAD_S = 0.15
"""Set-points look so far ahead, which is how long they are valid."""
SHARE = 0.9  # of the highest speed, at the normal pace
_LEAST_SHARE = 0.1
_TOLERANCE = 0.02  # rad or m, and this part of a joint's range
_PASSING = 3.0  # tolerances: a posture on the way is passed when it is so near
_S = 1e-9


@dataclass(frozen=True)
class Posture:
    """Where joints shall be (rad or m) and how long the way there takes at least (s)."""

    joints: Mapping[str, float]
    at_least_s: float = 0.0


def tolerance_of(joint: JointSpec) -> float:
    """Return how near to its target a joint has arrived (rad or m)."""
    return min(_TOLERANCE, _TOLERANCE * (joint.upper - joint.lower))


class Gesture:
    """Postures in order. ``command``: what it is, to do it again after a hold."""

    unit = 'rad'
    ends_at_a_stop = False

    def __init__(self, robot: RobotSpec, command: Command, postures: Sequence[Posture]) -> None:
        """Refuse no posture: they are clamped to the limits of the robot's file."""
        self._robot, self.command = robot, command
        self._postures = [
            Posture(
                {
                    name: max(robot.joints[name].lower, min(robot.joints[name].upper, at))
                    for name, at in posture.joints.items()
                },
                posture.at_least_s,
            )
            for posture in postures
        ]
        used = {name for posture in postures for name in posture.joints}
        self.joints = tuple(name for name in robot.joints if name in used)
        self.channels = tuple(
            channel for channel in robot.channels if used & set(robot.joints_of(channel))
        )
        self.stage = 0
        self.done = not postures
        self.asks = False
        self.left = self._whole = 0.0
        self._last: dict[str, float] = {}  # where each joint was sent last
        self._from: dict[str, float] = {}
        self._lasts_s: float | None = None
        self._began_ns = 0

    def begin(self, senses: Senses, now_ns: int) -> None:
        """Take the present posture as the start."""
        self._last = {name: senses.positions[name] for name in self.joints}
        self._begin_posture(now_ns)
        self._whole = self.left = self._way_left(senses)

    def tick(self, senses: Senses, pace: float, now_ns: int) -> Drive:
        """Move on."""
        if self.stage >= len(self._postures):
            return Drive()
        goal = self._postures[self.stage]
        if self._lasts_s is None:
            self._lasts_s = self._duration_s(goal, pace)
        self.left = self._way_left(senses)
        if self._arrived(goal, senses, now_ns):
            self._last.update(goal.joints)
            self.stage += 1
            self._begin_posture(now_ns)
            self.done = self.stage == len(self._postures)
            self.left = self._way_left(senses)
            return Drive() if self.done else self.tick(senses, pace, now_ns)
        return Drive(joints=self._targets(goal, senses, now_ns))

    @property
    def end(self) -> dict[str, float]:
        """Return where the joints are when it is done."""
        return {name: at for posture in self._postures for name, at in posture.joints.items()}

    @property
    def progress(self) -> float:
        """Return the part of the way that is done, 0..1."""
        if self.done or not self._whole:
            return 1.0
        return min(1.0, max(0.0, 1.0 - self.left / self._whole))

    def remaining(self, senses: Senses) -> Command | None:
        """Return the whole command: half a wave is none."""
        return self.command

    def _begin_posture(self, now_ns: int) -> None:
        self._from, self._lasts_s, self._began_ns = dict(self._last), None, now_ns

    def _duration_s(self, goal: Posture, pace: float) -> float:
        share = min(1.0, max(_LEAST_SHARE, SHARE * pace))
        ways = ((name, at - self._from[name]) for name, at in goal.joints.items())
        return max(
            goal.at_least_s / pace,
            max(shortest_s(way, self._robot.joints[name], share) for name, way in ways),
        )

    def _arrived(self, goal: Posture, senses: Senses, now_ns: int) -> bool:
        if (now_ns - self._began_ns) * _S < (self._lasts_s or 0.0):
            return False
        last = self.stage == len(self._postures) - 1
        if last and senses.speed(self.channels) > 1.0:
            return False
        return all(
            abs(at - senses.positions[name])
            <= tolerance_of(self._robot.joints[name]) * (1.0 if last else _PASSING)
            for name, at in goal.joints.items()
        )

    def _targets(self, goal: Posture, senses: Senses, now_ns: int) -> dict[str, JointTarget]:
        """Return the set-point of every joint of the gesture; those not named now stay."""
        then_s = (now_ns - self._began_ns) * _S + AHEAD_S
        part = minimum_jerk(then_s / self._lasts_s) if self._lasts_s else 1.0
        targets, self.asks = {}, False
        for name in self.joints:
            start, limits = self._from[name], self._robot.joints[name]
            end = goal.joints.get(name, start)
            at = max(limits.lower, min(limits.upper, start + (end - start) * part))
            away = at - senses.positions[name]
            near = tolerance_of(limits)
            self.asks = self.asks or (name in goal.joints and abs(away) > near)
            # Never zero: that would be no limit of the speed with which the target is reached.
            fastest = min(limits.velocity, max(abs(away), near / 2) / AHEAD_S)
            targets[name] = JointTarget(at, fastest if away >= 0 else -fastest)
        return targets

    def _way_left(self, senses: Senses) -> float:
        """Return what is left of all postures, each counted by the joint that goes farthest."""
        way, at = 0.0, {name: senses.positions[name] for name in self.joints}
        for posture in self._postures[self.stage :]:
            way += max(abs(goal - at[name]) for name, goal in posture.joints.items())
            at.update(posture.joints)
        return way


class Grip(Gesture):
    """Opens or closes fingers; they may close on a thing before the end of their way."""

    unit = 'm'
    ends_at_a_stop = True
