"""What the launch tests share: an installed package, launch files, plans as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from tektra.launching.plan import InlineParameters, LaunchPlan, ProcessSpec, load

PACKAGE = 'launch_demo'

Summary = list[dict[str, object]]


def make_prefix(folder: Path, executables: Mapping[str, str], package: str = PACKAGE) -> Path:
    """Install a package with these scripts into an ament prefix below `folder`."""
    prefix = folder / 'prefix'
    for made in (f'lib/{package}', f'share/{package}/config'):
        (prefix / made).mkdir(parents=True, exist_ok=True)
    index = prefix / 'share/ament_index/resource_index/packages'
    index.mkdir(parents=True, exist_ok=True)
    (index / package).touch()
    for name, text in executables.items():
        path = prefix / 'lib' / package / name
        path.write_text(text, encoding='utf-8')
        path.chmod(0o755)
    return prefix


def environment(prefix: Path) -> dict[str, str]:
    """Return the whole environment of a launch in these tests: nothing leaks in from outside."""
    return {'AMENT_PREFIX_PATH': str(prefix), 'PATH': '/usr/bin:/bin', 'COLOUR': 'green'}


def write(folder: Path, text: str, name: str = 'main.launch.yaml') -> Path:
    """Write a file; returns its path."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding='utf-8')
    return path


def planned(
    folder: Path, text: str, args: Mapping[str, str] | None = None, **files: str
) -> LaunchPlan:
    """Plan a launch file given as text; `files` are written beside it as NAME.launch.yaml."""
    prefix = make_prefix(folder, {'talker': '#!/bin/sh\n', 'listener': '#!/bin/sh\n'})
    for name, content in files.items():
        write(folder, content, f'{name.replace("__", "/")}.launch.yaml')
    return load(write(folder, text), args or {}, environment(prefix))


def summary(plan: LaunchPlan) -> Summary:
    """Return what matters of a plan, with parameter files as their content."""
    return [_summary_of(process) for process in plan.processes]


def _summary_of(process: ProcessSpec) -> dict[str, object]:
    line: list[object] = [Path(process.command[0]).name, *process.command[1:]]
    for source in process.parameters:
        content = source.text() if isinstance(source, InlineParameters) else source.read_text()
        line += ['--params-file', yaml.safe_load(content)]
    for old, new in process.remappings:
        line += ['-r', f'{old}:={new}']
    return {
        'argv': line,
        'label': process.label,
        'environment': dict(process.environment),
        'respawn': process.respawn.enabled,
        'required': process.required,
    }
