"""pocketsphinx (BSD): a command grammar and dictation side by side, on its wheel's model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.pcm import Samples
from tektra.stt.backend import NOISE, SAMPLE_RATE, Hypothesis, Word
from tektra.stt.cepstral_mean import CepstralMean, begin
from tektra.stt.judge import Heard, believed, distance

if TYPE_CHECKING:
    from pocketsphinx import Decoder

FRAME = SAMPLE_RATE // 100  # samples: the decoder's frames are 10 ms
# Samples given to a decoder at once. It keeps the interpreter to itself meanwhile: with 4096
# nothing else ran for 100 ms, and turns were noticed that much later. Small blocks cost no more.
BLOCK = FRAME
SEARCH = 'tektra'
LEAST_PHONES = 4  # dictation shorter than this is heard in any noise ("the", "a", "uh")
SLOWEST = 2.0  # phones a second; the slowest speech in the recordings has 3, white noise 0.7
# Narrower searches than pocketsphinx's own: half the time, the same words on the recordings of
# docs/speech.md.
GRAMMAR_BEAMS = {'beam': 1e-40, 'pbeam': 1e-40, 'wbeam': 1e-20}
GRAMMAR_HMMS, DICTATION_HMMS = 3000, 2000  # most states searched in a frame
# Digital silence is unlike anything the model has seen. Noise at -60 dBFS under everything took
# synthetic speech from 62 % to 76 % of sentences right, and changes nothing in a real room, which
# is louder.
DITHER_DBFS = -60.0
DITHER_SEED = 1
# Of the segment: less than this in words of which none is sure is what noise gives.
HARDLY_HEARD = 0.2


class Pocketsphinx:
    """Two decoders that stay loaded, fed the same audio. Not thread-safe."""

    def __init__(self, grammar: Path, language: str = 'en') -> None:
        """Load the model and ``grammar`` (JSGF), with extra words from the .dict file beside it.

        :raises BackendUnavailable: naming the file and the fix, if something is missing or wrong.
        """
        if language.partition('-')[0].lower() not in ('', 'en'):
            raise BackendUnavailable(
                f"pocketsphinx has a model for English only, not for '{language}'; "
                'put a Whisper model in TEKTRA_WEIGHTS_PATH and use backend faster_whisper'
            )
        try:
            import pocketsphinx
        except ImportError as error:
            raise BackendUnavailable(
                f'pocketsphinx is not installed ({error}); pip install pocketsphinx'
            ) from error
        if not grammar.is_file():
            raise BackendUnavailable(f'grammar {grammar} does not exist; set parameter grammar')
        model = Path(pocketsphinx.get_model_path('en-us'))
        self._grammar = _decoder(model, None, GRAMMAR_HMMS)
        self._dictation = _decoder(model, model / 'en-us.lm.bin', DICTATION_HMMS)
        words = read_dictionary(grammar.with_suffix('.dict'))
        for decoder in (self._grammar, self._dictation):
            for word, phones in words:
                decoder.add_word(word, phones, False)
        try:
            self._grammar.add_jsgf_file(SEARCH, os.fspath(grammar))
            self._grammar.activate_search(SEARCH)
        except Exception as error:  # pocketsphinx says only that it failed
            raise BackendUnavailable(
                f'grammar {grammar} is not a JSGF grammar of words in the dictionary ({error}); '
                f'check it, and add missing words to {grammar.with_suffix(".dict").name}'
            ) from error
        self._sentences = self._grammar.get_fsg(SEARCH)
        self._dither = _dither()
        self._position = 0
        self._mean = CepstralMean(self._grammar)
        self._running = False
        self._waiting: list[Samples] = []

    def start(self) -> None:
        """Begin a segment."""
        if self._running:
            self._end()
        self._mean.start()
        self._waiting = []
        self._position = 0

    def feed(self, pcm: Samples) -> None:
        """Decode ``pcm``; the first second of speech waits until its cepstral mean is known."""
        pcm = self._with_dither(pcm)
        if self._running:
            self._decode(pcm)
            return
        self._waiting.append(pcm)
        if self._mean.push(pcm):
            self._begin()

    def partial(self) -> Hypothesis | None:
        """Return what has been heard so far; doubtful words too."""
        if not self._running:
            return None
        heard = self._judge(complete=False)
        return heard if heard.text else None

    def finish(self) -> Hypothesis:
        """Return the sentence of the grammar if it is believed, else the dictation as doubtful."""
        if not self._waiting and not self._running:
            return Hypothesis()
        if not self._running:
            self._begin()
        self._end()
        return self._judge(complete=True)

    def close(self) -> None:
        """Release both decoders."""
        if self._running:
            self._end()
        del self._grammar, self._dictation, self._sentences, self._mean

    def _with_dither(self, pcm: Samples) -> Samples:
        index = np.arange(self._position, self._position + pcm.size) % self._dither.size
        self._position += pcm.size
        noise = self._dither[index]
        return np.clip(pcm + noise, -32768, 32767).astype(np.int16)

    def _begin(self) -> None:
        mean = self._mean.value()
        for decoder in (self._grammar, self._dictation):
            begin(decoder, mean)
        self._running = True
        waiting, self._waiting = self._waiting, []
        self._decode(np.concatenate(waiting))

    def _end(self) -> None:
        self._running = False
        for decoder in (self._grammar, self._dictation):
            decoder.end_utt()

    def _decode(self, pcm: Samples) -> None:
        for at in range(0, pcm.size, BLOCK):
            block = pcm[at : at + BLOCK].tobytes()
            self._grammar.process_raw(block, False, False)
            self._dictation.process_raw(block, False, False)

    def _judge(self, complete: bool) -> Hypothesis:
        """Choose between grammar and dictation; ``complete``: only whole sentences count."""
        dictation = self._heard(self._dictation)
        sentence = self._heard(self._grammar)
        if not dictation.text and not sentence.text:
            return Hypothesis(reject_reason=NOISE)
        if ' ' in dictation.text and self._sentences.accept(dictation.text):
            return self._sure(dictation, self._dictation, 1.0)
        if not complete or self._sentences.accept(sentence.text):
            if believed(sentence, dictation):
                nearness = 1 - distance(sentence.phones, dictation.phones)
                return self._sure(sentence, self._grammar, nearness)
        hardly = dictation.frames < HARDLY_HEARD * self._position / FRAME
        slow = len(dictation.phones) < SLOWEST * dictation.frames * FRAME / SAMPLE_RATE
        if hardly or slow or len(dictation.phones) < LEAST_PHONES:
            return Hypothesis(reject_reason=NOISE)
        words = self._words(self._dictation)
        return Hypothesis(dictation.text, 'en', self._doubt(sentence, dictation), True, '', words)

    def _sure(self, heard: Heard, decoder: Decoder, confidence: float) -> Hypothesis:
        return Hypothesis(heard.text, 'en', confidence, False, '', self._words(decoder))

    def _doubt(self, sentence: Heard, dictation: Heard) -> float:
        """Return the confidence of dictation: at most a half, less the less the two agree."""
        return 0.5 * (1 - distance(sentence.phones, dictation.phones))

    def _heard(self, decoder: Decoder) -> Heard:
        words = [(s.word, s.end_frame - s.start_frame + 1) for s in decoder.seg() or ()]
        spoken = [(word, frames) for word, frames in words if _is_word(word)]
        phones: list[str] = []
        for word, _ in spoken:
            phones += (decoder.lookup_word(word) or '').split()
        text = ' '.join(_plain(word) for word, _ in spoken)
        return Heard(text, tuple(phones), sum(frames for _, frames in spoken))

    def _words(self, decoder: Decoder) -> tuple[Word, ...]:
        return tuple(
            Word(_plain(s.word), s.start_frame * FRAME, (s.end_frame + 1) * FRAME)
            for s in decoder.seg() or ()
            if _is_word(s.word)
        )


def read_dictionary(path: Path) -> list[tuple[str, str]]:
    """Return (word, phones) of a dictionary file, empty if there is none.

    :raises BackendUnavailable: naming the line that has a word without phones.
    """
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        word, _, phones = line.strip().partition(' ')
        if word and not phones.strip():
            raise BackendUnavailable(
                f"{path}:{number}: '{word}' has no phones; write for example: robot R OW B AA T"
            )
        if word:
            found.append((word, phones.strip()))
    return found


def _dither() -> NDArray[np.float64]:
    """Return ten seconds of white noise, always the same; a short loop would be a tone."""
    noise = np.random.default_rng(DITHER_SEED).standard_normal(10 * SAMPLE_RATE)
    return noise * 32768 * 10 ** (DITHER_DBFS / 20)


def _decoder(model: Path, language_model: Path | None, most_hmms: int) -> Decoder:
    """Return a decoder without ``fwdflat``: a late second pass that finds no more words."""
    import pocketsphinx

    return pocketsphinx.Decoder(
        hmm=os.fspath(model / 'en-us'),
        dict=os.fspath(model / 'cmudict-en-us.dict'),
        lm=os.fspath(language_model) if language_model else None,
        fwdflat=False,
        maxhmmpf=most_hmms,
        loglevel='FATAL',
        **({} if language_model else GRAMMAR_BEAMS),
    )


def _is_word(word: str) -> bool:
    """Tell words from silence, noise and sentence marks."""
    return not word.startswith(('<', '[', '+')) and word != '(NULL)'


def _plain(word: str) -> str:
    """Return a word without the number of its pronunciation: 'the(2)' is 'the'."""
    return word.partition('(')[0]
