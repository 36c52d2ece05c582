"""From the commands of a goal to its steps, or why nothing of it is begun.

Everything that can be known beforehand is found out here: parts that the robot lacks, postures out
of reach, places outside the workspace. For that the plan is followed on paper, step by step, from
the pose and the posture of now.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tektra.commands.command import Command
from tektra.commands.motions import Motion
from tektra.commands.vocabulary import Vocabulary
from tektra.description.kinematics import Kinematics
from tektra.robot_bridge.base_steps import GoTo, Line, Turn
from tektra.robot_bridge.gestures import Body, CannotError
from tektra.robot_bridge.joint_steps import Gesture, Posture
from tektra.robot_bridge.room import free_way
from tektra.robot_bridge.senses import Odometry, Senses
from tektra.robot_bridge.step import Step
from tektra.robots.records import RecordError
from tektra.robots.spec import BASE, RobotSpec

LOW_BATTERY = 0.1
"""Below this the base stays where it is: to be fetched from a corner is worse."""
_ROOM_M = 0.005  # a way that is shorter than asked for by so much is still the way


class Word(enum.Enum):
    """A command that moves nothing; the executor answers it when its turn comes."""

    FASTER = 'faster'
    SLOWER = 'slower'
    HOLD = 'hold'
    STOP = 'stop'
    STATUS = 'status'
    BATTERY = 'battery'
    UNFOLLOW = 'follow off'


@dataclass(frozen=True)
class Planned:
    """A command and what does it."""

    command: Command
    does: Step | Word


@dataclass
class _Paper:
    """Where base and joints are after the steps that are planned so far."""

    pose: Odometry | None
    positions: dict[str, float] = field(default_factory=dict)

    def turn(self, angle: float) -> None:
        if self.pose is not None:
            self.place(self.pose.x, self.pose.y, self.pose.yaw + angle)

    def place(self, x: float, y: float, yaw: float) -> None:
        frame = '' if self.pose is None else self.pose.frame
        self.pose = Odometry(x, y, yaw, frame=frame)


class Planner:
    """Plans for one robot. ``motions`` returns a named motion or raises RecordError."""

    def __init__(
        self,
        robot: RobotSpec,
        vocabulary: Vocabulary,
        kinematics: Kinematics | None,
        motions: Callable[[str], Motion],
    ) -> None:
        self._robot = robot
        self._vocabulary = vocabulary
        self._body = Body(robot, kinematics)
        self._motions = motions
        body = self._body
        self._gestures: dict[str, Callable[[Command, Mapping[str, float]], Gesture]] = {
            'look_at': body.look_at,
            'point_at': body.point_at,
            'wave': body.wave,
            'nod': body.nod,
            'shake_head': body.shake_head,
            'gripper': body.gripper,
            'arm': body.arm,
        }
        self._makers: dict[str, Callable[[Command, Senses, _Paper], Step | Word]] = {
            'move': self._move,
            'turn': self._turn,
            'go_to': self._go_to,
            'home': self._home,
            'motion': self._motion,
            'follow': self._follow,
            'pace': lambda c, _s, _p: Word(c.texts['change']),
            'hold': lambda _c, _s, _p: Word.HOLD,
            'stop': lambda _c, _s, _p: Word.STOP,
            'status': lambda _c, _s, _p: Word.STATUS,
            'battery': lambda _c, _s, _p: Word.BATTERY,
        }

    def plan(self, commands: Sequence[Command], senses: Senses, now_ns: int) -> list[Planned]:
        """Return the steps of a goal.

        :raises CannotError: with the sentence that refuses it.
        """
        most = self._vocabulary.most_steps
        if not commands:
            raise CannotError('There is nothing to do.')
        if len(commands) > most:
            raise CannotError(f'That is more than {most} steps; say it in parts.')
        paper = _Paper(senses.odometry, dict(senses.positions))
        return [self._planned(command, senses, paper, now_ns) for command in commands]

    def _planned(self, command: Command, senses: Senses, paper: _Paper, now_ns: int) -> Planned:
        wrong = self._vocabulary.check(command)
        if wrong:
            raise CannotError(f'I cannot do that: {wrong[0]}.')
        command = self._vocabulary.complete(command)
        if self._vocabulary.moves(command) and command.name != 'follow':
            self._need(self._channels(command), senses, now_ns)
        maker = self._makers.get(command.name)
        if maker is not None:
            return Planned(command, maker(command, senses, paper))
        return Planned(
            command, self._allowed(self._gestures[command.name](command, paper.positions), paper)
        )

    def _allowed(self, gesture: Gesture, paper: _Paper) -> Gesture:
        """Return the gesture, if it uses no channel but those of the vocabulary."""
        named = self._vocabulary.commands[gesture.command.name].channels
        other = next((channel for channel in gesture.channels if channel not in named), '')
        if other:
            raise CannotError(f'I may not use my {other.replace("_", " ")} for that.')
        paper.positions.update(gesture.end)
        return gesture

    def _channels(self, command: Command) -> Iterable[str]:
        """Return the channels that a command may use and that the robot has."""
        named = self._vocabulary.commands[command.name].channels
        if command.name == 'home':
            at_base = command.texts['what'] == 'place'
            named = tuple(channel for channel in named if (channel == BASE) == at_base)
        used = [channel for channel in self._robot.channels if channel in named]
        if used:
            return used
        raise CannotError('I have no wheels.' if named == (BASE,) else 'I have no part for that.')

    def _need(self, channels: Iterable[str], senses: Senses, now_ns: int) -> None:
        """Refuse what is not measured, and a drive with an empty battery."""
        channels = tuple(channels)
        unknown = senses.unknown(channels, now_ns)
        if unknown:
            raise CannotError(f'I cannot move: {unknown}.')
        battery = senses.sensors.battery
        if BASE in channels and battery is not None and battery < LOW_BATTERY:
            percent = math.floor(battery * 100)
            raise CannotError(f'My battery is at {percent} percent: I have to be charged first.')

    # ---- base

    def _move(self, command: Command, senses: Senses, paper: _Paper) -> Step:
        x, y = command.values.get('x', 0.0), command.values.get('y', 0.0)
        assert self._robot.base is not None and paper.pose is not None
        if y and self._robot.base.lateral is None:
            raise CannotError('I cannot move sideways; I can turn and then drive.')
        distance, bearing = math.hypot(x, y), math.atan2(y, x)
        self._check_way(paper.pose, distance, paper.pose.yaw + bearing, _side(bearing))
        way = paper.pose.yaw + bearing
        paper.place(
            paper.pose.x + distance * math.cos(way),
            paper.pose.y + distance * math.sin(way),
            paper.pose.yaw,
        )
        return Line(self._robot, distance, command.texts['speed'], bearing=bearing)

    def _turn(self, command: Command, senses: Senses, paper: _Paper) -> Step:
        paper.turn(command.values['angle'])
        return Turn(self._robot, command.values['angle'], command.texts['speed'])

    def _go_to(self, command: Command, senses: Senses, paper: _Paper) -> Step:
        frame = command.texts.get('frame', 'odom')
        assert paper.pose is not None
        if frame != paper.pose.frame:
            raise CannotError(f'I do not know where that is: I have no {frame} here.')
        values = command.values
        return self._drive_to(values['x'], values['y'], values.get('yaw'), paper)

    def _drive_to(self, x: float, y: float, yaw: float | None, paper: _Paper) -> Step:
        here = paper.pose
        assert here is not None
        way = math.atan2(y - here.y, x - here.x)
        self._check_way(here, math.hypot(x - here.x, y - here.y), way, 'that way')
        paper.place(x, y, way if yaw is None else yaw)
        return GoTo(self._robot, x, y, yaw)

    def _check_way(self, here: Odometry, distance: float, direction: float, side: str) -> None:
        """Refuse a way that leaves the workspace, and say how far is free."""
        spec = self._robot.workspace
        # In another frame only the gate can tell; it does, and the step then fails.
        if spec is None or spec.frame != here.frame:
            return
        free = free_way(spec.polygon, here.x, here.y, direction, distance)
        if free >= distance - _ROOM_M:
            return
        if free < 0.1:
            raise CannotError(f'There is no room to go {side}: my workspace ends here.')
        metres = math.floor(free * 10) / 10
        raise CannotError(
            f'I cannot go that far: only {metres:.1f} metres are free {side}, then my workspace '
            'ends.'
        )

    # ---- the rest

    def _home(self, command: Command, senses: Senses, paper: _Paper) -> Step:
        if command.texts['what'] == 'posture':
            named = self._vocabulary.commands['home'].channels
            return self._allowed(self._body.home(command, named), paper)
        assert senses.home is not None
        return self._drive_to(senses.home.x, senses.home.y, senses.home.yaw, paper)

    def _motion(self, command: Command, senses: Senses, paper: _Paper) -> Step:
        try:
            motion = self._motions(command.texts['name'])
        except RecordError:
            raise CannotError(f'I do not know how to {command.texts["name"]}.') from None
        if motion.problems(self._robot):
            raise CannotError(f'My joints cannot do {command.texts["name"]}.')
        postures, before = [], 0.0
        for frame in motion.keyframes:
            postures.append(Posture(frame.joints, frame.time_s - before))
            before = frame.time_s
        return self._allowed(Gesture(self._robot, command, postures), paper)

    def _follow(self, command: Command, senses: Senses, paper: _Paper) -> Word:
        if command.texts['state'] == 'on':
            raise CannotError('I cannot follow you: I have no vision yet.')
        return Word.UNFOLLOW


def _side(bearing: float) -> str:
    """Return where a bearing leads, in words."""
    quarter = round(bearing / (math.pi / 2)) % 4
    return ('ahead', 'to my left', 'behind me', 'to my right')[quarter]
