"""Hands a launch file to the real launch of a ROS installation, where there is one."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tektra.launching.errors import LaunchError
from tektra.launching.plan import load

SWITCH = 'TEKTRA_LAUNCHER'
"""Environment variable: `auto` (default), `real` or `own`."""

_MODULES = ('launch', 'launch_ros', 'launch_yaml')


def wanted(environment: Mapping[str, str]) -> bool:
    """Return whether the real launch is to be used.

    Raises:
        LaunchError: the switch has another value, or asks for what is not installed.
    """
    choice = environment.get(SWITCH) or 'auto'
    if choice not in ('auto', 'real', 'own'):
        raise LaunchError(f"{SWITCH} is '{choice}'; it must be auto, real or own")
    missing = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if choice == 'real' and missing:
        raise LaunchError(
            f'{SWITCH} is real, but {", ".join(missing)} cannot be imported; '
            'source /opt/ros/jazzy/setup.sh, or unset it'
        )
    return choice != 'own' and not missing


def run(path: Path, args: Mapping[str, str], environment: Mapping[str, str]) -> int:
    """Run a launch file with the real launch, in this process and to its end.

    Returns what launch returns; but, as with the own runner, the exit code (128 + signal) of a
    required process (`on_exit: shutdown`) that failed, where launch itself would return 0.
    """
    # Untyped packages of the robot world; in the laptop world they do not exist.
    launch: Any = importlib.import_module('launch')
    sources: Any = importlib.import_module('launch.launch_description_sources')
    required = _required(path, args, environment)
    failed: list[int] = []

    def note(event: Any, context: Any) -> None:
        if not context.is_shutdown and event.process_name in required and event.returncode != 0:
            failed.append(event.returncode if event.returncode > 0 else 128 - event.returncode)

    handlers: Any = importlib.import_module('launch.event_handlers')
    service = launch.LaunchService(
        argv=[f'{name}:={value}' for name, value in args.items()],
        # On SIGINT an interactive launch sends nothing: it supposes that a terminal has told its
        # processes too. `tektra down`, systemd and docker tell launch alone.
        noninteractive=True,
    )
    watch = launch.actions.RegisterEventHandler(handlers.OnProcessExit(on_exit=note))
    include = launch.actions.IncludeLaunchDescription(
        sources.AnyLaunchDescriptionSource(str(path)), launch_arguments=list(args.items())
    )
    service.include_launch_description(launch.LaunchDescription([watch, include]))
    code = int(service.run())
    return failed[0] if failed and code == 0 else code


def _required(path: Path, args: Mapping[str, str], environment: Mapping[str, str]) -> set[str]:
    """Return the labels of required processes; launch numbers its processes as the plan does."""
    try:
        plan = load(path, args, environment)
    except LaunchError:
        # A file outside the subset: launch itself will say if something is wrong with it.
        return set()
    return {process.label for process in plan.processes if process.required}
