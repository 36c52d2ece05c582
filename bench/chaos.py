"""Faults while a robot moves: how often it moved when it must not, and how fast it stopped."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from tektra.cli.errors import UserError
from tektra.runtime.measure import Record

# The table of fault classes is that of the tests.
_TESTS = Path(__file__).resolve().parents[1] / 'tests'
sys.path[:0] = [str(_TESTS / 'chaos'), str(_TESTS)]
RUNS = 100


@dataclass
class Tally:
    """What came of one class."""

    name: str
    runs: int = 0
    moved: int = 0
    late: int = 0
    early: int = 0  # the gate had tripped by itself before the fault was there
    broken: int = 0  # the run itself failed: it shows nothing about motion
    told_s: list[float] = field(default_factory=list)
    rest_s: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def row(self) -> str:
        """Return the line of the table."""
        told = f'{max(self.told_s):.3f}' if self.told_s else '-'
        rest = f'{max(self.rest_s):.3f}' if self.rest_s else '-'
        counts = f'{self.runs} | {self.moved} | {self.late} | {self.broken} | {self.early}'
        return f'| {self.name} | {counts} | {told} | {rest} |'


def run(runs: int = RUNS, only: tuple[str, ...] = ()) -> list[Record]:
    """Run every class ``runs`` times, print the table; a record a class with budget 0."""
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    from safety_faults import all_faults
    from safety_rig import Rigs

    known = [row.name for row in all_faults()]
    unknown = [name for name in only if name not in known]
    if unknown:
        raise UserError(f"no class '{unknown[0]}'; there are: {', '.join(known)}")
    chosen = [row for row in all_faults() if not only or row.name in only]
    rigs, tallies = Rigs(), {row.name: Tally(row.name) for row in chosen}
    begun = time.monotonic()
    try:
        # In rounds, so that a run that is interrupted has tried all alike.
        for number in range(1, runs + 1):
            for row in chosen:
                _run_once(rigs, row, tallies[row.name])
                bad = sum(t.moved + t.late + t.broken for t in tallies.values())
                took_s = time.monotonic() - begun
                click.echo(f'{number} of {runs}: {row.name}; {bad} bad, {took_s:.0f} s', err=True)
    except KeyboardInterrupt:
        click.echo('interrupted: the table has what was run', err=True)
    finally:
        rigs.drop()
        _print(list(tallies.values()))
    return [
        Record(f'{t.name}: moved, late or broken', t.moved + t.late + t.broken, 'runs', t.runs, 0)
        for t in tallies.values()
    ]


def _run_once(rigs: Any, row: Any, tally: Tally) -> None:
    from safety_witness import Late, Moved

    ok = False
    try:
        outcome = row.run(rigs.get(row.kind))
    except Moved as error:
        tally.moved += 1
        tally.said.append(f'moved: {error}')
    except Late as error:
        tally.late += 1
        tally.said.append(f'late: {error}')
    except Exception as error:
        tally.broken += 1
        tally.said.append(f'{type(error).__name__}: {error}')
    else:
        ok = True
        tally.early += outcome.early
        tally.told_s += [outcome.told_s] if outcome.told_s is not None else []
        tally.rest_s += [outcome.rest_s] if outcome.rest_s is not None else []
    tally.runs += 1
    if row.spoils or not ok:
        rigs.drop()


def _print(tallies: list[Tally]) -> None:
    click.echo(
        '| class | runs | moved | late | broken | early | worst to a stop, s | worst to rest, s |'
    )
    click.echo('|---|---|---|---|---|---|---|---|')
    for tally in tallies:
        click.echo(tally.row())
    for tally in tallies:
        for text in tally.said:
            click.echo(f'{tally.name}: {text}')
