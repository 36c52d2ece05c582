"""A first ``config/robots/NAME.yaml`` for a robot of which there is only a description."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from tektra.description.model import Description, DescriptionError, Joint
from tektra.launching.errors import listing
from tektra.robots.records import Item
from tektra.robots.spec import BASE, JointSpec

# What is written where the description does not tell: slow enough for a first trial.
_VELOCITY = {'revolute': 1.0, 'prismatic': 0.05}
# Of the velocity, per s, s^2: those of the shipped robot.
_ACCELERATION, _JERK, _DECELERATION = 4.0, 80.0, 8.0
_FORK = 2  # a limb has at least so many joints; what has fewer is a part of another

_SIDES = {'left': r'(^|_)(l|left)(_|$)', 'right': r'(^|_)(r|right)(_|$)'}
_HEAD = r'head|neck|face'
_TIP = r'tip|tcp|tool|ee(_|$)|effector|grasp'
_GRIPPER = r'grip|finger|claw|jaw'


@dataclass(frozen=True)
class Limb:
    """Joints that hang together, the nearest to the root first, and what they are called."""

    channel: str
    joints: tuple[str, ...]

    @property
    def is_head(self) -> bool:
        """Return whether it is taken for the head."""
        return self.channel == 'head'

    @property
    def is_arm(self) -> bool:
        """Return whether it is taken for an arm."""
        return self.channel.endswith('arm')


def limbs(description: Description) -> tuple[Limb, ...]:
    """Return the limbs of a robot, guessed: it is forked where two or more limbs begin.

    Continuous joints belong to none: they are wheels, which a base drives.
    """
    groups: list[list[str]] = []
    _split(description, description.root, [], groups)
    taken: dict[str, int] = {}
    found = []
    for group in groups:
        channel = _channel(group)
        taken[channel] = taken.get(channel, 0) + 1
        number = f'_{taken[channel]}' if taken[channel] > 1 else ''
        found.append(Limb(channel + number, tuple(group)))
    return tuple(found)


def _split(description: Description, link: str, trunk: list[str], groups: list[list[str]]) -> None:
    """Sort the joints below ``link`` into groups; ``trunk`` are those on the way since a fork."""
    below = [joint for joint in description.joints.values() if joint.parent == link]
    sizes = {joint.name: len(_below(description, joint)) for joint in below}
    many = [joint for joint in below if sizes[joint.name] >= _FORK]
    if len(many) > 1:
        if trunk:
            groups.append(list(trunk))
        for joint in many:
            _split(description, joint.child, _own(joint), groups)
        rest = [n for j in below if j not in many for n in _below(description, j)]
    elif many:
        rest = [n for j in below if j not in many for n in _below(description, j)]
        _split(description, many[0].child, [*trunk, *rest, *_own(many[0])], groups)
        return
    else:
        rest = [*trunk, *(n for joint in below for n in _below(description, joint))]
    if rest:
        groups.append(rest)


def _own(joint: Joint) -> list[str]:
    limited = joint.type in ('revolute', 'prismatic') and joint.mimic is None
    return [joint.name] if limited else []


def _below(description: Description, joint: Joint) -> list[str]:
    """Return the joint, if it counts, and those behind it."""
    found, waiting = [], [joint]
    while waiting:
        one = waiting.pop(0)
        found += _own(one)
        waiting += [j for j in description.joints.values() if j.parent == one.child]
    return found


def _channel(group: Sequence[str]) -> str:
    def some(pattern: str) -> bool:
        return any(re.search(pattern, name.lower()) for name in group)

    if some(_HEAD):
        return 'head'
    if len(group) >= _FORK:
        side = next((side for side, pattern in _SIDES.items() if some(pattern)), '')
        if some(r'arm|shoulder|elbow|wrist'):
            return f'{side}_arm' if side else 'arm'
        if side:
            return f'{side}_limb'
    return _as_name(group[0])


def _as_name(text: str) -> str:
    name = re.sub(r'[^a-z0-9_]+', '_', text.lower()).strip('_')
    return (name if re.match('[a-z]', name) and name != BASE else f'robot_{name}')[:32]


def robot_file_for(description: Description, *, name: str = '', file: str = '') -> str:
    """Return the text of a robot's file: simulated driver, joints, channels, head and arms.

    It is a start that a person reads through: what was guessed is marked.

    :param name: of the robot; without, that of the description.
    :param file: what to write as ``description.file``; without, the description's own path.
    :raises DescriptionError: if nothing in it could be moved by a joint.
    """
    found = limbs(description)
    if not found:
        raise DescriptionError(
            f'{description.path}: has no joint with limits; a robot that is only a base needs no '
            'joints in its file: write base: instead, as in config/robots/tek.yaml'
        )
    name = _as_name(name or description.name or description.path.stem)
    wheels = [n for n in description.actuated if description.joints[n].type == 'continuous']
    lines = [
        f'# {name}, written from {description.path.name}. Read it through: some of it is guessed.',
        "# This is the robot's safety configuration. estop and robot_gate read it once.",
        f'name: {_text(name)}',
        f'spoken_names: [{_text(name.replace("_", " "))}]',
        'driver:',
        '  type: sim                  # first simulated; then tcp, udp, ros or plugin',
        'owners:',
        '  - {source: robot_bridge, priority: 100, input: setpoint, spoken: true}',
    ]
    if wheels:
        lines.append(
            f'# {listing(wheels)}: wheels, guessed; describe the base by base: and not them'
        )
    lines += [
        'joints:                      # rad, m; s. Accelerations are guessed from velocities'
    ]
    for limb in found:
        lines += [_joint_line(description.joints[joint], limb.channel) for joint in limb.joints]
    lines += [
        'stop: {category: 1, max_ramp_s: 1.0}',
        *_description_lines(description, found, file),
    ]
    return '\n'.join(lines) + '\n'


def _joint_line(joint: Joint, channel: str) -> str:
    lower, upper = joint.bounds
    told = joint.limits.velocity if joint.limits else 0.0
    velocity = told if told > 0.0 else _VELOCITY[joint.type]
    note = '' if told > 0.0 else '  # velocity guessed'
    values = {
        'lower': lower,
        'upper': upper,
        'velocity': velocity,
        'acceleration': velocity * _ACCELERATION,
        'jerk': velocity * _JERK,
        'deceleration': velocity * _DECELERATION,
    }
    return (
        f'  {_text(joint.name)}: {{channel: {_text(channel)}, '
        + ', '.join(f'{key}: {_number(key, value)}' for key, value in values.items())
        + f'}}{note}'
    )


def _number(key: str, value: float) -> str:
    """Return a value of a joint, within what the file may say, with a point and no exponent."""
    known = next(f for f in dataclasses.fields(JointSpec) if f.name == key)
    allowed: Item = known.metadata['item']
    if allowed.low is not None and allowed.high is not None:
        value = min(max(value, allowed.low), allowed.high)
    text = f'{value:.6f}'.rstrip('0')
    return f'{text}0' if text.endswith('.') else text


def _text(value: str) -> str:
    """Return a name as YAML, in quotes where it would be read as something else."""
    plain = re.fullmatch(r'[A-Za-z_/][\w./ -]*', value) and yaml.safe_load(value) == value
    return value if plain else json.dumps(value)


def _description_lines(description: Description, found: Sequence[Limb], file: str) -> list[str]:
    lines = ['description:', f'  file: {_text(file or str(description.path.resolve()))}']
    for limb in found:
        if limb.is_head and (face := _deepest(description, limb, r'face|^head$|head')):
            lines.append(
                f'  head: {_text(face)}  # guessed; the link that looks, its x out of the face'
            )
            break
    arms = [limb for limb in found if limb.is_arm]
    if arms:
        lines.append('  arms:                      # guessed')
    for limb in arms:
        side = limb.channel.removesuffix('arm').strip('_') or 'arm'
        tip = _deepest(description, limb, _TIP)
        on_way = {joint.name for joint in description.chain(tip)}
        hand = [j for j in limb.joints if j not in on_way and re.search(_GRIPPER, j.lower())]
        gripper = f', gripper: {_text(hand[0])}' if hand else ''
        lines.append(f'    {side}: {{tip: {_text(tip)}, joints: {_text(limb.channel)}{gripper}}}')
    return lines


def _deepest(description: Description, limb: Limb, names: str) -> str:
    """Return the link that most joints of a limb move; among those, one that is called right."""
    carried = {
        link: sum(joint.name in limb.joints for joint in description.chain(link))
        for link in description.links
    }
    # Fingers and antennas are moved by one joint more than the hand or head that they sit on.
    called = [link for link in carried if re.search(names, link.lower()) and carried[link] > 1]
    among = called or list(carried)
    most = max(carried[link] for link in among)
    best = [link for link in among if carried[link] == most]
    exact = [link for link in best if re.fullmatch(r'face|head|tip|tcp', link.lower())]
    return (exact or best)[-1]
