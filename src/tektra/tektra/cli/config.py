"""``tektra config``: show, check and edit the configuration."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import click

from tektra.cli.errors import UserError
from tektra.config import layers, view
from tektra.config.check import unknown_node
from tektra.config.edit import Draft, EditError, open_editor
from tektra.config.merge import Configuration
from tektra.config.schema import schemas
from tektra.config.setting import Problem

FILE = 'voice.yaml'

SET_OPTION = click.option(
    '--set',
    'options',
    multiple=True,
    metavar='NODE.PARAM=VALUE',
    help='Set a parameter for this run (repeatable).',
)


def refuse(problems: Sequence[Problem]) -> None:
    """Raise ``UserError`` naming every problem, if there is one."""
    if problems:
        more = 'the configuration cannot be used'
        raise UserError('\n  '.join([f'{more}:', *(problem.text for problem in problems)]))


_HELP = """Show, check and edit the configuration.

Values come from the nodes' defaults and, each beating those before it, four layers.

\b
  config/*.yaml                    shipped
  TEKTRA_HOME/config/*.yaml        yours (TEKTRA_HOME: ~/.tektra)
  TEKTRA__<NODE>__<PARAM>=value    environment
  --set node.param=value           command line of up and demo
"""


@click.group(help=_HELP)
def config() -> None:
    """Parse nothing but the verb."""


@config.command(name='show')
@click.argument('nodes', nargs=-1, metavar='[NODE]...')
@click.option('--origin', is_flag=True, help='Say where each value comes from.')
@click.option('--changed', is_flag=True, help='Leave out what is at its default.')
@click.option('--json', 'as_json', is_flag=True, help='Print JSON.')
@SET_OPTION
def show(
    nodes: tuple[str, ...], origin: bool, changed: bool, as_json: bool, options: tuple[str, ...]
) -> int:
    """Print what the layers come to, as a ROS parameter file."""
    for node in nodes:
        if node not in schemas():
            raise UserError(unknown_node(node, 'config show').text)
    made = layers.load(options)
    chosen = nodes or tuple(schemas())
    if as_json:
        data = {
            'parameters': view.as_data(made, chosen),
            'problems': [problem.text for problem in made.problems],
        }
        click.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        click.echo(view.as_text(made, chosen, origin, changed))
        _print_problems(made)
    return int(bool(made.problems))


@config.command(name='check')
@SET_OPTION
def check(options: tuple[str, ...]) -> int:
    """Check every layer; exit code 1 if something is wrong."""
    made = layers.load(options)
    _print_problems(made)
    if made.problems:
        return 1
    count = len(made.settings)
    click.echo(f'The configuration is right: {count} of the parameters are set by a layer.')
    return 0


def _print_problems(made: Configuration) -> None:
    for problem in made.problems:
        click.echo(f'tektra: error: {problem.text}', err=True)


@config.command(name='edit')
def edit() -> int:
    """Open your own voice.yaml in $EDITOR; it is put in place only when it is right."""
    draft = Draft(layers.own_folder() / FILE)
    fresh = draft.begin()
    if not fresh:
        click.echo(f'going on with the draft that was left: {draft.path}', err=True)
    while True:
        try:
            open_editor(draft.path, os.environ)
        except EditError as error:
            if fresh:
                draft.discard()
            raise UserError(str(error)) from error
        problems = draft.problems()
        if not problems:
            draft.keep()
            click.echo(f'{draft.target}: saved; it counts from the next start of the graph')
            made = layers.load()
            _print_problems(made)
            return int(bool(made.problems))
        for problem in problems:
            click.echo(f'tektra: error: {problem.text}', err=True)
        fresh = False
        if not _again(draft):
            return 1


def _again(draft: Draft) -> bool:
    """Return whether to edit once more; otherwise the draft is thrown away or left for later."""
    choices = click.Choice(['edit', 'discard', 'later'])
    answer = 'later'
    if sys.stdin.isatty():
        answer = click.prompt('edit again, discard, or go on later?', type=choices, default='edit')
    if answer == 'discard':
        draft.discard()
    elif answer == 'later':
        click.echo(
            f'{draft.target} is unchanged; your text is in {draft.path}: '
            'tektra config edit goes on with it',
            err=True,
        )
    return bool(answer == 'edit')
