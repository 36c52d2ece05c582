"""Weights to and from a file or folder, for machines without a network."""

from __future__ import annotations

import errno
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from tektra.weights.catalogue import Catalogue, Entry, WeightFile, check_name, check_path
from tektra.weights.checksum import sha256_of
from tektra.weights.errors import ChecksumError, DiskFull, WeightsError
from tektra.weights.pull import Fits
from tektra.weights.store import Store, fits

_BLOCK = 1 << 20  # bytes
# What the standard library raises for archives that are cut, altered or encrypted.
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    RuntimeError,
)


@dataclass(frozen=True)
class Member:
    """A regular file of a folder or archive: its size in bytes and how to read it."""

    size: int
    open: Callable[[], IO[bytes]]


Members = Mapping[str, Member]


@contextmanager
def members_of(source: Path) -> Iterator[Members]:
    """Give relative path -> regular file of a folder, .tar (also compressed), .zip or one file.

    :raises WeightsError: if it is none of these, or an archive with a link, a device or a path
        that leads out.
    """
    if source.is_dir():
        yield {
            path.relative_to(source).as_posix(): Member(path.stat().st_size, _opener(path))
            for path in sorted(source.rglob('*'))
            if path.is_file()
        }
    elif not source.is_file():
        raise WeightsError(f'{source} does not exist')
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            yield dict(_zip_members(source, archive))
    elif tarfile.is_tarfile(source):
        with tarfile.open(source) as bundle:
            yield dict(_tar_members(source, bundle))
    else:
        yield {source.name: Member(source.stat().st_size, _opener(source))}


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open('rb')


def _zip_members(source: Path, archive: zipfile.ZipFile) -> Iterator[tuple[str, Member]]:
    for info in archive.infolist():
        if info.is_dir():
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            raise WeightsError(f"{source}: '{info.filename}' is a link; refused")
        yield _inside(source, info.filename), Member(info.file_size, _zip_opener(archive, info))


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _tar_members(source: Path, bundle: tarfile.TarFile) -> Iterator[tuple[str, Member]]:
    for info in bundle:
        if info.isdir():
            continue
        if not info.isreg():
            raise WeightsError(f"{source}: '{info.name}' is a link or a device; refused")
        yield _inside(source, info.name), Member(info.size, _tar_opener(bundle, info))


