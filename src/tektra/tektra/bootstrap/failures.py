"""What can stop a set-up, said in one line with the command that mends it."""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

EXIT_SETUP = 3

NEEDED_BYTES = 1_900_000_000
"""Free space asked for before a fresh set-up: environment and build (1.6 GB) and unpacking."""


class SetupError(Exception):
    """One line for the person: the thing, the value and the fix."""


Explain = Callable[[Sequence[str], Path, Path], SetupError]
"""Turns the output of a failed command into one line: (lines, checkout, log)."""

_NO_SPACE = re.compile(r'No space left on device|Disk quota exceeded|\[Errno (?:28|122)\]')
_NO_NETWORK = re.compile(
    r'NewConnectionError|Max retries exceeded|NameResolutionError|ConnectTimeoutError'
    r'|ReadTimeoutError|Temporary failure in name resolution|Connection refused'
    r'|Network is unreachable|RemoteDisconnected|ProxyError|SSLError|ConnectionResetError'
    r'|ProtocolError'
)
_NO_WHEEL = re.compile(r'No matching distribution found for (\S+)')
_COMPILER_KILLED = re.compile(r'Killed signal terminated program|fatal error: Killed')
# From telling to not telling: the compiler's or CMake's own word before ninja's.
_BUILD_ERRORS = [
    re.compile(r'\berror: '),
    re.compile(r'CMake Error'),
    re.compile(r'Error: |Exception: '),
    re.compile(r'FAILED'),
]
_FULL_BYTES = 10_000_000
"""A command that failed with less than this free failed for want of space, whatever it said."""


def no_space(where: Path) -> SetupError:
    """Return the error for a full disk."""
    try:
        free = f'{shutil.disk_usage(where).free / 1e9:.1f} GB free'
    except OSError:
        free = 'full'
    return SetupError(
        f'no space left on the disk of {where} ({free}, {NEEDED_BYTES / 1e9:.1f} GB needed): '
        'free some, for example: rm -rf ~/.cache/pip; then run ./tektra setup again'
    )


def read_only(root: Path) -> SetupError:
    """Return the error for a checkout that cannot be written."""
    copy = f'cp -r {shlex.quote(str(root))} ~/tektra && ~/tektra/tektra setup'
    return SetupError(
        f'the checkout {root} is read-only and not set up: copy it where you can write: {copy}'
    )


def from_os_error(error: OSError, root: Path) -> SetupError:
    """Return the one line for an error of the operating system during the set-up."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(root)
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) and not os.access(root, os.W_OK):
        return read_only(root)
    if error.errno in (errno.EACCES, errno.EPERM):
        return SetupError(
            f'{error.filename}: {error.strerror} (made by another user?): '
            f'sudo chown -R $(id -un) {shlex.quote(str(root))}'
        )
    where = f'{error.filename}: ' if error.filename else ''
    return SetupError(f'{where}{error.strerror or error}')


def from_pip(lines: Sequence[str], root: Path, log: Path) -> SetupError:
    """Return the one line for a failed pip, from what it printed."""
    text = '\n'.join(lines)
    if _NO_SPACE.search(text) or shutil.disk_usage(root).free < _FULL_BYTES:
        return no_space(root)
    if reason := _NO_NETWORK.search(text):
        return SetupError(
            f'cannot reach the Python package registry ({reason.group()}): check the network, the '
            'proxy (HTTPS_PROXY) and `pip config list`; then run ./tektra setup again'
        )
    if package := _NO_WHEEL.search(text):
        return SetupError(
            f'the registry has no {package.group(1)} for this Python and C library: use another '
            f'Python, for example: TEKTRA_PYTHON=python3.11 ./tektra setup (log: {log})'
        )
    return SetupError(f'pip failed: {_last_error(lines)} (log: {log}); run ./tektra setup again')


def from_build(lines: Sequence[str], root: Path, log: Path) -> SetupError:
    """Return the one line for a failed build, from what colcon printed."""
    text = '\n'.join(lines)
    if _NO_SPACE.search(text) or shutil.disk_usage(root).free < _FULL_BYTES:
        return no_space(root)
    if _COMPILER_KILLED.search(text):
        return SetupError(
            'the compiler was killed, most likely for want of memory: close some programs, then '
            'run ./tektra setup again'
        )
    found = (line.strip() for error in _BUILD_ERRORS for line in lines if error.search(line))
    reason = next(found, 'no reason given')
    return SetupError(f'the build failed: {reason} (log: {log}); mend it, then: ./tektra setup')


def _last_error(lines: Sequence[str]) -> str:
    for line in reversed(lines):
        if 'error' in line.lower():
            return line.strip()
    return lines[-1].strip() if lines else 'it printed nothing'
