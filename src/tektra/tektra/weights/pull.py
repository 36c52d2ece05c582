"""Fetches weights into the store: only what is missing, checked before it is put in place."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tektra.weights.catalogue import Entry, WeightFile
from tektra.weights.checksum import sha256_of
from tektra.weights.errors import ChecksumError, DiskFull, NoNetwork, WeightsError
from tektra.weights.store import Store, fits
from tektra.weights.transfer import Patience, Transfer
from tektra.weights.wheel import find_wheel, install_command

MIRROR = 'TEKTRA_WEIGHTS_MIRROR'

Fits = Callable[[int, Path], str]


def mirror() -> str:
    """Return the address that serves the files instead of their sources, or ''."""
    return os.environ.get(MIRROR, '')


class Watcher(Protocol):
    """Is told how a pull goes on."""

    def say(self, text: str) -> None:
        """Take one line for the person."""
        ...

    def file(self, label: str, have: int, size: int | None) -> None:
        """Take where one file stands, in bytes; called often."""
        ...


@dataclass
class Puller:
    """Pulls entries into ``store``.

    ``mirror`` is an address or ''; ``fits`` tells whether a number of bytes fits a folder.
    """

    store: Store
    watcher: Watcher
    mirror: str = ''
    offline: bool = False
    patience: Patience = field(default_factory=Patience)
    fits: Fits = fits

    def pull(self, entries: Sequence[Entry]) -> None:
        """Fetch what is not there.

        :raises WeightsError: at the first entry that cannot be had; what came before stays.
        """
        wanted = [entry for entry in entries if not self._there(entry)]
        if wanted and self.offline:
            raise WeightsError(
                f'{wanted[0].name} is not on this machine and --offline forbids to fetch it; '
                f'{import_hint()}'
            )
        self._check_room(wanted)
        for entry in wanted:
            self._pull(entry)

    def _there(self, entry: Entry) -> bool:
        if entry.via == 'wheel':
            wheel = find_wheel(entry)
            if wheel is None:
                raise WeightsError(
                    f'{entry.name} comes inside a package that is not installed: '
                    f'{install_command(entry)}'
                )
            self.watcher.say(f'{entry.name}: in {entry.source["package"]} {wheel.version}')
            return True
        found = self.store.find(entry)
        if found is not None:
            self.watcher.say(f'{entry.name}: already at {found.folder}')
        return found is not None

    def _check_room(self, entries: Sequence[Entry]) -> None:
        needed = sum(
            (entry.size or 0) - min(entry.size or 0, self.store.partial_bytes(entry.name))
            for entry in entries
        )
        short = self.fits(needed, self.store.root) if needed else ''
        if short:
            raise DiskFull(short)

    def _pull(self, entry: Entry) -> None:
        def waiting() -> None:
            self.watcher.say(f'{entry.name}: another process is fetching it; waiting')

        with self.store.locked(entry.name, waiting):
            if self.store.find(entry) is not None:
                self.watcher.say(f'{entry.name}: fetched by another process meanwhile')
                return
            folder = self.store.prepare(entry.name)
            new: dict[str, WeightFile] = {}
            for file in entry.files:
                sha256 = self._fetch(entry, file, folder)
                if file.sha256 is None:
                    new[file.path] = WeightFile(
                        file.path, (folder / file.path).stat().st_size, sha256
                    )
            if new:
                self.store.record(entry.name, {**self.store.recorded(entry.name), **new})
                self.watcher.say(
                    f'{entry.name}: nobody published checksums of {", ".join(new)}; '
                    f'those of this download were recorded and later ones must match'
                )
            self.watcher.say(f'{entry.name}: {self.store.commit(entry.name)}')

    def _fetch(self, entry: Entry, file: WeightFile, folder: Path) -> str:
        """Fetch one file into the partial folder and return its checksum.

        :raises ChecksumError: if it is not what it should be, also when fetched anew.
        """
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        expected = file.sha256 or _recorded(self.store, entry, file)
        resumed = path.exists()
        sha256 = self._fetch_once(entry, file, path)
        if expected and sha256 != expected and resumed:
            self.watcher.say(
                f'{entry.name}: {file.path} is wrong after resuming; from its beginning'
            )
            path.unlink()
            sha256 = self._fetch_once(entry, file, path)
        if expected and sha256 != expected:
            path.unlink()
            who = 'the list of weights' if file.sha256 else 'the first download'
            raise ChecksumError(
                f'{entry.url(file, self.mirror)}: its sha256 is {sha256}, {who} says {expected}; '
                'it was refused and deleted'
            )
        return sha256

    def _fetch_once(self, entry: Entry, file: WeightFile, path: Path) -> str:
        label = f'{entry.name}/{file.path}'

        def on_total(have: int) -> None:
            self.watcher.file(label, have, file.size)

        try:
            Transfer(entry.url(file, self.mirror), path, file, on_total, self.patience).run()
        except NoNetwork as error:
            raise NoNetwork(f'{error}; {import_hint()}') from error
        return sha256_of(path)


def _recorded(store: Store, entry: Entry, file: WeightFile) -> str | None:
    known = store.recorded(entry.name).get(file.path)
    return known.sha256 if known else None


def import_hint() -> str:
    """Return how to get weights onto a machine without a network."""
    return (
        'without a network, fetch it on another machine, write it with '
        "'tektra weights export NAME FILE' and read it here with 'tektra weights import FILE'"
    )
