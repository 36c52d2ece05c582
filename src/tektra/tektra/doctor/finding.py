"""What a check finds, and what a check is."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol


class Severity(enum.IntEnum):
    """How much a finding matters."""

    OK = 0  # as it should be
    NOTE = 1  # works, but less well than it could
    WARNING = 2  # may fail, or surprises
    ERROR = 3  # does not work


@dataclass(frozen=True)
class Finding:
    """One thing that was found. ``fix`` is a command or an instruction; empty only when OK."""

    severity: Severity
    what: str
    fix: str = ''


class Check(Protocol):
    """Looks at one thing. Changes nothing, and takes at most a few seconds."""

    name: str

    def run(self) -> list[Finding]:
        """Return what was found, at least one finding; what is right is a finding too."""


def ok(what: str) -> list[Finding]:
    """Return the finding of a check that has nothing to complain of."""
    return [Finding(Severity.OK, what)]
