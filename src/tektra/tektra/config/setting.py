"""One value that a layer sets, and one thing that is wrong with a layer."""

from __future__ import annotations

import enum
from dataclasses import dataclass

Value = bool | int | float | str | tuple[str, ...]


class Layer(enum.IntEnum):
    """Where a value comes from; a higher layer wins."""

    DEFAULT = 0  # of the node's own dataclass
    SHIPPED = 1
    HOME = 2
    ENVIRONMENT = 3
    COMMAND_LINE = 4

    @property
    def label(self) -> str:
        """Return the name for people."""
        return self.name.lower().replace('_', ' ')


@dataclass(frozen=True)
class Setting:
    """A parameter value.

    ``pattern`` says which nodes are meant, as in a ROS parameter file: ``/**/vad`` in any
    namespace, ``/left/vad`` one. ``where`` names the file and line, variable or option.
    """

    pattern: str
    name: str
    value: Value
    layer: Layer
    where: str

    @property
    def node(self) -> str:
        """Return the node name without namespace."""
        return self.pattern.rsplit('/', 1)[-1]


@dataclass(frozen=True)
class Problem:
    """What is wrong, in one line that names the place, the key, the value and the fix."""

    text: str


def any_namespace(node: str) -> str:
    """Return the pattern of a node in whatever namespace."""
    return f'/**/{node}'
