"""Where the parts of a robot are, and how its joints must be to reach, point at or see a point.

Points are in the frame of the robot's root link, in m: x forward, y left, z up. Collisions of the
robot with itself or anything else are not looked at; that is the business of a planner.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tektra.description.chains import Arm, Head, Ray
from tektra.description.model import Description, DescriptionError, Vector
from tektra.description.solve import Problem, solve
from tektra.description.transforms import Transform, Transforms, rest
from tektra.description.tree import Tree
from tektra.launching.errors import listing

Array = npt.NDArray[np.float64]

REACH_M = 0.005
"""The tip is there when it is no farther away."""
POINT_RAD = math.radians(3.0)
"""An arm points at something when its forearm does within this."""
LOOK_RAD = math.radians(3.0)
"""A head looks at something when its face does within this."""
NEAREST_M = 0.1
"""Nothing nearer to a face or an elbow is looked or pointed at: there is no direction to it."""


@dataclass(frozen=True)
class Unreachable:
    """No posture within the joint limits does it. ``reason`` is a sentence that can be said."""

    reason: str


class Kinematics:
    """Forward and inverse kinematics of one robot. Not for several threads at once.

    :param head: what looks; None: the robot has no head.
    :param arms: name -> what reaches and points.
    """

    def __init__(
        self,
        description: Description,
        *,
        head: Head | None = None,
        arms: Mapping[str, Arm] | None = None,
    ) -> None:
        self.description = description
        self.head = head
        self.arms = dict(arms or {})
        self._transforms = Transforms(description)

    @cached_property
    def _tree(self) -> Tree:
        return Tree(self.description)

    @property
    def fixed_transforms(self) -> tuple[Transform, ...]:
        """Return what /tf_static says."""
        return self._transforms.fixed

    def transforms(self, positions: Mapping[str, float]) -> list[Transform]:
        """Return what /tf says for joint positions (rad, m); without pinocchio.

        Joints that are not given are at rest, names that the robot lacks are ignored.

        :raises ValueError: if a position is not finite.
        """
        return self._transforms.moving(positions)

    def forward(self, positions: Mapping[str, float]) -> dict[str, Array]:
        """Return link -> its pose in the root's frame, of shape (4, 4).

        As to what is not given or not known, see ``transforms``.

        :raises ValueError: if a position is not finite.
        """
        return self._tree.poses(positions)

    def reach(
        self, arm: str, target: Sequence[float], positions: Mapping[str, float]
    ) -> dict[str, float] | Unreachable:
        """Return positions of the arm's joints that bring its tip to a point.

        :param positions: where all joints are now; near postures are preferred.
        :raises DescriptionError: if there is no such arm.
        :raises ValueError: if the target is not three finite numbers.
        """
        own, goal = self._arm(arm), _point(target)
        shoulder = self._at(own.shoulder, own.shoulder_xyz, positions)
        away = float(np.linalg.norm(goal - shoulder))
        if away > own.length + REACH_M:
            return Unreachable(
                f'the point is {_length(away)} from the {_words(arm)} shoulder, and the arm is '
                f'{_length(own.length)} long'
            )
        tip = Ray(own.tip, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0))
        motion = self._tree.probe(positions, own.joints, tip)

        def problem(q: Array) -> tuple[Array, Array]:
            moved = motion(q)
            return moved.point - goal, moved.point_jacobian

        found, miss = self._solve(own.joints, positions, problem, REACH_M / 5)
        if miss > REACH_M:
            return Unreachable(
                f'the joints of the {_words(arm)} arm bring its hand no nearer to the point than '
                f'{_length(miss)}'
            )
        return found

    def point_at(
        self, arm: str, target: Sequence[float], positions: Mapping[str, float]
    ) -> dict[str, float] | Unreachable:
        """Return positions of the arm's joints with which its forearm points at a point.

        The joints behind the forearm go to rest, so that the hand carries the line on. If it can,
        the shoulder does it alone with the elbow at rest: people point with a stretched arm.
        Arguments and errors are those of ``reach``.
        """
        own, goal = self._arm(arm), _point(target)
        shoulder = own.aiming[: (len(own.aiming) + 1) // 2]
        off = math.pi
        for turned in (shoulder, own.aiming):
            still = {n: rest(self.description.joints[n]) for n in own.joints if n not in turned}
            found = self._aim(turned, own.pointer, goal, {**positions, **still}, POINT_RAD)
            if not isinstance(found, float):
                return {**found, **still}
            off = found
        return Unreachable(
            f'the {_words(arm)} arm cannot point there: its joints end {_degrees(off)} degrees '
            'before'
        )

    def look_at(
        self, target: Sequence[float], positions: Mapping[str, float]
    ) -> dict[str, float] | Unreachable:
        """Return positions of the head's joints with which its face looks at a point.

        Arguments and errors are those of ``reach``; DescriptionError if the robot has no head.
        """
        if self.head is None:
            raise DescriptionError(
                f'{self.description.path}: has no head; name the link of its face under '
                'description.head'
            )
        head = self.head
        # From rest, not from where the head is: a neck with three joints would else tilt for good.
        others = {name: at for name, at in positions.items() if name not in head.joints}
        found = self._aim(head.joints, head.gaze, _point(target), others, LOOK_RAD)
        if isinstance(found, float):
            return Unreachable(
                f'the head cannot turn there: its joints end {_degrees(found)} degrees before'
            )
        return found

    def _arm(self, name: str) -> Arm:
        if name not in self.arms:
            raise DescriptionError(
                f"{self.description.path}: has no arm '{name}'; arms: "
                f'{listing(self.arms) or "none; describe them under description.arms"}'
            )
        return self.arms[name]

    def _at(self, link: str, xyz: Vector, positions: Mapping[str, float]) -> Array:
        pose = self.forward(positions)[link]
        where: Array = pose[:3, 3] + pose[:3, :3] @ np.array(xyz)
        return where

    def _aim(
        self,
        joints: Sequence[str],
        ray: Ray,
        goal: Array,
        positions: Mapping[str, float],
        within: float,
    ) -> dict[str, float] | float:
        """Return positions with which a ray goes through a point, or the least angle off (rad)."""
        motion = self._tree.probe(positions, joints, ray)

        def problem(q: Array) -> tuple[Array, Array]:
            moved = motion(q)
            to = goal - moved.point
            far = max(float(np.linalg.norm(to)), NEAREST_M)
            wanted = to / far
            turning = (np.eye(3) - np.outer(wanted, wanted)) / far
            return (
                moved.direction - wanted,
                moved.direction_jacobian + turning @ moved.point_jacobian,
            )

        found, miss = self._solve(joints, positions, problem, math.radians(0.2))
        off = 2 * math.asin(min(miss / 2, 1.0))
        return found if off <= within else off

    def _solve(
        self,
        joints: Sequence[str],
        positions: Mapping[str, float],
        problem: Problem,
        tolerance: float,
    ) -> tuple[dict[str, float], float]:
        own = [self.description.joints[name] for name in joints]
        lower, upper = (np.array(side) for side in zip(*(j.bounds for j in own), strict=True))
        seed = [float(positions.get(joint.name, rest(joint))) for joint in own]
        q, miss = solve(problem, seed, lower, upper, tolerance)
        return dict(zip(joints, q.tolist(), strict=True)), miss


def _point(target: Sequence[float]) -> Array:
    point = np.array(target, dtype=float)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise ValueError(f'{target!r} is no point; give x, y, z in m')
    return point


def _length(metres: float) -> str:
    return f'{metres:.1f} m' if metres >= 1.0 else f'{metres * 100:.0f} cm'


def _degrees(radians: float) -> int:
    return math.ceil(math.degrees(radians))


def _words(name: str) -> str:
    return name.replace('_', ' ')
