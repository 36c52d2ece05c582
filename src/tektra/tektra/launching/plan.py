"""From a launch file to its plan, and to the list of its arguments."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tektra.launching.arguments import collect
from tektra.launching.errors import LaunchError
from tektra.launching.evaluate import evaluate
from tektra.launching.model import (
    ArgInfo,
    InlineParameters,
    LaunchPlan,
    ProcessSpec,
    Respawn,
)

__all__ = [
    'ArgInfo',
    'InlineParameters',
    'LaunchError',
    'LaunchPlan',
    'ProcessSpec',
    'Respawn',
    'load',
    'show_args',
]


def load(
    path: Path, args: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> LaunchPlan:
    """Read and evaluate a launch file; nothing is started.

    Args:
        path: the launch file.
        args: launch arguments, as from `name:=value`.
        environment: what `$(env)` and the search for packages see; default the own environment.

    Raises:
        LaunchError: any fault in the files, arguments, packages or parameter files.
    """
    return evaluate(path, args, os.environ if environment is None else environment)


def show_args(path: Path, environment: Mapping[str, str] | None = None) -> list[ArgInfo]:
    """Return the arguments of a launch file and of the files that it includes, first named first.

    Raises:
        LaunchError: the file, or one that it includes, cannot be read.
    """
    return collect(path, os.environ if environment is None else environment)
