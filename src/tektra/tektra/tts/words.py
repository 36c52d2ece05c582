"""Words of a text by offset, and their times from the engine's events."""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence

from tektra.tts.backend import TimedPhoneme, TimedWord

# A word is what stands between white space or dashes, without quotes and brackets around it. Scripts that
# write no spaces (kana, Han, Thai) count by character.
_NO_SPACES = '\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff'
_TOKEN = re.compile(rf'[{_NO_SPACES}]|[^\s—…{_NO_SPACES}]+')
_EDGE = '"\'`“”‘’‚„«»‹›()[]{}<>¿¡.,;:!?–-*_~|。！？，、；：「」『』（）'


def spans(text: str) -> list[tuple[int, int]]:
    """Return (offset, length) of every word of ``text``, in characters; punctuation alone is none."""
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
    """Return the words of ``text`` with times.

    ``starts`` are an engine's word events: (character offset, first sample), one or more a word (numbers are
    several), in order of time. A word ends where its last sound ends, not after the pause that follows it.
    Words without an event (symbols that are not spoken) are left out. ``samples`` is the length of the piece.
    """
    places = spans(text)
    offsets = [offset for offset, _ in places]
    first: dict[int, int] = {}
    for offset, sample in starts:
        index = max(0, bisect.bisect_right(offsets, offset) - 1) if offsets else -1
        # Events go forward: an offset the engine put a little back belongs to the word that is open.
        if index >= 0 and all(index > seen for seen in first):
            first[index] = min(sample, samples)
    order = sorted(first)
    words = []
    for here, index in enumerate(order):
        begin = first[index]
        limit = first[order[here + 1]] if here + 1 < len(order) else samples
        voiced = [p.end for p in phonemes if p.ipa and begin <= p.start < limit]
        end = min(max(voiced), limit) if voiced else limit
        offset, length = places[index]
        words.append(TimedWord(offset, length, begin, max(begin, end)))
    return tuple(words)


def estimated(text: str, samples: int) -> tuple[TimedWord, ...]:
    """Return words spread over ``samples`` in proportion to their place in ``text``, for engines without times."""
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
    """Return how many characters have been heard when ``played`` samples were: whole words, half of one counts.

    ``words`` are in order, with offsets in the whole text and samples of the whole utterance.
    """
    count = 0
    for word in words:
        if (word.start + word.end) / 2 > played:
            break
        count = word.offset + word.length
    return count
