"""Where model weights lie on disk. Nothing here downloads anything."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = 'TEKTRA_WEIGHTS_PATH'


def roots() -> list[Path]:
    """Return the folders that may hold weights: those of TEKTRA_WEIGHTS_PATH (':'-separated), then the cache."""
    given = [Path(p).expanduser() for p in os.environ.get(VARIABLE, '').split(os.pathsep) if p]
    return [*given, Path.home() / '.cache' / 'tektra' / 'weights']


def find_weights(name: str) -> Path | None:
    """Return the file or folder ``name`` (relative, such as 'piper') of the first root that has it, or None."""
    for root in roots():
        path = root / name
        if path.exists():
            return path
    return None
