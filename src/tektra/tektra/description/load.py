"""Reads a robot's description, URDF or xacro, and says what is wrong in words that help."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from tektra.description import expand, meshes
from tektra.description.model import Description, DescriptionError
from tektra.description.urdf import MAX_BYTES, read_urdf, with_prefix
from tektra.launching.errors import listing

_SHOWN = 5


def load_description(
    path: Path, *, arguments: Mapping[str, str] | None = None, prefix: str = ''
) -> Description:
    """Return the description of a ``.urdf`` or ``.urdf.xacro`` file.

    :param arguments: of a xacro file.
    :param prefix: goes before every link in ``urdf`` and in ``frame()``, as in ``tek/``. Names of
        links stay as they are in the file everywhere else.
    :raises DescriptionError: naming file, line, thing and fix.
    """
    text = _read(path)
    problems: tuple[str, ...] = ()
    if expand.is_xacro(path, text):
        text, problems = expand.expand(path, arguments or {})
        _check_size(path, len(text.encode()))
        place = '{} (line {} after xacro)'
    else:
        if arguments:
            raise DescriptionError(
                f'{path}: is plain URDF and takes no arguments ({listing(arguments)}); '
                'remove description.arguments'
            )
        place = '{}:{}'
    description, robot = read_urdf(text, str(path), lambda line: place.format(path, line))
    found = meshes.find_meshes(robot, path.resolve().parent)
    return dataclasses.replace(
        description,
        urdf=with_prefix(text, prefix),
        prefix=prefix,
        meshes=found,
        problems=(
            *problems,
            *description.problems,
            *_no_velocity(description),
            *meshes.missing(found, path),
        ),
    )


def _read(path: Path) -> str:
    if path.is_dir():
        raise DescriptionError(f'{path}: is a folder; give the .urdf or .urdf.xacro file in it')
    try:
        _check_size(path, path.stat().st_size)
        return path.read_text(encoding='utf-8')
    except UnicodeDecodeError:
        raise DescriptionError(
            f'{path}: is no text in UTF-8, so no robot description; give a .urdf or .urdf.xacro'
        ) from None
    except OSError as error:
        raise DescriptionError(f'{path}: {error.strerror}') from None


def _check_size(path: Path, size: int) -> None:
    if size > MAX_BYTES:
        raise DescriptionError(
            f'{path}: has {size / 2**20:.0f} MB, more than {MAX_BYTES / 2**20:.0f}; shapes belong '
            'into mesh files, which the description names'
        )


def _no_velocity(description: Description) -> tuple[str, ...]:
    silent = [
        name
        for name in description.actuated
        if (limits := description.joints[name].limits) is not None and limits.velocity <= 0.0
    ]
    if not silent:
        return ()
    more = f' and {len(silent) - _SHOWN} more' if len(silent) > _SHOWN else ''
    return (
        f'{description.path}: {len(silent)} joints tell no velocity ({listing(silent[:_SHOWN])}'
        f"{more}); what counts is the velocity in the robot's own file",
    )
