"""The layers that are words: environment variables, and ``--set`` on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tektra.config.check import checked, unknown_node
from tektra.config.schema import default_of, from_text, schemas
from tektra.config.setting import Layer, Problem, Setting, any_namespace

PREFIX = 'TEKTRA__'


def of_environment(environment: Mapping[str, str]) -> list[Setting | Problem]:
    """Return what ``TEKTRA__<NODE>__<PARAMETER>=value`` sets, in order of name."""
    found: list[Setting | Problem] = []
    for variable in sorted(environment):
        if not variable.startswith(PREFIX):
            continue
        node, mark, name = variable.removeprefix(PREFIX).lower().partition('__')
        if not mark or not name:
            found.append(
                Problem(f'{variable}: write {PREFIX}<NODE>__<PARAMETER>=value, as in {_example()}')
            )
            continue
        found.append(_word(node, name, environment[variable], Layer.ENVIRONMENT, variable))
    return found


def of_options(words: Iterable[str]) -> list[Setting | Problem]:
    """Return what ``--set node.parameter=value`` sets; a later one wins."""
    found: list[Setting | Problem] = []
    for word in words:
        target, mark, text = word.partition('=')
        node, dot, name = target.strip().partition('.')
        if not (mark and dot and name):
            found.append(
                Problem(f'--set {word}: write --set node.parameter=value, as in tts.rate=1.2')
            )
            continue
        found.append(_word(node, name, text, Layer.COMMAND_LINE, f'--set {word}'))
    return found


def _word(node: str, name: str, text: str, layer: Layer, where: str) -> Setting | Problem:
    if node not in schemas():
        return unknown_node(node, where)
    try:
        value = from_text(default_of(node, name), text)
    except KeyError:
        value = text
    return checked(any_namespace(node), name, value, layer, where)


def _example() -> str:
    return f'{PREFIX}TTS__RATE=1.2'
