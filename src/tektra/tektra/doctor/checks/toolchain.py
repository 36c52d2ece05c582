"""What Tektra is run and built with."""

from __future__ import annotations

import sys
from pathlib import Path

from tektra.bootstrap.preflight import install_command, missing_parts
from tektra.doctor.finding import Finding, Severity, ok

OLDEST, NEWEST = (3, 10), (3, 13)
"""Versions for which there are ROS 2 wheels."""


class PythonVersion:
    """The running Python is one that Tektra is tested with."""

    name = 'python'

    def __init__(self, version: tuple[int, int] = sys.version_info[:2]) -> None:
        self._version = version

    def run(self) -> list[Finding]:
        """Compare the version."""
        shown = '.'.join(map(str, self._version))
        if OLDEST <= self._version <= NEWEST:
            return ok(f'Python {shown} ({sys.executable})')
        fix = 'rm -rf .venv && TEKTRA_PYTHON=/usr/bin/python3.12 ./tektra setup'
        return [Finding(Severity.ERROR, f'Python {shown} is not one of 3.10 to 3.13', fix)]


class BuildTools:
    """There is what the next build of the messages needs."""

    name = 'compiler'

    def __init__(self, path: str, root: Path | None) -> None:
        self._path = path
        self._root = root

    def run(self) -> list[Finding]:
        """Look for a C++ compiler and Python's headers; only a checkout builds."""
        if self._root is None:
            return ok('installed: nothing is built here')
        missing = missing_parts(self._path, need_venv=False)
        if not missing:
            return ok('C++ compiler and Python headers are there')
        fix = install_command(missing, self._path)
        return [Finding(Severity.ERROR, part.what, fix) for part in missing]
