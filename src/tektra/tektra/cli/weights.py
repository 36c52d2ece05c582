"""``tektra weights``: list, pull, verify, import, export and remove model weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from tektra.cli.errors import UserError
from tektra.weights.archive import Importer, export
from tektra.weights.catalogue import VARIABLE, Catalogue, Entry, load_catalogue
from tektra.weights.errors import WeightsError
from tektra.weights.pull import Puller, mirror
from tektra.weights.store import Store, megabytes, strays
from tektra.weights.verify import Status, Verdict, known_entries, status, verify


class _Group(click.Group):
    """Turns what goes wrong with weights into one line for the person."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except WeightsError as error:
            raise UserError(str(error)) from error


@click.group(cls=_Group)
@click.option(
    '--config',
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=VARIABLE,
    show_envvar=True,
    help='Another list of weights than config/weights.yaml.',
)
@click.pass_context
def weights(ctx: click.Context, config: Path | None) -> None:
    """List, pull, verify, import, export and remove model weights.

    They lie in ~/.cache/tektra/weights (or below XDG_CACHE_HOME). Folders in TEKTRA_WEIGHTS_PATH,
    separated by ':', are looked at first and never changed. Only 'pull' downloads anything.
    """
    ctx.obj = config


def _catalogue(ctx: click.Context) -> Catalogue:
    return load_catalogue(ctx.obj)


def _chosen(catalogue: Catalogue, store: Store, names: Sequence[str]) -> list[Entry]:
    """Return the entries of the given names, also of own imports."""
    own = {entry.name: entry for entry in known_entries(store, catalogue)}
    return [own.get(name) or catalogue.find(name) for name in names]


@weights.command(name='list')
@click.option('--json', 'as_json', is_flag=True, help='Print JSON.')
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """Show what there is, what it is for and whether it is on this machine."""
    store = Store.of_environment()
    found = [status(store, entry) for entry in known_entries(store, _catalogue(ctx))]
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in found], indent=2))
        return
    for line in _table(['NAME', 'USE', 'SIZE', 'LICENCE', 'HERE'], [_row(each) for each in found]):
        click.echo(line)
    click.echo(f"\n* fetched by 'tektra weights pull' without a name\nStore: {store.root}")


def _row(each: Status) -> list[str]:
    entry = each.entry
    here = each.text if entry.used else f'{each.text} (no node uses it yet)'
    name = f'{entry.name} *' if entry.default else entry.name
    return [name, entry.use, megabytes(entry.size), entry.licence, here]


