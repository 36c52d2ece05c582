"""``tektra nodes`` and ``tektra echo``: look at the running graph."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Callable
from typing import Any

import click
import psutil
import yaml
from rclpy.qos import QoSProfile
from rich.console import Console
from rich.table import Table
from tektra_msgs.msg import NodeHeartbeat, SystemState

from tektra.cli.client import SAFETY_NODES, GraphClient, connected
from tektra.cli.errors import UserError
from tektra.cli.state import running
from tektra.runtime.topics import TOPICS, QueuePolicy, Topic

STATE_NAMES = {
    0: 'missing',
    1: 'unconfigured',
    2: 'inactive',
    3: 'active',
    4: 'finalized',
}
CONFIGURING = 10


def state_name(state: int) -> str:
    """Return a lifecycle state id as a word."""
    return 'configuring' if state == CONFIGURING else STATE_NAMES.get(state, str(state))


@click.command(help='Show the nodes of the running graph: state, engine, restarts, memory, CPU.')
@click.option('--timeout', default=5.0, show_default=True, help='s to wait for every heartbeat.')
def nodes(timeout: float) -> None:
    """Listen until every node of the system state has been heard, and print a table."""
    system: list[SystemState] = []
    with connected('tektra_nodes') as client:
        client.subscribe('system/state', system.append)
        beats = client.wait_for_nodes(timeout, _robots())
    if not beats:
        raise UserError('the graph runs but no node sends heartbeats yet; try again in a second')
    Console().print(_table(beats, system[-1] if system else None))


def _robots() -> list[str]:
    """Return the robots of the running graph, by the nodes that its run file names."""
    found = running()
    paths = [] if found is None else [node.strip('/').split('/') for node in found.nodes]
    return sorted({path[0] for path in paths if len(path) == 2 and path[1] in SAFETY_NODES})


def _table(beats: dict[str, NodeHeartbeat], system: SystemState | None) -> Table:
    restarts = dict(zip(system.nodes, system.restarts, strict=True)) if system else {}
    known = set(system.nodes) if system else set()
    table = Table(title=None if system is None else f'system: {_system_line(system)}')
    table.add_column('node', no_wrap=True)
    for heading in ('state', 'engine', 'restarts', 'lag ms', 'RSS MB', 'CPU s', 'note'):
        table.add_column(heading)
    for name in sorted(known | set(beats)):
        beat = beats.get(name)
        if beat is None:
            gone = ('missing', '', str(restarts.get(name, 0)), '', '', '', 'no heartbeat')
            table.add_row(name, *gone)
            continue
        memory, cpu = usage(beat.pid)
        table.add_row(
            name,
            state_name(beat.state),
            beat.backend,
            str(restarts.get(name, 0)),
            f'{beat.loop_lag_s * 1000:.1f}',
            f'{memory:.0f}',
            f'{cpu:.1f}',
            beat.last_error or beat.status or ('degraded' if beat.degraded else ''),
        )
    return table


def _system_line(system: SystemState) -> str:
    names = (
        'unknown',
        'starting',
        'ready',
        'degraded',
        'failed',
        'stopping',
        'stopped',
    )
    return names[system.state] + (f' ({system.reason})' if system.reason else '')


def usage(pid: int) -> tuple[float, float]:
    """Return resident memory in MB and CPU time in s of a process; zeros if it is gone."""
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        return process.memory_info().rss / 1e6, times.user + times.system
    except psutil.Error:
        return 0.0, 0.0


@click.command(help='Print messages of TOPIC as YAML, until Ctrl-C.')
@click.argument('topic_name', metavar='TOPIC', shell_complete=lambda c, p, i: _complete(i))
@click.option('--count', default=0, help='Stop after so many messages.')
@click.option('--full', is_flag=True, help='Print arrays and binary data whole.')
@click.option('--timeout', default=0.0, help='Give up after so many seconds without a message.')
def echo(topic_name: str, count: int, full: bool, timeout: float) -> None:
    """Subscribe with the table's quality of service and print."""
    name = topic_name if topic_name in TOPICS else topic_name.lstrip('/')
    seen = 0
    last = time.monotonic()

    def show(message: Any) -> None:
        nonlocal seen, last
        seen, last = seen + 1, time.monotonic()
        click.echo(to_yaml(message, full) + '---')
        sys.stdout.flush()

    with connected('tektra_echo') as client:
        _subscribe_any(client, name, show)
        try:
            while not (count and seen >= count):
                client.spin(0.2)
                if timeout and time.monotonic() - last > timeout:
                    raise UserError(f"nothing came on '{name}' for {timeout:g} s")
        except KeyboardInterrupt:
            pass


def _complete(incomplete: str) -> list[str]:
    return [name for name in TOPICS if name.startswith(incomplete)]


def _subscribe_any(client: GraphClient, name: str, show: Callable[[Any], None]) -> None:
    """Subscribe to a topic of the table, or to any other that the graph has."""
    if name in TOPICS:
        client.subscribe(name, show)
        return
    absolute = '/' + name
    found: dict[str, list[str]] = {}

    def look() -> bool:
        found.update(client.node.get_topic_names_and_types())
        return absolute in found

    if not client.wait(look, 2.0):
        close = difflib.get_close_matches(name, [*TOPICS, *(n.lstrip('/') for n in found)])
        hint = (
            f'; did you mean {" or ".join(close)}?' if close else f'; known: {", ".join(TOPICS)}'
        )
        raise UserError(f"the graph has no topic '{name}'{hint}")
    publishers = client.node.get_publishers_info_by_topic(absolute)
    qos = publishers[0].qos_profile if publishers else QoSProfile(depth=10)
    # Discovery reports no history: any depth does for looking.
    profile = QoSProfile(depth=10, reliability=qos.reliability, durability=qos.durability)
    message_type = Topic(absolute, found[absolute][0], 10, QueuePolicy.DROP_OLDEST).message_type()
    client.node.create_subscription(message_type, absolute, show, profile)


def to_yaml(message: Any, full: bool = False) -> str:
    """Return a message as YAML text; long arrays are shortened unless ``full``."""
    return yaml.safe_dump(_plain(message, full), sort_keys=False, allow_unicode=True)


def _plain(value: Any, full: bool) -> Any:
    if hasattr(value, 'get_fields_and_field_types'):
        return {
            name: _plain(getattr(value, name), full) for name in value.get_fields_and_field_types()
        }
    if isinstance(value, (str, bool, int, float)):
        return value
    items = list(value)
    if not full and len(items) > 16:
        return f'<{len(items)} items>'
    return [_plain(item, full) for item in items]
