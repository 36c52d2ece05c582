"""Words of a text by offset, and their times from the engine's events."""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence

from tektra.tts.backend import TimedPhoneme, TimedWord

# A word stands between white space or dashes, without quotes and brackets around it. Scripts
# that write no spaces (kana, Han, Thai) count by character.
_NO_SPACES = '\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff'
_TOKEN = re.compile(rf'[{_NO_SPACES}]|[^\s—…{_NO_SPACES}]+')
_EDGE = '"\'`“”‘’‚„«»‹›()[]{}<>¿¡.,;:!?–-*_~|。！？，、；：「」『』（）'


def spans(text: str) -> list[tuple[int, int]]:
    """Return (offset, length) of every word, in characters; punctuation alone is none."""
    found = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        core = token.strip(_EDGE)
        if core:
            found.append((match.start() + token.index(core), len(core)))
    return found


def timed(
    text: str,
    starts: Sequence[tuple[int, int]],
    phonemes: Sequence[TimedPhoneme],
    samples: int,
) -> tuple[TimedWord, ...]:
    """Return all words of ``text`` with times; none if ``starts`` is empty.

    ``starts`` are an engine's word events: (character offset, first sample), in order of time.
    Engines speak some words as several (numbers) and several as one ('I am'): words without an
    event share the time of the one before, by length. A word ends where its last sound ends, not
    after the pause that follows it. ``samples`` is the length of the piece.
    """
    places = spans(text)
    if not places or not starts:
        return ()
    offsets = [offset for offset, _ in places]
    begins: list[tuple[int, int]] = []  # (word, first sample)
    for offset, sample in starts:
        index = max(0, bisect.bisect_right(offsets, offset) - 1)
        # An offset that the engine put a little back belongs to the word that is open.
        if not begins or index > begins[-1][0]:
            begins.append((index, min(sample, samples)))
    ends = [p.end for p in phonemes if p.ipa]
    words: list[TimedWord] = []
    for here, (index, begin) in enumerate(begins):
        upto, limit = begins[here + 1] if here + 1 < len(begins) else (len(places), samples)
        sounded = bisect.bisect_right(ends, limit)
        end = ends[sounded - 1] if sounded else limit
        words += _shared(places[index if here else 0 : upto], begin, end if end > begin else limit)
    return tuple(words)


def _shared(places: Sequence[tuple[int, int]], start: int, end: int) -> list[TimedWord]:
    """Return words that share the samples from ``start`` to ``end`` by their lengths."""
    total = sum(length for _, length in places)
    words, before = [], 0
    for offset, length in places:
        begin = start + (end - start) * before // total
        before += length
        words.append(TimedWord(offset, length, begin, start + (end - start) * before // total))
    return words


def estimated(text: str, samples: int) -> tuple[TimedWord, ...]:
    """Return words spread over ``samples`` by their place in ``text``, for want of times."""
    places = spans(text)
    if not places:
        return ()
    begin, end = places[0][0], places[-1][0] + places[-1][1]
    scale = samples / (end - begin)
    return tuple(
        TimedWord(
            offset,
            length,
            round((offset - begin) * scale),
            round((offset + length - begin) * scale),
        )
        for offset, length in places
    )


def heard_until(words: Sequence[TimedWord], played: int) -> int:
    """Return how many characters were heard with ``played`` samples: whole words only.

    ``words`` are in order, with offsets in the whole text and samples of the whole utterance.
    """
    count = 0
    for word in words:
        if word.end > played:
            break
        count = word.offset + word.length
    return count
