"""Node parameters as a frozen dataclass.

Declared once, with unit, range and description, then validated.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rclpy.node import Node

P = TypeVar('P')

# Parameters that rclpy or the base of the nodes declares.
BUILT_IN = frozenset({'use_sim_time', 'start_type_description_service', 'log_level'})


class ParameterError(ValueError):
    """A parameter is unknown, of the wrong type, or out of range.

    The text names it and the fix.
    """


_NONE = (None, None)


def _limits(low: float | None, high: float | None) -> str:
    if low is None:
        return f'at most {high:g}'
    return f'at least {low:g}' if high is None else f'{low:g} to {high:g}'


@dataclass(frozen=True)
class Spec:
    """What is known about one parameter besides its default and type."""

    doc: str
    unit: str = ''
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    hot: bool = False

    def describe(self) -> str:
        """Return one line for ``ros2 param describe`` and the docs."""
        unit = f' [{self.unit}]' if self.unit else ''
        limits = f'; {_limits(self.low, self.high)}' if (self.low, self.high) != _NONE else ''
        options = f'; one of: {", ".join(self.choices)}' if self.choices else ''
        change = ' (may change at run time)' if self.hot else ''
        return f'{self.doc}{unit}{limits}{options}{change}'


def param(
    default: Any,
    doc: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    hot: bool = False,
) -> Any:
    """Return a dataclass field for a node parameter.

    ``default`` fixes the type: bool, int, float, str or tuple of str. ``low`` and ``high`` are
    inclusive. ``hot`` marks a parameter that may change while the node is active.
    """
    spec = Spec(doc, unit, low, high, choices, hot)
    return field(default=default, metadata={'spec': spec})


def specs(cls: type) -> dict[str, tuple[dataclasses.Field[Any], Spec]]:
    """Return name -> (field, spec) of a parameter dataclass, in order of declaration."""
    return {f.name: (f, f.metadata['spec']) for f in dataclasses.fields(cls)}


def check_names(cls: type, given: typing.Iterable[str], where: str) -> None:
    """Refuse parameters that ``cls`` does not declare.

    :raises ParameterError: with a suggestion for the misspelt name.
    """
    known = specs(cls)
    for name in given:
        if name in known or name in BUILT_IN or name.startswith('qos_overrides.'):
            continue
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else f'; known: {", ".join(known)}'
        raise ParameterError(f"{where}: unknown parameter '{name}'{hint}")


def check_change(cls: type, changes: Mapping[str, Any], where: str, configured: bool) -> None:
    """Refuse to change, at run time, what a node has already read.

    ``configured``: the node has been configured and not cleaned up.

    :raises ParameterError: saying what makes the change possible.
    """
    known = specs(cls)
    for name in changes:
        if name == 'use_sim_time':
            raise ParameterError(
                f'{where}: {name} is read when the process starts; start the graph with '
                f'{name}:=true or false'
            )
        if configured and name in known and not known[name][1].hot:
            hot = ', '.join(n for n, (_, spec) in known.items() if spec.hot) or 'nothing'
            raise ParameterError(
                f'{where}: {name} is read on configure: it needs cleanup, the change, then '
                f'configure; what may change at once: {hot}'
            )


def build(cls: type[P], values: Mapping[str, Any], where: str) -> P:
    """Return ``cls`` made from ``values`` (missing ones take their default), checked.

    A class whose values must fit together raises ``ParameterError`` in ``__post_init__``.

    :raises ParameterError: naming ``where``, the parameter, the value and what is allowed.
    """
    check_names(cls, values, where)
    checked = {
        name: _checked(where, name, values[name], f.default, spec)
        for name, (f, spec) in specs(cls).items()
        if name in values
    }
    try:
        return cls(**checked)
    except ParameterError as error:  # values that are each right and do not go together
        raise ParameterError(f'{where}: {error}') from error


def read(node: Node, cls: type[P]) -> P:
    """Return the declared parameters of a node as its dataclass.

    :raises ParameterError: naming every parameter that is unknown or wrong.
    """
    where = node.get_fully_qualified_name()
    check_names(cls, node._parameter_overrides, where)
    return build(cls, {name: node.get_parameter(name).value for name in specs(cls)}, where)


def _checked(where: str, name: str, value: Any, default: Any, spec: Spec) -> Any:
    value = _typed(where, name, value, default)
    if spec.choices:
        chosen = value if isinstance(value, tuple) else (value,)
        for one in chosen:
            if one not in spec.choices:
                raise ParameterError(
                    f"{where}: {name} = '{one}' is not one of {', '.join(spec.choices)}"
                )
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        too_low = spec.low is not None and value < spec.low
        too_high = spec.high is not None and value > spec.high
        if too_low or too_high or not math.isfinite(value):
            low = '-inf' if spec.low is None else f'{spec.low:g}'
            high = 'inf' if spec.high is None else f'{spec.high:g}'
            unit = f' {spec.unit}' if spec.unit else ''
            raise ParameterError(f'{where}: {name} = {value:g} is outside {low}..{high}{unit}')
    return value


def _typed(where: str, name: str, value: Any, default: Any) -> Any:
    wanted = type(default)
    if wanted is tuple:
        if isinstance(value, str) or not all(isinstance(v, str) for v in value):
            raise ParameterError(f'{where}: {name} = {value!r} must be a list of strings')
        return tuple(v for v in value if v)  # rcl has no empty list: [''] means none
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not wanted:
        raise ParameterError(f'{where}: {name} = {value!r} must be {_ENGLISH[wanted]}')
    return value


_ENGLISH = {
    bool: 'true or false',
    int: 'a whole number',
    float: 'a number',
    str: 'a text; put it in quotes',
}
