"""Amounts: how far, by what angle, how often; always in m and rad."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

from tektra.commands.languages.table import Language
from tektra.commands.numbers import NumberReader, Unclear
from tektra.commands.tokens import Phrases, phrases

# A number without a unit is an angle only where everybody means degrees.
CUSTOMARY_DEGREES = frozenset({15, 20, 30, 45, 60, 75, 90, 120, 135, 150, 180, 270, 360})


class Kind(enum.Enum):
    """What an amount measures."""

    LENGTH = 'length'  # m
    ANGLE = 'angle'  # rad
    TIMES = 'times'
    DURATION = 'duration'  # s
    BARE = 'bare'  # no unit
    SMALL = 'small'  # a bit
    VAGUE = 'vague'  # a few, a lot
    UNCLEAR = 'unclear'  # numbers that are not one


_TURN = (Kind.ANGLE, math.tau)


@dataclass(frozen=True)
class Amount:
    """A number and what it measures; ``unit`` is one of the language's, in SI units."""

    kind: Kind
    value: float = 0.0
    unit: float = 1.0


class AmountReader:
    """Reads the amounts of one language."""

    def __init__(self, language: Language, numbers: NumberReader) -> None:
        self._numbers = numbers
        units = language.units
        self._units = Phrases(
            [
                *((p, (Kind.LENGTH, size)) for p, size in units.length),
                *((p, (Kind.ANGLE, size)) for p, size in units.angle),
                (units.turns, _TURN),
                (units.times, (Kind.TIMES, 1.0)),
                (units.duration, (Kind.DURATION, 1.0)),
            ]
        )
        self._words = Phrases(
            [
                (language.small, Amount(Kind.SMALL)),
                (language.vague, Amount(Kind.VAGUE)),
                *((p, Amount(Kind.ANGLE, turns * math.tau)) for p, turns in language.around),
                *((p, Amount(Kind.TIMES, float(count))) for p, count in language.often),
            ]
        )
        self._articles = phrases(language.articles)
        self._joiners = phrases(language.plus)
        self._before = phrases(language.by)

    def read(self, words: Sequence[str], at: int) -> tuple[Amount, int] | None:
        """Return the amount at ``at`` and the index behind it, or None."""
        if (before := self._before.at(words, at)) is not None:
            at = before[1]  # 'by ninety degrees'
        found = self._words.at(words, at)
        try:
            number = self._single(words, at)
            if found and (number is None or found[1] >= number[1]):
                return found
            return None if number is None else self._sum(words, *number)
        except Unclear:
            return found or (Amount(Kind.UNCLEAR), self._over(words, at))

    def _over(self, words: Sequence[str], at: int) -> int:
        """Return the index behind everything at ``at`` that looks like a number."""
        at += 1
        while at < len(words) and (words[at][0].isdigit() or self._numbers.starts(words, at)):
            at += 1
        return at

    def _single(self, words: Sequence[str], at: int) -> tuple[Amount, int] | None:
        if (article := self._articles.at(words, at)) is not None:
            unit = self._units.at(words, article[1])
            if unit is not None and unit[0] == _TURN:
                return Amount(Kind.VAGUE), unit[1]  # 'make a turn' need not be a full one
            if unit is not None:
                return self._measured(words, 1.0, unit)
        number = self._numbers.read(words, at)
        if number is None:
            return None
        unit = self._units.at(words, number[1])
        if unit is None:
            return Amount(Kind.BARE, float(number[0])), number[1]
        return self._measured(words, float(number[0]), unit)

    def _measured(
        self, words: Sequence[str], value: float, unit: tuple[tuple[Kind, float], int]
    ) -> tuple[Amount, int]:
        (kind, size), end = unit
        extra = self._numbers.extra(words, end)
        if extra is not None and value == int(value):
            value, end = value + float(extra[0]), extra[1]
        return Amount(kind, value * size, size), end

    def _sum(self, words: Sequence[str], amount: Amount, end: int) -> tuple[Amount, int]:
        """Add a smaller unit: 'two metres and fifty centimetres', 'five feet six inches'."""
        while amount.kind in (Kind.LENGTH, Kind.ANGLE):
            joined = self._joiners.at(words, end)
            more = self._single(words, joined[1] if joined else end)
            if more is None or more[0].kind is not amount.kind or more[0].unit >= amount.unit:
                break
            total = amount.value + more[0].value
            amount, end = Amount(amount.kind, total, more[0].unit), more[1]
        return amount, end


def as_angle(amount: Amount) -> Amount:
    """Return a bare number as degrees if everybody says it without the unit."""
    if amount.kind is Kind.BARE and amount.value in CUSTOMARY_DEGREES:
        return Amount(Kind.ANGLE, math.radians(amount.value), math.radians(1))
    return amount
