"""``tektra robots``: the registry of robots, and a first file for one of your own."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tektra.cli.errors import UserError
from tektra.robots.records import RecordError
from tektra.robots.registry import folders, robot_files
from tektra.robots.spec import NAME, RobotSpec, read_robot


@click.group(invoke_without_command=True, help='List the robots that are known.')
@click.pass_context
def robots(ctx: click.Context) -> int:
    """Read every file, and say of each what is wrong with it."""
    if ctx.invoked_subcommand is not None:
        return 0
    table = Table('robot', 'called', 'driver', 'channels', 'file')
    wrong = []
    for name, path in robot_files().items():
        try:
            robot = read_robot(path)
        except RecordError as error:
            wrong.append(str(error))
            continue
        table.add_row(
            name,
            ', '.join(robot.spoken_names) or name,
            _driver(robot),
            ', '.join(robot.channels),
            str(path),
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if wrong:
        raise UserError('\n'.join(wrong))
    return 0


@robots.command(help='Write a first file for robot NAME from its URDF or xacro.')
@click.argument('name')
@click.option(
    '--urdf',
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='Its description; it is copied beside the file.',
)
def new(name: str, urdf: Path) -> int:
    """Make the file; never write over one."""
    from tektra.description.load import load_description
    from tektra.description.model import DescriptionError
    from tektra.description.robot_file import robot_file_for

    if not NAME.fullmatch(name):
        raise UserError(f"'{name}' is no name of a robot: a small letter, then letters, digits, _")
    folder = folders()[0]
    path, copy = folder / f'{name}.yaml', folder / urdf.name
    if path.exists():
        raise UserError(f'{path} exists; remove it first, or choose another name')
    if copy.exists() and copy.resolve() != urdf.resolve():
        raise UserError(f'{copy} exists and is another file; rename yours')
    try:
        description = load_description(urdf.resolve())
        text = robot_file_for(description, name=name, file=urdf.name)
    except DescriptionError as error:
        raise UserError(str(error)) from None
    folder.mkdir(parents=True, exist_ok=True)
    if not copy.exists():
        shutil.copyfile(urdf, copy)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, 'w', encoding='utf-8') as file:
        os.fchmod(file.fileno(), 0o644)  # a file that others may change is refused
        file.write(text)
    for problem in description.problems:
        click.echo(f'note: {problem}', err=True)
    click.echo(f'{path}: read it through; velocities and accelerations may be guessed')
    return 0


def _driver(robot: RobotSpec) -> str:
    driver = robot.driver
    return f'{driver.type} {driver.host}:{driver.port}' if driver.host else driver.type
