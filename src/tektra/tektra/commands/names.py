"""Whom a sentence is for: robots by their spoken names, everybody, or nobody in particular."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from tektra.commands.languages.table import Language
from tektra.commands.numbers import folded
from tektra.commands.results import RobotNames
from tektra.commands.tokens import Phrases, Words, phrases, tokens

LONGEST_NAME = 6  # words


@dataclass(frozen=True)
class Address:
    """Robots that were named, in order; ``everybody`` instead of names."""

    robots: tuple[str, ...] = ()
    everybody: bool = False

    def with_more(self, other: Address) -> Address:
        """Return both together."""
        names = dict.fromkeys((*self.robots, *other.robots))
        return Address(tuple(names), self.everybody or other.everybody)


NOBODY = Address()


class NameReader:
    """Reads names of the robots that there are."""

    def __init__(self, language: Language, robots: Sequence[RobotNames]) -> None:
        small = folded(language.numbers).small
        digits = {value: word for word, value in reversed(list(small.items()))}
        known: Phrases[Address] = Phrases([(language.everybody, Address(everybody=True))])
        for robot in robots:
            for called in (robot.name, *robot.spoken):
                for words in _spellings(called, digits):
                    known.add(words, Address((robot.name,)))
        known.longest_first()
        self._known = known
        self._between = phrases(language.both)
        self._tell = phrases(language.tell)
        self._told = phrases(language.told)

    def at(self, words: Sequence[str], at: int) -> tuple[Address, int] | None:
        """Return the names at ``at``, 'tek and r2', and the index behind them."""
        first = self._known.at(words, at)
        if first is None:
            return None
        address, end = first
        while True:
            comma = end < len(words) and words[end] == ','
            joined = self._between.at(words, end + 1 if comma else end)
            start = joined[1] if joined else end + 1 if comma else end
            more = self._known.at(words, start) if start > end else None
            if more is None:
                return address, end
            address, end = address.with_more(more[0]), more[1]

    def told_at(self, words: Sequence[str], at: int) -> tuple[Address, int] | None:
        """Return the names of 'tell tek to' at ``at`` and the index behind it."""
        tell = self._tell.at(words, at)
        named = self.at(words, tell[1]) if tell else None
        told = self._told.at(words, named[1]) if named else None
        return (named[0], told[1]) if named and told else None


def _spellings(name: str, digits: dict[int, str]) -> list[Words]:
    """Return a name as it may be written and heard: 'r2' is also 'r two'."""
    words = tokens(name.replace('_', ' '), {})[:LONGEST_NAME]
    options = [
        (word, digits[int(word)]) if word.isascii() and word.isdigit() and int(word) in digits
        else (word,)
        for word in words
    ]  # fmt: skip
    return [tuple(spelling) for spelling in itertools.product(*options) if spelling]
