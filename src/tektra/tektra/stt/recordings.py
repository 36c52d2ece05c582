"""Transcribes recordings beside the conversation, in pieces, whenever nobody speaks."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from tektra.audio_capture.backend import MAX_RATE, MIN_RATE
from tektra.audio_capture.framing import Converter
from tektra.runtime.backends import BackendFailed, BackendUnavailable
from tektra.runtime.pcm import Samples, to_float
from tektra.stt.backend import SAMPLE_RATE, Hypothesis, Word
from tektra.stt.cutter import Cutter
from tektra.stt.engine import Job, Result, Want
from tektra.vad.backend import FRAME, VadBackend
from tektra.vad.core import VadOptions
from tektra.vad.segmenter import Event, Segmenter

MAX_S = 3600.0  # of one recording
STEP = SAMPLE_RATE  # samples of a job: live speech never waits for more than that
PIECE_SOFT_S, PIECE_HARD_S = 15.0, 20.0
LEAD_S, TAIL_S = 0.5, 0.3  # of audio around speech
JOIN_S = 0.8  # pauses up to this do not divide speech
MOST_CHANNELS = 64


class RecordingError(ValueError):
    """A recording cannot be transcribed; the text names it and says why."""


def load_file(path: str) -> Samples:
    """Return a wav, flac, mp3 or ogg file as int16 mono at 16 kHz; any rate and channels.

    :raises RecordingError: if there is none, it is not audio, or it is longer than an hour.
    """
    from tektra.audio_capture.backends.file import FileSource

    try:
        source = FileSource(path)
        converter, parts, held = Converter(), [], 0
        while (block := source.read(0.0)) is not None:
            parts.append(converter.push(block.samples, block.rate, block.last))
            held += parts[-1].size
            if held > MAX_S * SAMPLE_RATE:
                raise RecordingError(f'{path}: longer than {MAX_S:g} s; cut it')
        source.close()
    except (BackendUnavailable, BackendFailed) as error:
        raise RecordingError(str(error)) from error
    return np.concatenate(parts) if parts else np.empty(0, np.int16)


def load_data(data: bytes | memoryview, sample_rate: int, channels: int) -> Samples:
    """Return s16le samples, channels interleaved, as int16 mono at 16 kHz.

    :raises RecordingError: naming the field that is wrong.
    """
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise RecordingError(f'sample_rate = {sample_rate} is outside {MIN_RATE}..{MAX_RATE} Hz')
    if not 1 <= channels <= MOST_CHANNELS:
        raise RecordingError(f'channels = {channels} is outside 1..{MOST_CHANNELS}')
    if len(data) % (2 * channels):
        raise RecordingError(f'data: {len(data)} bytes are not whole frames of {channels} samples')
    if len(data) > MAX_S * sample_rate * 2 * channels:
        raise RecordingError(f'data: longer than {MAX_S:g} s; cut it')
    audio = to_float(np.frombuffer(data, '<i2')).reshape(-1, channels)
    return Converter().push(audio, sample_rate, last=True)


def detector() -> VadBackend:
    """Return what tells speech from silence in recordings."""
    from tektra.vad.backends.energy import Energy
    from tektra.vad.backends.silero import Silero

    try:
        return Silero()
    except BackendUnavailable:
        return Energy()


def speech_pieces(pcm: Samples, vad: VadBackend) -> list[tuple[int, int]]:
    """Return (start, stop) of the pieces of ``pcm`` with speech, at most ``PIECE_HARD_S`` each."""
    thresholds = VadOptions(end_silence_s=JOIN_S, longest_s=MAX_S).thresholds()
    segmenter = Segmenter(thresholds)
    spans: list[tuple[int, int]] = []
    for at in range(0, pcm.size - FRAME + 1, FRAME):
        frame = to_float(pcm[at : at + FRAME])
        if segmenter.push(vad.probability(frame), at, FRAME) is Event.END:
            spans.append((segmenter.start, segmenter.end))
    if segmenter.finish() is Event.END:
        spans.append((segmenter.start, segmenter.end))
    lead, tail = round(LEAD_S * SAMPLE_RATE), round(TAIL_S * SAMPLE_RATE)
    pieces, free = [], 0
    for start, end in spans:
        begin, stop = max(free, start - lead), min(pcm.size, end + tail)
        pieces += _cut(pcm, begin, stop)
        free = stop
    return pieces


def _cut(pcm: Samples, start: int, stop: int) -> list[tuple[int, int]]:
    pieces = []
    soft, hard = round(PIECE_SOFT_S * SAMPLE_RATE), round(PIECE_HARD_S * SAMPLE_RATE)
    while stop - start > hard:
        cut = Cutter(soft, hard).push(pcm[start:stop])
        if cut is None:
            break
        pieces.append((start, start + cut.position))
        start += cut.position - cut.overlap
    return [*pieces, (start, stop)]


@dataclass
class Recording:
    """A recording on its way: ``pieces`` of ``pcm`` to decode, and what was found in them."""

    key: str
    pcm: Samples
    pieces: list[tuple[int, int]]
    index: int = 0
    position: int = 0  # samples of the piece that the engine has
    found: list[tuple[int, Hypothesis]] = field(default_factory=list)
    partial: str = ''
    backend: str = ''
    problem: str = ''

    @property
    def done(self) -> bool:
        """True when every piece was decoded, or one could not be."""
        return bool(self.problem) or self.index >= len(self.pieces)

    @property
    def progress(self) -> float:
        """Return the share that was decoded, 0..1."""
        total = sum(stop - start for start, stop in self.pieces)
        before = sum(stop - start for start, stop in self.pieces[: self.index])
        return (before + self.position) / total if total else 1.0

    @property
    def text(self) -> str:
        """Return the words so far."""
        return ' '.join(heard.text for _, heard in self.found if heard.text)

    @property
    def confidence(self) -> float:
        """Return the least confidence of a piece; negative: unknown."""
        return min((h.confidence for _, h in self.found if h.text), default=-1.0)

    @property
    def language(self) -> str:
        """Return the language of the last piece that has one."""
        return next((h.language for _, h in reversed(self.found) if h.language), '')

    @property
    def words(self) -> list[tuple[Word, float, float]]:
        """Return the words with their begin and end in s."""
        return [
            (word, (start + word.start) / SAMPLE_RATE, (start + word.end) / SAMPLE_RATE)
            for start, heard in self.found
            for word in heard.words
        ]


class Recordings:
    """The recordings that wait, first come first served; live speech may displace them."""

    def __init__(self) -> None:
        self._waiting: deque[Recording] = deque()

    def add(self, recording: Recording) -> None:
        """Queue a recording; with nothing to decode it is done at once."""
        if not recording.done:
            self._waiting.append(recording)

    def remove(self, recording: Recording) -> None:
        """Forget a recording (cancelled)."""
        if recording in self._waiting:
            self._waiting.remove(recording)

    def displaced(self) -> None:
        """Note that the engine was used for live speech: the piece begins again."""
        if self._waiting:
            self._waiting[0].position = 0

    def next_job(self) -> Job | None:
        """Return the next piece of work, or None."""
        if not self._waiting:
            return None
        recording = self._waiting[0]
        start, stop = recording.pieces[recording.index]
        begin = start + recording.position
        end = min(stop, begin + STEP)
        want = Want.FINAL if end == stop else Want.PARTIAL
        key = f'{recording.key}/{recording.index}'
        return Job(key, recording.position == 0, recording.pcm[begin:end], want)

    def on_result(self, job: Job, result: Result) -> Recording | None:
        """Take what came of a job; return its recording, None if it was cancelled meanwhile."""
        recording = next((r for r in self._waiting if job.key.startswith(f'{r.key}/')), None)
        if recording is None:
            return None
        recording.backend = result.backend or recording.backend
        recording.problem = result.problem
        recording.position += job.audio.size
        if job.want is Want.FINAL:
            start = recording.pieces[recording.index][0]
            recording.found.append((start, result.hypothesis or Hypothesis()))
            recording.index, recording.position, recording.partial = recording.index + 1, 0, ''
        elif result.hypothesis is not None:
            recording.partial = result.hypothesis.text
        if recording.done:
            self._waiting.remove(recording)
        return recording
