"""``tektra stop`` and ``tektra hold``.

A stop is never refused because something else is broken, and starts quickly: imports that it does
not need are made by those who need them.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

EXIT_NOT_CONFIRMED = 3
HEARD_S = 1.5
"""s that `--all` gives a robot to be found; discovery takes 0.3 on an idle machine."""
STILL_SENDING_S = 7.0
"""s that a stop is repeated after it was said that it is not confirmed: on a machine that is
choked, discovery alone was seen to take 4."""
LOOK_S = 0.1

_NAME = re.compile(r'[a-z][a-z0-9_]{0,31}')
_HINT = 'press the hardware stop of every robot that moves'


def named(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return the name of a robot as given, if it could be one."""
    if value is not None and not _NAME.fullmatch(value):
        raise click.BadParameter(f"'{value}' is no name of a robot; nothing was sent")
    return value


def _one_or_all(robot: str | None, everyone: bool) -> list[str] | None:
    if robot and everyone:
        raise click.UsageError(f"give either '{robot}' or --all; nothing was sent")
    return [robot] if robot else None


_STOP_HELP = """Stop ROBOT, or every robot, and wait until each confirms it.

A stop is latched: afterwards a robot needs `tektra reset` and `tektra enable`. This is a software
protective stop; it does not replace a hardwired emergency stop.

Exit codes: 0 every robot has stopped, 3 not confirmed: press the hardware stop.
"""


@click.command(help=_STOP_HELP)
@click.argument('robot', required=False, callback=named)
@click.option('--all', 'everyone', is_flag=True, help='Every robot; so it is without ROBOT.')
@click.option(
    '--category',
    type=click.Choice(['0', '1', '2']),
    help='0: power off at once; 1: controlled, then off; 2: power kept. Default: as configured.',
)
@click.option('--reason', default='', help='Why, for the record.')
@click.option('--timeout', default=3.0, show_default=True, help='s to wait for confirmation.')
def stop(
    robot: str | None, everyone: bool, category: str | None, reason: str, timeout: float
) -> int:
    """Send a latched stop."""
    number = 0 if category is None else int(category) + 1  # StopRequest.CATEGORY_*
    return _send(_one_or_all(robot, everyone), False, number, reason, timeout)


@click.command(help='Hold ROBOT, or every robot: a controlled stop that `tektra release` ends.')
@click.argument('robot', required=False, callback=named)
@click.option('--all', 'everyone', is_flag=True, help='Every robot; so it is without ROBOT.')
@click.option('--reason', default='', help='Why, for the record.')
@click.option('--timeout', default=3.0, show_default=True, help='s to wait for confirmation.')
def hold(robot: str | None, everyone: bool, reason: str, timeout: float) -> int:
    """Send a hold."""
    return _send(_one_or_all(robot, everyone), True, 0, reason, timeout)


def _send(
    robots: list[str] | None, holding: bool, category: int, reason: str, timeout_s: float
) -> int:
    """Stop or hold; whatever goes wrong is said loudly and with its own exit code."""
    try:
        return _closed_loop(robots, holding, category, reason, timeout_s)
    except KeyboardInterrupt:
        _loud(f'interrupted before the stop was confirmed; {_HINT}')
    except Exception as error:  # nothing may hide that the robots have not stopped
        _loud(f'the stop may not have been sent: {type(error).__name__}: {error}; {_HINT}')
    return EXIT_NOT_CONFIRMED


def _closed_loop(
    robots: list[str] | None, holding: bool, category: int, reason: str, timeout_s: float
) -> int:
    from tektra_msgs.msg import StopRequest

    from tektra.cli.client import GraphClient
    from tektra.stop_client.client import StopClient

    place = _whereabouts()
    client = GraphClient(place.domain_id, f'tektra_stop_{os.getpid()}')
    try:
        stops = StopClient(client.node, place.robots if robots is None else robots)
        attempt = stops.stop(
            robots,
            source='cli',
            reason=reason or f'tektra {"hold" if holding else "stop"} by {user()}',
            level=StopRequest.LEVEL_HOLD if holding else StopRequest.LEVEL_STOP,
            category=category,
            timeout_s=timeout_s + STILL_SENDING_S,
        )
        for note in (*place.notes, *_unknown(robots or [], place)):
            click.echo(f'tektra: {note}', err=True)
        room = _Room(client, stops, attempt, robots, place)
        if not room.wait(timeout_s):
            _tell(room.outcome(), place)
            click.echo(f'tektra: still sending for {STILL_SENDING_S:g} s; Ctrl-C ends', err=True)
            room.wait(timeout_s + STILL_SENDING_S)
        outcome, unheard = room.outcome(), room.unheard()
    finally:
        client.close()
    if unheard:
        click.echo(f'tektra: sent too, and nothing heard of: {", ".join(unheard)}', err=True)
    return _tell(outcome, place)


