"""The environment variables that a process of Tektra needs in a checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tektra.bootstrap.layout import Checkout

WHEELS_GUARD = '_ROS_WHEELS_BOOTSTRAP_COMPLETE'
"""Set: the ROS wheels do not re-execute Python to find their libraries (LD_LIBRARY_PATH does)."""

RMW = 'rmw_fastrtps_cpp'
"""The only middleware among the wheels; another one, left by a sourced ROS, ends every process."""

DDS_PROFILE = 'FASTRTPS_DEFAULT_PROFILES_FILE'
"""Where Fast DDS 2 looks for its profile; launch sets the same for the nodes."""

DEFAULTS = {
    # Offline and private by default; what the user set stays.
    'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    # A process a node: more threads each only fight for the cores.
    'OMP_NUM_THREADS': '1',
    'OPENBLAS_NUM_THREADS': '1',
    'MKL_NUM_THREADS': '1',
}

# Of a ROS installation that the shell has sourced, or of another virtual environment.
_FOREIGN = (
    'ROS_DISTRO',
    'CMAKE_PREFIX_PATH',
    'COLCON_PREFIX_PATH',
    'PYTHONHOME',
    '__PYVENV_LAUNCHER__',
)
_OTHER_ROS = '/opt/ros/'


def library_path(checkout: Checkout) -> list[str]:
    """Return the folders that hold the shared libraries of the wheels and of our interfaces."""
    bundled = sorted(str(path) for path in checkout.site_packages.glob('ros_*.libs'))
    return [str(checkout.install / 'tektra_msgs/lib'), str(checkout.venv / 'lib'), *bundled]


def runtime_env(root: Path, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the complete environment for a process of the checkout at `root`.

    `base` is the environment to start from, by default this process's. ROS_DOMAIN_ID is the user's
    and is not touched. A ROS installation that the shell has sourced is left out: its Python
    packages are built for another Python.

    Raises:
        FileNotFoundError: the checkout is not set up.
    """
    checkout = Checkout(root)
    env = dict(os.environ if base is None else base)
    for name in _FOREIGN:
        env.pop(name, None)
    packages = [checkout.install / 'tektra', checkout.install / 'tektra_msgs', checkout.venv]
    site_packages = checkout.site_packages.relative_to(checkout.venv)
    interfaces = checkout.install / 'tektra_msgs' / site_packages
    libraries = library_path(checkout)
    inherited = [
        part
        for part in env.get('LD_LIBRARY_PATH', '').split(os.pathsep)
        if part and part not in libraries and not part.startswith(_OTHER_ROS)
    ]
    programs = [str(checkout.venv / 'bin'), str(root)]
    programs += [p for p in env.get('PATH', os.defpath).split(os.pathsep) if p not in programs]
    env.update(
        VIRTUAL_ENV=str(checkout.venv),
        PATH=os.pathsep.join(programs),
        AMENT_PREFIX_PATH=os.pathsep.join(map(str, packages)),
        PYTHONPATH=os.pathsep.join([str(checkout.source), str(interfaces)]),
        LD_LIBRARY_PATH=os.pathsep.join(libraries + inherited),
    )
    env[WHEELS_GUARD] = '1'
    env['RMW_IMPLEMENTATION'] = RMW
    for name, value in DEFAULTS.items():
        env.setdefault(name, value)
    env.setdefault(DDS_PROFILE, str(root / 'config' / 'fastdds.xml'))
    return env
