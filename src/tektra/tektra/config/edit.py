"""Editing a parameter file so that a broken one is never put in place."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tektra.config import layers
from tektra.config.setting import Problem
from tektra.config.view import template

_EDITORS = ('VISUAL', 'EDITOR')
_FALLBACK = 'vi'


class EditError(Exception):
    """The editor could not do its work; the text says why and what to do."""


@dataclass
class Draft:
    """A copy of a parameter file that is being edited; it outlives a refusal."""

    target: Path

    @property
    def path(self) -> Path:
        """Return where the copy is; no ``.yaml`` at the end, so no layer reads it."""
        return self.target.with_name(self.target.name + '.draft')

    def begin(self) -> bool:
        """Make the copy; return False if an earlier one, refused or cut short, is there.

        :raises OSError: if the folder cannot be written.
        """
        if self.path.exists():
            return False
        self.target.parent.mkdir(parents=True, exist_ok=True)
        text = self.target.read_text('utf-8') if self.target.exists() else template()
        self.path.write_text(text, encoding='utf-8')
        return True

    def problems(self) -> list[Problem]:
        """Return what the copy would make wrong in the place of the file, with all layers.

        What is wrong without it is not its fault, and must not keep a person from saving.
        """
        others = layers.load(draft=(self.target, None)).problems
        made = layers.load(draft=(self.target, self.path))
        return [problem for problem in made.problems if problem not in others]

    def keep(self) -> None:
        """Put the copy in place, in one step."""
        os.replace(self.path, self.target)

    def discard(self) -> None:
        """Forget the copy."""
        self.path.unlink(missing_ok=True)


def open_editor(path: Path, environment: Mapping[str, str]) -> None:
    """Run the person's editor on a file and wait for it.

    :raises EditError: if there is none, or it fails.
    """
    chosen = next((environment[name] for name in _EDITORS if environment.get(name)), _FALLBACK)
    try:
        code = subprocess.run([*shlex.split(chosen), str(path)], check=False).returncode
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise EditError(
            f"editor '{chosen}': {reason}; set EDITOR, for example: EDITOR=nano tektra config edit"
        ) from error
    if code != 0:
        raise EditError(f"editor '{chosen}' ended with {code}; nothing was changed")