def _table(head: list[str], rows: list[list[str]]) -> Iterable[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        yield '  '.join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()


def _as_json(each: Status) -> dict[str, object]:
    entry = each.entry
    return {
        'name': entry.name,
        'use': entry.use,
        'default': entry.default,
        'used': entry.used,
        'size': entry.size,
        'licence': entry.licence,
        'licence_url': entry.licence_url,
        'via': entry.via,
        'origin': entry.origin if entry.via != 'import' else 'imported',
        'note': entry.note,
        'presence': each.presence.value,
        'folder': str(each.folder) if each.folder else None,
    }


class _Bars:
    """Shows a pull: one bar a file on a terminal, otherwise only lines."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn('{task.description}'),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print one line above the bars."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def file(self, label: str, have: int, size: int | None) -> None:
        """Move the bar of one file."""
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(label, total=size)
        self._progress.update(self._tasks[label], completed=have)


@weights.command()
@click.argument('names', nargs=-1)
@click.option(
    '--offline',
    is_flag=True,
    envvar='TEKTRA_OFFLINE',
    show_envvar=True,
    help='Never download; fail if something is missing.',
)
@click.pass_context
def pull(ctx: click.Context, names: tuple[str, ...], offline: bool) -> None:
    """Fetch weights; without NAMES the default set.

    What is there is left alone; what was cut goes on where it was. TEKTRA_WEIGHTS_MIRROR is the
    address of a server that holds a copy of a store (<address>/<name>/<file>); it is used instead
    of the sources.
    """
    catalogue = _catalogue(ctx)
    entries = [catalogue.find(name) for name in names] or [e for e in catalogue if e.default]
    pull_entries(entries, offline=offline)


def pull_entries(entries: Sequence[Entry], *, offline: bool = False) -> None:
    """Fetch entries with progress bars; Ctrl-C keeps what has come.

    :raises WeightsError: at the first entry that cannot be had.
    """
    store = Store.of_environment()
    with _Bars() as bars:
        for entry in entries:
            about = f'{entry.name}: {megabytes(entry.size)}, {entry.licence} {entry.licence_url}'
            bars.say(about.rstrip())
        puller = Puller(store, bars, mirror=mirror(), offline=offline)
        try:
            puller.pull(entries)
        except KeyboardInterrupt:
            _stopped(store, entries, bars.say)


def _stopped(store: Store, entries: Sequence[Entry], say: Callable[[str], None]) -> NoReturn:
    kept = sum(store.partial_bytes(entry.name) for entry in entries)
    say(f'stopped; {megabytes(kept)} are kept, run the command again to go on')
    raise click.exceptions.Abort


@weights.command(name='verify')
@click.argument('names', nargs=-1)
@click.pass_context
def verify_(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Measure sizes and checksums of what is here; with NAMES also fail if one is not here.

    Exit code 0: everything is as it should be, 1: something is not.
    """
    catalogue, store = _catalogue(ctx), Store.of_environment()
    known = known_entries(store, catalogue)
    entries = _chosen(catalogue, store, names) if names else known
    checks = verify(store, entries)
    for check in checks:
        click.echo(f'{check.verdict.value:9}  {check.name}  {check.path}  {check.text}')
    failed = any(check.verdict is Verdict.WRONG for check in checks)
    for entry in entries:
        if names and not any(check.name == entry.name for check in checks):
            click.echo(f'{"absent":9}  {entry.name}  {status(store, entry).text}')
            failed = True
    if not names:
        for folder in strays(store, {entry.name for entry in known}):
            click.echo(f'{"unknown":9}  {store.root / folder}  is on no list; not checked')
    if failed:
        fix = 'remove what is wrong and pull it again: tektra weights remove NAME'
        click.echo(f'Something is not as it should be; {fix}', err=True)
    elif not checks:
        click.echo('There are no weights on this machine.')
    return int(failed)


@weights.command(name='import')
@click.argument(
    'sources', nargs=-1, required=True, type=click.Path(path_type=Path), metavar='FILE...'
)
@click.option('--name', default='', help='Only this one; a new name takes your own weights.')
@click.pass_context
def import_(ctx: click.Context, sources: tuple[Path, ...], name: str) -> None:
    """Read weights from a FILE of 'tektra weights export', a folder, a .tar or a .zip.

    Weights of the list are recognised by the names and sizes of their files, in any folder, and
    are checked like a download. Your own go under --name KIND/NAME, such as piper/my_voice.
    """
    store = Store.of_environment()
    importer = Importer(store, _catalogue(ctx), lambda text: click.echo(text, err=True))
    for source in sources:
        importer.run(source, name)


@weights.command(name='export')
@click.argument('names', nargs=-1, required=True)
@click.argument('target', type=click.Path(path_type=Path), metavar='FILE')
@click.pass_context
def export_(ctx: click.Context, names: tuple[str, ...], target: Path) -> None:
    """Write weights to FILE (a tar) for a machine without a network."""
    store = Store.of_environment()
    export(store, _chosen(_catalogue(ctx), store, names), target)
    click.echo(f'{target}: {megabytes(target.stat().st_size)}', err=True)


@weights.command()
@click.argument('names', nargs=-1, required=True)
@click.option(
    '--forget', is_flag=True, help='Also forget recorded checksums, to accept another content.'
)
@click.pass_context
def remove(ctx: click.Context, names: tuple[str, ...], forget: bool) -> None:
    """Delete weights, complete or half fetched, from the store of this user."""
    catalogue, store = _catalogue(ctx), Store.of_environment()
    for entry in _chosen(catalogue, store, names):
        if entry.via == 'wheel':
            package = entry.source['package']
            raise WeightsError(f'{entry.name} belongs to a package: pip uninstall {package}')
        with store.locked(entry.name):
            there = store.remove(entry.name)
            if forget or (there and catalogue.get(entry.name) is None):
                store.record(entry.name, {})
        elsewhere = store.find(entry)
        click.echo(f'{entry.name}: {"removed" if there else "was not in the store"}', err=True)
        if elsewhere is not None:
            click.echo(
                f'{entry.name}: {elsewhere.folder} stays: '
                'places of TEKTRA_WEIGHTS_PATH are never changed',
                err=True,
            )
