"""The shape of a language of the built-in responder, and how its sentences are matched."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Numbers:
    """Number words. ``small`` are below 100 and stand alone or add up; ``scales`` multiply."""

    small: Mapping[str, int]
    hundreds: Mapping[str, int]  # 'hundred': 100; Spanish has one for each
    scales: Mapping[str, int]  # thousand, million
    joiners: frozenset[str]  # 'and', allowed between parts of one number
    articles: frozenset[str]  # 'a' in 'a hundred'
    points: frozenset[str]  # 'point' before decimals
    operators: Mapping[str, str]  # spoken operator -> one of + - * /
    spoken: Mapping[str, str]  # one of + - * / -> how it is said
    decimal_mark: str


@dataclass(frozen=True)
class Table:
    """One language. ``patterns`` are tried in order against the whole normalised sentence.

    Every text of ``REQUIRED`` must be there. ``address`` is what may stand before a request,
    ``courtesy`` what may stand behind it.
    """

    tag: str
    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    texts: Mapping[str, str]
    numbers: Numbers
    sums: re.Pattern[str]  # what may stand before an arithmetic expression
    address: re.Pattern[str]
    courtesy: re.Pattern[str]
    say_time: Callable[[datetime], str]
    say_date: Callable[[datetime], str]
    not_names: frozenset[str]  # words after 'I am' that are no name


def listed(words: str) -> tuple[str, ...]:
    """Return words that are separated by spaces."""
    return tuple(words.split())


# Texts that the responder and the announcements use, in every language.
REQUIRED = frozenset(
    listed(
        'greeting greeting_named how_are_you help name_learnt name_known name_unknown who_are_you '
        'thanks '
        'goodbye goodbye_named yes no stop_talking command fallback ask_back ask_back_no unsure '
        'repeat_none '
        'sum sum_about divide_by_zero count_limit about lost_hearing back_hearing lost_voice '
        'back_voice '
        'lost_thread back_thread failed'
    )
)

_APOSTROPHE = re.compile('[\u2019\u02bc`]')
_BETWEEN_WORDS = re.compile(r"[^\w'+*/.,:=\u00d7\u00f7-]+")
_STOPS = re.compile(r'[.,:=]+(?=\s|$)|(?<=\s)[.,:=]+|(?<=\w)-(?=[^\W\d])|^[.,:=\s]+')


def normalise(text: str) -> str:
    """Return ``text`` in lower case with single spaces, and only the punctuation of numbers."""
    plain = _APOSTROPHE.sub("'", text.lower())
    plain = _BETWEEN_WORDS.sub(' ', plain)
    return ' '.join(_STOPS.sub(' ', plain).split())


def patterns(rows: Mapping[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return compiled patterns; each must match the whole sentence."""
    return tuple((intent, re.compile(f'(?:{pattern})')) for intent, pattern in rows.items())


def readings(text: str, table: Table) -> list[str]:
    """Return normalised ``text``, and what is left without address and courtesy, longest first."""
    found = [normalise(text)]
    cuts = (table.address, table.courtesy)
    while True:
        said = found[-1]
        shorter = next(
            (s for cut in cuts if (s := cut.sub('', said, count=1).strip()) != said), ''
        )
        if not shorter:
            return found
        found.append(shorter)


def sentences(text: str) -> list[str]:
    """Return the sentences of ``text``; together they are ``text``."""
    return re.findall(r'.+?(?:[.!?]+\s+|$)', text, re.DOTALL)
