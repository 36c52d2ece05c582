"""A description as a model of pinocchio: poses of links and their Jacobians.

Why pinocchio: it is maintained, has a rosdep key and wheels for every supported Python, and is
quick to load. Measured on one core of the reference machine, Python 3.11, numpy already loaded:

=============  ========  ==============  =======================================================
library        import    memory (PSS)    what there is
=============  ========  ==============  =======================================================
pinocchio 4.1  0.1 s     48 MB           forward kinematics, Jacobians; C++
ikpy 4.2       0.8 s     83 MB           one chain each; brings scipy and sympy
yourdfpy 0.0   0.7-1 s   86 MB           forward kinematics only; brings scipy and trimesh
=============  ========  ==============  =======================================================

It is imported with the first pose that is asked for, never for /tf. The model is built here joint
by joint, by calls that pinocchio 2 to 4 share: a robot of Jazzy has 3.x, and what the parsers make
of mimic and continuous joints has changed between versions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tektra.description.chains import Ray
from tektra.description.model import Description, Joint
from tektra.description.transforms import all_positions

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """A point and a direction of a link (both in the root's frame), and how joints change them.

    ``point`` m, ``direction`` unit, each of shape (3,); the Jacobians are (3, number of joints).
    """

    point: Array
    direction: Array
    point_jacobian: Array
    direction_jacobian: Array


class Tree:
    """Poses of the links of one description. Not for several threads at once."""

    def __init__(self, description: Description) -> None:
        import pinocchio

        self._pin: Any = pinocchio
        self._description = description
        self._model: Any = pinocchio.Model()
        self._places: dict[str, tuple[int, Any]] = {
            description.root: (0, pinocchio.SE3.Identity())
        }
        self._order: list[str] = []
        waiting = list(description.joints.values())
        while waiting:
            ready = [joint for joint in waiting if joint.parent in self._places]
            for joint in ready:
                self._add(joint)
            waiting = [joint for joint in waiting if joint.child not in self._places]
        self._data: Any = self._model.createData()
        self._index = {name: n for n, name in enumerate(self._order)}

    def _add(self, joint: Joint) -> None:
        pin = self._pin
        parent, place = self._places[joint.parent]
        placement = place * pin.SE3(
            pin.rpy.rpyToMatrix(*joint.rpy), np.array(joint.xyz, dtype=float)
        )
        if not joint.movable:
            self._places[joint.child] = (parent, placement)
            return
        axis = np.array(joint.axis, dtype=float)
        kind = pin.JointModelPrismaticUnaligned if joint.type == 'prismatic' else None
        kind = kind or pin.JointModelRevoluteUnaligned
        number = self._model.addJoint(parent, kind(axis), placement, joint.name)
        self._places[joint.child] = (number, pin.SE3.Identity())
        self._order.append(joint.name)

    def _configuration(self, positions: Mapping[str, float]) -> Array:
        at = all_positions(self._description, positions)
        return np.array([at[name] for name in self._order], dtype=float)

    def poses(self, positions: Mapping[str, float]) -> dict[str, Array]:
        """Return link -> its pose in the root's frame, of shape (4, 4)."""
        q = self._configuration(positions)
        self._pin.forwardKinematics(self._model, self._data, q)
        return {
            link: (self._data.oMi[number] * place).homogeneous.copy()
            for link, (number, place) in self._places.items()
        }

    def probe(
        self, positions: Mapping[str, float], joints: Sequence[str], ray: Ray
    ) -> Callable[[Array], Motion]:
        """Return a function: positions of ``joints``, in this order -> how the ray moves.

        All other joints stay at ``positions``.
        """
        pin, model, data = self._pin, self._model, self._data
        start = self._configuration(positions)
        spread = self._spread(joints)
        first = start[[self._index[name] for name in joints]]
        number, place = self._places[ray.link]
        origin, direction = np.array(ray.origin), np.array(ray.direction)
        frame = pin.ReferenceFrame.LOCAL_WORLD_ALIGNED

        def motion(q: Array) -> Motion:
            pin.computeJointJacobians(model, data, start + spread @ (q - first))
            pose = data.oMi[number] * place
            point = pose.translation + pose.rotation @ origin
            ahead = pose.rotation @ direction
            columns = pin.getJointJacobian(model, data, number, frame) @ spread
            linear, angular = columns[:3], columns[3:]
            arm = point - data.oMi[number].translation
            return Motion(
                point, ahead, linear - pin.skew(arm) @ angular, -pin.skew(ahead) @ angular
            )

        return motion

    def _spread(self, joints: Sequence[str]) -> Array:
        """Return how far every joint goes (row) when one of ``joints`` (column) goes by one."""
        spread = np.zeros((len(self._order), len(joints)))
        for n, name in enumerate(joints):
            spread[self._index[name], n] = 1.0
            for follower in self._order:
                mimic = self._description.joints[follower].mimic
                if mimic is not None and mimic.joint == name:
                    spread[self._index[follower], n] = mimic.multiplier
        return spread
