"""pocketsphinx (BSD) keyword spotting on the English model of its wheel."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.pcm import Samples
from tektra.stop_word.backend import SAMPLE_RATE, Spotted, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pocketsphinx import Decoder

FRAME = SAMPLE_RATE // 100  # samples: the decoder's frames are 10 ms
BLOCK = 512  # samples given to the decoder at once, 32 ms
SEARCH = 'stop_word'
# pocketsphinx's own (1e-48) loses phrases of two words before they are complete.
BEAM = 1e-150
# Frames that a detection waits for a better one (pocketsphinx: 10, that is 100 ms later).
DELAY_FRAMES = 3
# The decoder counts on for ever; it begins afresh now and then, with the last second again so
# that no word is cut in two.
RESTART = 60 * SAMPLE_RATE
KEPT = SAMPLE_RATE
# The cepstral mean that the model's own documentation starts from; the running mean follows.
# With the mean of the stt backend half as many words were heard in noise at 20 dB.
MEAN = '41,-5.29,-0.12,5.09,2.48,-4.07,-1.37,-1.78,-5.08,-2.05,-6.45,-1.42,1.17'
# Speech is brought to one level first: without it 28 to 36 of 48 words were heard at -30 dBFS and
# 47 of 48 with it (synthetic voices, noise at 20 dB).
WANTED_RMS = 6000.0
QUIETEST_RMS = 60.0
MOST_GAIN = 32.0
FADE = 0.995  # of the level a block: it falls by half in 4.4 s


class Level:
    """Brings audio to one level without looking ahead: loud at once, quiet slowly."""

    def __init__(self) -> None:
        self._rms = 0.0
        self._gain = 0.0

    def push(self, pcm: Samples) -> Samples:
        """Return ``pcm`` (one block) at the wanted level."""
        wide: NDArray[np.float64] = pcm.astype(np.float64)
        self._rms = max(float(np.sqrt(np.mean(wide * wide))), self._rms * FADE)
        wanted = min(MOST_GAIN, WANTED_RMS / max(self._rms, QUIETEST_RMS))
        gain = np.linspace(self._gain or wanted, wanted, pcm.size)
        self._gain = wanted
        return np.clip(wide * gain, -32768, 32767).astype(np.int16)


class Pocketsphinx:
    """One decoder that looks for all phrases. Not thread-safe."""

    name = 'pocketsphinx'

    def __init__(self, targets: Sequence[Target], sure_score: float) -> None:
        """Load the model.

        :raises BackendUnavailable: if pocketsphinx is missing, or a word has no pronunciation.
        """
        try:
            import pocketsphinx
        except ImportError as error:
            raise BackendUnavailable(
                f'pocketsphinx is not installed ({error}); pip install pocketsphinx'
            ) from error
        if not targets:
            raise BackendUnavailable('pocketsphinx has no phrase to look for; add hold words')
        model = Path(pocketsphinx.get_model_path('en-us'))
        self._decoder = pocketsphinx.Decoder(
            hmm=os.fspath(model / 'en-us'),
            dict=os.fspath(model / 'cmudict-en-us.dict'),
            lm=None,
            kws_delay=DELAY_FRAMES,
            beam=BEAM,
            loglevel='FATAL',
        )
        _teach(self._decoder, targets)
        self._sure_score = sure_score
        self._level = Level()
        self._rest: Samples = np.empty(0, np.int16)
        self._kept: Samples = np.empty(0, np.int16)
        self._base = 0  # sample index at which the decoder began
        self._next = 0
        self._seen: dict[tuple[str, int], float] = {}
        self._last_end: dict[str, int] = {}
        self._begin()

    def feed(self, pcm: Samples) -> list[Spotted]:
        """Search in blocks of 32 ms; a shorter rest waits for the next call."""
        pcm = np.concatenate((self._rest, pcm)) if self._rest.size else pcm
        stop = pcm.size - pcm.size % BLOCK
        found: list[Spotted] = []
        for at in range(0, stop, BLOCK):
            found += self._block(self._level.push(pcm[at : at + BLOCK]))
        self._rest = pcm[stop:].copy()
        return found

    def reset(self) -> None:
        """Begin at sample 0. The level is kept: it is still the same room."""
        self._decoder.end_utt()
        self._rest = self._kept = np.empty(0, np.int16)
        self._base = self._next = 0
        self._last_end = {}
        self._begin()

    def close(self) -> None:
        """Release the decoder."""
        self._decoder.end_utt()
        del self._decoder

    def _begin(self) -> None:
        with warnings.catch_warnings():
            # Called "unnecessary" by pocketsphinx 5.1; without it the front end's state carries
            # over.
            warnings.simplefilter('ignore', DeprecationWarning)
            self._decoder.start_stream()
        self._decoder.set_cmn(MEAN)
        self._decoder.start_utt()
        self._seen = {}

    def _block(self, pcm: Samples) -> list[Spotted]:
        if self._next - self._base >= RESTART:
            self._decoder.end_utt()
            self._base = self._next - self._kept.size
            self._begin()
            self._decoder.process_raw(self._kept.tobytes(), False, False)
        self._decoder.process_raw(pcm.tobytes(), False, False)
        self._next += pcm.size
        self._kept = np.concatenate((self._kept, pcm))[-KEPT:]
        if self._decoder.hyp() is None:
            return []
        found = []
        for segment in self._decoder.seg() or ():
            phrase, score = segment.word.strip(), float(segment.prob)
            key = (phrase, segment.start_frame)
            start = self._base + segment.start_frame * FRAME
            end = min(self._base + (segment.end_frame + 1) * FRAME, self._next)
            if score <= self._seen.get(key, 0.0) or end <= self._heard_again(phrase):
                continue
            self._seen[key] = score
            self._last_end[phrase] = end
            found.append(Spotted(phrase, start, end, score, score >= self._sure_score))
        return found

    def _heard_again(self, phrase: str) -> int:
        """Return the index before which a hit was reported by the run before a restart."""
        repeated = self._next - self._base < 2 * KEPT and self._base > 0
        return self._last_end.get(phrase, -1) if repeated else -1


def _teach(decoder: Decoder, targets: Sequence[Target]) -> None:
    """Add words and phrases.

    :raises BackendUnavailable: naming the word that the dictionary lacks.
    """
    for target in targets:
        for word in target.phrase.split():
            if target.phones.get(word) and decoder.lookup_word(word) is None:
                decoder.add_word(word, target.phones[word], False)
            if decoder.lookup_word(word) is None:
                raise BackendUnavailable(
                    f"pocketsphinx does not know how '{word}' sounds; add it to phones in "
                    f'stop_words.yaml, for example {word}: T EH K'
                )
    with tempfile.NamedTemporaryFile('w', suffix='.kws', encoding='utf-8') as file:
        file.writelines(f'{t.phrase} /{t.threshold:g}/\n' for t in targets)
        file.flush()
        decoder.add_kws(SEARCH, file.name)
    decoder.activate_search(SEARCH)
