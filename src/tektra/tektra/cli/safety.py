"""``tektra safety status``: what each robot's estop and gate say, and why nothing moves."""

from __future__ import annotations

import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from tektra_msgs.msg import EstopState, GateState

from tektra.cli.client import GraphClient, connected
from tektra.cli.errors import UserError
from tektra.cli.stop import HEARD_S, named
from tektra.robots.registry import robot_files
from tektra.runtime.clock import BootClock, seconds
from tektra.runtime.topics import open_subscription
from tektra.stop_client.client import GATE_STATE, STATE, robots_on
from tektra.stop_client.operator import level_name, state_name
from tektra.stop_client.watch import RobotWatch

FIRST_S = 5.0
"""s until the first robot must be heard; discovery on a machine that is choked takes 4."""


@click.group(help='Look at the protective stops of the robots.')
def safety() -> None:
    """Hold the verbs of safety."""


@safety.command(help='Show what estop and gate of ROBOT, or of every robot, say.')
@click.argument('robot', required=False, callback=named)
@click.option('--json', 'as_json', is_flag=True, help='Print JSON.')
def status(robot: str | None, as_json: bool) -> None:
    """Listen for a moment and print."""
    with connected('tektra_safety') as client:
        views = _listen(client, [robot] if robot else list(robot_files()), robot is None)
    heard = [view for view in views if view['estop'] or view['gate']]
    if as_json:
        click.echo(json.dumps(heard, indent=2))
    elif heard:
        console = Console(width=None if sys.stdout.isatty() else 120)
        for view in heard:
            show(console, view)
    if not heard:
        who = f"robot '{robot}' is" if robot else 'no robot is'
        raise UserError(
            f'{who}{" not" if robot else ""} heard: neither estop nor robot_gate publishes; '
            'see: tektra nodes'
        )


def _listen(client: GraphClient, names: list[str], everyone: bool) -> list[dict[str, Any]]:
    boot, watches = BootClock(), dict[str, RobotWatch]()

    def follow(name: str) -> None:
        if name not in watches:
            watch = watches[name] = RobotWatch(name)

            def on_estop(state: EstopState) -> None:
                watch.on_estop(state, boot.now_ns())

            def on_gate(state: GateState) -> None:
                watch.on_gate(state, boot.now_ns())

            open_subscription(client.node, STATE, on_estop, name)
            open_subscription(client.node, GATE_STATE, on_gate, name)

    def complete() -> bool:
        for name in robots_on(client.node) if everyone else ():
            follow(name)
        now = boot.now_ns()
        # Of every robot there may always be one more.
        return not everyone and all(w.estop(now) and w.gate(now) for w in watches.values())

    for name in names:
        follow(name)
    client.wait(lambda: complete() or any(w.heard for w in watches.values()), FIRST_S)
    client.wait(complete, HEARD_S)
    return [view(watches[name], boot.now_ns()) for name in sorted(watches)]


def view(watch: RobotWatch, now_ns: int) -> dict[str, Any]:
    """Return what a robot says as plain data; ``estop`` and ``gate`` are None if silent."""
    estop, estop_ns = watch.last_estop()
    gate, gate_ns = watch.last_gate()
    return {
        'robot': watch.robot,
        'estop': estop and _estop_view(estop, seconds(now_ns - estop_ns)),
        'gate': gate and _gate_view(gate, seconds(now_ns - gate_ns)),
    }


def _estop_view(estop: EstopState, age_s: float) -> dict[str, Any]:
    return {
        'state': state_name(estop.state),
        'reason': estop.reason,
        'stop_id': estop.stop_id,
        'category': estop.category - 1 if estop.category else None,
        'active_sources': list(estop.active_sources),
        'reset_blockers': list(estop.reset_blockers),
        'instance_id': estop.instance_id,
        'config_hash': estop.config_hash,
        'age_s': round(age_s, 3),
    }


def _gate_view(gate: GateState, age_s: float) -> dict[str, Any]:
    columns = (
        gate.channels,
        gate.enabled,
        gate.owners,
        gate.standstill,
        gate.last_nonzero_age_s,
        gate.refusing_because,
    )
    keys = ('channel', 'enabled', 'owner', 'standstill', 'last_nonzero_age_s', 'refusing_because')
    rows = [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=False)]
    for row in rows:
        age = row['last_nonzero_age_s']
        row['last_nonzero_age_s'] = round(age, 3) if age >= 0 else None
    return {
        'level': level_name(gate.level),
        'trip': gate.trip,
        'channels': rows,
        'driver': gate.driver,
        'driver_connected': gate.driver_connected,
        'driver_simulated': gate.driver_simulated,
        'driver_timeout_s': round(gate.driver_timeout_s, 3)
        if gate.driver_timeout_s >= 0
        else None,
        'gate_epoch': gate.gate_epoch,
        'instance_id': gate.instance_id,
        'config_hash': gate.config_hash,
        'age_s': round(age_s, 3),
    }


def show(console: Console, view: dict[str, Any]) -> None:
    """Print one robot."""
    console.print(f'[bold]{view["robot"]}[/bold]')
    estop, gate = view['estop'], view['gate']
    if estop is None:
        console.print('  estop: silent; see: tektra nodes')
    else:
        _show_estop(console, estop)
    if gate is None:
        console.print('  gate: silent; see: tektra nodes')
        return
    connected = 'connected' if gate['driver_connected'] else 'not connected'
    simulated = ', simulated' if gate['driver_simulated'] else ''
    timeout = gate['driver_timeout_s']
    proven = 'time-out unknown' if timeout is None else f'stops by itself after {timeout:g} s'
    _line(console, f'gate: {gate["level"]}', f'heard {gate["age_s"]:.2f} s ago')
    if gate['trip']:
        _line(console, '  tripped', gate['trip'])
    _line(console, f'driver: {gate["driver"]}', f'{connected}{simulated}; {proven}')
    if estop is not None and estop['config_hash'] != gate['config_hash']:
        _line(console, 'safety file', 'estop and gate have read different ones; restart both')
    console.print(_channels(gate['channels']))


def _show_estop(console: Console, estop: dict[str, Any]) -> None:
    _line(console, f'estop: {estop["state"]}', f'heard {estop["age_s"]:.2f} s ago')
    if estop['state'] != 'CLEAR':
        category = '' if estop['category'] is None else f', category {estop["category"]}'
        _line(console, f'  stop {estop["stop_id"]}{category}', estop['reason'])
        for source in estop['active_sources']:
            _line(console, '  asserted or silent', source)
        for blocker in estop['reset_blockers']:
            _line(console, '  no reset', blocker)
    _line(console, 'safety file', estop['config_hash'][:12])


def _line(console: Console, what: str, text: str) -> None:
    console.print(f'  {what}: {text}', markup=False, highlight=False, soft_wrap=True)


def _channels(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2))
    for heading in ('channel', 'enabled', 'owner', 'standstill', 'refusing because'):
        table.add_column(heading, no_wrap=heading == 'channel')
    for row in rows:
        still = 'yes' if row['standstill'] else 'MOVING or unknown'
        table.add_row(
            row['channel'],
            'yes' if row['enabled'] else 'no',
            row['owner'] or '-',
            still,
            row['refusing_because'] or '-',
        )
    return table
