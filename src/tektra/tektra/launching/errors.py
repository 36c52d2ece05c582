"""The one error of this package, with the file and line it is about."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mark:
    """A place in a file; `line` and `column` count from 1."""

    file: Path
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f'{self.file}:{self.line}'


class LaunchError(Exception):
    """A launch or parameter file, an argument or an executable that cannot be used as given."""

    def __init__(self, message: str, mark: Mark | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark

    def render(self) -> str:
        """Return one line: `file:line: what is wrong and what to do`."""
        text = ' '.join(self.message.split())
        return f'{self.mark}: {text}' if self.mark is not None else text

    def __str__(self) -> str:
        return self.render()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for a close match of `word`, otherwise an empty string."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{matches[0]}'?" if matches else ''


def listing(names: Iterable[str]) -> str:
    """Return names for a message: `a, b, c`."""
    return ', '.join(names)
