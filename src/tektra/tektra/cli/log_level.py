"""``tektra log-level``: how much a running node logs, changed while it runs."""

from __future__ import annotations

import time
from typing import Any

import click
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters

from tektra.cli.client import GraphClient, connected
from tektra.cli.errors import UserError
from tektra.runtime.log import LEVELS

ANSWER_S = 5.0
REPEAT_S = 1.0
PARAMETER = 'log_level'


@click.command(name='log-level', help="Show or set what NODE ('all': every node) logs.")
@click.argument('node')
@click.argument('level', required=False, type=click.Choice(LEVELS))
def log_level(node: str, level: str | None) -> int:
    """Set the level, if one is given, and print the one in force."""
    with connected('tektra_log_level') as client:
        for name in _chosen(client, node):
            if level is not None:
                _set(client, name, level)
            click.echo(f'{name}  {_get(client, name)}')
    return 0


def _chosen(client: GraphClient, wanted: str) -> list[str]:
    """Return the full names of the nodes that are meant.

    :raises UserError: naming those that there are.
    """
    seen = sorted(client.wait_for_nodes())
    if wanted == 'all' and seen:
        return seen
    meant = [name for name in seen if wanted in (name, name.rsplit('/', 1)[-1])]
    if not meant:
        raise UserError(f"no node '{wanted}'; there are: {', '.join(seen) or 'none'}")
    return meant


def _set(client: GraphClient, name: str, level: str) -> None:
    value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value=level)
    request = SetParameters.Request(parameters=[Parameter(name=PARAMETER, value=value)])
    result = _call(client, SetParameters, f'{name}/set_parameters', request).results[0]
    if not result.successful:
        raise UserError(f'{name}: {result.reason}')


def _get(client: GraphClient, name: str) -> str:
    request = GetParameters.Request(names=[PARAMETER])
    answer = _call(client, GetParameters, f'{name}/get_parameters', request)
    return str(answer.values[0].string_value)


def _call(client: GraphClient, kind: Any, name: str, request: Any) -> Any:
    service = client.node.create_client(kind, name)
    try:
        if not client.wait(service.service_is_ready, ANSWER_S):
            raise UserError(
                f'{name} is not offered; is the node still running? see: ./tektra nodes'
            )
        end = time.monotonic() + ANSWER_S
        while time.monotonic() < end:
            # Asked again: a node that does not know this client yet answers into the void.
            future = service.call_async(request)
            if client.wait(future.done, REPEAT_S):
                return future.result()
        raise UserError(f'{name} does not answer within {ANSWER_S:.0f} s')
    finally:
        client.node.destroy_client(service)
