"""``tektra commands``: what a robot can be told, and how a sentence is understood."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tektra.cli.errors import UserError
from tektra.commands.command import Command
from tektra.commands.parser import parse
from tektra.commands.results import Ask, NoCommand, Parsed, Plan, Refuse, RobotNames
from tektra.commands.vocabulary import RecordError, Vocabulary, read_vocabulary
from tektra.robots.registry import robot_files, site

EXIT_NOT_A_PLAN = 1


@click.command(
    help='Show what a robot can be told, or how a SENTENCE is understood. Nothing is sent.'
)
@click.argument('sentence', nargs=-1)
@click.option('--language', default='en', show_default=True, help='en, de or es.')
@click.option('--json', 'as_json', is_flag=True, help='Print JSON.')
def commands(sentence: tuple[str, ...], language: str, as_json: bool) -> int:
    """Read the vocabulary; parse if there is something to parse."""
    try:
        vocabulary = read_vocabulary()
        robots = [RobotNames(r.name, r.spoken_names) for r in site(robot_files())]
    except RecordError as error:
        raise UserError(str(error)) from None
    if not sentence:
        _show(vocabulary, as_json)
        return 0
    text = ' '.join(sentence)
    found = parse(text, language=language, vocabulary=vocabulary, robots=robots)
    click.echo(json.dumps(_facts(found), indent=2) if as_json else '\n'.join(_words(found)))
    return 0 if isinstance(found, Plan) else EXIT_NOT_A_PLAN


def _show(vocabulary: Vocabulary, as_json: bool) -> None:
    if as_json:
        from tektra.commands.schema import tools

        click.echo(json.dumps(tools(vocabulary), indent=2))
        return
    table = Table('command', 'what it does', 'takes')
    for name, spec in vocabulary.commands.items():
        keys = (*spec.values, *spec.texts)
        takes = [key if key in spec.required else f'{key}?' for key in keys]
        table.add_row(name, spec.description, ' '.join(takes))
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    click.echo('Ranges, units and choices: docs/commands.md. A sentence: tektra commands "wave"')


def _facts(found: Parsed) -> dict[str, Any]:
    if isinstance(found, Plan):
        return {
            'result': 'plan',
            'steps': [
                {'name': one.name, **dict(one.values), **dict(one.texts)} for one in found.steps
            ],
            'robots': list(found.robots),
            'everybody': found.everybody,
            'confirm': found.confirm,
        }
    if isinstance(found, Ask):
        return {'result': 'question', 'text': found.question}
    if isinstance(found, Refuse):
        return {'result': 'refusal', 'text': found.reason, 'hold': found.hold}
    return {'result': 'no command'}


def _words(found: Parsed) -> list[str]:
    if isinstance(found, Plan):
        who = 'everybody' if found.everybody else ', '.join(found.robots)
        lines = [f'for {who}:'] if who else []
        lines += [f'{n}. {_step(step)}' for n, step in enumerate(found.steps, 1)]
        return [*lines, *([f'asked first: {found.confirm}'] if found.confirm else [])]
    if isinstance(found, Ask):
        return [f'asked back: {found.question}']
    if isinstance(found, Refuse):
        held = ['what moves is to be held'] if found.hold else []
        return [f'refused: {found.reason}', *held]
    assert isinstance(found, NoCommand)
    return ['no command: the dialogue answers it']


def _step(step: Command) -> str:
    given = [f'{name} {value:.4g}' for name, value in step.values.items()]
    given += [f'{name} {text}' for name, text in step.texts.items()]
    return ' '.join((step.name, f'({", ".join(given)})' if given else '')).strip()
