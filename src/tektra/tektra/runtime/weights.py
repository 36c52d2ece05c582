"""Where model weights lie on disk. Nothing here downloads anything."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = 'TEKTRA_WEIGHTS_PATH'


def store_root() -> Path:
    """Return the folder of ``tektra weights``: $XDG_CACHE_HOME/tektra/weights or ~/.cache/..."""
    base = os.environ.get('XDG_CACHE_HOME', '')
    # The specification of XDG_CACHE_HOME: a relative path in it is to be ignored.
    cache = Path(base) if Path(base).is_absolute() else Path.home() / '.cache'
    return cache / 'tektra' / 'weights'


def roots() -> list[Path]:
    """Return where weights may be: TEKTRA_WEIGHTS_PATH (':'-separated), then the store."""
    given = [Path(p).expanduser() for p in os.environ.get(VARIABLE, '').split(os.pathsep) if p]
    return [*given, store_root()]


def find_all_weights(name: str) -> list[Path]:
    """Return the file or folder ``name`` of every root that has it, in the order of ``roots``."""
    return [root / name for root in roots() if (root / name).exists()]


def find_weights(name: str) -> Path | None:
    """Return the first file or folder ``name`` (relative, such as 'piper'), or None."""
    return next(iter(find_all_weights(name)), None)
