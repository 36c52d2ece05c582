"""``tektra up`` and ``tektra down``: start and stop the graph of this checkout."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import click

from tektra.cli.client import running_graph
from tektra.cli.config import SET_OPTION
from tektra.cli.errors import UserError
from tektra.cli.graph_run import (
    Claim,
    GraphRun,
    configured,
    launch_errors,
    launch_file,
    load_plan,
)
from tektra.cli.state import running, state_dir
from tektra.launching import domain, plan, real, runfile

DOWN_S = 15.0


def split_arguments(words: Iterable[str]) -> tuple[str | None, dict[str, str]]:
    """Return the launch file, if one is named, and the ``name:=value`` arguments.

    :raises UserError: for anything else.
    """
    path, args = None, {}
    for word in words:
        name, mark, value = word.partition(':=')
        if mark:
            args[name] = value
        elif path is None:
            path = word
        else:
            raise UserError(f"'{word}': launch arguments are written name:=value")
    return path, args


@click.command(help='Start the graph from LAUNCH_FILE (default: bringup) until Ctrl-C.')
@click.argument('words', nargs=-1, metavar='[LAUNCH_FILE] [NAME:=VALUE]...')
@click.option('--show-args', is_flag=True, help='List the launch arguments and end.')
@click.option('--print', 'print_only', is_flag=True, help='Print what would be started and end.')
@SET_OPTION
def up(words: tuple[str, ...], show_args: bool, print_only: bool, options: tuple[str, ...]) -> int:
    """Run a launch file in the foreground."""
    name, args = split_arguments(words)
    path = launch_file(name)
    if show_args:
        _show_args(path)
        return 0
    args = configured(path, args, options)
    if print_only:
        click.echo(load_plan(path, args).describe())
        return 0
    with launch_errors():
        if real.wanted(os.environ):
            return _up_with_real_launch(path, args)
    run = GraphRun(path, args)
    click.echo(f'tektra: {path.name} on ROS domain {run.domain_id}; stop with Ctrl-C', err=True)
    try:
        return run.supervisor.run_blocking()
    finally:
        run.release()


def _up_with_real_launch(path: Path, args: dict[str, str]) -> int:
    claim = Claim(domain_of_ros=True)
    os.environ[domain.VARIABLE] = str(claim.domain.number)
    claim.describe(path, args, [])
    try:
        return real.run(path, args, os.environ)
    finally:
        claim.release()


def _show_args(path: Path) -> None:
    with launch_errors():
        rows = plan.show_args(path)
    for row in rows:
        default = 'required' if row.default is None else f"default: '{row.default}'"
        choices = f'; one of: {", ".join(row.choices)}' if row.choices else ''
        click.echo(f'{row.name}  ({default}{choices})\n    {row.description}')


@click.command(help='Stop the graph of this checkout and wait until it has gone.')
@click.option('--timeout', default=DOWN_S, show_default=True, help='s before it is killed.')
def down(timeout: float) -> int:
    """Send SIGINT to whoever holds the run file, later SIGTERM and SIGKILL."""
    info = running_graph()
    for number, wait_s in (
        (signal.SIGINT, timeout),
        (signal.SIGTERM, 3.0),
        (signal.SIGKILL, 3.0),
    ):
        try:
            os.kill(info.pid, number)
        except ProcessLookupError:
            break
        if _gone(wait_s):
            break
    else:
        raise UserError(f'process {info.pid} does not end; see: ps {info.pid}')
    click.echo(f'stopped (was process {info.pid}, domain {info.domain_id})', err=True)
    return 0


def _gone(wait_s: float) -> bool:
    end = time.monotonic() + wait_s
    while running() is not None or not runfile.is_free(state_dir()):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
