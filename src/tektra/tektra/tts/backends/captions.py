"""No voice: silence as long as speech would be, so that captions and the playback clock run."""

from __future__ import annotations

import unicodedata

from tektra.tts.backend import Abort, Speech, SpeechRequest, Voice
from tektra.tts.words import estimated, spans

SAMPLE_RATE = 24000  # Hz, that of audio/speech
# Syllables a second: what livekit/agents paces its transcripts by (synchronizer).
SYLLABLES_PER_S = 3.83
_PAUSE_S = 0.3  # after a sentence, as espeak-ng makes it


def syllables(word: str) -> int:
    """Return roughly how many syllables ``word`` has: runs of vowels; digits and Han one each."""
    count, in_vowel = 0, False
    for char in unicodedata.normalize('NFD', word.lower()):
        if unicodedata.combining(char):
            continue
        if char.isdigit() or ord(char) >= 0x3040:
            count, in_vowel = count + 1, False
            continue
        vowel = char in 'aeiouyæøœаеёиоуыэюяαεηιουω'
        count += vowel and not in_vowel
        in_vowel = vowel
    return max(1, count)


class Captions:
    """Silence of the estimated speaking time, with estimated word times and no mouth shapes."""

    def voices(self) -> list[Voice]:
        """Return none: nothing is heard."""
        return []

    def resolve_voice(self, voice: str, language: str) -> str:
        """Return '': any voice and language is as silent as another."""
        return ''

    def synthesize(self, request: SpeechRequest, abort: Abort) -> Speech:
        """Return digital silence for as long as speaking the text would take."""
        text = request.text
        count = sum(syllables(text[o : o + n]) for o, n in spans(text))
        voiced = round(count / SYLLABLES_PER_S / request.rate * SAMPLE_RATE)
        pause = round(_PAUSE_S * SAMPLE_RATE) if count else 0
        return Speech(
            sample_rate=SAMPLE_RATE,
            pcm=bytes(2 * (voiced + pause)),
            words=estimated(text, voiced),
            aborted=abort.is_set,
        )

    def close(self) -> None:
        """Do nothing: there is nothing to release."""
