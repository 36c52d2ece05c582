"""One run of the graph from this checkout: run file, domain, plan, processes, and the way out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tektra.cli.errors import UserError
from tektra.launching import plan as launch_plan
from tektra.launching import runfile
from tektra.launching.errors import LaunchError
from tektra.launching.supervisor import ProcessEvent, Supervisor
from tektra.runtime.share import share_dir

BRINGUP = 'bringup.launch.yaml'


def launch_file(name: str | None = None) -> Path:
    """Return the path of a launch file: a path as given, or a name in share/tektra/launch.

    :raises UserError: if there is no such file, naming those that exist.
    """
    folder = share_dir() / 'launch'
    if name is None:
        return folder / BRINGUP
    for candidate in (Path(name), folder / name, folder / f'{name}.launch.yaml'):
        if candidate.is_file():
            return candidate
    known = ', '.join(sorted(path.name for path in folder.glob('*.launch.yaml')))
    raise UserError(f"no launch file '{name}' here or in {folder}; there are: {known}")


def load_plan(path: Path, args: Mapping[str, str]) -> launch_plan.LaunchPlan:
    """Return the plan of a launch file.

    :raises UserError: with file, line and fix.
    """
    try:
        return launch_plan.load(path, args)
    except LaunchError as error:
        raise UserError(error.render()) from error


class GraphRun:
    """Holds the run file and the processes from start to end."""

    def __init__(
        self,
        path: Path,
        args: Mapping[str, str],
        on_event: Callable[[ProcessEvent], None] | None = None,
        output: Callable[[str], None] | None = None,
    ) -> None:
        self.plan = load_plan(path, args)
        try:
            self.claim = runfile.claim(path, args)
        except runfile.AlreadyRunning as error:
            raise UserError(str(error)) from error
        self.domain_id = self.claim.info.domain_id
        environment = {**os.environ, 'ROS_DOMAIN_ID': str(self.domain_id)}
        self.supervisor = Supervisor(self.plan, env=environment, on_event=on_event, output=output)

    def release(self) -> None:
        """Give the run file and the domain back."""
        self.claim.release()
