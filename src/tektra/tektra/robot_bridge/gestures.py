"""What head and arms can express, as postures: found by inverse kinematics, for any robot.

Directions are seen from the robot, at rest: azimuth to the left, elevation upwards, in rad.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from tektra.commands.command import Command
from tektra.description.kinematics import Kinematics, Unreachable
from tektra.robot_bridge.joint_steps import Gesture, Grip, Posture
from tektra.robots.spec import JointSpec, RobotSpec

Joints = Mapping[str, float]
Direction = tuple[float, float]

FAR_M = 10.0  # to look or point in a direction is to do so at a point so far away
_ASIDE, _UPWARDS = 0.8, 0.4  # of a look without an angle
_LOOKS: Mapping[str, Direction] = {
    'left': (1, 0),
    'right': (-1, 0),
    'up': (0, 1),
    'down': (0, -1),
    'ahead': (0, 0),
}
_POINTS: Mapping[str, Direction] = {
    'left': (math.pi / 2, 0.0),
    'right': (-math.pi / 2, 0.0),
    'up': (0.0, 1.2),
    'down': (0.0, -1.2),
    'ahead': (0.0, 0.0),
}
_NOD, _SHAKE = 0.3, 0.4
_AROUND = (1.2, 0.9, 0.6)  # the widest that the neck allows
_RAISED = (1.0, 0.7, 0.4, 0.0)
_WAVING = (1.1, 0.8, 0.5, 0.2)  # the highest that the shoulder allows
_WAVE_OUT, _WAVE = 0.5, 0.35  # middle of a wave, away from the body, and to either side of it
_SWING = 1.2  # no joint of a wave goes farther: from one side to the other, not all around


class CannotError(Exception):
    """What is asked cannot be done; the text is a sentence that can be spoken."""


class Body:
    """Makes the gestures of one robot. ``kinematics`` None: it has no description.

    ``at`` are the positions of all joints from which a gesture begins. All methods raise
    ``CannotError``.
    """

    def __init__(self, robot: RobotSpec, kinematics: Kinematics | None) -> None:
        self._robot = robot
        self._kinematics = kinematics

    # ---- head

    def look_at(self, command: Command, at: Joints) -> Gesture:
        """Return a look in a direction, at a point, or around."""
        target, angle = _target(command), command.values.get('angle')
        if target == 'point':
            return self._gesture(command, [self._look_at_point(self._goal(command, None), at)])
        if target == 'around':
            return self._gesture(command, self._around(at))
        aside, upwards = _LOOKS[target]
        wide = aside * (_ASIDE if angle is None else angle)
        return self._gesture(
            command, [self._look((wide, upwards * (_UPWARDS if angle is None else angle)), at)]
        )

    def nod(self, command: Command, at: Joints) -> Gesture:
        """Return a nod: down and level, so many times, and back to where the head was."""
        return self._to_and_fro(command, at, ((0.0, -_NOD), (0.0, _NOD / 3)))

    def shake_head(self, command: Command, at: Joints) -> Gesture:
        """Return a shake: to either side, so many times, and back to where the head was."""
        return self._to_and_fro(command, at, ((_SHAKE, 0.0), (-_SHAKE, 0.0)))

    def _to_and_fro(self, command: Command, at: Joints, ends: Sequence[Direction]) -> Gesture:
        there = [self._look(end, at) for end in ends]
        back = {name: at[name] for name in there[0]}
        return self._gesture(command, [*there * _times(command), back])

    def _around(self, at: Joints) -> list[Joints]:
        for wide in _AROUND:
            try:
                sides = [self._look((side, 0.0), at) for side in (wide, -wide)]
            except CannotError:
                continue
            return [*sides, self._look((0.0, 0.0), at)]
        raise CannotError('I cannot turn my head far enough.')

    def _look(self, way: Direction, at: Joints) -> dict[str, float]:
        kinematics = self._seeing()
        assert kinematics.head is not None
        face = _where(kinematics, kinematics.head.gaze.link)
        return self._look_at_point(_towards(face, way), at)

    def _look_at_point(self, point: Sequence[float], at: Joints) -> dict[str, float]:
        return self._known(self._seeing().look_at(point, at))

    def _seeing(self) -> Kinematics:
        if self._kinematics is None or self._kinematics.head is None:
            raise CannotError('I have no head that I could turn.')
        return self._kinematics

    # ---- arms

    def point_at(self, command: Command, at: Joints) -> Gesture:
        """Return pointing in a direction or at a point, with the arm that can."""
        target = _target(command)

        def posture(arm: str) -> dict[str, float]:
            kinematics = self._reaching()
            shoulder = _where(kinematics, kinematics.arms[arm].pointer.link)
            point: Sequence[float] = (
                self._goal(command, arm)
                if target == 'point'
                else _towards(shoulder, _POINTS[target])
            )
            return self._known(kinematics.point_at(arm, point, at))

        aside = command.values.get('y', _POINTS.get(target, (0.0, 0.0))[0])
        return self._with_arms(command, 'arm', posture, 'left' if aside > 0 else 'right')

    def wave(self, command: Command, at: Joints) -> Gesture:
        """Return a wave: a raised forearm to either side, and back to where the arm was."""
        arms = self._arms(command.texts.get('arm', 'either'))
        ways = [self._wave(arm, at) for arm in arms]
        out = [_merged(one for one, _ in ways), _merged(other for _, other in ways)]
        back = {name: at[name] for name in out[0]}
        return self._gesture(command, [*out * _times(command), back])

    def arm(self, command: Command, at: Joints) -> Gesture:
        """Return raising an arm as high as it goes, or letting it down to rest."""
        arms = self._arms(command.texts.get('side', 'either'))
        if command.texts['action'] == 'raise':
            return self._gesture(command, [_merged(self._raised(arm, at) for arm in arms)])
        return self._gesture(command, [self._rest(n for a in arms for n in self._joints_of(a))])

    def gripper(self, command: Command, at: Joints) -> Gesture:
        """Return opening or closing fingers."""
        names = [self._gripper_of(arm) for arm in self._arms(command.texts.get('side', 'either'))]
        if '' in names:
            raise CannotError('I have no gripper there.')
        opens = command.texts['action'] == 'open'
        joints = {n: (spec.upper if opens else spec.lower) for n, spec in self._named(names)}
        return Grip(self._robot, command, [Posture(joints)])

    def home(self, command: Command, channels: Sequence[str]) -> Gesture:
        """Return the rest posture of the joints of ``channels``; what a gripper holds it keeps."""
        grippers = {self._gripper_of(arm) for arm in self._described()}
        joints = [
            name
            for name, spec in self._robot.joints.items()
            if name not in grippers and spec.channel in channels
        ]
        if not joints:
            raise CannotError('I have neither head nor arms.')
        return self._gesture(command, [self._rest(joints)])

    def _with_arms(
        self, command: Command, text: str, posture: Callable[[str], dict[str, float]], side: str
    ) -> Gesture:
        """Return a gesture of one arm: the one that is asked for, else the first that can."""
        asked = command.texts.get(text, 'either')
        arms = self._arms(asked)
        if asked == 'either':
            arms = sorted(self._described(), key=lambda arm: arm != side)
        why = CannotError('I have no arm.')
        for arm in arms:
            try:
                return self._gesture(command, [posture(arm)])
            except CannotError as error:
                why = error
        raise why

    def _wave(self, arm: str, at: Joints) -> tuple[dict[str, float], dict[str, float]]:
        out = -_WAVE_OUT if self._right(arm) else _WAVE_OUT
        ways = [[(0.0, high, out + side) for side in (_WAVE, -_WAVE)] for high in _WAVING]
        for one, other in ways:
            try:
                ends = self._point_leaning(arm, one, at), self._point_leaning(arm, other, at)
            except CannotError:
                continue
            if all(abs(ends[0][name] - ends[1][name]) <= _SWING for name in ends[0]):
                return ends
        raise CannotError(f'I cannot lift my {arm} arm to wave.')

    def _raised(self, arm: str, at: Joints) -> dict[str, float]:
        for high in _RAISED:
            try:
                return self._point_leaning(arm, (0.0, high, 0.0), at)
            except CannotError:
                continue
        raise CannotError(f'I cannot raise my {arm} arm.')

    def _point_leaning(
        self, arm: str, way: tuple[float, float, float], at: Joints
    ) -> dict[str, float]:
        """Return the arm pointing in a direction that leans sideways by the third angle."""
        kinematics = self._reaching()
        shoulder = _where(kinematics, kinematics.arms[arm].pointer.link)
        azimuth, elevation, lean = way
        up = math.sin(elevation)
        point = (
            shoulder[0] + FAR_M * math.cos(elevation) * math.cos(azimuth),
            shoulder[1] + FAR_M * (math.cos(elevation) * math.sin(azimuth) + up * math.sin(lean)),
            shoulder[2] + FAR_M * up * math.cos(lean),
        )
        return self._known(kinematics.point_at(arm, point, at))

    # ---- parts

    def _goal(self, command: Command, arm: str | None) -> tuple[float, float, float]:
        """Return the point of a command; without a height that of the face or the forearm."""
        kinematics = self._seeing() if arm is None else self._reaching()
        if arm is not None:
            link = kinematics.arms[arm].pointer.link
        else:
            assert kinematics.head is not None
            link = kinematics.head.gaze.link
        level = _where(kinematics, link)[2]
        values = command.values
        return values['x'], values['y'], values.get('z', level)

    def _arms(self, asked: str) -> list[str]:
        """Return the names of the arms that are meant."""
        there = list(self._described())
        if not there:
            raise CannotError('I have no arm.')
        if asked == 'both':
            return there
        if asked == 'either':
            return ['right'] if 'right' in there else there[:1]
        if asked not in there:
            raise CannotError(f'I have no {asked} arm.')
        return [asked]

    def _described(self) -> Iterable[str]:
        return self._robot.description.arms if self._robot.description else ()

    def _gripper_of(self, arm: str) -> str:
        assert self._robot.description is not None
        return self._robot.description.arms[arm].gripper

    def _joints_of(self, arm: str) -> list[str]:
        assert self._robot.description is not None
        spec = self._robot.description.arms[arm]
        return [name for name in self._robot.joints_of(spec.joints) if name != spec.gripper]

    def _right(self, arm: str) -> bool:
        kinematics = self._reaching()
        return _where(kinematics, kinematics.arms[arm].pointer.link)[1] < 0

    def _reaching(self) -> Kinematics:
        if self._kinematics is None or not self._kinematics.arms:
            raise CannotError('I do not know how my arms move.')
        return self._kinematics

    def _rest(self, joints: Iterable[str]) -> dict[str, float]:
        return {n: max(spec.lower, min(spec.upper, 0.0)) for n, spec in self._named(joints)}

    def _named(self, joints: Iterable[str]) -> list[tuple[str, JointSpec]]:
        return [(name, self._robot.joints[name]) for name in joints]

    def _known(self, found: dict[str, float] | Unreachable) -> dict[str, float]:
        if isinstance(found, Unreachable):
            raise CannotError(f'I cannot do that: {found.reason}.')
        # A joint of the description that the robot's file does not name cannot be commanded.
        return {name: at for name, at in found.items() if name in self._robot.joints}

    def _gesture(self, command: Command, postures: Iterable[Joints]) -> Gesture:
        return Gesture(self._robot, command, [Posture(joints) for joints in postures])


def _target(command: Command) -> str:
    target = command.texts['target']
    if target == 'person':
        raise CannotError('I cannot see you: I have no vision yet.')
    return target


def _times(command: Command) -> int:
    return round(command.values.get('times', 1))


def _merged(postures: Iterable[Joints]) -> dict[str, float]:
    return {name: at for posture in postures for name, at in posture.items()}


def _where(kinematics: Kinematics, link: str) -> tuple[float, float, float]:
    """Return where a link is with all joints at rest."""
    x, y, z = kinematics.forward({})[link][:3, 3]
    return float(x), float(y), float(z)


def _towards(start: Sequence[float], way: Direction) -> tuple[float, float, float]:
    azimuth, elevation = way
    return (
        start[0] + FAR_M * math.cos(elevation) * math.cos(azimuth),
        start[1] + FAR_M * math.cos(elevation) * math.sin(azimuth),
        start[2] + FAR_M * math.sin(elevation),
    )
