"""Resolves the *.in files for every supported Python and writes the pinned *.txt files.

Usage: python requirements/lock.py PYTHON3.10 PYTHON3.11 PYTHON3.12 PYTHON3.13

The arguments are interpreters with pip. Nothing is installed. Every pin has a wheel for x86-64
Linux on each of them (empy, pure Python, has only a source archive); where a version does not
exist for all of them the line carries a marker.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
# A package is written to the list that asks for it by name, otherwise to the first that needs it.
LISTS = ['base', 'ros', 'speech-gpl', 'dev']
WHEELS_ONLY = ['--only-binary=:all:', '--no-binary=empy']


def normal(name: str) -> str:
    """Return a distribution name in its canonical spelling."""
    return re.sub(r'[-_.]+', '-', name).lower()


def resolve(python: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """Return the interpreter's `major.minor` and the metadata of what pip would install there."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, 'report.json')
        inputs = [f'--requirement={FOLDER / name}.in' for name in LISTS]
        command = [python, '-m', 'pip', 'install', '--quiet', '--dry-run', '--ignore-installed']
        subprocess.run([*command, *WHEELS_ONLY, *inputs, f'--report={report}'], check=True)
        data = json.loads(report.read_text())
    version = data['environment']['python_version']
    return version, {normal(i['metadata']['name']): i['metadata'] for i in data['install']}


def closure(names: set[str], installed: dict[str, dict[str, Any]]) -> set[str]:
    """Return `names` and all that they need, among the installed."""
    found: set[str] = set()
    todo = set(names)
    while todo:
        name = todo.pop()
        found.add(name)
        for line in installed[name].get('requires_dist', []):
            if 'extra ==' in line and not name.startswith('ros-'):
                continue
            needed = normal(re.split(r'[^A-Za-z0-9._-]', line, maxsplit=1)[0])
            if needed in installed and needed not in found:
                todo.add(needed)
    return found


def marker(versions: list[str], every: list[str]) -> str:
    """Return the environment marker that selects `versions` out of `every` (both sorted)."""
    if versions == every:
        return ''
    if versions == every[-len(versions) :]:
        return f'; python_version >= "{versions[0]}"'
    if versions == every[: len(versions)]:
        return f'; python_version < "{every[len(versions)]}"'
    return '; ' + ' or '.join(f'python_version == "{version}"' for version in versions)


def requested(name: str) -> set[str]:
    """Return the names that a *.in file asks for."""
    lines = (FOLDER / f'{name}.in').read_text().splitlines()
    return {normal(re.split(r'[\[=<>]', line)[0]) for line in lines if line and line[0] != '#'}


def main() -> None:
    """Write every list."""
    resolved = dict(sorted((resolve(python) for python in sys.argv[1:]), key=lambda r: len(r[0])))
    every = sorted(resolved, key=lambda version: int(version.split('.')[1]))
    written: set[str] = set()
    by_name = {name: requested(name) for name in LISTS}
    for name in LISTS:
        elsewhere = set().union(*(by_name[other] for other in LISTS if other != name))
        pins: dict[tuple[str, str], list[str]] = {}
        members: set[str] = set()
        for version in every:
            installed = resolved[version]
            members |= (reached := closure(by_name[name], installed))
            for package in reached - written - elsewhere:
                pins.setdefault((package, installed[package]['version']), []).append(version)
        lines = [f'{p}=={v}{marker(on, every)}' for (p, v), on in sorted(pins.items())]
        head = f'# Written by lock.py from {name}.in, for CPython {every[0]} to {every[-1]}.'
        (FOLDER / f'{name}.txt').write_text('\n'.join([head, *lines]) + '\n')
        written |= members - elsewhere


if __name__ == '__main__':
    main()
