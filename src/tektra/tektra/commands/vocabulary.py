"""The vocabulary of ``config/commands.yaml``: every command, and the check of one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tektra.commands.command import Command
from tektra.commands.motions import motion_files
from tektra.config.layers import home
from tektra.launching.errors import did_you_mean, listing
from tektra.robots import records
from tektra.robots.records import RecordError, item
from tektra.runtime.share import share_dir

FILE = 'commands.yaml'
MOTIONS = 'motions'

# The executor and the parser know these; a file that lacks one would leave a sentence without
# meaning, and one with another name would promise what nobody does.
NAMES = (
    'move',
    'turn',
    'go_to',
    'look_at',
    'point_at',
    'wave',
    'nod',
    'shake_head',
    'gripper',
    'arm',
    'home',
    'motion',
    'follow',
    'pace',
    'hold',
    'stop',
    'continue',
    'status',
    'battery',
)


@dataclass(frozen=True)
class ValueSpec:
    """A number of a command, in SI units."""

    description: str = item('what it means')
    unit: str = item("'1' for a count", choices=('m', 'rad', 's', '1'))
    low: float = item('smallest value')
    high: float = item('largest value')
    least: float = item('smallest magnitude that is obeyed', default=0.0, low=0.0)
    default: float | None = item('used when nothing is said', default=None)
    small: float | None = item('what "a bit" is', default=None)
    confirm_above: float | None = item(
        'a larger magnitude is asked for first', default=None, low=0.0
    )

    def __post_init__(self) -> None:
        """Refuse a range that its own default leaves."""
        if self.low >= self.high:
            raise ValueError(f'low {self.low:g} is not below high {self.high:g}')
        for name, value in (('default', self.default), ('small', self.small)):
            if value is not None and not self.allows(value):
                raise ValueError(f'{name} {value:g} is outside {self.low:g}..{self.high:g}')

    def allows(self, value: float) -> bool:
        """Return whether ``value`` is finite, in range and not too small."""
        inside = math.isfinite(value) and self.low <= value <= self.high
        return inside and abs(value) >= self.least


@dataclass(frozen=True)
class TextSpec:
    """A word of a command."""

    description: str = item('what it means')
    choices: tuple[str, ...] = item('what it may be', default=())
    choices_from: str = item('names of files in config/motions', default='', choices=(MOTIONS,))
    default: str = item('used when nothing is said', default='')

    def __post_init__(self) -> None:
        """Refuse a word that could be anything, or a default that is none of the choices."""
        if bool(self.choices) == bool(self.choices_from):
            raise ValueError('needs either choices or choices_from')
        if self.default and self.default not in self.choices:
            raise ValueError(f"default '{self.default}' is not one of {listing(self.choices)}")


@dataclass(frozen=True)
class CommandSpec:
    """One command."""

    description: str = item('what it does')
    channels: tuple[str, ...] = item('actuator channels that it may use')
    moves: bool = item('whether anything may move because of it')
    confirm: bool = item('asked for first, every time', default=False)
    values: dict[str, ValueSpec] = item('numbers', default=None)
    texts: dict[str, TextSpec] = item('words', default=None)
    required: tuple[str, ...] = item('values and texts that must be given', default=())
    needs: tuple[str, ...] = item('at least one of these must be given', default=())

    def __post_init__(self) -> None:
        """Turn absent tables into empty ones and check the names in the lists."""
        for name in ('values', 'texts'):
            if getattr(self, name) is None:
                object.__setattr__(self, name, {})
        known = (*self.values, *self.texts)
        for name in (*self.required, *self.needs):
            if name not in known:
                raise ValueError(f"'{name}' is neither in values nor in texts")
        for twice in set(self.values) & set(self.texts):
            raise ValueError(f"'{twice}' is in values and in texts")


@dataclass(frozen=True)
class Vocabulary:
    """Every command, by name."""

    commands: dict[str, CommandSpec] = item('the commands, by name')
    most_steps: int = item('of one plan', default=10, low=1, high=100)
    path: Path = field(default=Path())
    motions: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        """Refuse a file whose names are not those that are executed."""
        for name in self.commands:
            if name not in NAMES:
                hint = did_you_mean(name, NAMES) or f'; known: {listing(NAMES)}'
                raise ValueError(f"commands: '{name}' is nothing that a robot executes{hint}")
        missing = [name for name in NAMES if name not in self.commands]
        if missing:
            raise ValueError(f'commands: {listing(missing)} missing; copy from the shipped file')

    def choices(self, text: TextSpec) -> tuple[str, ...]:
        """Return what a word may be."""
        return self.motions if text.choices_from else text.choices

    def check(self, command: Command) -> list[str]:
        """Return everything that is wrong with a command; empty: it may be executed."""
        spec = self.commands.get(command.name)
        if spec is None:
            hint = did_you_mean(command.name, self.commands)
            hint = hint or f'; known: {listing(self.commands)}'
            return [f"there is no command '{command.name}'{hint}"]
        return [f'{command.name}: {text}' for text in self._wrong(spec, command)]

    def _wrong(self, spec: CommandSpec, command: Command) -> Iterator[str]:
        for name, value in command.values.items():
            if name not in spec.values:
                yield f"has no value '{name}'" + _known(name, spec.values)
            elif not spec.values[name].allows(value):
                known = spec.values[name]
                least = f' and at least {known.least:g} either way' if known.least else ''
                yield (
                    f'{name} = {value:g} {known.unit}: must be within {known.low:g}..'
                    f'{known.high:g}{least}'
                )
        for name, text in command.texts.items():
            if name not in spec.texts:
                yield f"has no text '{name}'" + _known(name, spec.texts)
            elif text not in self.choices(spec.texts[name]):
                allowed = self.choices(spec.texts[name])
                hint = did_you_mean(text, allowed)
                yield f"{name} '{text}' is not one of {listing(allowed) or 'none'}{hint}"
        given = {*command.values, *command.texts}
        for name in spec.required:
            if name not in given:
                yield f"needs '{name}'"
        if spec.needs and not given & set(spec.needs):
            yield f'needs {" or ".join(spec.needs)}'
        yield from _point_needs(spec, command)

    def complete(self, command: Command) -> Command:
        """Return the command with the defaults of what it does not say."""
        spec = self.commands[command.name]
        values = {n: v.default for n, v in spec.values.items() if v.default is not None}
        texts = {n: t.default for n, t in spec.texts.items() if t.default}
        return Command(command.name, values | dict(command.values), texts | dict(command.texts))

    def needs_confirmation(self, command: Command) -> bool:
        """Return whether a person is to be asked before ``command`` is done."""
        spec = self.commands[command.name]
        return spec.confirm or any(
            (above := spec.values[name].confirm_above) is not None and abs(value) > above
            for name, value in command.values.items()
        )

    def moves(self, command: Command) -> bool:
        """Return whether anything may move because of ``command``."""
        return self.commands[command.name].moves


def _known(name: str, known: Iterable[str]) -> str:
    names = tuple(known)
    return did_you_mean(name, names) or f'; it has {listing(names) or "none"}'


def _point_needs(spec: CommandSpec, command: Command) -> Iterator[str]:
    """Say which coordinates a point lacks, and that only a point has them."""
    if 'target' not in spec.texts:
        return
    given = [axis for axis in ('x', 'y', 'z') if axis in command.values]
    if command.texts.get('target') == 'point':
        if 'x' not in given or 'y' not in given:
            yield "target 'point' needs x and y"
    elif given:
        yield f"{listing(given)} belong to target 'point'"


def vocabulary_file() -> Path:
    """Return the user's file if there is one, else the shipped one."""
    own = home() / 'config' / FILE
    return own if own.is_file() else share_dir() / 'config' / FILE


def read_vocabulary(path: Path | None = None, motions: Iterable[str] | None = None) -> Vocabulary:
    """Return the vocabulary of a file, default ``vocabulary_file()``.

    Args:
        path: the file.
        motions: names of the motions there are, default those of config/motions.

    :raises RecordError: naming file, line, key and fix.
    """
    path = vocabulary_file() if path is None else path
    vocabulary = records.read(Vocabulary, path)
    object.__setattr__(vocabulary, 'path', path)
    names = motion_files() if motions is None else motions
    object.__setattr__(vocabulary, 'motions', tuple(names))
    return vocabulary


__all__ = ['CommandSpec', 'RecordError', 'TextSpec', 'ValueSpec', 'Vocabulary', 'read_vocabulary']
