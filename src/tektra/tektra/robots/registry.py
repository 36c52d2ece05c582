"""The robots of a site: the user's config/robots first, then the shipped ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tektra.config.layers import home
from tektra.launching.errors import did_you_mean, listing
from tektra.robots.records import RecordError
from tektra.robots.spec import RobotSpec, read_robot
from tektra.runtime.share import share_dir


def folders() -> tuple[Path, ...]:
    """Return where robot files are looked for; the first that has a name wins."""
    return home() / 'config' / 'robots', share_dir() / 'config' / 'robots'


def robot_files() -> dict[str, Path]:
    """Return name -> file of every robot that is known."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in sorted(folder.glob('*.yaml')):
            found.setdefault(path.stem, path)
    return found


def find_robot(name: str) -> RobotSpec:
    """Return a robot by its name.

    :raises RecordError: if there is none of that name, or its file is wrong.
    """
    files = robot_files()
    if name not in files:
        hint = did_you_mean(name, files) or f'; known: {listing(files) or "none"}'
        raise RecordError(f"no robot '{name}'{hint}; a robot is a file in {folders()[0]}")
    return read_robot(files[name])


def site(names: Iterable[str]) -> tuple[RobotSpec, ...]:
    """Return the robots of a site, in order.

    :raises RecordError: as ``find_robot``, and if a name or a spoken name occurs twice.
    """
    robots = tuple(find_robot(name) for name in names)
    owner: dict[str, str] = {}
    for robot in robots:
        for called in {robot.name, *(s.lower() for s in robot.spoken_names)}:
            if called in owner:
                raise RecordError(
                    f"{robot.path}: '{called}' is also a name of robot '{owner[called]}'; "
                    'a spoken name must be for one robot'
                )
            owner[called] = robot.name
    return robots
