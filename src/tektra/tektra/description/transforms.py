"""From joint positions to what /tf and /tf_static say, in plain Python: it runs at 20 to 50 Hz."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tektra.description.model import Description, Joint, Quaternion, Vector


@dataclass(frozen=True)
class Transform:
    """Where frame ``child`` is in frame ``parent``: m, and a unit quaternion x, y, z, w."""

    parent: str
    child: str
    translation: Vector
    rotation: Quaternion


def of_rpy(roll: float, pitch: float, yaw: float) -> Quaternion:
    """Return the rotation of URDF's fixed-axis roll, pitch, yaw (rad)."""
    cr, sr = math.cos(roll / 2), math.sin(roll / 2)
    cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
    cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
    return (
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    )


def of_axis(axis: Vector, angle: float) -> Quaternion:
    """Return the rotation about a unit vector by an angle (rad)."""
    s = math.sin(angle / 2)
    return axis[0] * s, axis[1] * s, axis[2] * s, math.cos(angle / 2)


def product(a: Quaternion, b: Quaternion) -> Quaternion:
    """Return the rotation ``b``, then ``a``."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotated(q: Quaternion, v: Vector) -> Vector:
    """Return a vector, rotated."""
    x, y, z, _ = product(product(q, (*v, 0.0)), (-q[0], -q[1], -q[2], q[3]))
    return x, y, z


def rest(joint: Joint) -> float:
    """Return where a joint is taken to be if nobody tells: zero, or the limit next to it."""
    lower, upper = joint.bounds
    return min(max(0.0, lower), upper)


def all_positions(description: Description, positions: Mapping[str, float]) -> dict[str, float]:
    """Return the position of every movable joint, mimics included, in file order.

    Joints that are not in ``positions`` are at rest; names that the robot lacks are ignored.

    :raises ValueError: if a position is not finite.
    """
    found: dict[str, float] = {}
    for name in description.actuated:
        value = float(positions.get(name, rest(description.joints[name])))
        if not math.isfinite(value):
            raise ValueError(f"joint '{name}' is at {value}, which is no position")
        found[name] = value
    for name, joint in description.joints.items():
        if joint.movable and joint.mimic is not None:
            mimic = joint.mimic
            found[name] = mimic.multiplier * found[mimic.joint] + mimic.offset
    return {name: found[name] for name in description.joints if name in found}


class Transforms:
    """The transforms of one description: those that move, and those that never do."""

    def __init__(self, description: Description) -> None:
        self._description = description
        self._moving = [
            (j, description.frame(j.parent), description.frame(j.child), of_rpy(*j.rpy))
            for j in description.joints.values()
            if j.movable
        ]
        self.fixed = tuple(
            Transform(
                description.frame(j.parent), description.frame(j.child), j.xyz, of_rpy(*j.rpy)
            )
            for j in description.joints.values()
            if not j.movable
        )
        """For /tf_static."""

    def moving(self, positions: Mapping[str, float]) -> list[Transform]:
        """Return one transform a movable joint, for /tf; as to ``positions`` see all_positions.

        :raises ValueError: if a position is not finite.
        """
        at = all_positions(self._description, positions)
        found = []
        for joint, parent, child, start in self._moving:
            value = at[joint.name]
            if joint.type == 'prismatic':
                ax, ay, az = joint.axis
                dx, dy, dz = rotated(start, (ax * value, ay * value, az * value))
                x, y, z = joint.xyz
                found.append(Transform(parent, child, (x + dx, y + dy, z + dz), start))
            else:
                turned = product(start, of_axis(joint.axis, value))
                found.append(Transform(parent, child, joint.xyz, turned))
        return found
