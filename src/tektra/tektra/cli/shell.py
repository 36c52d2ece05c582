"""``tektra shell`` and shell completion."""

from __future__ import annotations

import os

import click
from click.shell_completion import get_completion_class

from tektra.cli.errors import UserError
from tektra.cli.state import running


@click.command(help='Open a shell (or run COMMAND) in the environment and domain of the graph.')
@click.argument('command', nargs=-1, type=click.UNPROCESSED)
def shell(command: tuple[str, ...]) -> None:
    """Replace this process by a shell."""
    found = running()
    if found is not None:
        os.environ['ROS_DOMAIN_ID'] = str(found.domain_id)
    where = f'domain {found.domain_id}' if found else 'no graph is running'
    program = list(command) or [os.environ.get('SHELL', '/bin/sh')]
    if not command:
        click.echo(f'tektra environment ({where}); leave with exit', err=True)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        raise UserError(f"cannot run '{program[0]}': {error.strerror}") from error


@click.command(help='Print completion code for a shell: eval "$(./tektra completion bash)".')
@click.argument('name', metavar='SHELL', type=click.Choice(['bash', 'zsh', 'fish']))
def completion(name: str) -> None:
    """Print what click generates for the ``tektra`` program."""
    from tektra.cli.main import cli  # the table imports this module

    made = get_completion_class(name)
    assert made is not None
    click.echo(made(cli, {}, 'tektra', '_TEKTRA_COMPLETE').source())
