"""The folders that hold weights: one a name, put in place by one rename when it is complete.

Below the root: ``<name>/`` complete weights, ``.partial/`` what is on its way, ``.locks/`` one
lock file a name, ``checksums.json`` the checksums of what was published without, or imported under
a name of its own. ``.partial/.old-<name>`` is what weights replace, until they are in its place.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tektra.runtime.weights import roots
from tektra.weights.catalogue import Entry, WeightFile, check_name
from tektra.weights.errors import WeightsError

TAG = '.etag'  # beside a file on its way: which content of the server it is part of

PARTIAL = '.partial'
_LOCKS = '.locks'
_CHECKSUMS = 'checksums.json'


@dataclass(frozen=True)
class Found:
    """Complete weights: the folder, and whether the store may change it."""

    folder: Path
    writable: bool


class Store:
    """The writable ``root`` and ``others``, read-only places that are looked at first."""

    def __init__(self, root: Path, others: tuple[Path, ...] = ()) -> None:
        self.root = root
        self.others = others

    @staticmethod
    def of_environment() -> Store:
        """Return the store of this user: XDG_CACHE_HOME and TEKTRA_WEIGHTS_PATH."""
        *others, root = roots()
        return Store(root, tuple(others))

    def folder(self, name: str) -> Path:
        """Return where complete weights of the root lie, whether they are there or not."""
        return self.root / check_name(name)

    def partial(self, name: str) -> Path:
        """Return the folder of files that are on their way."""
        return self.root / PARTIAL / quote(check_name(name), safe='')

    def find(self, entry: Entry) -> Found | None:
        """Return the first place where every file of an entry is, in the right size."""
        for place in (*self.others, self.root):
            if not missing_files(place / entry.name, entry):
                return Found(place / entry.name, place == self.root)
        return None

    def partial_bytes(self, name: str) -> int:
        """Return how many bytes of weights are on their way."""
        files = (path for path in self.partial(name).rglob('*') if path.suffix != TAG)
        return sum(path.stat().st_size for path in files if path.is_file())

    def prepare(self, name: str) -> Path:
        """Make and return the partial folder."""
        folder = self.partial(name)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def commit(self, name: str) -> Path:
        """Put the partial folder in place of whatever was there; return the new folder.

        What was there is deleted only afterwards, and comes back when that fails. To be called
        under the lock of the name.
        """
        partial, folder, old = self.partial(name), self.folder(name), self._old(name)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(folder):
            folder.rename(old)
        try:
            partial.rename(folder)
        finally:
            self._settle(name)
        return folder

    def _old(self, name: str) -> Path:
        return self.root / PARTIAL / f'.old-{quote(name, safe="")}'

    def _settle(self, name: str) -> None:
        """End what a commit left half done: bring back what was there, or delete it."""
        folder, old = self.folder(name), self._old(name)
        if not os.path.lexists(old):
            return
        if not os.path.lexists(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            old.rename(folder)
        elif old.is_dir() and not old.is_symlink():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.unlink(missing_ok=True)

    def discard_partial(self, name: str) -> None:
        """Delete what is on its way."""
        shutil.rmtree(self.partial(name), ignore_errors=True)

    def remove(self, name: str) -> bool:
        """Delete weights and what is on its way; return False if nothing was there.

        A link in place of the folder is deleted, never what it points to.
        """
        folder = self.folder(name)
        there = folder.exists() or folder.is_symlink() or self.partial(name).exists()
        self.discard_partial(name)
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
        elif folder.exists():
            if not folder.resolve().is_relative_to(self.root.resolve()):
                raise WeightsError(f'{folder} leads out of {self.root}; it was left alone')
            shutil.rmtree(folder)
        if (
            folder.parent != self.root
            and folder.parent.is_dir()
            and not any(folder.parent.iterdir())
        ):
            folder.parent.rmdir()
        return there

    @contextmanager
    def locked(self, name: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold the lock of a name; ``on_wait`` is called before waiting for another holder.

        What a killed holder left half committed is settled first.
        """
        folder = self.root / _LOCKS
        folder.mkdir(parents=True, exist_ok=True)
        # Lock files stay: deleting one would let two holders lock two files of the same name.
        with (folder / quote(name, safe='')).open('w') as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if on_wait is not None:
                    on_wait()
                fcntl.flock(stream, fcntl.LOCK_EX)
            if name != _CHECKSUMS:
                self._settle(name)
            yield

    def recorded(self, name: str) -> dict[str, WeightFile]:
        """Return path -> size and checksum that were recorded for a name."""
        return self._records().get(name, {})

    def recorded_names(self) -> list[str]:
        """Return the names that have recorded checksums."""
        return list(self._records())

    def record(self, name: str, files: Mapping[str, WeightFile]) -> None:
        """Keep sizes and checksums of a name; an empty mapping forgets it."""
        with self.locked(_CHECKSUMS):
            records = {**self._records(), name: dict(files)}
            data = {
                key: {path: {'size': f.size, 'sha256': f.sha256} for path, f in value.items()}
                for key, value in sorted(records.items())
                if value
            }
            new = self.root / f'{_CHECKSUMS}.new'
            new.write_text(json.dumps(data, indent=1) + '\n', encoding='utf-8')
            new.replace(self.root / _CHECKSUMS)

    def _records(self) -> dict[str, dict[str, WeightFile]]:
        path = self.root / _CHECKSUMS
        try:
            data = json.loads(path.read_text(encoding='utf-8'))
            return {
                name: {
                    p: WeightFile(p, int(f['size']), str(f['sha256'])) for p, f in files.items()
                }
                for name, files in data.items()
            }
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f'{path} is damaged ({error}); delete it to start anew') from error


