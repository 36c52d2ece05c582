"""Parameters that a launch file sets from its arguments: the configuration gives their default.

A value in a launch file beats every parameter file, so ``speaker: none`` in a file would be
beaten by the default of the argument ``speaker``. Where the configuration sets such a parameter,
the argument is given its value, unless the person has given the argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tektra.config.merge import Configuration
from tektra.config.setting import Layer, Setting, any_namespace
from tektra.launching import document
from tektra.launching.errors import LaunchError

_VARIABLE = re.compile(r'\$\(var (\w+)\)')
_HERE = '$(dirname)/'


def owned(path: Path) -> dict[tuple[str, str], str]:
    """Return (node, parameter) -> launch argument, of a launch file and those it includes.

    :raises LaunchError: if a file cannot be read.
    """
    return dict(_walk(document.read(path), path.parent))


def _walk(value: document.Value | None, folder: Path) -> Iterator[tuple[tuple[str, str], str]]:
    if isinstance(value, document.Sequence):
        for item in value.items:
            yield from _walk(item, folder)
    if not isinstance(value, document.Mapping):
        return
    for entry in value.entries:
        if isinstance(entry.value, document.Mapping) and entry.key == 'node':
            yield from _of_node(entry.value)
        elif isinstance(entry.value, document.Mapping) and entry.key == 'include':
            file = _text(entry.value, 'file')
            if file.startswith(_HERE):
                yield from owned(folder / file.removeprefix(_HERE)).items()
        else:
            yield from _walk(entry.value, folder)


def _of_node(node: document.Mapping) -> Iterator[tuple[tuple[str, str], str]]:
    found = node.get('param')
    items = found.value.items if found and isinstance(found.value, document.Sequence) else ()
    for item in items:
        if not isinstance(item, document.Mapping):
            continue
        match = _VARIABLE.fullmatch(_text(item, 'value'))
        if match and node.get('name') is not None:
            yield (_text(node, 'name'), _text(item, 'name')), match.group(1)


def _text(mapping: document.Mapping, key: str) -> str:
    found = mapping.get(key)
    value = found.value if found is not None else None
    return str(value.value) if isinstance(value, document.Scalar) else ''


def with_configured(path: Path, args: Mapping[str, str], made: Configuration) -> dict[str, str]:
    """Return launch arguments completed by what the configuration sets for such parameters.

    :raises LaunchError: if ``--set`` and a launch argument contradict each other.
    """
    completed = dict(args)
    for (node, name), argument in owned(path).items():
        setting = made.settings.get((any_namespace(node), name))
        if setting is None:
            continue
        text = _argument(setting)
        if argument not in args:
            completed[argument] = text
        elif setting.layer is Layer.COMMAND_LINE and args[argument] != text:
            raise LaunchError(
                f'{setting.where} is beaten by the launch argument {argument}:={args[argument]}; '
                'leave one of them out'
            )
    return completed


def _argument(setting: Setting) -> str:
    value = setting.value
    return str(value).lower() if isinstance(value, bool) else str(value)
