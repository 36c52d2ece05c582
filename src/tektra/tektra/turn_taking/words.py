"""Words of a text for turn decisions: lower case, no punctuation."""

from __future__ import annotations

import re
from collections.abc import Iterable

Phrase = tuple[str, ...]

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")


def words(text: str) -> Phrase:
    """Return the words of ``text`` in lower case; hyphens separate ('uh-huh' is two words)."""
    return tuple(word.replace('\u2019', "'") for word in _WORD.findall(text.lower()))


def phrases(*texts: str) -> frozenset[Phrase]:
    """Return a set of phrases, each as its words."""
    return frozenset(words(text) for text in texts)


def leading(known: Iterable[Phrase], text: Phrase) -> int:
    """Return how many words at the start of ``text`` are the longest phrase of ``known``."""
    return max((len(p) for p in known if p and text[: len(p)] == p), default=0)


def without_leading(known: frozenset[Phrase], text: Phrase) -> Phrase:
    """Return ``text`` without all phrases of ``known`` at its start, longest first."""
    while text and (count := leading(known, text)):
        text = text[count:]
    return text


def without_ends(known: frozenset[Phrase], text: Phrase) -> Phrase:
    """Return ``text`` without phrases of ``known`` at both ends; the last that is left stays."""
    while (count := leading(known, text)) and count < len(text):
        text = text[count:]
    backwards = frozenset(phrase[::-1] for phrase in known)
    while (count := leading(backwards, text[::-1])) and count < len(text):
        text = text[:-count]
    return text


def continuation(text: str, earlier: str) -> str:
    """Return what ``text`` says beyond ``earlier``.

    Empty if it says nothing new; all of ``text`` if it does not begin with the words of
    ``earlier``.
    """
    old, new = words(earlier), words(text)
    if old[: len(new)] == new:
        return ''
    if new[: len(old)] != old:
        return text
    ends = [match.end() for match in _WORD.finditer(text)]
    start = ends[len(old) - 1] if old else 0
    return text[start:].lstrip(' ,.;:!?')
