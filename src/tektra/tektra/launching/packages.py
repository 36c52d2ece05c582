"""Packages and their executables along AMENT_PREFIX_PATH (ament index, REP 122 layout)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tektra.launching.errors import LaunchError, Mark, did_you_mean, listing

_INDEX = Path('share/ament_index/resource_index/packages')


def prefixes(environment: Mapping[str, str]) -> list[Path]:
    """Return the folders of AMENT_PREFIX_PATH, first wins."""
    return [Path(p) for p in environment.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]


def package_prefix(package: str, environment: Mapping[str, str], mark: Mark | None) -> Path:
    """Return the prefix that `package` is installed in.

    Raises:
        LaunchError: no prefix has it; names what was searched and the closest package.
    """
    searched = prefixes(environment)
    for prefix in searched:
        if (prefix / _INDEX / package).is_file():
            return prefix
    if not searched:
        raise LaunchError(
            f"package '{package}' not found: AMENT_PREFIX_PATH is not set; "
            'start through ./tektra or source install/setup.sh',
            mark,
        )
    known = {name for prefix in searched for name in _names(prefix / _INDEX)}
    hint = did_you_mean(package, sorted(known))
    paths = listing(str(prefix) for prefix in searched)
    raise LaunchError(f"package '{package}' not found in {paths}{hint}", mark)


def package_share(package: str, environment: Mapping[str, str], mark: Mark | None) -> Path:
    """Return `<prefix>/share/<package>`; raises as `package_prefix` does."""
    return package_prefix(package, environment, mark) / 'share' / package


def package_executable(
    package: str, name: str, environment: Mapping[str, str], mark: Mark | None
) -> Path:
    """Return `<prefix>/lib/<package>/<name>`.

    Raises:
        LaunchError: the package or the executable is not there or not executable; names package,
            executable, the folder searched and the closest match.
    """
    folder = package_prefix(package, environment, mark) / 'lib' / package
    path = folder / name
    if not path.is_file():
        known = sorted(_names(folder))
        hint = did_you_mean(name, known) or f'; it has: {listing(known) or "none"}'
        raise LaunchError(
            f"package '{package}' has no executable '{name}' in {folder}{hint}", mark
        )
    if not os.access(path, os.X_OK):
        raise LaunchError(f'{path} is not executable; chmod +x it', mark)
    return path


def program(name: str, environment: Mapping[str, str], mark: Mark | None) -> Path:
    """Return the program `name` (a path, or a name on PATH) of a node without `pkg`.

    Raises:
        LaunchError: it is not there or not executable.
    """
    found = shutil.which(name, path=environment.get('PATH'))
    if found is None:
        raise LaunchError(f"no program '{name}' on PATH; a ROS executable needs 'pkg'", mark)
    return Path(found)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
