"""The verbs of `./tektra` that need nothing installed; all others go to `tektra.cli`."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable
from types import FrameType

from tektra import __version__
from tektra.bootstrap.environment import runtime_env
from tektra.bootstrap.failures import EXIT_SETUP, SetupError, from_os_error
from tektra.bootstrap.layout import Checkout
from tektra.bootstrap.lock import graph_runs, only_set_up
from tektra.bootstrap.setup import NEW_PYTHON, Setup, hand_over
from tektra.bootstrap.stages import remove
from tektra.bootstrap.testing import LAYERS, pytest_arguments

_EXIT_USAGE = 2
_EXIT_INTERRUPTED = 130

OWN_VERBS = {
    'setup': 'Set up or bring up to date [--dev] [--force]; every other verb does it too.',
    'test': f'Run the tests: {" ".join(LAYERS)} [-- pytest arguments].',
    'clean': 'Remove all that the set-up made.',
}


def main(arguments: list[str]) -> int:
    """Run a verb; return the exit status when it does not replace this process."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    checkout = Checkout.here()
    env = {name: value for name, value in os.environ.items() if name != NEW_PYTHON}
    # What tells that this process has already left the Python of .venv stays with the set-up.
    setup = Setup(checkout, os.environ)
    try:
        return _verb(checkout, setup, env, arguments)
    except SetupError as error:
        print(f'tektra: error: {error}', file=sys.stderr)
        return EXIT_SETUP
    except OSError as error:
        print(f'tektra: error: {from_os_error(error, checkout.root)}', file=sys.stderr)
        return EXIT_SETUP
    except KeyboardInterrupt:
        print('tektra: interrupted; the next ./tektra carries on', file=sys.stderr)
        return _EXIT_INTERRUPTED


def _verb(checkout: Checkout, setup: Setup, env: dict[str, str], arguments: list[str]) -> int:
    verb, rest = (arguments[0], arguments[1:]) if arguments else ('help', [])
    if verb in ('help', '-h', '--help'):
        print(help_text(checkout))
        return 0
    if verb in ('--version', 'version'):
        print(f'tektra {__version__}')
        return 0
    own: dict[str, Callable[[], int]] = {
        'setup': lambda: _set_up(checkout, setup, rest),
        'test': lambda: _test(checkout, setup, env, rest),
        'clean': lambda: _clean(checkout, env, rest),
    }
    if verb in own:
        return own[verb]()
    if verb not in _verbs(checkout) and not verb.startswith('-'):
        print(f"tektra: error: no verb '{verb}'; ./tektra shows them", file=sys.stderr)
        return _EXIT_USAGE
    if '_TEKTRA_COMPLETE' in env and setup.plan(dev=False).needed:
        return 0  # a press of the tab key starts no set-up
    _bring_up_or_keep(checkout, setup, env)
    hand_over(checkout, ['-m', 'tektra.cli', *arguments], runtime_env(checkout.root, env))


def _bring_up_or_keep(checkout: Checkout, setup: Setup, env: dict[str, str]) -> None:
    """Bring the checkout up to date, but not under a running graph: `down` must work."""
    plan = setup.plan(dev=False)
    usable = os.access(checkout.python, os.X_OK) and checkout.install.is_dir()
    if plan.needed and usable and graph_runs(checkout, env):
        print(
            f'tektra: {plan.reason}; the set-up is renewed after ./tektra down',
            file=sys.stderr,
        )
        return
    setup.bring_up_to_date()


def _set_up(checkout: Checkout, setup: Setup, rest: list[str]) -> int:
    if unknown := [word for word in rest if word not in ('--dev', '--force')]:
        print(
            f"tektra: error: unknown argument '{unknown[0]}'; ./tektra setup [--dev] [--force]",
            file=sys.stderr,
        )
        return _EXIT_USAGE
    setup.bring_up_to_date(dev='--dev' in rest, force='--force' in rest)
    print(f'tektra: {checkout.root} is set up', file=sys.stderr)
    return 0


def _test(checkout: Checkout, setup: Setup, env: dict[str, str], rest: list[str]) -> int:
    arguments, empty = pytest_arguments(checkout.root, rest)
    for layer in empty:
        print(f'tektra: tests/{layer} has no tests yet', file=sys.stderr)
    if not arguments:
        return 0
    setup.bring_up_to_date(dev=True)
    os.chdir(checkout.root)
    # Without it rclpy stores a value of the wrong type as garbage, silently.
    checked = {**runtime_env(checkout.root, env), 'ROS_PYTHON_CHECK_FIELDS': '1'}
    hand_over(checkout, arguments, checked)


def _clean(checkout: Checkout, env: dict[str, str], rest: list[str]) -> int:
    if rest:
        print("tektra: error: 'clean' takes no arguments", file=sys.stderr)
        return _EXIT_USAGE
    if not checkout.state.exists() and not checkout.venv.exists():
        return 0
    if graph_runs(checkout, env):
        raise SetupError('a graph of this checkout is running: ./tektra down')
    with only_set_up(checkout):
        for path in (checkout.build, checkout.install, checkout.colcon_log, checkout.venv):
            remove(path)
        shutil.rmtree(checkout.state)
    return 0


def help_text(checkout: Checkout) -> str:
    """Return the short help: all verbs, also before anything is installed."""
    verbs = {**_verbs(checkout), **OWN_VERBS}
    width = max(map(len, verbs))
    lines = [f'  {name.ljust(width)}  {line}' for name, line in verbs.items()]
    head = 'usage: ./tektra VERB [ARGUMENT...]'
    return '\n'.join([head, '', *lines, '', './tektra VERB --help tells more of each.'])


def _verbs(checkout: Checkout) -> dict[str, str]:
    """Return the verbs of `tektra.cli` with their help lines.

    Read from its table without importing it: that needs packages which may not be installed yet.
    """
    source = (checkout.source / 'tektra' / 'cli' / 'main.py').read_text(encoding='utf-8')
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            if isinstance(statement.target, ast.Name) and statement.target.id == 'VERBS':
                table: dict[str, tuple[str, str, str]] = ast.literal_eval(statement.value)
                return {name: line for name, (_, _, line) in table.items()}
    return {}


def _leave(number: int, frame: FrameType | None) -> None:
    with contextlib.suppress(ValueError):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)
