"""Splitting of `args` and `ros_args` into arguments, with the quirks of launch 3.4.

Only the literal text is split, by shell rules and piece by piece between substitutions: what a
substitution yields stays one argument, and quotes cannot span one.
"""

from __future__ import annotations

import shlex

from tektra.launching.errors import LaunchError, Mark
from tektra.launching.substitution import Call, Template, parse


def split(text: str, mark: Mark) -> tuple[Template, ...]:
    """Return the arguments written in `text`; blank text makes one empty argument, as in launch.

    Raises:
        LaunchError: quotes are not closed before the next substitution or the end.
    """
    if not text:
        return (Template((), mark),)
    found: list[list[str | Call]] = []
    current: list[str | Call] = []

    def close() -> None:
        nonlocal current
        found.append(current)
        current = []

    for part in parse(text, mark).parts:
        if isinstance(part, Call):
            current.append(part)
            continue
        words = _words(part, mark)
        if not words:
            close()
            continue
        if part[0].isspace() and current:
            close()
        current.append(words[0])
        if len(words) > 1:
            close()
            found.extend([word] for word in words[1:-1])
            current.append(words[-1])
        if part[-1].isspace():
            close()
    if current:
        close()
    return tuple(Template(tuple(parts), mark) for parts in found)


def _words(text: str, mark: Mark) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise LaunchError(f'{error} (in {text!r}; quotes cannot span a $(...))', mark) from None
