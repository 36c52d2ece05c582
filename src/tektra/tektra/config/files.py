"""The layers that are files: ROS parameter files, each value with its line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tektra.config.check import checked, unknown_node
from tektra.config.schema import schemas
from tektra.config.setting import Layer, Problem, Setting
from tektra.launching import document, parameter_file
from tektra.launching.errors import LaunchError

_KEY = 'ros__parameters'

# Lists of which a user's own copy is read from the same folder, by those who need them.
OWN_LISTS = frozenset({'commands.yaml', 'stop_words.yaml'})


def is_parameter_file(path: Path) -> bool:
    """Return whether a YAML file holds ``ros__parameters`` at all; an unreadable one may."""
    try:
        return _KEY in path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError):
        return True


def read_folder(
    folder: Path,
    layer: Layer,
    lists: frozenset[str],
    draft: tuple[Path, Path | None] | None = None,
) -> list[Setting | Problem]:
    """Return what the parameter files of a folder set, in order of file name.

    Args:
        folder: may be absent.
        layer: what the folder is.
        lists: names of files that are known not to hold parameters (``weights.yaml``).
        draft: a file, there or not yet, and the one that is read in its place, None: none.
    """
    found: list[Setting | Problem] = []
    paths = {path: path for path in (*folder.glob('*.yaml'), *folder.glob('*.yml'))}
    if draft is not None:
        target, instead = draft
        paths.pop(target, None)
        paths |= {target: instead} if instead is not None else {}
    for path, read in sorted(paths.items()):
        if path.name not in lists:
            found += read_file(read, layer)
        elif layer is not Layer.SHIPPED and path.name not in OWN_LISTS:
            found.append(
                Problem(
                    f"{path}: '{path.name}' is no parameter file and is not read here; move it"
                )
            )
    return found


def read_file(path: Path, layer: Layer) -> list[Setting | Problem]:
    """Return what a parameter file sets, and everything that is wrong with it."""
    try:
        parameter_file.check(path)
        root = document.read(path)
    except LaunchError as error:
        return [Problem(error.render())]
    found: list[Setting | Problem] = []
    if isinstance(root, document.Mapping):
        for entry in root.entries:
            found += _section(entry, '', layer)
    return found


def _section(entry: document.Entry, above: str, layer: Layer) -> Iterator[Setting | Problem]:
    pattern = f'{above}/{entry.key.strip("/")}'
    assert isinstance(entry.value, document.Mapping)  # parameter_file.check has seen to it
    for inner in entry.value.entries:
        if inner.key != _KEY:
            yield from _section(inner, pattern, layer)
            continue
        assert isinstance(inner.value, document.Mapping)
        if not inner.value.entries:  # an empty section may still name a node that there is not
            node = pattern.rsplit('/', 1)[-1]
            if node not in schemas():
                yield unknown_node(node, str(entry.mark))
        for name, value in _values(inner.value, ''):
            yield checked(pattern, name, _plain(value), layer, str(value.mark))


def _values(mapping: document.Mapping, above: str) -> Iterator[tuple[str, document.Value]]:
    """Yield names with dots and values: ROS nests parameters in mappings."""
    for entry in mapping.entries:
        if isinstance(entry.value, document.Mapping):
            yield from _values(entry.value, f'{above}{entry.key}.')
        else:
            yield above + entry.key, entry.value


def _plain(value: document.Value) -> object:
    if isinstance(value, document.Sequence):
        return [_plain(item) for item in value.items]
    return value.value if isinstance(value, document.Scalar) else None
