"""Whether a sentence of the grammar was really said: the rule that rejects everything else.

A recogniser that knows a grammar only hears a sentence of it in any speech (measured: 13 of 13
pieces of unrelated speech came out as commands). So a second one listens without the grammar, and
its words are compared with the sentence by their sounds, because it gets the sounds about right
even where it gets the words wrong ("go full with an elite does" for "go forward ten meters").
Figures of this rule: docs/speech.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# ARPAbet phones that are easily taken for each other, after the confusions in the recordings of
# docs/speech.md.
_CLASSES = (
    'AA AO AH AW',
    'AE EH',
    'IH IY EY AY',
    'UH UW OW OY',
    'ER R',
    'P T K',
    'B D G',
    'CH JH SH ZH',
    'S Z',
    'F V TH DH HH',
    'M N NG',
    'L W Y',
)
_CLASS = {phone: i for i, row in enumerate(_CLASSES) for phone in row.split()}
_VOWELS = frozenset('AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW'.split())

SAME_CLASS, VOWELS, CONSONANTS, DIFFERENT = (
    0.4,
    0.8,
    0.9,
    1.0,
)  # costs of taking one phone for another

# Greatest distance accepted, by the number of phones of the sentence: short ones are found in
# anything.
SHORT, MIDDLE = 4, 8
LIMIT_SHORT, LIMIT_MIDDLE, LIMIT_LONG = 0.34, 0.50, 0.55
# Time spoken according to the grammar over time spoken according to the dictation: a sentence that
# covers only part of the speech, or hears words in its silence, was not said.
COVER_LEAST, COVER_MOST, COVER_MOST_SHORT = 0.75, 1.5, 1.8


@dataclass(frozen=True)
class Heard:
    """What one recogniser made of a segment: phones (ARPAbet, no silence), frames they took."""

    text: str
    phones: tuple[str, ...]
    frames: int


def substitution(a: str, b: str) -> float:
    """Return the cost 0..1 of hearing phone ``b`` for ``a``."""
    if a == b:
        return 0.0
    if a in _CLASS and _CLASS.get(a) == _CLASS.get(b):
        return SAME_CLASS
    if (a in _VOWELS) != (b in _VOWELS):
        return DIFFERENT
    return VOWELS if a in _VOWELS else CONSONANTS


def distance(a: Sequence[str], b: Sequence[str]) -> float:
    """Return the weighted edit distance of two phone strings over the longer one's length."""
    if not a or not b:
        return 0.0 if not a and not b else 1.0
    row = [float(j) for j in range(len(b) + 1)]
    for i, phone in enumerate(a, 1):
        before, row = row, [float(i)]
        for j, other in enumerate(b, 1):
            swap = before[j - 1] + substitution(phone, other)
            row.append(min(swap, before[j] + 1, row[j - 1] + 1))
    return row[-1] / max(len(a), len(b))


def limit(phones: int) -> float:
    """Return the greatest distance at which a sentence of ``phones`` phones is believed."""
    if phones <= SHORT:
        return LIMIT_SHORT
    return LIMIT_MIDDLE if phones <= MIDDLE else LIMIT_LONG


def believed(sentence: Heard, dictation: Heard) -> bool:
    """Return whether ``sentence`` of the grammar was said, going by a ``dictation``."""
    if not sentence.phones or not dictation.frames:
        return False
    short = len(sentence.phones) <= SHORT
    cover = sentence.frames / dictation.frames
    if not COVER_LEAST <= cover <= (COVER_MOST_SHORT if short else COVER_MOST):
        return False
    return distance(sentence.phones, dictation.phones) <= limit(len(sentence.phones))
