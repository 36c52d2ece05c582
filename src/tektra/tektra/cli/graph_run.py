"""One run of the graph from this checkout: run file, domain, plan, processes, and the way out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tektra.cli.config import refuse
from tektra.cli.errors import UserError
from tektra.cli.state import state_dir
from tektra.config import layers
from tektra.config.launch_arguments import with_configured
from tektra.launching import domain, plan, runfile
from tektra.launching.errors import LaunchError
from tektra.launching.events import ProcessEvent
from tektra.launching.supervisor import Supervisor
from tektra.runtime.share import checkout, share_dir

BRINGUP = 'bringup.launch.yaml'


@contextmanager
def launch_errors() -> Iterator[None]:
    """Turn a launch error into one line for the person."""
    try:
        yield
    except LaunchError as error:
        raise UserError(error.render()) from error


def launch_file(name: str | None = None) -> Path:
    """Return the path of a launch file: a path as given, or a name in the shared launch folder.

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


def load_plan(path: Path, args: Mapping[str, str]) -> plan.LaunchPlan:
    """Return the plan of a launch file.

    :raises UserError: with file, line and fix.
    """
    with launch_errors():
        return plan.load(path, args)


PARAMS_FILE = 'params_file'


def configured(path: Path, args: Mapping[str, str], options: Sequence[str]) -> dict[str, str]:
    """Return the launch arguments completed by the layers of the configuration.

    Launch gets the merged result as ``params_file``; whoever gives a file of their own gets that
    file alone. A launch file without this argument is left as it is.

    Args:
        path: the launch file.
        args: what the person gave.
        options: the words of ``--set``.

    :raises UserError: for anything wrong in a layer, or ``--set`` that could not take effect.
    """
    with launch_errors():
        takes = any(row.name == PARAMS_FILE for row in plan.show_args(path))
    if not takes or PARAMS_FILE in args:
        if options:
            why = f'{PARAMS_FILE}:= is given' if takes else f'{path} has no argument {PARAMS_FILE}'
            raise UserError(
                f'--set {options[0]} would have no effect: {why}; leave one of them out'
            )
        return dict(args)
    made = layers.load(options)
    refuse(made.problems)
    with launch_errors():
        completed = with_configured(path, args, made)
    return {**completed, PARAMS_FILE: str(layers.write(made, state_dir()))}


class Claim:
    """The right to run a graph from this checkout, and its ROS domain, until ``release``."""

    def __init__(self, domain_of_ros: bool = False) -> None:
        """``domain_of_ros``: do not choose a domain; meet the other ROS programs of the robot."""
        with launch_errors():
            self.lock = runfile.claim(state_dir())
            if domain_of_ros:
                number = domain.of_ros(os.environ)
                self.domain = domain.Domain(number, chosen_by_user=True, descriptor=None)
            else:
                self.domain = domain.choose(checkout() or Path.home(), os.environ)
        self.held = [self.lock.descriptor]
        if self.domain.descriptor is not None:
            self.held.append(self.domain.descriptor)

    def describe(self, path: Path, args: Mapping[str, str], nodes: list[str]) -> None:
        """Let other commands find the graph."""
        with launch_errors():
            self.lock.describe(self.domain.number, path, args, nodes)

    def release(self) -> None:
        """Give the run file and the domain back."""
        self.lock.release()
        self.domain.release()


class GraphRun:
    """Holds the claim and the processes from start to end."""

    def __init__(
        self,
        path: Path,
        args: Mapping[str, str],
        on_event: Callable[[ProcessEvent], None] | None = None,
        output: Callable[[str], None] | None = None,
    ) -> None:
        self.plan = load_plan(path, args)
        self.claim = Claim()
        self.domain_id = self.claim.domain.number
        self.supervisor = Supervisor(
            self.plan,
            env={**os.environ, domain.VARIABLE: str(self.domain_id)},
            on_event=on_event,
            output=output,
            held=self.claim.held,
        )
        nodes = [info.node for info in self.supervisor.processes() if info.node]
        self.claim.describe(path, args, nodes)

    def release(self) -> None:
        """Give the run file and the domain back."""
        self.claim.release()
