"""One command of the vocabulary, as the parser, a language model and RobotCommand know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

Flat = tuple[str, tuple[str, ...], tuple[float, ...], tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Command:
    """A name of config/commands.yaml, its numbers in SI units and its words.

    What is not given has the default of the vocabulary. Axes and angles follow REP 103.
    """

    name: str
    values: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Keep copies that cannot be changed."""
        object.__setattr__(self, 'values', MappingProxyType(dict(self.values)))
        object.__setattr__(self, 'texts', MappingProxyType(dict(self.texts)))

    def __hash__(self) -> int:
        return hash((self.name, frozenset(self.values.items()), frozenset(self.texts.items())))

    def flat(self) -> Flat:
        """Return name, value names, values, text names, texts: the fields of the message."""
        return (
            self.name,
            tuple(self.values),
            tuple(float(value) for value in self.values.values()),
            tuple(self.texts),
            tuple(self.texts.values()),
        )

    @classmethod
    def of_flat(
        cls,
        name: str,
        value_names: Sequence[str],
        values: Sequence[float],
        text_names: Sequence[str],
        texts: Sequence[str],
    ) -> Command:
        """Return the command of a message's fields.

        :raises ValueError: if names and values do not pair up, or a name occurs twice.
        """
        for kind, names, given in (
            ('value', value_names, len(values)),
            ('text', text_names, len(texts)),
        ):
            if len(names) != given:
                raise ValueError(f'{name}: {len(names)} {kind}_names for {given} {kind}s')
            if len(set(names)) != len(names):
                raise ValueError(f'{name}: {kind}_names holds a name twice: {", ".join(names)}')
        return cls(
            name,
            dict(zip(value_names, map(float, values), strict=True)),
            dict(zip(text_names, texts, strict=True)),
        )
