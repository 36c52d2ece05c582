"""Places: 'x two y minus one', '2, 3', 'x 1 y 2 facing ninety degrees'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tektra.commands.amounts import AmountReader, Kind, as_angle
from tektra.commands.languages.table import Language
from tektra.commands.numbers import NumberReader, Unclear
from tektra.commands.tokens import Phrases, phrases


class CoordinateReader:
    """Reads the places of one language."""

    def __init__(self, language: Language, numbers: NumberReader, amounts: AmountReader) -> None:
        self._numbers = numbers
        self._amounts = amounts
        self._axes = Phrases(
            [(language.axis_x, 'x'), (language.axis_y, 'y'), (language.axis_z, 'z')]
        )
        self._facing = phrases(language.facing)
        self._minus = phrases(language.minus)
        self._between = phrases(language.plus)

    def read(self, words: Sequence[str], at: int) -> tuple[Mapping[str, float], int] | None:
        """Return x, y and maybe z (m) and yaw (rad) and the index behind them, or None."""
        place: dict[str, float] = {}
        end = at
        try:
            for axis in ('x', 'y', 'z'):
                found = self._coordinate(words, self._past(words, end) if place else end, axis)
                if found is None:
                    break
                place[axis], end = found
        except Unclear:
            return None
        if len(place) < 2:
            return None
        heading = self._yaw(words, end)
        if heading is not None:
            place['yaw'], end = heading
        return place, end

    def _past(self, words: Sequence[str], at: int) -> int:
        """Return the index behind a comma or 'and'."""
        if at < len(words) and words[at] == ',':
            at += 1
        joined = self._between.at(words, at)
        return joined[1] if joined else at

    def _coordinate(self, words: Sequence[str], at: int, axis: str) -> tuple[float, int] | None:
        named = self._axes.at(words, at)
        if named is not None:
            if named[0] != axis:
                return None
            at = named[1]
        sign = self._minus.at(words, at)
        start = sign[1] if sign else at
        if self._numbers.read(words, start) is None:
            return None
        found = self._amounts.read(words, start)
        if found is None or found[0].kind not in (Kind.BARE, Kind.LENGTH):
            return None
        return (-found[0].value if sign else found[0].value), found[1]

    def _yaw(self, words: Sequence[str], at: int) -> tuple[float, int] | None:
        facing = self._facing.at(words, self._past(words, at))
        if facing is None:
            return None
        sign = self._minus.at(words, facing[1])
        found = self._amounts.read(words, sign[1] if sign else facing[1])
        if found is None:
            return None
        angle = as_angle(found[0])
        if angle.kind is not Kind.ANGLE:
            return None
        return (-angle.value if sign else angle.value), found[1]
