"""A robot's description as plain records: links, joints and what was wrong but bearable."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tektra.launching.errors import did_you_mean, listing

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]  # x, y, z, w

MOVABLE = ('revolute', 'continuous', 'prismatic')


class DescriptionError(ValueError):
    """The description cannot be used; the text names file, thing, value and fix."""


@dataclass(frozen=True)
class Limits:
    """Range and speed of a joint: rad and rad/s, of a prismatic one m and m/s; effort N m or N.

    A ``velocity`` of zero means that the file does not tell.
    """

    lower: float
    upper: float
    velocity: float
    effort: float


@dataclass(frozen=True)
class Mimic:
    """The joint follows another: position = multiplier * position of ``joint`` + offset."""

    joint: str
    multiplier: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True)
class Joint:
    """A joint; its frame is that of ``child``, at rest ``xyz`` (m), ``rpy`` (rad) in ``parent``.

    ``axis`` is a unit vector in the joint's frame. ``limits`` is None for fixed joints and for
    continuous ones of which nothing is told.
    """

    name: str
    type: str
    parent: str
    child: str
    xyz: Vector = (0.0, 0.0, 0.0)
    rpy: Vector = (0.0, 0.0, 0.0)
    axis: Vector = (1.0, 0.0, 0.0)
    limits: Limits | None = None
    mimic: Mimic | None = None

    @property
    def movable(self) -> bool:
        """Return whether the joint moves, by itself or as another's mimic."""
        return self.type in MOVABLE

    @property
    def bounds(self) -> tuple[float, float]:
        """Return lowest and highest position; infinite for continuous joints."""
        if self.type == 'continuous' or self.limits is None:
            return -float('inf'), float('inf')
        return self.limits.lower, self.limits.upper


@dataclass(frozen=True)
class Mesh:
    """A mesh that a link asks for, and the file that it is; None: not found."""

    link: str
    uri: str
    file: Path | None


@dataclass(frozen=True)
class Description:
    """A robot that can be used.

    ``urdf`` is its text for viewers; there, and only there, links carry ``prefix``. ``links`` and
    ``joints`` are in file order, by name. ``problems`` are sentences about what is missing and
    what is done instead.
    """

    name: str
    path: Path
    urdf: str
    prefix: str
    links: tuple[str, ...]
    joints: dict[str, Joint]
    root: str
    meshes: tuple[Mesh, ...] = ()
    problems: tuple[str, ...] = ()

    def frame(self, link: str) -> str:
        """Return the frame of a link, as it is called in /tf."""
        return self.prefix + link

    @cached_property
    def actuated(self) -> tuple[str, ...]:
        """Return the joints that somebody must position: movable and no mimic."""
        return tuple(n for n, j in self.joints.items() if j.movable and j.mimic is None)

    @cached_property
    def _above(self) -> dict[str, Joint]:
        return {joint.child: joint for joint in self.joints.values()}

    def chain(self, tip: str) -> tuple[Joint, ...]:
        """Return all joints from the root to a link, the root's first.

        :raises DescriptionError: if there is no such link.
        """
        if tip not in self.links:
            raise DescriptionError(f"{self.path}: has no link '{tip}'{self.suggest(tip)}")
        found: list[Joint] = []
        while tip != self.root:
            found.append(self._above[tip])
            tip = found[-1].parent
        return tuple(reversed(found))

    def suggest(self, link: str) -> str:
        """Return the end of a sentence that names likely or all links."""
        return did_you_mean(link, self.links) or f'; links: {listing(self.links)}'
