"""The launch arguments that a file declares, without evaluating it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tektra.launching import actions, grammar, packages
from tektra.launching.errors import LaunchError, Mark
from tektra.launching.model import ArgInfo
from tektra.launching.substitution import Call, Template, perform

MAX_INCLUDES = 20
"""Deepest chain of includes; more means that files include each other."""


class _StaticContext:
    """What is known before arguments are: the folder of the file, environment, packages."""

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        self._file = file
        self._environment = environment

    def variable(self, name: str) -> str | None:
        return None

    def variables(self) -> list[str]:
        return []

    def environment(self, name: str) -> str | None:
        return self._environment.get(name)

    def directory(self, mark: Mark) -> str:
        return str(self._file.absolute().parent)

    def package_share(self, package: str, mark: Mark) -> str:
        return str(packages.package_share(package, self._environment, mark))


def written(template: Template) -> str:
    """Return a template about as it was written."""
    return ''.join(
        part if isinstance(part, str) else _written_call(part) for part in template.parts
    )


def _written_call(call: Call) -> str:
    return f'$({" ".join([call.name, *(written(item) for item in call.arguments)])})'


def collect(path: Path, environment: Mapping[str, str]) -> list[ArgInfo]:
    """Return the declared arguments; the first declaration of a name counts.

    Files included under a name that depends on arguments are left out: they are not known yet.

    Raises:
        LaunchError: the file, or an included one that is known, cannot be read.
    """
    found: dict[str, ArgInfo] = {}
    for info in _in_file(path, environment, conditional=False, depth=0):
        found.setdefault(info.name, info)
    return [*found.values()]


def in_actions(
    items: Iterable[actions.Action], file: Path, environment: Mapping[str, str]
) -> Iterator[ArgInfo]:
    """Yield the arguments that some actions of `file` declare."""
    return _in_actions(items, file, environment, conditional=True, depth=0)


def _in_file(
    path: Path, environment: Mapping[str, str], *, conditional: bool, depth: int
) -> Iterator[ArgInfo]:
    if depth > MAX_INCLUDES:
        raise LaunchError(f'{path}: launch files include each other without end')
    items = grammar.load(path)
    return _in_actions(items, path, environment, conditional=conditional, depth=depth)


def _in_actions(
    items: Iterable[actions.Action],
    file: Path,
    environment: Mapping[str, str],
    *,
    conditional: bool,
    depth: int,
) -> Iterator[ArgInfo]:
    for item in items:
        maybe = conditional or item.condition is not None
        if isinstance(item, actions.Argument):
            default = None if item.default is None else written(item.default)
            yield ArgInfo(item.name, default, item.description, item.choices, maybe, file)
        elif isinstance(item, actions.Group):
            yield from _in_actions(
                item.children, file, environment, conditional=maybe, depth=depth
            )
        elif isinstance(item, actions.Include):
            try:
                target = Path(perform(item.file, _StaticContext(file, environment)))
            except LaunchError:
                continue
            yield from _in_file(target, environment, conditional=maybe, depth=depth + 1)
