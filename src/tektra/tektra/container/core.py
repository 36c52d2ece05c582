"""What a container is asked to hold: its command line, and who may live there."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from tektra.runtime.params import ParameterError, specs

# kind -> (module, class)
HOSTED = {
    'audio_capture': ('tektra.audio_capture.node', 'AudioCaptureNode'),
    'vad': ('tektra.vad.node', 'VadNode'),
    'stt': ('tektra.stt.node', 'SttNode'),
    'turn_taking': ('tektra.turn_taking.node', 'TurnTakingNode'),
    'dialogue': ('tektra.dialogue.node', 'DialogueNode'),
    'audio_playback': ('tektra.audio_playback.node', 'AudioPlaybackNode'),
}

_SAFETY = 'a stop must work however badly the other nodes fail'
REFUSED = {
    'estop': _SAFETY,
    'robot_gate': _SAFETY,
    'stop_word': _SAFETY,
    'tts': 'its GPL speech engines (espeak-ng, piper) are loaded in the tts process only',
    'lifecycle_manager': 'it could not see the hang of a process that it is part of',
}

# Not NAME:=VALUE: rcl takes that for a remapping, even before --ros-args.
USAGE = 'container --node KIND [--name NAME] [--param NAME=VALUE]... [--node KIND ...]...'


class ContainerError(ValueError):
    """The container cannot hold what it was asked to; the text says what and why."""


@dataclass
class Wanted:
    """One node to be hosted. ``given`` are parameters as written, before their types are known."""

    kind: str
    name: str
    given: dict[str, str] = field(default_factory=dict)


def parse(words: Sequence[str]) -> list[Wanted]:
    """Return the nodes that a command line (without its ROS arguments) asks for, in order.

    :raises ContainerError: for a wrong option, a node that is not known, refused or named twice.
    """
    found: list[Wanted] = []
    rest = list(words)
    while rest:
        option = rest.pop(0)
        if option not in ('--node', '--name', '--param'):
            raise ContainerError(f"'{option}' is no option; usage: {USAGE}")
        if not rest:
            raise ContainerError(f'{option} needs a value; usage: {USAGE}')
        value = rest.pop(0)
        if option == '--node':
            found.append(Wanted(_kind(value), value))
        elif not found:
            raise ContainerError(f"{option} '{value}' comes before any --node; usage: {USAGE}")
        elif option == '--name':
            found[-1].name = value
        else:
            _give(found[-1], value)
    if not found:
        raise ContainerError(f'no node is asked for; usage: {USAGE}')
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            raise ContainerError(f"two nodes are named '{name}'; give one another --name")
    return found


def _kind(kind: str) -> str:
    if kind in REFUSED:
        raise ContainerError(
            f"'{kind}' always has a process of its own: {REFUSED[kind]}; start it with: "
            f'ros2 run tektra {kind}'
        )
    if kind not in HOSTED:
        close = difflib.get_close_matches(kind, HOSTED, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f'there are: {", ".join(HOSTED)}'
        raise ContainerError(f"no node '{kind}' that a container can hold; {hint}")
    return kind


def _give(wanted: Wanted, text: str) -> None:
    name, mark, value = text.partition('=')
    if not mark or not name:
        raise ContainerError(f"--param '{text}' of {wanted.name} is not written NAME=VALUE")
    wanted.given[name] = value


def typed(wanted: Wanted, params_class: type[Any]) -> dict[str, Any]:
    """Return the given parameters with the types that the node declares.

    A text stays as it is written, whatever YAML would make of it. Names that the node does not
    declare are left to its own check, which suggests the right one.

    :raises ParameterError: if a value is not of the declared type.
    """
    known = specs(params_class)
    return {
        name: _value(f'{wanted.name}: {name}', text, known[name][0].default)
        if name in known
        else yaml.safe_load(text)
        for name, text in wanted.given.items()
    }


def _value(where: str, text: str, default: Any) -> Any:
    if isinstance(default, str):
        return text
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = None
    if isinstance(default, tuple):
        return list(value) if isinstance(value, list) else [text]
    if isinstance(default, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(default):
        raise ParameterError(f"{where} = '{text}' must be of type {type(default).__name__}")
    return value
