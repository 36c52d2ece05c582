"""``tektra bench``: run the measurements of bench/ and print each figure beside its reference."""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tektra.cli.errors import UserError
from tektra.runtime.measure import Record
from tektra.runtime.share import share_dir


def _folder() -> Path:
    folder = share_dir() / 'bench'
    if not folder.is_dir():
        raise UserError('benchmarks run from a checkout: there is no bench/ folder here')
    return folder


def _names() -> list[str]:
    return sorted(path.stem for path in _folder().glob('[a-z]*.py'))


def _load(name: str) -> ModuleType:
    path = _folder() / f'{name}.py'
    if not path.is_file():
        raise UserError(f"no benchmark '{name}'; there are: {', '.join(_names())}")
    spec = importlib.util.spec_from_file_location(f'bench_{name}', path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.parent))
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def _options(name: str, runs: int | None, only: tuple[str, ...]) -> dict[str, Any]:
    given: dict[str, Any] = {} if runs is None else {'runs': runs}
    if only:
        given['only'] = only
    taken = inspect.signature(_load(name).run).parameters
    for option in given:
        if option not in taken:
            raise UserError(f"benchmark '{name}' has no --{option}; leave it out")
    return given


@click.command(help='Run benchmark NAME (without one: list them).')
@click.argument('names', nargs=-1, metavar='[NAME]...')
@click.option('--json', 'as_json', is_flag=True, help='Print records as JSON.')
@click.option('--runs', type=click.IntRange(1), help='How often (chaos; by default 100).')
@click.option('--only', multiple=True, metavar='CLASS', help='Only this class (chaos).')
def bench(names: tuple[str, ...], as_json: bool, runs: int | None, only: tuple[str, ...]) -> int:
    """Print records; exit 1 if one misses its budget."""
    if not names:
        for name in _names():
            summary = (_load(name).__doc__ or '').splitlines()[0]
            click.echo(f'{name:12} {summary}')
        return 0
    records: list[Record] = []
    for name in names:
        records += _load(name).run(**_options(name, runs, only))
    if as_json:
        click.echo(json.dumps([record.as_dict() for record in records], indent=1))
    else:
        Console().print(_table(records))
    return 0 if all(record.ok is not False for record in records) else 1


def _table(records: list[Record]) -> Table:
    table = Table()
    for heading in ('name', 'value', 'unit', 'reference', 'ratio', 'budget', 'ok'):
        table.add_column(heading, justify='left' if heading == 'name' else 'right')
    for r in records:
        row = r.as_dict()
        table.add_row(*(_cell(row[key]) for key in row))
    return table


def _cell(value: object) -> str:
    if value is None:
        return ''
    if isinstance(value, bool):
        return 'yes' if value else 'NO'
    return f'{value:.4g}' if isinstance(value, float) else str(value)
