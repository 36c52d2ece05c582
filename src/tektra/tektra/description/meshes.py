"""Where the meshes of a description are, as far as they are on this machine. None is fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tektra.description.model import Mesh
from tektra.description.urdf import Node
from tektra.launching.errors import listing

NEAR = 4
"""So many folders upwards from the file a package's folder is looked for."""
_SHOWN = 5


def package_folder(package: str, near: Path) -> Path | None:
    """Return a ROS package's folder: from the ament index, or beside or above ``near``."""
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        return Path(get_package_share_directory(package))
    except (PackageNotFoundError, ValueError, LookupError):
        pass  # not installed, no name of a package, or no workspace is sourced
    for folder in (near, *near.parents[:NEAR]):
        if folder.name == package:
            return folder
        if (folder / package).is_dir():
            return folder / package
    return None


def find_file(uri: str, near: Path) -> Path | None:
    """Return the file of ``package://P/F``, ``file:///F`` or a path from ``near``, or None."""
    parts = urlsplit(uri)
    if parts.scheme in ('package', 'model'):
        folder = package_folder(parts.netloc, near)
        found = folder / unquote(parts.path).lstrip('/') if folder else None
    elif parts.scheme in ('', 'file'):
        found = near / unquote(parts.path)
    else:
        return None
    return found if found is not None and found.is_file() else None


def find_meshes(robot: Node, near: Path) -> tuple[Mesh, ...]:
    """Return every mesh that a link shows or collides with, each once a link."""
    found: dict[tuple[str, str], Mesh] = {}
    for link in robot.all('link'):
        name = link.attributes.get('name', '')
        for node in link.walk():
            uri = node.attributes.get('filename', '')
            if node.tag == 'mesh' and (name, uri) not in found:
                found[name, uri] = Mesh(name, uri, find_file(uri, near))
    return tuple(found.values())


def missing(meshes: Iterable[Mesh], path: Path) -> tuple[str, ...]:
    """Return a sentence about the meshes that are not there, or nothing."""
    every = {mesh.uri: mesh.file for mesh in meshes}
    absent = sorted(uri for uri, file in every.items() if file is None)
    if not absent:
        return ()
    names = listing(re.split(r'[/\\]', uri)[-1] for uri in absent[:_SHOWN])
    more = f' and {len(absent) - _SHOWN} more' if len(absent) > _SHOWN else ''
    packages = sorted({urlsplit(u).netloc for u in absent if u.startswith('package://')})
    fix = (
        f'install the package {listing(packages)} or put its folder beside the file'
        if packages
        else 'put them where the file says'
    )
    return (
        f'{path}: {len(absent)} of {len(every)} meshes are not there ({names}{more}); the robot '
        f'moves all the same, viewers show nothing in their place; {fix}',
    )
