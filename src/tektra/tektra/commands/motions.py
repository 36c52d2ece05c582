"""Named motions, ``config/motions/NAME.yaml``: keyframes of joints, checked against a robot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tektra.config.layers import home
from tektra.launching.errors import did_you_mean, listing
from tektra.robots import records
from tektra.robots.records import RecordError, item
from tektra.robots.spec import RobotSpec
from tektra.runtime.share import share_dir

_NAME = re.compile(r'[a-z][a-z0-9_]{0,31}')
LONGEST_S = 60.0


@dataclass(frozen=True)
class Keyframe:
    """Where joints are to be at a time after the start; joints that are not named stay."""

    time_s: float = item('after the start', unit='s', low=0.1, high=LONGEST_S)
    joints: dict[str, float] = item('joint -> position', unit='rad or m')


@dataclass(frozen=True)
class Motion:
    """A motion; it begins wherever the joints are."""

    description: str = item('what it looks like')
    keyframes: tuple[Keyframe, ...] = item('in order of time')
    name: str = field(default='')
    path: Path = field(default=Path())

    def __post_init__(self) -> None:
        """Refuse what cannot be played in order."""
        if not self.keyframes:
            raise ValueError('keyframes is empty: nothing would move; add one')
        for n, (one, after) in enumerate(zip(self.keyframes, self.keyframes[1:], strict=False)):
            if after.time_s <= one.time_s:
                raise ValueError(
                    f'keyframes[{n + 1}]: time_s {after.time_s:g} is not after {one.time_s:g}'
                )
        for n, frame in enumerate(self.keyframes):
            if not frame.joints:
                raise ValueError(f'keyframes[{n}]: joints is empty; name one or remove it')

    @property
    def joints(self) -> tuple[str, ...]:
        """Return every joint that it moves, in order of appearance."""
        return tuple(dict.fromkeys(j for frame in self.keyframes for j in frame.joints))

    @property
    def duration_s(self) -> float:
        """Return when the last keyframe is due."""
        return self.keyframes[-1].time_s

    def problems(self, robot: RobotSpec) -> tuple[str, ...]:
        """Return why ``robot`` cannot play it: joints it lacks, its limits and speeds."""
        return tuple(f'{self.path}: {text}' for text in self._problems(robot))

    def _problems(self, robot: RobotSpec) -> Iterator[str]:
        for joint in self.joints:
            if joint not in robot.joints:
                hint = did_you_mean(joint, robot.joints) or f'; it has {listing(robot.joints)}'
                yield f"robot '{robot.name}' has no joint '{joint}'{hint}"
                continue
            spec, last = robot.joints[joint], None
            for n, frame in enumerate(self.keyframes):
                if joint not in frame.joints:
                    continue
                at, where = frame.joints[joint], f'keyframes[{n}].joints.{joint}'
                if not spec.lower <= at <= spec.upper:
                    yield (
                        f'{where}: {at:g} is outside {spec.lower:g}..{spec.upper:g} '
                        f"of robot '{robot.name}'"
                    )
                if last is not None:
                    speed = abs(at - last[1]) / (frame.time_s - last[0])
                    if speed > spec.velocity:
                        yield (
                            f'{where}: needs {speed:.2f}/s, more than the {spec.velocity:g}/s of '
                            f"robot '{robot.name}'; give it more time"
                        )
                last = (frame.time_s, at)


def folders() -> tuple[Path, ...]:
    """Return where motions are looked for; the first that has a name wins."""
    return home() / 'config' / 'motions', share_dir() / 'config' / 'motions'


def motion_files() -> dict[str, Path]:
    """Return name -> file of every motion, sorted by name."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in folder.glob('*.yaml'):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def read_motion(path: Path) -> Motion:
    """Return the motion of a file.

    :raises RecordError: naming file, line, key and fix.
    """
    if not _NAME.fullmatch(path.stem):
        raise RecordError(f"{path}: the name '{path.stem}' must match {_NAME.pattern}")
    motion = records.read(Motion, path)
    object.__setattr__(motion, 'name', path.stem)
    object.__setattr__(motion, 'path', path)
    return motion


def find_motion(name: str) -> Motion:
    """Return a motion by its name.

    :raises RecordError: if there is none of that name, or its file is wrong.
    """
    files = motion_files()
    if name not in files:
        hint = did_you_mean(name, files) or f'; known: {listing(files) or "none"}'
        raise RecordError(f"no motion '{name}'{hint}; a motion is a file in {folders()[0]}")
    return read_motion(files[name])
