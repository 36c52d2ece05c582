"""``tektra reset``, ``enable``, ``release`` and ``disable``: a robot may move, or no more."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import click
from tektra_msgs.srv import DisableMotion

from tektra.cli.client import GraphClient, connected
from tektra.cli.errors import UserError
from tektra.cli.stop import named, user
from tektra.launching.errors import listing
from tektra.robots.proof import key_file, read_key
from tektra.robots.registry import robot_files
from tektra.stop_client.operator import Operator, Refused, Shown
from tektra.stop_client.operator_client import OperatorClient

LISTEN_S = 5.0  # discovery on a machine that is choked takes 4
ANSWER_S = 3.0
SHOWN_S = 2.0
"""s for the robot to show what was accepted: a reset takes 0.2 s, the gate publishes at 20 Hz."""


@click.command(help='Clear the stop of ROBOT. Moves nothing; see `tektra enable`.')
@click.argument('robot', callback=named)
def reset(robot: str) -> int:
    """Reset with the proof of the robot's key."""
    with _operating(robot) as desk:
        request = desk.make(lambda operator, now: operator.reset(now))
        if request is None:
            click.echo(f'{robot}: there is no stop to reset; motion: tektra enable {robot}')
            return 0
        desk.ask('reset', request)
        said = desk.shown('reset', lambda operator, now: operator.after_reset(now))
    click.echo(f'{robot}: {said}; nothing moves before: tektra enable {robot}')
    return 0


@click.command(help='Let set-points move ROBOT, on all channels or on those of --channel.')
@click.argument('robot', callback=named)
@click.option('--channel', 'channels', multiple=True, help='base, head, ...; may be repeated.')
def enable(robot: str, channels: tuple[str, ...]) -> int:
    """Enable with the proof of the robot's key."""
    with _operating(robot) as desk:
        request = desk.make(lambda operator, now: operator.enable(channels, now))
        return _enable(desk, 'enable', request)


@click.command(help='End a hold of ROBOT: what had been enabled may move again.')
@click.argument('robot', callback=named)
def release(robot: str) -> int:
    """Release with the proof of the robot's key."""
    with _operating(robot) as desk:
        request = desk.make(lambda operator, now: operator.release(now))
        if request is None:
            click.echo(f'{robot}: it is not held')
            return 0
        return _enable(desk, 'release', request)


def _enable(desk: _Desk, verb: str, request: Any) -> int:
    epoch = int(desk.ask(verb, request).gate_epoch)
    said = desk.shown(verb, lambda operator, now: operator.after_enable(epoch, now))
    click.echo(f'{desk.robot}: {said}')
    return 0


@click.command(help='Take motion away from ROBOT after a controlled stop; needs no key.')
@click.argument('robot', callback=named)
@click.option('--reason', default='', help='Why, for the record.')
def disable(robot: str, reason: str) -> int:
    """Disable, whatever the state."""
    with _operating(robot, listen=False) as desk:
        request = desk.make(lambda operator, now: operator.disable(reason))
        desk.ask('disable', request)
        said = desk.shown('disable', lambda operator, now: operator.after_disable(now))
    click.echo(f'{robot}: {said}')
    return 0


class _Desk:
    """One person at one robot of the running graph; refusals become ``UserError``."""

    def __init__(self, robot: str, client: GraphClient, operator: Operator) -> None:
        self.robot = robot
        self._client = client
        self._ros = OperatorClient(client.node, operator)

    def listen(self) -> None:
        """Wait until estop and gate are heard; what is silent is said by whoever needs it."""
        watch, now = self._ros.operator.watch, self._ros.now_ns
        self._client.wait(lambda: None not in (watch.estop(now()), watch.gate(now())), LISTEN_S)

    def wait_for_gate(self) -> None:
        """Wait for the gate's service, and until its states say that it knows this client."""
        watch, now = self._ros.operator.watch, self._ros.now_ns
        self._client.wait(
            lambda: self._ros.ready(DisableMotion.Request) and watch.gate(now()) is not None,
            LISTEN_S,
        )

    def make(self, request: Callable[[Operator, int], Any]) -> Any:
        """Return what the operator would ask now."""
        try:
            return request(self._ros.operator, self._ros.now_ns())
        except Refused as refused:
            raise UserError(str(refused)) from None

    def ask(self, verb: str, request: Any) -> Any:
        """Send a request once and return the answer that accepts it."""
        self._client.wait(lambda: self._ros.ready(type(request)), LISTEN_S)
        future = self._ros.send(request)
        if not self._client.wait(future.done, ANSWER_S):
            raise UserError(
                f'{self.robot}: no answer to {verb} within {ANSWER_S:g} s; '
                f'see: tektra safety status {self.robot}, and if it moves: tektra stop'
            )
        answer = future.result()
        if not answer.success:
            raise UserError(f'{self.robot}: {verb} is refused: {answer.message}')
        return answer

    def shown(self, verb: str, look: Callable[[Operator, int], tuple[Shown, str]]) -> str:
        """Wait until the robot shows what was accepted; return its sentence."""
        result: tuple[Shown, str] = (Shown.NOT_YET, '')

        def decided() -> bool:
            nonlocal result
            result = look(self._ros.operator, self._ros.now_ns())
            return result[0] is not Shown.NOT_YET

        self._client.wait(decided, SHOWN_S)
        if result[0] is Shown.DONE:
            return result[1]
        why = result[1] or f'accepted, but the robot does not show it within {SHOWN_S:g} s'
        raise UserError(f'{self.robot}: {verb}: {why}; see: tektra safety status {self.robot}')


@contextlib.contextmanager
def _operating(robot: str, listen: bool = True) -> Iterator[_Desk]:
    if listen and robot not in robot_files():
        raise UserError(f"no robot '{robot}' in the registry; known: {listing(robot_files())}")
    operator = Operator(robot, user(), lambda: read_key(key_file(robot)))
    with connected('tektra_operator') as client:
        desk = _Desk(robot, client, operator)
        desk.listen() if listen else desk.wait_for_gate()
        yield desk
