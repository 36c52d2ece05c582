"""The ``description`` of a robot's file: which URDF it is, and what in it is head and arm."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.robots.records import item


@dataclass(frozen=True)
class ArmSpec:
    """One arm of the description."""

    tip: str = item('link at its end, which reaches')
    joints: str = item('actuator channel that holds its joints')
    gripper: str = item('joint that opens its hand; none: it has no gripper', default='')
    forearm: str = item('link that points; none: found by its length', default='')


@dataclass(frozen=True)
class DescriptionSpec:
    """Where a robot's description is and what its parts are. None of it limits anything."""

    file: str = item(
        'URDF or xacro file: a path from the folder of this file, from ~/.tektra or from the '
        'shipped folders, or package://PACKAGE/FILE'
    )
    arguments: dict[str, str] = item('arguments of a xacro file: name -> text', default=None)
    head: str = item('link of the face, x out of it; none: there is no head', default='')
    arms: dict[str, ArmSpec] = item(
        'name of each arm, as people say it -> its parts', default=None
    )

    def __post_init__(self) -> None:
        """Turn what is not given into empty tables; refuse an empty name of a file."""
        for name in ('arguments', 'arms'):
            if getattr(self, name) is None:
                object.__setattr__(self, name, {})
        if not self.file:
            raise ValueError('file is empty; name a URDF or xacro file')
