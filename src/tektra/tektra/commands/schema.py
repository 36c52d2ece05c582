"""The vocabulary as tools of a language model, and its calls back as commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tektra.commands.command import Command
from tektra.commands.vocabulary import CommandSpec, ValueSpec, Vocabulary

Json = dict[str, Any]


def tools(vocabulary: Vocabulary) -> list[Json]:
    """Return one function definition a command, in the form that chat completion APIs share.

    ``hold`` and ``stop`` are among them: a model may always stop a robot.
    """
    return [
        {
            'type': 'function',
            'function': {
                'name': name,
                'description': _description(spec),
                'parameters': parameters(vocabulary, name),
            },
        }
        for name, spec in vocabulary.commands.items()
    ]


def parameters(vocabulary: Vocabulary, name: str) -> Json:
    """Return the JSON schema (2020-12) of a command's values and texts."""
    spec = vocabulary.commands[name]
    properties: Json = {key: _number(value) for key, value in spec.values.items()}
    for key, text in spec.texts.items():
        properties[key] = {
            'type': 'string',
            'description': text.description,
            'enum': list(vocabulary.choices(text)),
        } | ({'default': text.default} if text.default else {})
    return {
        'type': 'object',
        'properties': properties,
        'required': list(spec.required),
        'additionalProperties': False,
    }


def command_of_call(vocabulary: Vocabulary, name: str, arguments: Mapping[str, object]) -> Command:
    """Return the command that a model called.

    :raises ValueError: naming everything that is wrong, in words that the model can act on.
    """
    spec = vocabulary.commands.get(name)
    values: dict[str, float] = {}
    texts: dict[str, str] = {}
    wrong: list[str] = []
    for key, given in arguments.items():
        number = isinstance(given, (int, float)) and not isinstance(given, bool)
        if spec is not None and key in spec.values and not number:
            wrong.append(f'{name}: {key} must be a number, not {given!r}')
        elif isinstance(given, str):
            texts[key] = given
        elif isinstance(given, (int, float)) and not isinstance(given, bool):
            values[key] = _float(given)
        else:
            wrong.append(f'{name}: {key} must be a number or a text, not {given!r}')
    command = Command(name, values, texts)
    wrong += [] if wrong else vocabulary.check(command)
    if wrong:
        raise ValueError('; '.join(wrong))
    return command


def _float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:  # an integer of hundreds of digits; out of every range
        return float('inf')


def _description(spec: CommandSpec) -> str:
    # Not as 'anyOf': samplers that follow a schema take its branches for the whole.
    needs = f' Give {" or ".join(spec.needs)}.' if spec.needs else ''
    return spec.description + needs + (' A person is asked first.' if spec.confirm else '')


def _number(spec: ValueSpec) -> Json:
    unit = {'1': 'count', 'm': 'metres', 'rad': 'radians', 's': 'seconds'}[spec.unit]
    schema: Json = {
        'type': 'number',
        'description': f'{spec.description} ({unit})',
        'minimum': spec.low,
        'maximum': spec.high,
    }
    return schema if spec.default is None else schema | {'default': spec.default}
