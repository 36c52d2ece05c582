"""``tektra manage``: bring the nodes of the running graph up and down."""

from __future__ import annotations

from typing import Any

import click
from tektra_msgs.srv import ManageNodes

from tektra.cli.client import connected
from tektra.cli.errors import UserError
from tektra.lifecycle_manager.operation import COMMANDS

READY_S = 5.0
SETTLE_S = 3.0

_HELP = """Bring the nodes of the running graph up or down.

\b
startup    configure and activate NODE and what it requires
pause      deactivate NODE and what requires it
resume     activate them again
reset      deactivate and clean up NODE
shutdown   take NODE down for good; only a new process comes back
configure  load, and wait there
cleanup    unload what is configured and not active

Without NODE: all nodes. A command that is already fulfilled does nothing.
"""


@click.command(help=_HELP)
@click.argument('command', type=click.Choice(list(COMMANDS)))
@click.argument('nodes', nargs=-1, metavar='[NODE...]')
@click.option('--dry-run', is_flag=True, help='Print the steps and do nothing.')
@click.option('--namespace', default='', help='Namespace of the nodes, if not that of the graph.')
@click.option('--timeout', default=300.0, show_default=True, help='s to wait for the end.')
def manage(
    command: str, nodes: tuple[str, ...], dry_run: bool, namespace: str, timeout: float
) -> int:
    """Ask the lifecycle manager and print what it did."""
    prefix = namespace.strip('/')
    service = f'/{prefix}/manage' if prefix else 'manage'
    request = ManageNodes.Request(command=COMMANDS[command], nodes=list(nodes), dry_run=dry_run)
    with connected('tektra_manage') as client:
        caller = client.node.create_client(ManageNodes, service)
        client.wait_for_nodes(SETTLE_S)  # an answer to a client that is not known yet is lost
        if not client.wait(caller.service_is_ready, READY_S):
            raise UserError(f'no lifecycle manager answers on {service}; see: ./tektra nodes')
        future: Any = caller.call_async(request)
        if not client.wait(future.done, timeout):
            raise UserError(f'{command} has not ended after {timeout:g} s; see: ./tektra nodes')
        answer = future.result()
    for line in answer.plan:
        click.echo(line)
    if not answer.success:
        raise UserError(f'{command}: {answer.message}')
    if not answer.plan:
        click.echo('nothing to do', err=True)
    if answer.message:
        click.echo(answer.message, err=True)
    return 0
