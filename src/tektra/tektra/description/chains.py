"""Which joints make a head or an arm; found along the way from a tip to the root, or as told."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from tektra.description.model import Description, DescriptionError, Vector
from tektra.description.transforms import of_rpy, product, rotated
from tektra.launching.errors import listing

# A segment of an arm is a forearm rather than a hand if it is at least this part of the longest.
_LONG = 0.6


@dataclass(frozen=True)
class Ray:
    """A line fixed in a link: from ``origin`` (m) along the unit vector ``direction``."""

    link: str
    origin: Vector
    direction: Vector


@dataclass(frozen=True)
class Head:
    """``joints`` turn it, the root's first; ``gaze`` is where the face looks."""

    joints: tuple[str, ...]
    gaze: Ray


@dataclass(frozen=True)
class Arm:
    """``joints`` move ``tip``, the root's first; ``pointer`` lies along the forearm.

    ``aiming`` are those joints that turn the forearm, ``shoulder`` is the link that carries the
    arm's first joint at ``shoulder_xyz`` (m), ``length`` (m) the way from there to the tip.
    """

    name: str
    tip: str
    joints: tuple[str, ...]
    pointer: Ray
    aiming: tuple[str, ...]
    shoulder: str
    shoulder_xyz: Vector
    length: float


def find_head(description: Description, face: str) -> Head:
    """Return the head whose face is the link ``face``, with x out of the face.

    A joint that also carries arms (a turning torso) is none of the head's.

    :raises DescriptionError: if fewer than two joints turn it.
    """
    chain = description.chain(face)
    turning = [
        joint.name
        for joint in chain
        if joint.type in ('revolute', 'continuous')
        and joint.mimic is None
        and not _carries_more(description, joint.child, face)
    ]
    if len(turning) < 2:
        raise DescriptionError(
            f"{description.path}: {len(turning)} joints turn the head '{face}' "
            f'({listing(turning) or "none"}); looking at something needs two: name another link '
            'under description.head'
        )
    return Head(tuple(turning), Ray(face, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0)))


def _carries_more(description: Description, link: str, tip: str) -> bool:
    """Return whether moving ``link`` moves more than ``tip``: an arm or a head that forks off.

    What hangs on the last link that moves is a part of it: fingers, antennas.
    """
    chain = description.chain(tip)
    moving = [n for n, joint in enumerate(chain) if joint.movable]
    last = {joint.child for joint in chain[moving[-1] :]}
    way = {joint.name for joint in chain}
    forks = 0
    for name in description.actuated:
        if name not in way:
            above = {j.parent for j in description.chain(description.joints[name].child)}
            forks += link in above and not above & last
    return forks > 1


def find_arm(
    description: Description,
    name: str,
    tip: str,
    *,
    joints: Collection[str] = (),
    forearm: str = '',
) -> Arm:
    """Return the arm that ends at the link ``tip``.

    :param joints: those that may belong to it, as the channel of the robot's file has them;
        without, all on the way to ``tip`` that carry no second arm or head.
    :param forearm: the link that points; without, the last long one.
    :raises DescriptionError: if no joint moves the tip or ``forearm`` is not on the way.
    """
    chain = description.chain(tip)
    own = [
        joint
        for joint in chain
        if joint.name in description.actuated
        and (joint.name in joints if joints else not _carries_more(description, joint.child, tip))
    ]
    if not own:
        among = f' among {listing(joints)}' if joints else ''
        raise DescriptionError(
            f"{description.path}: no joint{among} moves the tip '{tip}' of the arm '{name}'; on "
            f'the way there are {listing(j.name for j in chain if j.movable) or "none"}'
        )
    links, segments = _segments(description, own[0].child, tip)
    pointing = _forearm(description, name, links, segments, forearm)
    end = segments[pointing]
    long = math.hypot(*end)
    upto = [joint.name for joint in description.chain(links[pointing])]
    return Arm(
        name=name,
        tip=tip,
        joints=tuple(joint.name for joint in own),
        pointer=Ray(
            links[pointing], (0.0, 0.0, 0.0), (end[0] / long, end[1] / long, end[2] / long)
        ),
        aiming=tuple(joint.name for joint in own if joint.name in upto),
        shoulder=own[0].parent,
        shoulder_xyz=own[0].xyz,
        length=sum(math.hypot(*segment) for segment in segments),
    )


def _segments(description: Description, first: str, tip: str) -> tuple[list[str], list[Vector]]:
    """Return the links from ``first`` that move by themselves, and where in each the next begins.

    What is fixed to a link belongs to it.
    """
    chain = description.chain(tip)
    start = next(n for n, joint in enumerate(chain) if joint.child == first)
    links, segments = [first], [(0.0, 0.0, 0.0)]
    turned = (0.0, 0.0, 0.0, 1.0)
    for joint in chain[start + 1 :]:
        x, y, z = segments[-1]
        dx, dy, dz = rotated(turned, joint.xyz)
        segments[-1] = (x + dx, y + dy, z + dz)
        turned = product(turned, of_rpy(*joint.rpy))
        if joint.movable:
            links.append(joint.child)
            segments.append((0.0, 0.0, 0.0))
            turned = (0.0, 0.0, 0.0, 1.0)
    return links, segments


def _forearm(
    description: Description, name: str, links: list[str], segments: list[Vector], told: str
) -> int:
    lengths = [math.hypot(*segment) for segment in segments]
    longest = max(lengths)
    if longest < 1e-6:
        raise DescriptionError(
            f"{description.path}: the arm '{name}' has no length; name another link as its tip"
        )
    if not told:
        return max(n for n, length in enumerate(lengths) if length >= _LONG * longest)
    if told not in links or lengths[links.index(told)] < 1e-6:
        usable = [link for link, length in zip(links, lengths, strict=True) if length >= 1e-6]
        raise DescriptionError(
            f"{description.path}: '{told}' is no forearm of the arm '{name}'; one of "
            f'{listing(usable)} can be'
        )
    return links.index(told)
