"""Reads a YAML file into nested frozen dataclasses; every error gives file, line, key and fix."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tektra.launching import document
from tektra.launching.document import Mapping, Scalar, Sequence, Value
from tektra.launching.errors import LaunchError, Mark, did_you_mean, listing

R = TypeVar('R')


class RecordError(ValueError):
    """The file is wrong; the text gives file and line, the key, the value and what is allowed."""


@dataclass(frozen=True)
class Item:
    """What is known about one key besides its type and default."""

    doc: str
    unit: str = ''
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def item(
    doc: str,
    *,
    default: Any = dataclasses.MISSING,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """Return a dataclass field for a key of a file; without ``default`` it must be given.

    ``low`` and ``high`` are inclusive.
    """
    return field(default=default, metadata={'item': Item(doc, unit, low, high, choices)})


def read(cls: type[R], path: Path) -> R:
    """Return ``cls`` from a YAML file.

    A class whose values must fit together raises ``ValueError`` in ``__post_init__``.

    :raises RecordError: naming the place and the fix.
    """
    try:
        root = document.read(path)
        if root is None:
            raise LaunchError('the file is empty', Mark(path, 1))
        built: R = _record(cls, root, '')
        return built
    except LaunchError as error:
        raise RecordError(str(error)) from None


def _record(cls: type[Any], value: Value, where: str) -> Any:
    name = where or 'the file'
    if not isinstance(value, Mapping):
        raise LaunchError(f'{name}: must be a mapping', value.mark)
    hints = typing.get_type_hints(cls)
    known = {f.name: f for f in dataclasses.fields(cls) if 'item' in f.metadata}
    for entry in value.entries:
        if entry.key not in known:
            hint = did_you_mean(entry.key, known) or f'; known: {listing(known)}'
            raise LaunchError(f"{name}: unknown key '{entry.key}'{hint}", entry.mark)
    values: dict[str, Any] = {}
    for key, f in known.items():
        given = value.get(key)
        if given is not None:
            path = f'{where}.{key}' if where else key
            values[key] = _value(hints[key], given.value, path, f.metadata['item'])
        elif f.default is dataclasses.MISSING:
            spec: Item = f.metadata['item']
            unit = f' ({spec.unit})' if spec.unit else ''
            raise LaunchError(f"{name}: has no '{key}'{unit}; add it: {spec.doc}", value.mark)
    try:
        return cls(**values)
    except ValueError as error:
        raise LaunchError(f'{name}: {error}', value.mark) from None


def _value(wanted: Any, value: Value, where: str, spec: Item) -> Any:
    origin = typing.get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        if isinstance(value, Scalar) and value.value is None:
            return None
        (wanted,) = (one for one in typing.get_args(wanted) if one is not type(None))
        return _value(wanted, value, where, spec)
    if origin is tuple:
        return _list(wanted, value, where, spec)
    if origin is dict:
        return _table(wanted, value, where, spec)
    if dataclasses.is_dataclass(wanted):
        return _record(typing.cast('type[Any]', wanted), value, where)
    return _scalar(wanted, value, where, spec)


def _list(wanted: Any, value: Value, where: str, spec: Item) -> Any:
    if not isinstance(value, Sequence):
        raise LaunchError(f'{where}: must be a list', value.mark)
    kinds = typing.get_args(wanted)
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value.items)
    elif len(kinds) != len(value.items):
        raise LaunchError(f'{where}: must be a list of {len(kinds)}', value.mark)
    return tuple(
        _value(kind, one, f'{where}[{n}]', spec)
        for n, (kind, one) in enumerate(zip(kinds, value.items, strict=True))
    )


def _table(wanted: Any, value: Value, where: str, spec: Item) -> Any:
    if not isinstance(value, Mapping):
        raise LaunchError(f'{where}: must be a mapping', value.mark)
    _, kind = typing.get_args(wanted)
    return {e.key: _value(kind, e.value, f'{where}.{e.key}', spec) for e in value.entries}


def _scalar(wanted: Any, value: Value, where: str, spec: Item) -> Any:
    plain = value.value if isinstance(value, Scalar) else None
    if wanted is float and isinstance(plain, int) and not isinstance(plain, bool):
        plain = float(plain)
    if not isinstance(value, Scalar) or type(plain) is not wanted:
        kind = document.kind_of(value)
        raise LaunchError(f'{where}: must be {_ENGLISH[wanted]}, not {kind}', value.mark)
    if spec.choices and plain not in spec.choices:
        raise LaunchError(f"{where}: '{plain}' is not one of {listing(spec.choices)}", value.mark)
    if isinstance(plain, (int, float)) and not isinstance(plain, bool):
        low = -math.inf if spec.low is None else spec.low
        high = math.inf if spec.high is None else spec.high
        if not (math.isfinite(plain) and low <= plain <= high):
            unit = f' {spec.unit}' if spec.unit else ''
            raise LaunchError(f'{where}: {plain:g} is outside {low:g}..{high:g}{unit}', value.mark)
    return plain


_ENGLISH = {
    bool: 'true or false',
    int: 'a whole number',
    float: 'a number',
    str: 'a text (put it in quotes)',
}
