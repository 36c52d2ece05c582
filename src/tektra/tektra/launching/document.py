"""YAML with the place of every value, so that each later error can name file and line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from tektra.launching.errors import LaunchError, Mark

MAX_DEPTH = 50
"""Deepest nesting that is read; an alias that contains itself would otherwise never end."""

Plain = str | int | float | bool | None


@dataclass(frozen=True)
class Scalar:
    """A string, number, boolean or null, typed by the YAML 1.1 rules of `yaml.safe_load`."""

    value: Plain
    mark: Mark


@dataclass(frozen=True)
class Sequence:
    """A list."""

    items: tuple[Value, ...]
    mark: Mark


@dataclass(frozen=True)
class Entry:
    """One key of a mapping and its value."""

    key: str
    mark: Mark
    value: Value


@dataclass(frozen=True)
class Mapping:
    """A mapping with string keys, in file order; a key occurs once."""

    entries: tuple[Entry, ...]
    mark: Mark

    def get(self, key: str) -> Entry | None:
        """Return the entry of `key`, or None."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def keys(self) -> Iterator[str]:
        """Return the keys in file order."""
        return (entry.key for entry in self.entries)


Value = Scalar | Sequence | Mapping


def kind_of(value: Value) -> str:
    """Return what a value is, in the words of a message: `a list`, `the integer 3`."""
    if isinstance(value, Sequence):
        return 'a list'
    if isinstance(value, Mapping):
        return 'a mapping'
    plain = value.value
    if plain is None:
        return 'nothing'
    names = {bool: 'boolean', int: 'integer', float: 'float', str: 'string'}
    shown = str(plain).lower() if isinstance(plain, bool) else repr(plain)
    return f'the {names[type(plain)]} {shown}'


def read(path: Path) -> Value | None:
    """Read a YAML file; None when it holds nothing but comments.

    Raises:
        LaunchError: the file is absent, unreadable, not UTF-8 or not YAML, repeats a key or uses
            a merge key; with the line where that is known.
    """
    try:
        text = path.read_text(encoding='utf-8')
    except FileNotFoundError:
        raise LaunchError(f'{path}: no such file') from None
    except UnicodeDecodeError as error:
        raise LaunchError(f'{path}: not a text file in UTF-8 ({error.reason})') from None
    except OSError as error:
        raise LaunchError(f'{path}: {error.strerror}') from None
    return parse(text, path)


def parse(text: str, path: Path) -> Value | None:
    """Parse YAML text; `path` is only named in errors. Returns and raises as `read` does."""
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        return None if root is None else _convert(loader, root, path, 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or str(error)
        where = Mark(path, mark.line + 1, mark.column + 1) if mark else Mark(path, 1)
        raise LaunchError(f'not valid YAML: {problem}', where) from None
    except yaml.YAMLError as error:
        raise LaunchError(f'not valid YAML: {error}', Mark(path, 1)) from None
    finally:
        loader.dispose()


def _convert(loader: yaml.SafeLoader, node: yaml.Node, path: Path, depth: int) -> Value:
    mark = Mark(path, node.start_mark.line + 1, node.start_mark.column + 1)
    if depth > MAX_DEPTH:
        raise LaunchError(f'nested deeper than {MAX_DEPTH} levels', mark)
    if isinstance(node, yaml.SequenceNode):
        items = (_convert(loader, item, path, depth + 1) for item in node.value)
        return Sequence(tuple(items), mark)
    if isinstance(node, yaml.MappingNode):
        return Mapping(tuple(_entries(loader, node, path, depth)), mark)
    return _scalar(loader, node, mark)


def _scalar(loader: yaml.SafeLoader, node: yaml.Node, mark: Mark) -> Scalar:
    try:
        plain = loader.construct_object(node)
    except ValueError as error:
        raise LaunchError(f'{node.value!r} is not a value: {error}', mark) from None
    if plain is not None and not isinstance(plain, (str, int, float, bool)):
        raise LaunchError(
            f'{node.value!r} is read as a {type(plain).__name__}; put it in quotes', mark
        )
    return Scalar(plain, mark)


def _entries(
    loader: yaml.SafeLoader, node: yaml.MappingNode, path: Path, depth: int
) -> Iterator[Entry]:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        mark = Mark(path, key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if key_node.tag == 'tag:yaml.org,2002:merge':
            raise LaunchError('merge keys (<<) are not supported; write the keys out', mark)
        key = _convert(loader, key_node, path, depth + 1)
        if not isinstance(key, Scalar) or not isinstance(key.value, str):
            raise LaunchError(f'a key must be a string, not {kind_of(key)}', mark)
        if key.value in seen:
            raise LaunchError(f"key '{key.value}' is already set in line {seen[key.value]}", mark)
        seen[key.value] = mark.line
        yield Entry(key.value, mark, _convert(loader, value_node, path, depth + 1))