def missing_files(folder: Path, entry: Entry) -> list[str]:
    """Return what is not there or has the wrong size, one text a file."""
    wrong = []
    for file in entry.files:
        path = folder / file.path
        try:
            size = path.stat().st_size if path.is_file() else None
        except OSError:
            size = None
        if size is None:
            wrong.append(f'{file.path} is missing')
        elif file.size is not None and size != file.size:
            wrong.append(f'{file.path} has {size} bytes instead of {file.size}')
    return wrong


def free_bytes(folder: Path) -> int:
    """Return how many bytes may still be written to a folder that may not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def fits(needed: int, folder: Path) -> str:
    """Return '' if ``needed`` bytes fit, and a little more, else what is short."""
    free = free_bytes(folder)
    if needed + _MARGIN <= free:
        return ''
    short = needed + _MARGIN - free
    return (
        f'{folder} has {megabytes(free)} free, {megabytes(needed)} are needed; '
        f'free {megabytes(short)} more, or set XDG_CACHE_HOME to a larger disk'
    )


_MARGIN = 64 << 20  # bytes that are left to others on the disk


def megabytes(size: int | None) -> str:
    """Return a size for people."""
    if size is None:
        return '? MB'
    if size < 1_000_000:
        return f'{size / 1000:.1f} kB'
    return f'{size / 1e6:.1f} MB'


def own_entry(name: str, files: Mapping[str, WeightFile]) -> Entry:
    """Return an entry for weights that were imported under a name of their own."""
    return Entry(
        name=name,
        use='own',
        via='import',
        source={},
        files=tuple(files.values()),
        licence='not known here',
    )


def strays(store: Store, known: set[str]) -> list[str]:
    """Return folders of the root with files that belong to no known name, relative to it."""
    found = set()
    for folder, folders, files in os.walk(store.root):
        relative = Path(folder).relative_to(store.root)
        if relative == Path():
            folders[:] = [name for name in folders if name not in (PARTIAL, _LOCKS)]
        elif relative.as_posix() in known:
            folders.clear()
        elif files:
            found.add(relative.as_posix())
    return sorted(found)
