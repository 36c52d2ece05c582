"""``tektra doctor``: find what is wrong here, and say how to mend it."""

from __future__ import annotations

import json

import click

from tektra.doctor import report
from tektra.doctor.examination import all_checks, examine, worst
from tektra.doctor.finding import Severity
from tektra.launching import shm


@click.command(help='Find what is wrong here, and say how to mend it. Exit code 1: errors.')
@click.option('--json', 'as_json', is_flag=True, help='Print JSON.')
@click.option('--clean', is_flag=True, help='First remove shared memory of dead processes.')
def doctor(as_json: bool, clean: bool) -> int:
    """Run every check and print what each finds as soon as it is known."""
    removed = shm.clean(None) if clean else []
    if clean:
        click.echo(f'removed {len(removed)} files of dead processes from {shm.FOLDER}', err=True)
    results = []
    for result in examine(all_checks()):
        results.append(result)
        if not as_json:
            for line in report.lines(result):
                click.echo(line)
    if as_json:
        click.echo(json.dumps(report.as_data(results), indent=2, ensure_ascii=False))
    else:
        click.echo(report.summary(results))
    return int(worst(results) is Severity.ERROR)
