"""Numbers in words and digits, with fractions, on folded words."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from fractions import Fraction

from tektra.commands.languages.table import Language
from tektra.commands.tokens import Phrases, fold, phrases
from tektra.dialogue.arithmetic import read_number
from tektra.dialogue.phrases.table import Numbers

MOST_DIGITS = 9
LONGEST_WORDS = 16
_DIGITS = re.compile(r'[0-9]+(?:[.,][0-9]+)*')
_DECIMALS = {
    '.': re.compile(r'\d+(?:,\d{3})*(?:\.\d+)?'),
    ',': re.compile(r'\d+(?:,\d+|\.(?!\d{3}$)\d+)?'),
}
_HUNDREDS = re.compile(r'(?P<count>[a-z]*?)hundert(?:und)?(?P<rest>[a-z]*)')

Found = tuple[Fraction, int]


class Unclear(Exception):
    """What stands there is made of numbers and is none: 'five twenty', '1,5' in English."""


def _glued(numbers: Numbers) -> bool:
    return 'hundert' in numbers.hundreds


def folded(numbers: Numbers) -> Numbers:
    """Return number words as ``tokens`` writes them."""
    small = {fold(word): value for word, value in numbers.small.items() if word != 'oh'}
    return dataclasses.replace(
        numbers,
        small=small,
        hundreds={fold(word): value for word, value in numbers.hundreds.items()},
        scales={fold(word): value for word, value in numbers.scales.items()},
        # German writes them into the word; 'zwanzig und ein halb' is not 21.
        joiners=frozenset(map(fold, () if _glued(numbers) else numbers.joiners)),
        articles=frozenset(map(fold, numbers.articles)),
        points=frozenset(map(fold, numbers.points)),
    )


class NumberReader:
    """Reads numbers of one language."""

    def __init__(self, language: Language) -> None:
        self._numbers = folded(language.numbers)
        self._amounts = Phrases([(p, Fraction(v)) for p, v in language.amounts])
        self._extra = Phrases([(p, Fraction(v)) for p, v in language.extra])
        self._minus = phrases(language.minus)
        self._glued = self._numbers.small if _glued(self._numbers) else {}

    def split(self, words: Sequence[str]) -> list[str]:
        """Return ``words`` with hundreds written in one word taken apart (German)."""
        if not self._glued:
            return list(words)
        return [part for word in words for part in self._parts(word)]

    def _parts(self, word: str) -> tuple[str, ...]:
        match = _HUNDREDS.fullmatch(word) if len(word) < 40 else None
        if match is None:
            return (word,)
        count, rest = match['count'], match['rest']
        if any(part and part not in self._glued for part in (count, rest)):
            return (word,)
        return tuple(part for part in (count, 'hundert', rest) if part)

    def starts(self, words: Sequence[str], at: int) -> bool:
        """Return whether a number begins at ``at``."""
        try:
            return self._plain(words, at) is not None
        except Unclear:
            return True

    def read(self, words: Sequence[str], at: int) -> Found | None:
        """Return the number at ``at`` and the index behind it.

        :raises Unclear: if it is no single number.
        """
        found = self._amounts.at(words, at) or self._plain(words, at)
        if found is None:
            return None
        value, end = found
        if value.denominator == 1 and (more := self._extra.at(words, end)) is not None:
            value, end = value + more[0], more[1]
        if self.starts(words, end):
            value, end = self._mixed(words, at, value, end)
        return value, end

    def read_signed(self, words: Sequence[str], at: int) -> Found | None:
        """Return what ``read`` does; 'minus' may stand before it."""
        sign = self._minus.at(words, at)
        found = self.read(words, sign[1] if sign else at)
        return (-found[0], found[1]) if found and sign else found

    def extra(self, words: Sequence[str], at: int) -> Found | None:
        """Return the fraction that follows a unit: 'a metre *and a half*'."""
        return self._extra.at(words, at)

    def _mixed(self, words: Sequence[str], at: int, value: Fraction, end: int) -> Found:
        """Return '1 1/2'; anything else in a row is not one number."""
        second = self._plain(words, end)
        if end == at + 1 and second is not None and 0 < second[0] < 1 and '/' in words[end:][:2]:
            return value + second[0], second[1]
        raise Unclear

    def _plain(self, words: Sequence[str], at: int) -> Found | None:
        if at >= len(words):
            return None
        word = words[at]
        if word[0].isdigit():
            return self._digits(words, at)
        try:  # no number has more words; a window keeps a long text linear
            found = read_number(list(words[at : at + LONGEST_WORDS]), 0, self._numbers)
        except ValueError:
            raise Unclear from None
        return None if found is None else (found[0], at + found[1])

    def _digits(self, words: Sequence[str], at: int) -> Found:
        word = words[at]
        if not _DIGITS.fullmatch(word) or len(word) > MOST_DIGITS:
            raise Unclear
        if '/' in words[at + 1 : at + 2]:
            if at + 2 >= len(words) or not re.fullmatch('[1-9][0-9]{0,2}', words[at + 2]):
                raise Unclear
            if not re.fullmatch('[0-9]{1,3}', word):
                raise Unclear
            return Fraction(int(word), int(words[at + 2])), at + 3
        mark = self._numbers.decimal_mark
        if not _DECIMALS[mark].fullmatch(word):
            raise Unclear
        plain = word.replace(',', '') if mark == '.' else word.replace(',', '.')
        return Fraction(plain), at + 1
