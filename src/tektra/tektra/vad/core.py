"""Voice activity without ROS: chunks of microphone audio in, VoiceActivity messages out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from builtin_interfaces.msg import Time
from tektra_msgs.msg import AudioChunk, VoiceActivity

from tektra.runtime.clock import NS_PER_S, nanoseconds
from tektra.runtime.ids import new_id
from tektra.runtime.pcm import Samples, from_bytes, to_float
from tektra.vad.backend import FRAME, SAMPLE_RATE, Frame
from tektra.vad.segmenter import Event, Segmenter, Thresholds


class Detector(Protocol):
    """Gives probabilities; in the node a chain of backends, in tests a script."""

    @property
    def name(self) -> str:
        """Return the engine that answered last."""
        ...

    def probability(self, frame: Frame, now_ns: int) -> float:
        """Return 0..1 for ``frame`` (shape [512], -1..1)."""
        ...

    def reset(self) -> None:
        """Forget earlier frames."""
        ...


class ChunkError(ValueError):
    """A chunk of audio/mic has another format; the text names the field, the value, the need."""


@dataclass(frozen=True)
class VadOptions:
    """How speech is told from silence. Times in s."""

    threshold: float = 0.5  # Silero's own default
    release_threshold: float = 0.35  # Silero's own: 0.15 below
    start_speech_s: float = 0.064
    min_speech_s: float = 0.128
    soft_silence_s: float = 0.192
    end_silence_s: float = 0.7
    longest_s: float = 30.0  # a radio never pauses: everyone downstream keeps utterances whole
    gap_tolerance_s: float = 0.2
    audio_timeout_s: float = 1.0
    idle_every: int = 4

    def thresholds(self) -> Thresholds:
        """Return the same in samples."""

        def samples(s: float) -> int:
            return round(s * SAMPLE_RATE)

        return Thresholds(
            on=self.threshold,
            off=min(self.release_threshold, self.threshold),
            start_speech=samples(self.start_speech_s),
            min_speech=samples(self.min_speech_s),
            soft_silence=samples(self.soft_silence_s),
            end_silence=max(samples(self.end_silence_s), samples(self.soft_silence_s)),
            longest=samples(self.longest_s),
        )


class VadCore:
    """Follows audio/mic. Each utterance has exactly one START and then one END or ABORT.

    Missing audio: after a gap the engine starts afresh; a gap up to ``gap_tolerance_s`` counts as
    silence, a longer one, a step back or another stream closes the utterance. ``gaps`` counts
    them.
    """

    def __init__(
        self, detector: Detector, options: VadOptions, make_id: Callable[[], str] = new_id
    ) -> None:
        self._detector = detector
        self._options = options
        self._make_id = make_id
        self._segmenter = Segmenter(options.thresholds())
        self._stream = ''
        self._rest: Samples = np.empty(0, np.int16)
        self._next = 0  # sample index after what was received
        self._utterance = ''
        self._heard_ns = 0
        self._last_stamp_ns = 0  # ROS time after the last frame
        self._quiet_frames = 0
        self._probability = 0.0
        self.gaps = 0

    @property
    def utterance_open(self) -> bool:
        """True between START and END or ABORT."""
        return self._segmenter.open

    def change(self, options: VadOptions) -> None:
        """Go on with other options, also in the middle of an utterance."""
        self._options = options
        self._segmenter.thresholds = options.thresholds()

    def on_chunk(self, chunk: AudioChunk, now_ns: int) -> list[VoiceActivity]:
        """Judge a chunk of any length.

        :raises ChunkError: if it is not 16 kHz mono s16le.
        """
        check_chunk(chunk)
        out = self._follow(chunk)
        self._heard_ns = now_ns
        pcm = from_bytes(memoryview(chunk.data))
        first = chunk.first_sample - self._rest.size
        if self._rest.size:
            pcm = np.concatenate((self._rest, pcm))
        self._next = first + pcm.size
        stamp_ns = chunk.header.stamp.sec * NS_PER_S + chunk.header.stamp.nanosec
        stop = pcm.size - pcm.size % FRAME
        for at in range(0, stop, FRAME):
            offset = first + at - chunk.first_sample
            frame_ns = stamp_ns + offset * NS_PER_S // SAMPLE_RATE
            out += self._judge(pcm[at : at + FRAME], first + at, frame_ns, now_ns)
        self._rest = pcm[stop:].copy()
        return out

    def on_tick(self, now_ns: int) -> list[VoiceActivity]:
        """Close the utterance when audio has stopped coming."""
        silent_ns = now_ns - self._heard_ns
        if not self.utterance_open or silent_ns < nanoseconds(self._options.audio_timeout_s):
            return []
        return self.stop()

    def stop(self) -> list[VoiceActivity]:
        """Close the utterance, if one is open, and start afresh with whatever comes next."""
        out = self._finish()
        self._stream = ''
        self._forget()
        return out

    def _follow(self, chunk: AudioChunk) -> list[VoiceActivity]:
        """Notice another stream or missing samples before ``chunk``."""
        if chunk.stream_id != self._stream:
            out = self._finish()
            self._stream, self._next = chunk.stream_id, chunk.first_sample
            self._forget()
            return out
        missing = chunk.first_sample - self._next
        if missing == 0:
            return []
        self.gaps += 1
        tolerated = 0 < missing <= self._options.gap_tolerance_s * SAMPLE_RATE
        out = [] if tolerated else self._finish()
        self._forget()
        return out

    def _forget(self) -> None:
        self._rest = np.empty(0, np.int16)
        self._detector.reset()

    def _finish(self) -> list[VoiceActivity]:
        event = self._segmenter.finish()
        if event is Event.NONE:
            return []
        self._probability = 0.0
        last_ns = self._last_stamp_ns
        return [self._message(event, self._next - self._rest.size, 0, last_ns)]

    def _judge(self, pcm: Samples, first: int, stamp_ns: int, now_ns: int) -> list[VoiceActivity]:
        self._probability = self._detector.probability(to_float(pcm), now_ns)
        event = self._segmenter.push(self._probability, first, FRAME)
        self._last_stamp_ns = stamp_ns + FRAME * NS_PER_S // SAMPLE_RATE
        if event is Event.START:
            self._utterance = self._make_id()
        if event is Event.NONE and not self.utterance_open:
            self._quiet_frames += 1
            if self._quiet_frames % self._options.idle_every:
                return []
        return [self._message(event, first, FRAME, stamp_ns)]

    def _message(self, event: Event, first: int, count: int, stamp_ns: int) -> VoiceActivity:
        segmenter = self._segmenter
        of_utterance = segmenter.open or event is not Event.NONE
        silence = 0 if segmenter.speaking else max(0, first + count - segmenter.end)
        message = VoiceActivity(
            stream_id=self._stream,
            utterance_id=self._utterance if of_utterance else '',
            event=int(event),
            probability=self._probability,
            speaking=segmenter.speaking,
            first_sample=first,
            sample_count=count,
            sample_rate=SAMPLE_RATE,
            start_sample=segmenter.start if of_utterance else 0,
            end_sample=segmenter.end if of_utterance else 0,
            silence_s=silence / SAMPLE_RATE if of_utterance else 0.0,
            backend=self._detector.name,
        )
        message.header.stamp = Time(sec=stamp_ns // NS_PER_S, nanosec=stamp_ns % NS_PER_S)
        return message


def check_chunk(chunk: AudioChunk) -> None:
    """Make sure that a chunk of audio/mic has the one format it should have.

    :raises ChunkError: if not.
    """
    needed = (
        ('sample_rate', chunk.sample_rate, SAMPLE_RATE),
        ('channels', chunk.channels, 1),
        ('encoding', chunk.encoding, AudioChunk.ENCODING_S16LE),
    )
    for field, value, wanted in needed:
        if value != wanted:
            raise ChunkError(f'audio/mic: {field} = {value}, but {field} = {wanted} is needed')
    if len(chunk.data) % 2:
        raise ChunkError(f'audio/mic: {len(chunk.data)} bytes are not whole 16-bit samples')
