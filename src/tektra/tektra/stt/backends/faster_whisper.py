"""Whisper through faster-whisper (MIT) and CTranslate2, from weights that are on disk already."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from tektra.resources.errors import is_out_of_memory
from tektra.runtime.backends import BackendFailed, BackendUnavailable
from tektra.runtime.pcm import Samples, level_dbfs, to_float
from tektra.runtime.weights import VARIABLE, find_weights
from tektra.stt.backend import NOISE, SAMPLE_RATE, Hypothesis, Word
from tektra.stt.whisper_files import lacking

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.transcribe import Segment

FOLDER = 'whisper'  # in the weights folders: a model, or one folder for each

# Whisper's own thresholds (openai/whisper transcribe.py).
NO_SPEECH = 0.6  # above: the model itself thinks that nobody speaks
LOG_PROBABILITY = -1.0  # mean of a token, below: doubtful
COMPRESSION = 2.4  # above: the same words again and again

SILENT_DBFS = -65.0  # nothing below this is decoded: Whisper writes "Thank you." into silence
TOKENS_PER_S, TOKENS_LEAST = 8, 20  # fast speech has 5 a second; bounds a loop
PARTIAL_EVERY_S = 1.0  # of new audio at least
PARTIAL_SHARE = 0.5  # of the time, at most, goes into partials
# What Whisper is known to write when nobody speaks; believed only of audio that it is sure is
# speech.
HALLUCINATIONS = frozenset(
    ('thank you', 'thanks for watching', 'thank you for watching', 'you', 'bye', 'subtitles by')
)
SURE_OF_SPEECH = 0.2  # no_speech probability below which they are believed


@dataclass(frozen=True)
class WhisperOptions:
    """``model`` is a name in the weights folder ``whisper``, a path, or empty: the first found."""

    model: str = ''
    language: str = ''  # BCP 47; empty: detected
    device: str = 'auto'  # auto, cpu, cuda
    threads: int = 1


def find_model(name: str) -> Path:
    """Return the folder of a Whisper model in CTranslate2's form.

    :raises BackendUnavailable: naming what is missing and where it was looked for.
    """
    given = Path(name).expanduser()
    folder = given if name and given.is_dir() else find_weights(f'{FOLDER}/{name}'.rstrip('/'))
    fix = f'put it in a folder of {VARIABLE}, or run: tektra weights pull'
    if folder is None:
        raise BackendUnavailable(f"no Whisper weights '{FOLDER}/{name}' on disk; {fix}")
    if not (folder / 'model.bin').is_file():
        inside = sorted(p.parent for p in folder.glob('*/model.bin'))
        if not inside:
            raise BackendUnavailable(f'{folder} holds no Whisper model (model.bin); {fix}')
        folder = inside[0]
    if missing := lacking(folder):
        raise BackendUnavailable(f'{folder} is not complete: {", ".join(missing)} missing; {fix}')
    return folder


class FasterWhisper:
    """Keeps the audio of a segment and decodes it as a whole. Not thread-safe.

    ``description`` says which model runs where, for people.
    """

    def __init__(self, options: WhisperOptions) -> None:
        """Load the model: float16 on a GPU that CTranslate2 sees, otherwise int8 on the CPU.

        :raises BackendUnavailable: with the reason and the fix.
        :raises BackendFailed: for want of memory.
        """
        folder = find_model(options.model)
        self._model, where = _load(folder, options)
        self._language = options.language.partition('-')[0].lower() or None
        if self._language not in (None, *self._model.supported_languages):
            raise BackendUnavailable(
                f"{folder} does not know language '{options.language}'; it knows "
                f'{", ".join(self._model.supported_languages[:8])} ...'
            )
        self.description = f'{folder.name}, {where}'
        self._audio: list[Samples] = []
        self._fresh = 0  # samples since the last partial
        self._took_s = 0.0  # by the last partial

    def start(self) -> None:
        """Begin a segment."""
        self._audio, self._fresh = [], 0

    def feed(self, pcm: Samples) -> None:
        """Keep ``pcm``."""
        self._audio.append(pcm)
        self._fresh += pcm.size

    def partial(self) -> Hypothesis | None:
        """Decode what there is, if enough is new and the last time left time for it."""
        fresh_s = self._fresh / SAMPLE_RATE
        if fresh_s < max(PARTIAL_EVERY_S, self._took_s / PARTIAL_SHARE):
            return None
        began = time.perf_counter()
        heard = self._decode(word_times=False)
        self._took_s, self._fresh = time.perf_counter() - began, 0
        return heard if heard.text else None

    def finish(self) -> Hypothesis:
        """Decode the segment."""
        heard = self._decode(word_times=True)
        self.start()
        return heard

    def close(self) -> None:
        """Release the model."""
        del self._model

    def _decode(self, word_times: bool) -> Hypothesis:
        if not self._audio:
            return Hypothesis()
        pcm = np.concatenate(self._audio)
        if level_dbfs(pcm) < SILENT_DBFS:
            return Hypothesis(reject_reason=NOISE)
        most = TOKENS_LEAST + round(TOKENS_PER_S * pcm.size / SAMPLE_RATE)
        found, info = self._model.transcribe(
            to_float(pcm),
            language=self._language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=word_times,
            max_new_tokens=most,
            vad_filter=False,
        )
        return judge(list(found), info.language, pcm.size)


def judge(segments: Sequence[Segment], language: str, samples: int) -> Hypothesis:
    """Return what ``segments`` say without what is made up; ``samples`` bounds word times."""
    kept = [s for s in segments if s.text.strip() and not _made_up(s)]
    if not kept:
        return Hypothesis(language=language, reject_reason=NOISE)
    probability = float(sum(s.avg_logprob for s in kept)) / len(kept)
    words = tuple(
        Word(
            w.word.strip(),
            min(samples, round(w.start * SAMPLE_RATE)),
            min(samples, round(w.end * SAMPLE_RATE)),
            float(w.probability),
        )
        for s in kept
        for w in s.words or ()
    )
    return Hypothesis(
        ' '.join(s.text.strip() for s in kept),
        language,
        min(1.0, math.exp(probability)),
        probability < LOG_PROBABILITY,
        '',
        words,
    )


def _made_up(segment: Segment) -> bool:
    """Tell what Whisper writes when nobody speaks, or when it is caught in a loop."""
    if segment.compression_ratio > COMPRESSION or segment.no_speech_prob > NO_SPEECH:
        return True
    plain = ''.join(c for c in segment.text.lower() if c.isalpha() or c == ' ').strip()
    return plain in HALLUCINATIONS and segment.no_speech_prob > SURE_OF_SPEECH


@contextmanager
def _without_ffmpeg() -> Iterator[None]:
    """Keep PyAV, whose wheels carry a GPL FFmpeg, out of this process.

    faster-whisper imports it for its reader of files, which is never called: it gets samples.
    """
    if 'av' in sys.modules:
        yield
        return
    sys.modules['av'] = ModuleType('av')
    try:
        yield
    finally:
        del sys.modules['av']


def _load(folder: Path, options: WhisperOptions) -> tuple[WhisperModel, str]:
    """Return the model and where it runs; under ``auto`` a broken GPU gives way to the CPU."""
    try:
        import ctranslate2

        with _without_ffmpeg():
            import faster_whisper
    except ImportError as error:
        raise BackendUnavailable(
            f'faster-whisper is not installed ({error}); pip install faster-whisper'
        ) from error
    tries = []
    gpus = ctranslate2.get_cuda_device_count()
    if options.device == 'cuda' or (options.device == 'auto' and gpus):
        tries.append(('cuda', 'float16'))
    if options.device in ('auto', 'cpu'):
        tries.append(('cpu', 'int8'))
    problems: list[str] = []
    memory = False
    for device, numbers in tries:
        try:
            model = faster_whisper.WhisperModel(
                str(folder),
                device=device,
                compute_type=numbers,
                cpu_threads=options.threads,
                local_files_only=True,
            )
        except Exception as error:  # CTranslate2 has RuntimeError for everything
            problems.append(f'{device}: {str(error) or type(error).__name__}')
            memory = is_out_of_memory(error)
        else:
            lost = f' (not on the GPU: {"; ".join(problems)})' if problems else ''
            return model, f'{numbers} on {device}{lost}'
    if memory:
        raise BackendFailed(f'{folder.name}: out of memory ({"; ".join(problems)})')
    raise BackendUnavailable(
        f'{folder} cannot be loaded ({"; ".join(problems)}); remove it and get it again: '
        'tektra weights pull'
    )
