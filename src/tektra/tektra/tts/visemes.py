"""IPA to the 15 Oculus visemes, and a phoneme sequence as mouth shapes over time.

Sources: the phonemes that Meta's viseme reference names for each shape (PP: p b m, FF: f v, TH:
th, DD: t d, kk: k g, CH: tS dZ S, SS: s z, nn: n l, RR: r, aa: A:, E: e, I: ih, O: oh, U: ou;
Oculus LipSync documentation, "Viseme reference"). Sounds that it does not name take the shape of
the same place of articulation (consonants) or of the nearest of the five vowels in height,
backness and rounding, by the chart of the International Phonetic Association (2020).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from tektra.tts.backend import TimedPhoneme

VISEMES = (
    'sil',
    'PP',
    'FF',
    'TH',
    'DD',
    'kk',
    'CH',
    'SS',
    'nn',
    'RR',
    'aa',
    'E',
    'I',
    'O',
    'U',
)
VOWELS = frozenset(('aa', 'E', 'I', 'O', 'U'))

_SOUNDS = {
    'PP': 'p b m ɸ β ʙ ɓ ʘ',  # both lips
    'FF': 'f v ɱ ʋ ⱱ',  # lip and teeth
    'TH': 'θ ð',  # tongue between the teeth
    'DD': 't d ʈ ɖ ɗ ʔ ǀ',  # tongue behind the teeth; a glottal stop shows as a short closure
    'kk': 'k ɡ g x ɣ q ɢ χ ʁ ħ ʕ h ɦ c ɟ ç ʝ ŋ ɴ ɠ ʛ ɰ ʄ ɧ ʟ ʜ ʢ ʡ ǁ',  # back of the tongue
    'CH': 'ʃ ʒ ʂ ʐ ɕ ʑ tʃ dʒ tʂ dʐ tɕ dʑ ǃ ǂ',  # behind the ridge, lips forward
    'SS': 's z ts dz ɬ ɮ',  # teeth together
    'nn': 'n l ɲ ɳ ʎ ɭ ɫ ɺ',  # tongue at the ridge, mouth slightly open
    'RR': 'r ɹ ɾ ɽ ʀ ɻ ɚ ɝ',  # curled or tapped tongue
    'aa': 'a ɑ ɐ æ ʌ ɒ ä ɶ',  # open
    'E': 'e ɛ ə ɜ ɘ ø œ ɞ ɤ ᵊ',  # middle; front rounded ones keep this height
    'I': 'i ɪ ɨ j ᵻ y ʏ ɥ',  # close front
    'O': 'o ɔ ɵ',  # middle, rounded
    'U': 'u ʊ ɯ ʉ w ʍ ᵿ',  # close, rounded
}
# espeak-ng gives a few sounds of some languages by its own ASCII names.
_MNEMONICS = {
    'S': 'CH',
    'Z': 'CH',
    'A': 'aa',
    'ε': 'E',
    'ʦ': 'SS',
    'ʣ': 'SS',
    'ʧ': 'CH',
    'ʤ': 'CH',
}
_OF_SOUND = _MNEMONICS | {
    sound: viseme for viseme, sounds in _SOUNDS.items() for sound in sounds.split()
}
_LONGEST = max(map(len, _OF_SOUND))

# Marks that do not change the mouth: stress, length, tone, separators, secondary articulation.
_PRIMARY, _SECONDARY = 'ˈ', 'ˌ'
_MARKS = frozenset('#[]`ˈˌːˑ˘.ˀʲʰʷˠˤⁿˡ˞ʴʱᵝ|‖‿͜͡-_^;:!?\'"˥˦˧˨˩↓↑→↗↘¹²³⁴⁵⁰0123456789(), ') | {
    '\u0361'
}

# Weights of the shapes, 0..1: a stressed vowel opens fully, other sounds a little less.
WEIGHT_STRESSED, WEIGHT_SECONDARY, WEIGHT_VOWEL, WEIGHT_CONSONANT = 1.0, 0.9, 0.8, 0.9


@dataclass(frozen=True)
class Shape:
    """A mouth shape from sample ``start`` of the piece on.

    ``ipa`` is empty for a continued or silent one.
    """

    start: int
    viseme: str
    weight: float
    ipa: str


def of_phoneme(ipa: str) -> tuple[list[str], list[str]]:
    """Return the visemes of one phoneme (two for a diphthong) and its unknown symbols.

    An empty or purely prosodic ``ipa`` is silence.
    """
    text = ''.join(
        c
        for c in unicodedata.normalize('NFD', ipa)
        if not unicodedata.combining(c) and c not in _MARKS
    )
    found: list[str] = []
    unknown: list[str] = []
    at = 0
    while at < len(text):
        for size in range(min(_LONGEST, len(text) - at), 0, -1):
            viseme = _OF_SOUND.get(text[at : at + size])
            if viseme is not None:
                if not found or found[-1] != viseme:
                    found.append(viseme)
                at += size
                break
        else:
            unknown.append(text[at])
            at += 1
    return found or ([] if unknown else ['sil']), unknown


def _weight(viseme: str, ipa: str) -> float:
    if viseme == 'sil':
        return 1.0
    if viseme not in VOWELS:
        return WEIGHT_CONSONANT
    if _PRIMARY in ipa:
        return WEIGHT_STRESSED
    return WEIGHT_SECONDARY if _SECONDARY in ipa else WEIGHT_VOWEL


def shapes(phonemes: Sequence[TimedPhoneme]) -> list[Shape]:
    """Return the mouth shapes of a piece, starts rising strictly.

    Sounds without a shape keep the last one.
    """
    rows: list[Shape] = []
    for phoneme in phonemes:
        visemes, _ = of_phoneme(phoneme.ipa)
        span = max(0, phoneme.end - phoneme.start)
        for part, viseme in enumerate(visemes):
            start = phoneme.start + span * part // len(visemes)
            shape = Shape(start, viseme, _weight(viseme, phoneme.ipa), '' if part else phoneme.ipa)
            if rows and start <= rows[-1].start:
                rows[-1] = Shape(rows[-1].start, viseme, shape.weight, shape.ipa)
            elif not (rows and viseme == 'sil' == rows[-1].viseme):
                rows.append(shape)
    return rows
