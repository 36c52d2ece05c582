"""What is installed, compared with the pinned lists."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from tektra.doctor.finding import Finding, Severity, ok

LISTS = ('ros.txt', 'base.txt', 'no-deps.txt')
_SHOWN = 5
_FIX = './tektra setup --force'


def installed_version(name: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


class LockedPackages:
    """What is installed is what was tested."""

    name = 'packages'

    def __init__(
        self,
        requirements: Path | None,
        version_of: Callable[[str], str | None] = installed_version,
    ) -> None:
        """``requirements`` is the folder of the pinned lists; None where there are none."""
        self._folder = requirements
        self._version_of = version_of

    def run(self) -> list[Finding]:
        """Compare every pin that holds for this Python."""
        if self._folder is None:
            return ok('installed: versions are those of the system')
        pins = [pin for name in LISTS for pin in _pins(self._folder / name)]
        missing, other = [], []
        for pin in pins:
            have = self._version_of(pin.name)
            if have is None:
                missing.append(str(pin.name))
            elif not pin.specifier.contains(have, prereleases=True):
                other.append(f'{pin.name} {have} (locked: {str(pin.specifier).lstrip("=")})')
        found = []
        if missing:
            found.append(Finding(Severity.ERROR, f'not installed: {_short(missing)}', _FIX))
        if other:
            found.append(Finding(Severity.WARNING, f'not as locked: {_short(other)}', _FIX))
        return found or ok(f'{len(pins)} packages are as locked')


def _pins(path: Path) -> list[Requirement]:
    pins = []
    for line in path.read_text(encoding='utf-8').splitlines():
        text = line.partition('#')[0].strip()
        try:
            pin = Requirement(text)
        except InvalidRequirement:
            continue  # a comment or an empty line
        if pin.marker is None or pin.marker.evaluate():
            pins.append(pin)
    return pins


def _short(names: list[str]) -> str:
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more


class NoTorch:
    """Torch is not there: nothing of the base needs its gigabytes."""

    name = 'torch'

    def __init__(self, module: str = 'torch') -> None:
        self._module = module

    def run(self) -> list[Finding]:
        """Look for the module without importing it."""
        if importlib.util.find_spec(self._module) is None:
            return ok('not installed, and not needed')
        what = (
            f'{self._module} is installed; no part of Tektra uses it unless an extra asks for it'
        )
        return [Finding(Severity.NOTE, what, f'python -m pip uninstall {self._module}')]
