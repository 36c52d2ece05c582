"""What a machine needs before the set-up starts, checked in milliseconds and told all at once."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tektra.bootstrap.failures import NEEDED_BYTES, SetupError, no_space, read_only

OLDEST_GLIBC = (2, 28)
"""The ROS wheels are manylinux_2_28."""


@dataclass(frozen=True)
class Missing:
    """A part of the machine that is not there, and the package that has it, by package manager."""

    what: str
    packages: dict[str, str]


INSTALL_COMMANDS = {
    'apt-get': 'apt-get install -y',
    'dnf': 'dnf install -y',
    'zypper': 'zypper install -y',
    'pacman': 'pacman -S --needed',
}


def check_platform() -> None:
    """Refuse a machine for which there are no ROS 2 wheels.

    Raises:
        SetupError: not Linux on x86-64 with a GNU C library of 2.28 or later.
    """
    machine = f'{platform.system()} on {platform.machine()}'
    if (platform.system(), platform.machine()) != ('Linux', 'x86_64'):
        raise SetupError(
            f'this is {machine}, and ROS 2 wheels exist for Linux on x86-64 only: '
            'use ROS 2 Jazzy on Ubuntu 24.04 or Docker, see docs/robot.md'
        )
    name, version = platform.libc_ver()
    if name != 'glibc' or tuple(int(part) for part in version.split('.')[:2]) < OLDEST_GLIBC:
        raise SetupError(
            f'the C library here is {name or "not glibc"} {version}, and the ROS 2 wheels need '
            'glibc 2.28 (Debian 10, Ubuntu 20.04 or later): use Docker, see docs/robot.md'
        )


def missing_parts(path: str, need_venv: bool) -> list[Missing]:
    """Return what is missing to build, and to make a virtual environment if `need_venv`.

    `path` is the PATH to look for the compiler in. Headers and modules are looked for in the
    running Python.
    """
    python = f'python{sys.version_info.major}.{sys.version_info.minor}'
    missing = []
    compilers = [os.environ.get('CXX', ''), 'c++', 'g++', 'clang++']
    if not any(name and shutil.which(name.split()[0], path=path) for name in compilers):
        packages = {'apt-get': 'g++', 'dnf': 'gcc-c++', 'zypper': 'gcc-c++', 'pacman': 'gcc'}
        missing.append(Missing('no C++ compiler', packages))
    include = Path(sysconfig.get_path('include'))
    if not (include / 'Python.h').is_file():
        packages = {'apt-get': f'{python}-dev', 'dnf': f'{python}-devel'}
        missing.append(Missing(f'no Python headers ({include}/Python.h)', packages))
    if need_venv and not all(map(importlib.util.find_spec, ('venv', 'ensurepip'))):
        packages = {'apt-get': f'{python}-venv', 'dnf': python}
        missing.append(Missing(f'no venv and ensurepip modules in {sys.executable}', packages))
    return missing


def install_command(missing: list[Missing], path: str) -> str:
    """Return the command that installs what is missing on this system."""
    for manager, command in INSTALL_COMMANDS.items():
        if shutil.which(manager, path=f'{path}:/usr/bin:/usr/sbin:/bin'):
            names = [part.packages[manager] for part in missing if manager in part.packages]
            if len(names) == len(missing):
                sudo = '' if os.geteuid() == 0 else 'sudo '
                return f'{sudo}{command} {" ".join(names)}'
    return 'install it, or use another Python: TEKTRA_PYTHON=/path/to/python3.12 ./tektra setup'


def check(root: Path, env: Mapping[str, str], need_venv: bool) -> None:
    """Check the machine before anything is written.

    Raises:
        SetupError: with everything that is missing, and the command that installs it.
    """
    check_platform()
    path = env.get('PATH', os.defpath)
    if missing := missing_parts(path, need_venv):
        names = ', '.join(part.what for part in missing)
        raise SetupError(f'{names}: {install_command(missing, path)}')
    if not os.access(root, os.W_OK):
        raise read_only(root)
    if need_venv and shutil.disk_usage(root).free < NEEDED_BYTES:
        raise no_space(root)
