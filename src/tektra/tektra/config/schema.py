"""Which nodes there are and what parameters they take: their own dataclasses, found by name.

The capability folder ``<node>/`` holds ``params.py`` with the class ``<Node>Params``; nothing is
described a second time, and neither rclpy nor an engine is imported.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

import tektra
from tektra.runtime import params


@cache
def schemas() -> dict[str, type]:
    """Return node name -> frozen dataclass of its parameters, in order of name."""
    found: dict[str, type] = {}
    for file in sorted(Path(next(iter(tektra.__path__))).glob('*/params.py')):
        node = file.parent.name
        made = getattr(importlib.import_module(f'tektra.{node}.params'), class_name(node), None)
        if isinstance(made, type):
            found[node] = made
    return found


def class_name(node: str) -> str:
    """Return the name of the parameter class of a node: ``turn_taking`` -> TurnTakingParams."""
    return ''.join(word.title() for word in node.split('_')) + 'Params'


def from_text(default: object, text: str) -> object:
    """Return a value written in an environment variable or on the command line.

    The type is that of ``default``. Lists are separated by commas. What does not convert is
    returned as the text, for the check to refuse.
    """
    if isinstance(default, bool):
        return {'true': True, 'false': False}.get(text.strip().lower(), text)
    if isinstance(default, tuple):
        return [word.strip() for word in text.split(',')]
    if isinstance(default, (int, float)):
        try:
            return type(default)(text)
        except ValueError:
            return text
    return text


def default_of(node: str, name: str) -> object:
    """Return the default of a parameter.

    :raises KeyError: if the node has none of this name.
    """
    field, _ = params.specs(schemas()[node])[name]
    return field.default
