"""What the demo offers before it starts: better ears and a better voice."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from tektra.cli.state import state_dir
from tektra.cli.weights import pull_entries
from tektra.weights.catalogue import Entry
from tektra.weights.errors import WeightsError
from tektra.weights.offer import default_set_missing, network_reachable
from tektra.weights.store import megabytes

DECLINED = 'weights-declined'  # in the state folder: a person is asked once


def offer_weights() -> None:
    """Ask at a terminal, where there is a network, whether to fetch the default speech set."""
    declined = state_dir() / DECLINED
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or declined.exists():
        return
    missing = default_set_missing()
    if not missing or not network_reachable():
        return
    if click.confirm(question(missing), default=False):
        try:
            pull_entries(missing)
        except (WeightsError, OSError) as error:
            click.echo(f'{error}; going on with what is here', err=True)
    else:
        with suppress(OSError):  # then the question comes again
            declined.parent.mkdir(parents=True, exist_ok=True)
            declined.touch()
        click.echo('not fetched; later: ./tektra weights pull')


def question(missing: Sequence[Entry]) -> str:
    """Return what is asked, with names, uses, sizes and licences."""
    rows = [f'  {e.name} ({e.use}, {megabytes(e.size)}, {e.licence})' for e in missing]
    return '\n'.join(['Better speech can be fetched once:', *rows, 'Fetch it now?'])
