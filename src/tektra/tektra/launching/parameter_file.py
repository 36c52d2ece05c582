"""Parameter files, checked before anything starts: the shape that rcl_yaml_param_parser takes.

What rcl 9 refuses or misreads (measured): values outside `ros__parameters`, aliases, lists of
mixed types; `null` becomes the string 'null', an empty list becomes a parameter without a type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from tektra.launching import document
from tektra.launching.errors import LaunchError, Mark, did_you_mean

_KEY = 'ros__parameters'


@dataclass(frozen=True)
class Section:
    """The parameters for the nodes that match `pattern` (`/**/vad`, `/robot/estop`)."""

    pattern: str
    mark: Mark

    def matches(self, node: str) -> bool:
        """Return whether a fully qualified node name is meant: `*` one word, `**` any number."""
        expression = ''
        for word in self.pattern.strip('/').split('/'):
            expression += {'**': r'(/\w+)*', '*': r'/\w+'}.get(word, '/' + re.escape(word))
        return re.fullmatch(expression, node) is not None


def check(path: Path) -> list[Section]:
    """Validate a parameter file and return its sections.

    Raises:
        LaunchError: unreadable, not YAML, or of a shape that rcl refuses; with the line.
    """
    root = document.read(path)
    _refuse_aliases(path)
    if root is None:
        return []
    if not isinstance(root, document.Mapping):
        raise LaunchError(
            f"a parameter file maps node names to '{_KEY}', it is not {document.kind_of(root)}",
            root.mark,
        )
    return [section for entry in root.entries for section in _sections(entry, '')]


def _refuse_aliases(path: Path) -> None:
    for token in yaml.scan(path.read_text(encoding='utf-8'), Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            mark = Mark(path, token.start_mark.line + 1, token.start_mark.column + 1)
            raise LaunchError('ROS parameter files cannot use aliases; write the value out', mark)


def _sections(entry: document.Entry, above: str) -> list[Section]:
    """Return the sections at and below one node name or namespace."""
    pattern = f'{above}/{entry.key.strip("/")}'
    if not isinstance(entry.value, document.Mapping):
        raise LaunchError(
            f"'{entry.key}' must hold '{_KEY}', not {document.kind_of(entry.value)}", entry.mark
        )
    found: list[Section] = []
    for inner in entry.value.entries:
        if inner.key != _KEY:
            if not isinstance(inner.value, document.Mapping):
                hint = did_you_mean(inner.key, [_KEY])
                raise LaunchError(
                    f"'{inner.key}' stands outside '{_KEY}' of '{entry.key}'{hint}", inner.mark
                )
            found.extend(_sections(inner, pattern))
            continue
        if not isinstance(inner.value, document.Mapping):
            shown = document.kind_of(inner.value)
            raise LaunchError(
                f"'{_KEY}' must hold names and values, not {shown}; {{}} for none", inner.mark
            )
        _check_values(inner.value)
        found.append(Section(pattern, entry.mark))
    return found


def _check_values(values: document.Mapping) -> None:
    for entry in values.entries:
        value = entry.value
        if isinstance(value, document.Mapping):
            _check_values(value)
        elif isinstance(value, document.Sequence):
            _check_list(entry.key, value)
        elif value.value is None:
            raise LaunchError(
                f"parameter '{entry.key}' has no value (ROS would read the string 'null'); "
                "leave it out or write ''",
                entry.mark,
            )


def _check_list(name: str, value: document.Sequence) -> None:
    if not value.items:
        raise LaunchError(
            f"parameter '{name}': an empty list has no type; leave it out", value.mark
        )
    kinds: set[str] = set()
    for item in value.items:
        if not isinstance(item, document.Scalar) or item.value is None:
            shown = document.kind_of(item)
            raise LaunchError(f"parameter '{name}': a list holds scalars, not {shown}", item.mark)
        kinds.add(_kind(item.value))
    kinds.discard('')
    if len(kinds) > 1:
        names = ' and '.join(sorted(kinds))
        raise LaunchError(f"parameter '{name}': a list has one type, not {names}", value.mark)


def _kind(value: object) -> str:
    """Return the type of a list item; empty for text that libyaml may read as a number (1e3)."""
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return 'string'
        return ''
    return {bool: 'boolean', int: 'integer', float: 'float'}[type(value)]
