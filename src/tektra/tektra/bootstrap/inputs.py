"""What a set-up depends on, as hashes; and the note of what has been set up.

The note is written only after a stage is complete and taken back before one starts, so an
interrupted stage never counts as done.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tektra.bootstrap.layout import Checkout

FORMAT = 1
"""Raise it when the set-up itself changes what it makes."""

_LISTS = ('ros.txt', 'base.txt', 'no-deps.txt')
_GPL_LIST = 'speech-gpl.txt'
_DEV_LIST = 'dev.txt'
_BUILD_FILES = (
    'msg/*.msg',
    'srv/*.srv',
    'action/*.action',
    'colcon.meta',
    'src/*/CMakeLists.txt',
    'src/*/package.xml',
    'src/*/setup.cfg',
    'src/*/cmake/*',
    'third_party/**/*',
)
# Installed as links: an edited file needs no build, a new or deleted one does.
_LINKED_FOLDERS = ('launch', 'config', 'urdf')


@dataclass(frozen=True)
class Note:
    """What has been set up. A stage that is not complete has an empty key."""

    root: str = ''
    python: str = ''
    gpl: bool = True
    environment: str = ''
    dev: str = ''
    build: str = ''


@dataclass(frozen=True)
class Wanted:
    """What should be set up: the keys of the present inputs."""

    root: str
    python: str
    gpl: bool
    environment: str
    dev: str
    build: str


def lists(checkout: Checkout, gpl: bool) -> list[Path]:
    """Return the pinned lists of the environment."""
    names = (*_LISTS, _GPL_LIST) if gpl else _LISTS
    return [checkout.requirements / name for name in names]


def dev_list(checkout: Checkout) -> Path:
    """Return the pinned list of tests and linters."""
    return checkout.requirements / _DEV_LIST


def wanted(checkout: Checkout, python: str, gpl: bool) -> Wanted:
    """Return the keys for the present inputs; `python` is `major.minor`."""
    root = checkout.root
    base = f'{FORMAT}|{python}|{root}'
    environment = _digest([base], lists(checkout, gpl))
    dev = _digest([environment], [dev_list(checkout)])
    files = [path for pattern in _BUILD_FILES for path in sorted(root.glob(pattern))]
    linked = [
        str(path.relative_to(root))
        for folder in _LINKED_FOLDERS
        for path in sorted((root / folder).rglob('*'))
        if '__pycache__' not in path.parts
    ]
    build = _digest([environment, *linked], [path for path in files if path.is_file()], root)
    return Wanted(str(root), python, gpl, environment, dev, build)


def _digest(words: Iterable[str], files: Iterable[Path], root: Path | None = None) -> str:
    digest = hashlib.sha256('\0'.join(words).encode())
    for path in files:
        name = str(path.relative_to(root)) if root else path.name
        content = path.read_bytes()
        digest.update(f'\0{name}\0{len(content)}\0'.encode())
        digest.update(content)
    return digest.hexdigest()


class Notebook:
    """Reads and writes the note of one checkout."""

    def __init__(self, checkout: Checkout) -> None:
        self._path = checkout.state / 'setup.json'

    def read(self) -> Note:
        """Return the note; an empty one when there is none or it is damaged."""
        try:
            data = json.loads(self._path.read_text(encoding='utf-8'))
            return Note(**data)
        except (OSError, ValueError, TypeError):
            return Note()

    def write(self, note: Note) -> None:
        """Replace the note in one step; it is on the disk when this returns."""
        self._path.parent.mkdir(exist_ok=True)
        draft = self._path.with_suffix('.new')
        with draft.open('w', encoding='utf-8') as file:
            json.dump(asdict(note), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, self._path)
