"""config/resources.yaml: the budget, and what each way to run a capability needs. Checked."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tektra.launching import document
from tektra.launching.errors import LaunchError, did_you_mean, listing
from tektra.runtime.share import share_dir

VARIABLE = 'TEKTRA_RESOURCES_CONFIG'
AUTO = 'auto'
AUTO_SHARE = 0.8  # of what there is; the rest is for the system and for what is not planned
DEVICES = ('cpu', 'cuda')
FIGURES = ('measured', 'estimated')
MOST_MB = 10_000_000
_VARIANT_KEYS = (
    'engine',
    'model',
    'device',
    'memory_mb',
    'gpu_memory_mb',
    'figure',
    'module',
    'weights',
)


class CatalogueError(ValueError):
    """The file is wrong; the text gives file and line, key, value and what is allowed."""


@dataclass(frozen=True)
class Variant:
    """One way to run a capability.

    ``memory_mb`` is the most that the process of its node holds, loading included;
    ``gpu_memory_mb`` the same of the GPU. ``figure``: how they were obtained. ``module`` must be
    importable and ``weights`` (a folder below the weights folders) on disk; empty: nothing is
    needed.
    """

    engine: str
    model: str = ''
    device: str = 'cpu'
    memory_mb: int = 0
    gpu_memory_mb: int = 0
    figure: str = 'estimated'
    module: str = ''
    weights: str = ''

    def __str__(self) -> str:
        model = f' {self.model}' if self.model else ''
        return f'{self.engine}{model}{" on the GPU" if self.device == "cuda" else ""}'

    def need(self) -> str:
        """Return what it needs, for people."""
        gpu = f' and {self.gpu_memory_mb} MB of GPU memory' if self.gpu_memory_mb else ''
        return f'{self.memory_mb} MB{gpu}'


@dataclass(frozen=True)
class Budget:
    """MB for all engines together; None: ``AUTO_SHARE`` of what the machine has."""

    memory_mb: int | None = None
    gpu_memory_mb: int | None = None


@dataclass(frozen=True)
class Catalogue:
    """``capabilities``: name -> variants in order of preference, in the order of the file."""

    path: Path
    budget: Budget
    capabilities: dict[str, tuple[Variant, ...]]


def catalogue_file() -> Path:
    """Return the file of TEKTRA_RESOURCES_CONFIG, else config/resources.yaml."""
    given = os.environ.get(VARIABLE, '')
    return Path(given).expanduser() if given else share_dir() / 'config' / 'resources.yaml'


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read ``path`` (default: ``catalogue_file``).

    :raises CatalogueError: with file, line, key and value of what is wrong.
    """
    try:
        return _read(path or catalogue_file())
    except LaunchError as error:
        raise CatalogueError(str(error)) from None


def _read(path: Path) -> Catalogue:
    root = document.read(path)
    if not isinstance(root, document.Mapping):
        raise LaunchError(f'{path}: must be a mapping with the keys budget, capabilities')
    _check_keys(root, 'the file', ('budget', 'capabilities'))
    entry = root.get('capabilities')
    if entry is None or not isinstance(entry.value, document.Mapping):
        raise LaunchError(
            'capabilities: must name at least one capability with a list of variants', root.mark
        )
    rows = {row.key: _variants(row) for row in entry.value.entries}
    return Catalogue(path, _budget(root.get('budget')), rows)


def _budget(entry: document.Entry | None) -> Budget:
    if entry is None:
        return Budget()
    if not isinstance(entry.value, document.Mapping):
        raise LaunchError('budget: must be a mapping', entry.mark)
    keys = ('memory_mb', 'gpu_memory_mb')
    _check_keys(entry.value, 'budget', keys)
    return Budget(*(_amount(entry.value, key) for key in keys))


def _amount(value: document.Mapping, key: str) -> int | None:
    entry = value.get(key)
    if entry is None or (isinstance(entry.value, document.Scalar) and entry.value.value == AUTO):
        return None
    return _number(entry, f'budget.{key}', f"a whole number of MB, at most {MOST_MB}, or '{AUTO}'")


def _variants(row: document.Entry) -> tuple[Variant, ...]:
    where = f'capabilities.{row.key}'
    if not isinstance(row.value, document.Sequence) or not row.value.items:
        raise LaunchError(
            f'{where}: must be a list of variants, the preferred one first', row.mark
        )
    found: list[Variant] = []
    for number, item in enumerate(row.value.items, 1):
        made = _variant(item, f'{where}[{number}]')
        if str(made) in map(str, found):
            raise LaunchError(f'{where}[{number}]: {made} is there twice; remove one', item.mark)
        found.append(made)
    return tuple(found)


def _variant(item: document.Value, where: str) -> Variant:
    if not isinstance(item, document.Mapping):
        raise LaunchError(f'{where}: must be a mapping, not {document.kind_of(item)}', item.mark)
    _check_keys(item, where, _VARIANT_KEYS)
    device = _text(item, where, 'device', 'cpu', DEVICES)
    gpu = item.get('gpu_memory_mb')
    if (device == 'cuda') != (gpu is not None):
        fix = 'add it' if device == 'cuda' else 'remove it, or write device: cuda'
        raise LaunchError(f'{where}: gpu_memory_mb goes with device cuda; {fix}', item.mark)
    return Variant(
        engine=_text(item, where, 'engine', None),
        model=_text(item, where, 'model', ''),
        device=device,
        memory_mb=_need(item, where, 'memory_mb'),
        gpu_memory_mb=_need(item, where, 'gpu_memory_mb') if gpu is not None else 0,
        figure=_text(item, where, 'figure', None, FIGURES),
        module=_text(item, where, 'module', ''),
        weights=_text(item, where, 'weights', ''),
    )


def _need(item: document.Mapping, where: str, key: str) -> int:
    entry = item.get(key)
    what = f'a whole number of MB, at most {MOST_MB}'
    if entry is None:
        raise LaunchError(f'{where}: has no {key}; add it: {what}', item.mark)
    return _number(entry, f'{where}.{key}', what)


def _number(entry: document.Entry, where: str, what: str) -> int:
    given = entry.value.value if isinstance(entry.value, document.Scalar) else None
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= MOST_MB:
        shown = document.kind_of(entry.value)
        raise LaunchError(f'{where}: {shown} must be {what}', entry.mark)
    return given


def _text(
    item: document.Mapping,
    where: str,
    key: str,
    default: str | None,
    known: tuple[str, ...] = (),
) -> str:
    entry = item.get(key)
    if entry is None:
        if default is None:
            fix = f': {listing(known)}' if known else ''
            raise LaunchError(f'{where}: has no {key}; add it{fix}', item.mark)
        return default
    given = entry.value.value if isinstance(entry.value, document.Scalar) else None
    shown = document.kind_of(entry.value)
    if not isinstance(given, str) or (known and given not in known):
        wanted = f'one of {listing(known)}' if known else 'a text'
        raise LaunchError(f'{where}.{key}: {shown} is not {wanted}', entry.mark)
    return given


def _check_keys(value: document.Mapping, where: str, known: Iterable[str]) -> None:
    for entry in value.entries:
        if entry.key not in known:
            hint = did_you_mean(entry.key, known) or f'; known: {listing(known)}'
            raise LaunchError(f"{where}: unknown key '{entry.key}'{hint}", entry.mark)
