"""``tektra driver-check``: does the driver of a robot, and the robot, do what the gate needs?"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import click

from tektra.cli.errors import UserError
from tektra.robot_gate.conformance import FAILED, OK, Outcome, run_suite
from tektra.robot_gate.conformance_world import RealWorld
from tektra.robot_gate.drivers.driver import DriverError
from tektra.robot_gate.drivers.registry import driver_class
from tektra.robots.records import RecordError
from tektra.robots.registry import find_robot
from tektra.robots.spec import RobotSpec

_MARKS = {OK: 'ok    ', FAILED: 'FAILED'}


@click.command(help='Check the driver of robot NAME against the robot. The robot WILL move.')
@click.argument('name')
@click.option('--yes', is_flag=True, help='Do not ask: the way is clear, the robot may move.')
@click.option('--json', 'as_json', is_flag=True, help='Print JSON.')
def driver_check(name: str, yes: bool, as_json: bool) -> int:
    """Run the suite; exit 1 if a check fails."""
    try:
        robot = find_robot(name)
        simulated = driver_class(robot).simulated
    except (RecordError, DriverError) as error:
        raise UserError(str(error)) from error
    if not (simulated or yes):
        _ask(robot)
    outcomes = []
    with _stdout_to_stderr() if as_json else nullcontext():
        for outcome in run_suite(robot, RealWorld(robot)):
            outcomes.append(outcome)
            if not as_json:
                click.echo(line(outcome))
    failed = sum(one.verdict == FAILED for one in outcomes)
    if as_json:
        document = {
            'robot': name,
            'driver': robot.driver.plugin or robot.driver.type,
            'simulated': simulated,
            'config_hash': robot.config_hash,
            'passed': not failed,
            'checks': [dataclasses.asdict(one) for one in outcomes],
        }
        click.echo(json.dumps(document, indent=2))
    else:
        passed = sum(one.verdict == OK for one in outcomes)
        rest = len(outcomes) - passed - failed
        click.echo(f'{passed} passed, {failed} failed, {rest} not applicable')
    return int(bool(failed))


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Keep what libraries print, as Fast DDS does in C++, out of the document."""
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def line(outcome: Outcome) -> str:
    """Return an outcome for people."""
    mark = _MARKS.get(outcome.verdict, 'n/a   ')
    return f'{mark}  {outcome.check}: {outcome.detail}'


def _ask(robot: RobotSpec) -> None:
    moves = 'its base 0.2 m forwards and backwards' if robot.base else 'its first joint'
    warning = (
        f'{robot.name} is not simulated and WILL move: {moves}, about ten times, and its power '
        'is switched off and on.\nClear its way, put weak joints at rest and keep a hand on its '
        'emergency stop.'
    )
    click.echo(warning, err=True)
    if not sys.stdin.isatty():
        raise UserError('nobody can be asked here; add --yes when the way is clear')
    if not click.confirm('Move it now?', err=True):
        raise UserError('not moved')