def _unknown(robots: list[str], place: Whereabouts) -> list[str]:
    known = ', '.join(place.robots) or 'none'
    return [
        f"no robot '{robot}' in the registry (known: {known}); trying all the same"
        for robot in robots
        if robot not in place.robots
    ]


class _Room:
    """The robots that a stop is for: the named ones, or all that exist.

    All are those that are heard, that discovery knows or that the run file names; those that are
    merely in the registry are sent the stop as well, and nobody waits for them.
    """

    def __init__(
        self, client: Any, stops: Any, attempt: Any, named: list[str] | None, place: Whereabouts
    ) -> None:
        self._client, self._stops, self._attempt = client, stops, attempt
        self._everyone = named is None
        self._present = set(named or place.running)
        self._began = self._looked = time.monotonic()

    def wait(self, timeout_s: float) -> bool:
        """Spin until all have confirmed, or ``timeout_s`` since the start; return which it was.

        When all are meant, one more is given ``HEARD_S`` to appear.
        """
        while (elapsed := time.monotonic() - self._began) < timeout_s:
            self._client.spin(0.02)
            self._look()
            if self.outcome().confirmed and (not self._everyone or elapsed > HEARD_S):
                return True
        return False

    def outcome(self) -> Any:
        """Return what those that exist show now."""
        return self._attempt.outcome(self._stops.now_ns()).among(self._present)

    def unheard(self) -> list[str]:
        """Return the robots of the registry that were sent it and that nobody has heard."""
        return [robot for robot in self._attempt.robots if robot not in self._present]

    def _look(self) -> None:
        from tektra.stop_client.client import robots_on

        now = time.monotonic()
        if self._everyone and now - self._looked > LOOK_S:
            self._looked = now
            self._present |= robots_on(self._client.node) | set(self._stops.heard())
            for robot in self._present:
                self._stops.add(robot)


def _tell(outcome: Any, place: Whereabouts) -> int:
    for report, line in zip(outcome.ordered(), outcome.sentences(), strict=True):
        if report.confirmed:
            click.echo(line)
        else:
            _loud(line)
    if not outcome.reports:
        _loud(f'no robot was heard in ROS domain {place.domain_id}; {_HINT}')
    return 0 if outcome.confirmed else EXIT_NOT_CONFIRMED


def _loud(text: str) -> None:
    click.secho(f'!!! {text}', err=True, fg='red', bold=True)


@dataclass(frozen=True)
class Whereabouts:
    """Where to look for robots, found without refusing anything."""

    domain_id: int
    robots: tuple[str, ...]  # of the registry and of the run file
    running: tuple[str, ...]  # of the run file
    notes: tuple[str, ...]


def _whereabouts() -> Whereabouts:
    """Return the domain of the running graph; without one, where it would be or has been."""
    from tektra.cli.state import running, state_dir
    from tektra.launching import domain
    from tektra.runtime.share import checkout

    graph, notes = running(), []
    if graph is not None:
        number = graph.domain_id
    else:
        last = _last_domain(state_dir() / 'run' / 'graph.json')
        given = os.environ.get(domain.VARIABLE, '')
        root = checkout()
        if given.isdigit() and int(given) <= domain.MAX_DOMAIN:
            number = int(given)
        elif last is not None:
            number = last
        else:
            number = 0 if root is None else domain.preferred(root)
        notes.append(f'no graph of this checkout is running; trying ROS domain {number}')
    listed = _listed(notes)
    found = _robots_of(graph.nodes) if graph else ()
    return Whereabouts(number, tuple(dict.fromkeys((*listed, *found))), found, tuple(notes))


def _last_domain(path: Path) -> int | None:
    """Return the domain of a graph whose launcher has died: its nodes may still be there."""
    try:
        return int(json.loads(path.read_text(encoding='utf-8'))['domain_id'])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _listed(notes: list[str]) -> tuple[str, ...]:
    from tektra.robots.registry import robot_files

    try:
        return tuple(name for name in robot_files() if _NAME.fullmatch(name))
    except OSError as error:
        notes.append(f'the registry of robots cannot be read ({error}); trying those of the graph')
        return ()


def _robots_of(nodes: list[str]) -> tuple[str, ...]:
    """Return the robots among the nodes of a run file: ``/tek/estop`` is one of tek's."""
    parts = [node.strip('/').split('/') for node in nodes]
    safety = ('estop', 'robot_gate')
    return tuple(dict.fromkeys(p[0] for p in parts if len(p) == 2 and p[1] in safety))


def user() -> str:
    """Return who is at the keyboard, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f'uid {os.getuid()}'