def _tar_opener(bundle: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def opened() -> IO[bytes]:
        stream = bundle.extractfile(info)
        assert stream is not None  # regular files have a content
        return stream

    return opened


def _inside(source: Path, name: str) -> str:
    plain = name.removeprefix('./')
    try:
        return check_path(plain)
    except WeightsError as error:
        raise WeightsError(f"{source}: '{name}' leads out of the archive; refused") from error


def find_entries(members: Members, catalogue: Catalogue) -> dict[str, str]:
    """Return what is complete: entry name -> folder inside ``members``, '' or ending in '/'.

    Files are recognised by path and size, or by the folder's name where a size is not known.
    """
    found: dict[str, str] = {}
    for entry in catalogue:
        for prefix in _prefixes(members, entry.files[0].path):
            named = f'/{prefix}'.endswith(f'/{entry.name}/')
            if entry.via != 'wheel' and _complete(members, prefix, entry, named):
                found.setdefault(entry.name, prefix)
    return found


def _prefixes(members: Members, path: str) -> list[str]:
    """Return the folders that hold ``path``, shallow ones first."""
    ends = [name.removesuffix(path) for name in members if f'/{name}'.endswith(f'/{path}')]
    return sorted(ends, key=lambda prefix: prefix.count('/'))


def _complete(members: Members, prefix: str, entry: Entry, named: bool) -> bool:
    for file in entry.files:
        member = members.get(prefix + file.path)
        if member is None or (file.size is None and not named):
            return False
        if file.size is not None and member.size != file.size:
            return False
    return True


@dataclass
class Importer:
    """Copies weights into ``store``, checked like a download."""

    store: Store
    catalogue: Catalogue
    say: Callable[[str], None]
    fits: Fits = fits

    def run(self, source: Path, name: str = '') -> list[str]:
        """Import what ``source`` holds and return the names.

        ``name``: only that one; a name that is not in the catalogue takes all files.

        :raises WeightsError: if nothing is recognised, or a file is not what it should be; then
            nothing of it is kept.
        """
        try:
            with members_of(source) as members:
                if name and self.catalogue.get(name) is None:
                    return self._import_own(check_name(name), _own_files(members))
                return self._import_known(source, members, name)
        except _DAMAGED as error:
            raise WeightsError(f'{source} is damaged or protected: {error}') from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFull(
                    f'{self.store.root}: {error.strerror}; nothing was imported'
                ) from error
            raise

    def _import_own(self, name: str, members: Members) -> list[str]:
        files = {path: WeightFile(path, member.size, None) for path, member in members.items()}
        self._copy(name, files, members, record=True)
        return [name]

    def _import_known(self, source: Path, members: Members, name: str) -> list[str]:
        found = find_entries(members, self.catalogue)
        if name:
            found = self._only(source, members, name, found)
        if not found:
            raise WeightsError(
                f'{source} holds no complete weights of the list (tektra weights list); '
                'give your own a name: tektra weights import FILE --name KIND/NAME'
            )
        for each, prefix in found.items():
            self._import(each, prefix, members)
        return list(found)

    def _only(
        self, source: Path, members: Members, name: str, found: dict[str, str]
    ) -> dict[str, str]:
        """Return the one asked for; its sizes may be wrong, so that the error can say how."""
        if name in found:
            return {name: found[name]}
        entry = self.catalogue.find(name)
        prefixes = _prefixes(members, entry.files[0].path)
        for prefix in prefixes:
            if all(prefix + file.path in members for file in entry.files):
                return {name: prefix}
        missing = [f.path for f in entry.files if (prefixes or [''])[0] + f.path not in members]
        raise WeightsError(f'{source}: {name} wants {", ".join(missing)}, which is not there')

    def _import(self, name: str, prefix: str, members: Members) -> None:
        entry = self.catalogue.find(name)
        if self.store.find(entry) is not None:
            self.say(f'{name}: already there; remove it first to replace it')
            return
        files = {file.path: file for file in entry.files}
        self._copy(name, files, {path: members[prefix + path] for path in files})

    def _copy(
        self, name: str, files: Mapping[str, WeightFile], members: Members, record: bool = False
    ) -> None:
        short = self.fits(sum(member.size for member in members.values()), self.store.root)
        if short:
            raise DiskFull(short)
        with self.store.locked(name):
            self.store.discard_partial(name)
            folder = self.store.prepare(name)
            try:
                got = {
                    path: self._copy_file(name, files[path], members[path], folder)
                    for path in files
                }
            except BaseException:
                self.store.discard_partial(name)
                raise
            new = got if record else {p: f for p, f in got.items() if files[p].sha256 is None}
            if new:
                self.store.record(name, {**({} if record else self.store.recorded(name)), **new})
                self.say(f'{name}: checksums of {", ".join(new)} were recorded; no list has them')
            self.say(f'{name}: {self.store.commit(name)}')

    def _copy_file(self, name: str, file: WeightFile, member: Member, folder: Path) -> WeightFile:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, path.open('wb') as target:
            shutil.copyfileobj(source, target, _BLOCK)
        size, sha256 = path.stat().st_size, sha256_of(path)
        known = self.store.recorded(name).get(file.path) if self.catalogue.get(name) else None
        expected = file.sha256 or (known.sha256 if known else None)
        if file.size is not None and size != file.size:
            raise ChecksumError(
                f'{name}: {file.path} has {size} bytes instead of {file.size}; '
                'nothing was imported'
            )
        if expected is not None and sha256 != expected:
            raise ChecksumError(
                f'{name}: the sha256 of {file.path} is {sha256} instead of {expected}; '
                'nothing was imported'
            )
        return WeightFile(file.path, size, sha256)


def _own_files(members: Members) -> dict[str, Member]:
    """Return all files, without the folder that they have in common and without hidden ones."""
    shown = {
        name: member
        for name, member in members.items()
        if not any(part.startswith('.') for part in PurePosixPath(name).parts)
    }
    if not shown:
        raise WeightsError('there is no file to import')
    common = os.path.commonpath([f'/{PurePosixPath(name).parent}' for name in shown])
    return {
        str(PurePosixPath(f'/{name}').relative_to(common)): member
        for name, member in shown.items()
    }


def export(store: Store, entries: list[Entry], target: Path) -> None:
    """Write weights to a tar that ``Importer`` reads; it appears only when it is complete.

    :raises WeightsError: if an entry is not there, or ``target`` is.
    """
    if target.exists():
        raise WeightsError(f'{target} is there already; name another file')
    paths: list[tuple[Path, str]] = []  # file, name in the archive
    for entry in entries:
        found = store.find(entry)
        if found is None:
            raise WeightsError(
                f'{entry.name} is not in the store: tektra weights pull {entry.name}'
            )
        paths += [(found.folder / file.path, f'{entry.name}/{file.path}') for file in entry.files]
    size = sum(path.stat().st_size for path, _ in paths)
    if short := fits(size, target.absolute().parent):
        raise DiskFull(
            short.replace('or set XDG_CACHE_HOME to a larger disk', 'or name another disk')
        )
    new = target.with_name(f'{target.name}.new')
    try:
        with tarfile.open(new, 'w', dereference=True) as bundle:
            for path, name in paths:
                bundle.add(path, name, recursive=False)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
