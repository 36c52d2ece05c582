"""Measures what is on the disk against what should be there."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tektra.weights.catalogue import Catalogue, Entry, WeightFile
from tektra.weights.checksum import sha256_of
from tektra.weights.store import Store, megabytes, own_entry
from tektra.weights.wheel import find_wheel, install_command


class Presence(enum.Enum):
    """How much of an entry is on this machine."""

    PRESENT = 'present'
    PARTIAL = 'partial'
    ABSENT = 'absent'


class Verdict(enum.Enum):
    """What a check of one file found."""

    OK = 'ok'
    UNCHECKED = 'unchecked'  # there, but no checksum is known
    WRONG = 'wrong'


@dataclass(frozen=True)
class Status:
    """Where an entry stands. ``text`` is for people."""

    entry: Entry
    presence: Presence
    folder: Path | None
    text: str


@dataclass(frozen=True)
class Check:
    """The result for one file."""

    name: str
    path: Path
    verdict: Verdict
    text: str


def status(store: Store, entry: Entry) -> Status:
    """Return where an entry stands; only names and sizes are looked at."""
    if entry.via == 'wheel':
        wheel = find_wheel(entry)
        if wheel is None:
            return Status(entry, Presence.ABSENT, None, f'not installed: {install_command(entry)}')
        text = f'in {entry.source["package"]} {wheel.version}'
        return Status(entry, Presence.PRESENT, wheel.folder, text)
    found = store.find(entry)
    if found is not None:
        text = 'present' if found.writable else f'present in {found.folder}'
        return Status(entry, Presence.PRESENT, found.folder, text)
    have = store.partial_bytes(entry.name)
    if have:
        text = f'{megabytes(have)} of {megabytes(entry.size)} fetched'
        return Status(entry, Presence.PARTIAL, None, text)
    damaged = store.folder(entry.name).exists()
    text = 'damaged: see tektra weights verify' if damaged else 'absent'
    return Status(entry, Presence.ABSENT, None, text)


def known_entries(store: Store, catalogue: Catalogue) -> list[Entry]:
    """Return the catalogue's entries, then those that were imported under names of their own."""
    own = [
        own_entry(name, store.recorded(name))
        for name in store.recorded_names()
        if catalogue.get(name) is None
    ]
    return [*catalogue, *own]


def verify(
    store: Store, entries: Iterable[Entry], on_bytes: Callable[[int], None] | None = None
) -> list[Check]:
    """Return one check a file of what is there, in every place; absent entries give none."""
    checks: list[Check] = []
    for entry in entries:
        for folder, files in _places(store, entry):
            recorded = store.recorded(entry.name)
            for file in files:
                checks.append(_check(entry.name, folder / file.path, file, recorded, on_bytes))
    return checks


def _places(store: Store, entry: Entry) -> list[tuple[Path, tuple[WeightFile, ...]]]:
    if entry.via == 'wheel':
        wheel = find_wheel(entry)
        return [] if wheel is None else [(wheel.folder, wheel.files)]
    folders = [place / entry.name for place in (*store.others, store.root)]
    return [(folder, entry.files) for folder in folders if folder.is_dir()]


def _check(
    name: str,
    path: Path,
    file: WeightFile,
    recorded: dict[str, WeightFile],
    on_bytes: Callable[[int], None] | None,
) -> Check:
    known = recorded.get(file.path)
    expected = file.sha256 or (known.sha256 if known else None)
    try:
        size = path.stat().st_size
        if file.size is not None and size != file.size:
            return Check(name, path, Verdict.WRONG, f'has {size} bytes instead of {file.size}')
        sha256 = sha256_of(path, on_bytes)
    except OSError as error:
        return Check(name, path, Verdict.WRONG, f'cannot be read: {error.strerror or error}')
    if expected is None:
        return Check(name, path, Verdict.UNCHECKED, f'no checksum is known; sha256 is {sha256}')
    if sha256 != expected:
        return Check(name, path, Verdict.WRONG, f'sha256 is {sha256} instead of {expected}')
    return Check(name, path, Verdict.OK, 'as recorded' if file.sha256 is None else 'ok')
