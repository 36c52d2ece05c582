"""``tektra resources``: what the engines need, what they get, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click
import psutil
from rich.console import Console
from rich.table import Table

from tektra.cli.errors import UserError
from tektra.cli.state import running
from tektra.resources.catalogue import Catalogue, CatalogueError, Variant, load_catalogue
from tektra.resources.machine import Machine
from tektra.resources.plan import Choice, Plan, needs
from tektra.resources.survey import plan_for, the_machine


@dataclass(frozen=True)
class Held:
    """What the process of a node holds, in MB; ``pss_mb`` counts shared pages by their share.

    ``shared``: number of nodes in the same process. None: another user's, or on another machine.
    """

    pid: int
    backend: str
    rss_mb: float | None
    pss_mb: float | None
    shared: int


@click.command(help='Show what the engines need, what they get of the budget, and why.')
@click.option('--json', 'as_json', is_flag=True, help='Print JSON.')
def resources(as_json: bool) -> int:
    """Print the plan of this machine; exit 1 if it does not fit the budget."""
    machine = the_machine()
    try:
        catalogue = load_catalogue()
    except CatalogueError as error:
        raise UserError(str(error)) from error
    plan = plan_for(catalogue, machine)
    held = _measured() if running() is not None else {}
    if as_json:
        click.echo(json.dumps(_as_data(machine, catalogue, plan, held), indent=2))
    else:
        show(Console(), machine, plan, held)
    return int(not plan.fits)


def show(console: Console, machine: Machine, plan: Plan, held: Mapping[str, Held]) -> None:
    """Print for people."""
    limit = f' (limit of {machine.limited_by})' if machine.limited_by else ''
    gpus = ', '.join(f'{gpu.name} with {gpu.memory_mb} MB' for gpu in machine.gpus)
    print_line = console.out
    print_line(f'machine  {machine.memory_mb} MB of memory{limit}', highlight=False)
    print_line(f'GPU      {gpus or f"none: {machine.gpu_note}"}', highlight=False)
    total, budget = plan.total, plan.budget
    gpu = f', {total.gpu_memory_mb} of {budget.gpu_memory_mb} MB of GPU' if machine.gpus else ''
    print_line(
        f'planned  {total.memory_mb} of {budget.memory_mb} MB of memory{gpu}', highlight=False
    )
    console.print(_plan_table(plan))
    for choice in plan.choices:
        for reason in choice.reasons:
            print_line(f'{choice.capability}: not {reason}', highlight=False)
    if held:
        console.print(_held_table(plan, held))
    if plan.problem:
        print_line(f'warning: {plan.problem}', highlight=False)


def _plan_table(plan: Plan) -> Table:
    table = Table()
    for heading in ('capability', 'planned', 'needs MB', 'GPU MB', 'figure'):
        table.add_column(heading, justify='right' if heading.endswith('MB') else 'left')
    for choice in plan.choices:
        variant = choice.variant
        if variant is None:
            table.add_row(choice.capability, 'nothing')
            continue
        gpu = str(variant.gpu_memory_mb) if variant.gpu_memory_mb else ''
        figures = (str(variant.memory_mb), gpu, variant.figure)
        table.add_row(choice.capability, str(variant), *figures)
    return table


def _held_table(plan: Plan, held: Mapping[str, Held]) -> Table:
    table = Table()
    planned = needs(plan)
    for heading in ('node', 'engine', 'planned MB', 'RSS MB', 'PSS MB', 'note'):
        table.add_column(heading, justify='right' if heading.endswith('MB') else 'left')
    for node, each in sorted(held.items()):
        need = planned.get(_short(node))
        table.add_row(
            node,
            each.backend,
            '' if need is None else str(need),
            *('?' if mb is None else f'{mb:.0f}' for mb in (each.rss_mb, each.pss_mb)),
            f'process {each.pid} hosts {each.shared} nodes' if each.shared > 1 else '',
        )
    return table


def _short(node: str) -> str:
    return node.rsplit('/', 1)[-1]


def _measured() -> dict[str, Held]:
    """Return what the processes of the running graph hold, by node."""
    from tektra.cli.client import connected

    with connected('tektra_resources') as client:
        beats = client.wait_for_nodes()
    pids = [int(beat.pid) for beat in beats.values()]
    found = {}
    for node, beat in beats.items():
        rss, pss = memory_of(int(beat.pid))
        shared = pids.count(int(beat.pid))
        found[node] = Held(int(beat.pid), str(beat.backend), rss, pss, shared)
    return found


def memory_of(pid: int) -> tuple[float | None, float | None]:
    """Return resident and proportional memory of a process in MB; None: cannot be read."""
    try:
        info = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return None, None
    return info.rss / 1e6, info.pss / 1e6


def _as_data(
    machine: Machine, catalogue: Catalogue, plan: Plan, held: Mapping[str, Held]
) -> dict[str, Any]:
    return {
        'machine': {
            'memory_mb': machine.memory_mb,
            'limited_by': machine.limited_by,
            'gpus': [gpu.__dict__ for gpu in machine.gpus],
            'gpu_note': machine.gpu_note,
        },
        'file': str(catalogue.path),
        'budget': plan.budget.__dict__,
        'planned': plan.total.__dict__,
        'problem': plan.problem,
        'capabilities': {choice.capability: _choice(choice) for choice in plan.choices},
        'nodes': {node: each.__dict__ for node, each in sorted(held.items())},
    }


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        'planned': _variant(choice.variant) if choice.variant is not None else None,
        'why': choice.why,
        'passed': [
            {**_variant(p.variant), 'reason': p.reason, 'over_budget': p.over_budget}
            for p in choice.passed
        ],
        'others': [_variant(variant) for variant in choice.others],
    }


def _variant(variant: Variant) -> dict[str, Any]:
    return dict(variant.__dict__)
