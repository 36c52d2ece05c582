"""From text to words, and phrases of words that are found in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

Words = tuple[str, ...]
T = TypeVar('T')

PAUSES = frozenset({',', '.', '?'})

_APOSTROPHE = re.compile('[\u2018\u2019\u02bc\u00b4`]')
_BARE_DECIMALS = re.compile(r'(?<!\S)(?=[.,]\d)')
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*|[,;:.!?/°\u2044-]|\S")
_PAUSE = {',': ',', ';': ',', ':': ',', '.': '.', '!': '.', '?': '?'} | {
    '\u00bf': ',',  # inverted question and exclamation marks
    '\u00a1': ',',
    '\u2026': '.',  # ellipsis and dashes, which recognisers write
    '\u2013': ',',
    '\u2014': ',',
}
_UMLAUTS = str.maketrans({'ä': 'ae', 'ö': 'oe', 'ü': 'ue', 'ß': 'ss'})


def fold(text: str) -> str:
    """Return ``text`` in lower case without accents; umlauts become two letters."""
    plain = unicodedata.normalize('NFC', text).lower().translate(_UMLAUTS)
    if plain.isascii():
        return plain
    letters = unicodedata.normalize('NFD', plain)
    return ''.join(c for c in letters if not unicodedata.combining(c))


def tokens(text: str, rewrites: Mapping[str, Words]) -> list[str]:
    """Return words, numbers, pauses (``,`` ``.`` ``?``), ``/`` and ``minus`` of ``text``.

    ``rewrites`` replaces single words: contractions and spellings. A character that is none of
    these stays as a token that no phrase has, so that it cannot be overlooked.
    """
    plain = _APOSTROPHE.sub("'", fold(_vulgar_fractions(text)))
    plain = _BARE_DECIMALS.sub('0', plain)  # '.5 m' is half a metre, not five
    found: list[str] = []
    for match in _TOKEN.finditer(plain):
        token = match.group()
        if token in _PAUSE:
            found.append(_PAUSE[token])
        elif token == '-':
            found.extend(_hyphen(plain, match))
        elif token == '\u2044':
            found.append('/')
        else:
            found.extend(rewrites.get(token, (token,)))
    return found


def _vulgar_fractions(text: str) -> str:
    """Write one half as ' 1/2': otherwise two and a half would become 21/2."""
    if text.isascii():
        return text
    return ''.join(
        ' ' + unicodedata.normalize('NFKC', c)
        if unicodedata.decomposition(c).startswith('<fraction>')
        else c
        for c in text
    )


def _hyphen(text: str, match: re.Match[str]) -> tuple[str, ...]:
    """Return nothing within a word, minus before a number, else a pause."""
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    if after.isdigit():
        # '2-3' is neither 23 nor 2 minus 3: a token that nothing accepts.
        return ('-',) if before.isalnum() else ('minus',)
    return () if before.isalnum() and after.isalnum() else (',',)


def expand(pattern: str) -> list[Words]:
    """Return every phrase of a pattern: ``(turn|rotate) [yourself]``.

    Round brackets choose, square ones may be left out.

    :raises ValueError: if brackets do not pair up.
    """
    marks = re.findall(r'[()\[\]|]|[^()\[\]|\s]+', pattern)
    phrases, end = _alternatives(marks, 0)
    if end != len(marks):
        raise ValueError(f"'{pattern}': bracket without a partner")
    return list(dict.fromkeys(phrase for phrase in phrases if phrase))


def _alternatives(marks: Sequence[str], at: int) -> tuple[list[Words], int]:
    found: list[Words] = []
    current: list[Words] = [()]
    while at < len(marks) and marks[at] not in ')]':
        mark = marks[at]
        if mark == '|':
            found, current = found + current, [()]
        elif mark in '([':
            inner, at = _alternatives(marks, at + 1)
            if at >= len(marks):
                raise ValueError(f"'{' '.join(marks)}': bracket without a partner")
            inner = [(), *inner] if mark == '[' else inner
            current = [a + b for a in current for b in inner]
        else:
            word = tuple(t for t in tokens(mark, {}))
            current = [a + word for a in current]
        at += 1
    return found + current, at


class Phrases(Generic[T]):
    """Phrases with a meaning each, found at a place of a text by their first word."""

    def __init__(self, patterns: Iterable[tuple[str, T]]) -> None:
        self._by_first: dict[str, list[tuple[Words, T]]] = {}
        for pattern, meaning in patterns:
            for words in expand(pattern):
                self.add(words, meaning)
        self.longest_first()

    def add(self, words: Words, meaning: T) -> None:
        """Add one phrase as its words; ``longest_first`` must follow."""
        self._by_first.setdefault(words[0], []).append((words, meaning))

    def longest_first(self) -> None:
        """Let the longest phrase be found first, of equal ones that which was added first."""
        for known in self._by_first.values():
            known.sort(key=lambda entry: -len(entry[0]))

    def all_at(self, words: Sequence[str], at: int) -> Iterator[tuple[T, int]]:
        """Yield the meaning of each phrase at ``at`` and the index behind it, longest first."""
        if at < len(words):
            for phrase, meaning in self._by_first.get(words[at], ()):
                if tuple(words[at : at + len(phrase)]) == phrase:
                    yield meaning, at + len(phrase)

    def at(self, words: Sequence[str], at: int) -> tuple[T, int] | None:
        """Return the longest one at ``at``, or None."""
        return next(self.all_at(words, at), None)

    def within(self, words: Sequence[str], start: int = 0, end: int | None = None) -> int | None:
        """Return where the first one between ``start`` and ``end`` begins, or None."""
        stop = len(words) if end is None else min(end, len(words))
        return next((i for i in range(start, stop) if self.at(words, i) is not None), None)


def phrases(pattern: str) -> Phrases[bool]:
    """Return phrases that only matter by being there."""
    return Phrases([(pattern, True)] if pattern else [])
