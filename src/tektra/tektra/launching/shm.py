"""Removes Fast DDS shared memory that dead processes left behind, and nothing else.

Fast DDS holds a file lock (flock) on `<segment>_el` or `<segment>_sl` for as long as the owner of
a segment lives; `fastdds shm clean` decides by the same lock (RobustExclusiveLock.hpp, Fast DDS
2.14). A port can exist without a lock file when it was only written to: then it counts as used
while any process has it mapped. Standard library only: the guard runs this without site-packages.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

FOLDER = Path('/dev/shm')

PORT_BASE = 7400
"""RTPS port base (PB); ports below it are not bound to a domain."""

PORTS_PER_DOMAIN = 250
"""RTPS domain gain (DG)."""

NEW_S = 1.0
"""A port that belongs to no domain and has no lock is left alone for so long after it was made."""

_SEGMENT_LOCK = re.compile(r'(fast(?:rtps|dds)_[0-9a-z]{16})_(?:el|sl)')
_OF_FAST_DDS = re.compile(r'(?:sem\.)?fast(?:rtps|dds)_[0-9a-z_]+')
_PORT_FILE = re.compile(r'(?:sem\.)?(fast(?:rtps|dds)_port(\d{1,5}))(?:_el|_sl|_mutex)?')


def clean(domain_id: int | None, *, folder: Path = FOLDER, dry_run: bool = False) -> list[str]:
    """Remove what belongs to no living process; returns the names removed, sorted.

    Segments and locked ports are removed when their lock is free. Ports of other domains are left
    alone, unless `domain_id` is None: then those of every domain are looked at.

    Args:
        domain_id: ROS_DOMAIN_ID of the graph that has ended, 0 to 232, or None for all.
        folder: where POSIX shared memory is mounted.
        dry_run: remove nothing, only return what would be removed.
    """
    names = _names(folder)
    remove = _present if dry_run else _remove
    removed: list[str] = []
    for segment in sorted({m.group(1) for n in names if (m := _SEGMENT_LOCK.fullmatch(n))}):
        locks = [folder / f'{segment}{end}' for end in ('_el', '_sl')]
        with _held(locks) as free:
            if free:
                removed += remove([folder / segment, *locks])
    ports = {m.group(1): int(m.group(2)) for n in names if (m := _PORT_FILE.fullmatch(n))}
    mapped = _mapped(folder) if ports else set()
    for name, number in sorted(ports.items()):
        removed += _clean_port(folder, name, number, domain_id, mapped, remove)
    return sorted(removed)


def _clean_port(
    folder: Path,
    name: str,
    number: int,
    domain_id: int | None,
    mapped: set[str],
    remove: Callable[[list[Path]], list[str]],
) -> list[str]:
    domain = (number - PORT_BASE) // PORTS_PER_DOMAIN if number >= PORT_BASE else None
    if domain_id is not None and domain not in (domain_id, None):
        return []
    semaphore = f'sem.{name}_mutex'
    if name in mapped or semaphore in mapped:
        return []
    locks = [folder / f'{name}{end}' for end in ('_el', '_sl')]
    if not any(lock.exists() for lock in locks):
        # Nothing says whose it was. Of a domain it goes with its own; of none only when nobody on
        # this machine uses Fast DDS now: a graph that starts takes up what lies there, and would
        # lose the port between our look and our removal.
        keep = bool(mapped) or _is_new(folder / name) if domain is None else domain != domain_id
        if keep:
            return []
    with _held(locks) as free:
        return remove([folder / name, folder / semaphore, *locks]) if free else []


def _is_new(path: Path) -> bool:
    """Return whether a file may be in the making: created, and not mapped or locked yet."""
    try:
        return time.time() - path.stat().st_ctime < NEW_S
    except OSError:
        return True


@contextlib.contextmanager
def _held(locks: list[Path]) -> Iterator[bool]:
    """Take the locks that exist, for as long as the body runs; yields whether all were free."""
    taken: list[int] = []
    free = True
    for path in locks:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        except OSError:
            free = False
            break
        taken.append(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            free = False
            break
    try:
        yield free
    finally:
        for descriptor in taken:
            os.close(descriptor)


def _present(paths: list[Path]) -> list[str]:
    return [path.name for path in paths if path.exists()]


def _remove(paths: list[Path]) -> list[str]:
    """Remove files, locks last so that whoever waits for one sees the rest gone."""
    removed = []
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
            removed.append(path.name)
    return removed


def _mapped(folder: Path) -> set[str]:
    """Return the names of Fast DDS in `folder` that a process whose maps can be read has mapped.

    Not those that are gone: Fast DDS keeps the segments of others mapped after they have left.
    """
    prefix = f'{folder}/'
    found: set[str] = set()
    for process in _names(Path('/proc')):
        if not process.isdigit():
            continue
        try:
            lines = Path(f'/proc/{process}/maps').read_text(errors='replace').splitlines()
        except OSError:
            continue
        names = (line.split(prefix, 1)[1] for line in lines if prefix in line)
        found.update(name for name in names if _OF_FAST_DDS.fullmatch(name))
    return found


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
