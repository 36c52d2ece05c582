"""`./tektra test`: which layers there are, and how pytest is called."""

from __future__ import annotations

from pathlib import Path

from tektra.bootstrap.failures import SetupError

LAYERS = ('unit', 'node', 'graph', 'replay', 'chaos')
"""From fast and narrow to slow and wide; the order they run in."""


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the layers asked for and the arguments for pytest (those after `--`)."""
    if '--' not in arguments:
        return arguments, []
    at = arguments.index('--')
    return arguments[:at], arguments[at + 1 :]


def pytest_arguments(root: Path, arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the arguments of `python` that run the tests, and the layers that have none yet.

    The arguments are empty when no layer that was asked for has tests.

    Raises:
        SetupError: a layer is not one, or there is no test at all.
    """
    asked, extra = split(arguments)
    for layer in asked:
        if layer not in LAYERS:
            raise SetupError(
                f"'{layer}' is no layer of tests; one of: {' '.join(LAYERS)} "
                '(arguments for pytest follow after --)'
            )
    layers = [layer for layer in LAYERS if layer in asked or not asked]
    present = [layer for layer in layers if any((root / 'tests' / layer).rglob('test_*.py'))]
    if not present and not asked:
        raise SetupError(f'no tests in {root}/tests')
    folders = [str(Path('tests', layer)) for layer in present]
    command = ['-m', 'pytest', *folders, *extra] if present else []
    return command, [name for name in layers if name not in present]
