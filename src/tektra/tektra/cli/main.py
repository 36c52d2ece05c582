"""The verbs of ``tektra``.

Each is imported only when it is used, so that help and completion stay quick.
"""

from __future__ import annotations

import errno
import importlib
import sys
from typing import NoReturn

import click

from tektra.cli.errors import EXIT_ERROR, UserError

# verb -> (module, function, help line)
VERBS: dict[str, tuple[str, str, str]] = {
    'demo': ('tektra.cli.demo', 'demo', 'Have a conversation with the whole graph.'),
    'up': ('tektra.cli.up', 'up', 'Start the graph from a launch file.'),
    'down': ('tektra.cli.up', 'down', 'Stop the graph of this checkout.'),
    'nodes': ('tektra.cli.inspect', 'nodes', 'Show the nodes of the running graph.'),
    'manage': ('tektra.cli.manage', 'manage', 'Pause, resume, reset, ... the running nodes.'),
    'echo': ('tektra.cli.inspect', 'echo', 'Print messages of a topic.'),
    'log-level': ('tektra.cli.log_level', 'log_level', 'Change how much a running node logs.'),
    'say': ('tektra.cli.talk', 'say', 'Speak a text.'),
    'ask': ('tektra.cli.talk', 'ask', 'Type a line and print the answer.'),
    'stop': ('tektra.cli.stop', 'stop', 'Stop one robot, or all; latched until a reset.'),
    'hold': ('tektra.cli.stop', 'hold', 'Hold one robot, or all, until it is released.'),
    'release': ('tektra.cli.operate', 'release', 'End a hold.'),
    'reset': ('tektra.cli.operate', 'reset', 'Clear a stop; moves nothing.'),
    'enable': ('tektra.cli.operate', 'enable', 'Let set-points move a robot.'),
    'disable': ('tektra.cli.operate', 'disable', 'Take motion away from a robot.'),
    'safety': ('tektra.cli.safety', 'safety', 'Show what each robot allows, and why not.'),
    'robots': ('tektra.cli.robots', 'robots', 'List the robots; make a file for a new one.'),
    'commands': ('tektra.cli.commands', 'commands', 'Show what a robot can be told.'),
    'robot-emulator': (
        'tektra.robot_side.emulator',
        'robot_emulator',
        'Run a simulated robot that speaks the wire protocol.',
    ),
    'weights': (
        'tektra.cli.weights',
        'weights',
        'List, pull, verify, import and remove model weights.',
    ),
    'resources': (
        'tektra.cli.resources',
        'resources',
        'Show what the engines need, what they get, and why.',
    ),
    'driver-check': (
        'tektra.cli.driver_check',
        'driver_check',
        "Check a robot's driver against the robot, which WILL move.",
    ),
    'config': ('tektra.cli.config', 'config', 'Show, check and edit the configuration.'),
    'doctor': ('tektra.cli.doctor', 'doctor', 'Find what is wrong here, and say how to mend it.'),
    'shell': ('tektra.cli.shell', 'shell', "Open a shell in the graph's environment."),
    'bench': ('tektra.cli.bench', 'bench', 'Measure the budgets.'),
    'completion': ('tektra.cli.shell', 'completion', 'Print shell completion code.'),
}


class Verbs(click.Group):
    """A group that imports a verb's module when the verb is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return the command of a verb, or None."""
        if name not in VERBS:
            return None
        module, function, _ = VERBS[name]
        command: click.Command = getattr(importlib.import_module(module), function)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs without importing them."""
        with formatter.section('Commands'):
            formatter.write_dl([(name, line) for name, (_, _, line) in VERBS.items()])


@click.command(
    cls=Verbs,
    context_settings={'help_option_names': ['-h', '--help']},
    help='One voice, one face, one memory and one safe body for a robot and its avatar.',
)
def cli() -> None:
    """Parse nothing but the verb."""


def main() -> NoReturn:
    """Run the command line; a ``UserError`` becomes one line and its exit code."""
    try:
        result = cli.main(prog_name='tektra', standalone_mode=False)
    except UserError as error:
        click.echo(f'tektra: error: {error}', err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except OSError as error:
        name = f"'{error.filename}': " if error.filename else ''
        fix = '; free some space, see: df -h' if error.errno == errno.ENOSPC else ''
        click.echo(f'tektra: error: {name}{error.strerror or error}{fix}', err=True)
        sys.exit(EXIT_ERROR)
    sys.exit(result if isinstance(result, int) else 0)
