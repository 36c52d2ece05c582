"""One utterance on its way to the loudspeaker: its samples in order, and how many were heard."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tektra.audio_playback.fades import falling, rising
from tektra.runtime.pcm import Samples, StreamResampler, to_float, to_int16

OUTPUT_RATE = 24_000  # Hz, mono: what tts makes and what is mixed
DECLICK_S = (
    0.005  # s, fade at the edges of samples that never came; too short to be heard as a fade
)


@dataclass(frozen=True)
class Pushed:
    """What became of one chunk, in samples of the utterance."""

    accepted: int
    missing: int = 0  # did not come, silence instead
    repeated: int = 0  # had come before, dropped


class Utterance:
    """Samples of one spoken reply or announcement, resampled to ``OUTPUT_RATE`` as they come.

    Every index in the interface counts samples of the utterance at its own ``sample_rate`` (Hz),
    except where a name says ``out``. ``key`` is (turn_seq, revision), ``order`` the order of
    arrival.
    """

    def __init__(
        self,
        session_id: str,
        key: tuple[int, int],
        utterance_id: str,
        sample_rate: int,
        first_sample: int,
        order: int,
    ) -> None:
        self.session_id = session_id
        self.key = key
        self.utterance_id = utterance_id
        self.sample_rate = sample_rate
        self.order = order
        self.ended = False  # nothing further comes
        self.cut = False  # ended before its time: the rest is refused
        self.starving = False  # silence is played because nothing has come
        self.underruns = 0
        self.underrun_out = 0
        self.starved_out = 0  # silence in a row
        self.first_heard_ns: int | None = None
        self.played_out = 0
        self.queued_out = 0
        self._base = self._expected = first_sample
        self._pieces: deque[Samples] = deque()
        self._offset = 0
        self._last_value = 0.0
        self._resampler = StreamResampler(sample_rate, OUTPUT_RATE)

    @property
    def is_reply(self) -> bool:
        """True for the reply to a turn, False for an announcement."""
        return self.key[0] > 0

    @property
    def ready(self) -> bool:
        """True when there is something to play, or nothing further to wait for."""
        return self.queued_out > 0 or self.ended

    @property
    def finished(self) -> bool:
        """True when everything that came has been played and nothing further comes."""
        return self.ended and self.queued_out == 0

    @property
    def played(self) -> int:
        """Return the index of the next sample to be heard."""
        if self.finished:
            return self._expected
        own = self.played_out * self.sample_rate // OUTPUT_RATE
        return min(self._expected, self._base + own)

    @property
    def queued(self) -> int:
        """Return the samples received and not yet played."""
        return self._expected - self.played

    def missing_before(self, first_sample: int) -> int:
        """Return how many samples would be missing if a chunk began at ``first_sample``."""
        return max(0, first_sample - self._expected)

    def push(self, first_sample: int, pcm: Samples, last: bool) -> Pushed:
        """Append a chunk: a repeat is dropped, a gap becomes silence with soft edges."""
        missing = self.missing_before(first_sample)
        repeated = min(pcm.size, max(0, self._expected - first_sample))
        audio = to_float(pcm[repeated:])
        if missing:
            audio = self._bridged(audio, missing)
        accepted = pcm.size - repeated
        self._expected += missing + accepted
        if audio.size:
            self._last_value = float(audio[-1])
        exact = self.sample_rate == OUTPUT_RATE and not missing
        self._append(pcm[repeated:] if exact else to_int16(self._resampler.push(audio, last=last)))
        self.ended = self.ended or last
        return Pushed(accepted, missing, repeated)

    def take(self, most: int) -> Samples:
        """Return the next output samples, up to ``most``; they count as heard."""
        taken: list[Samples] = []
        left = min(most, self.queued_out)
        self.queued_out -= left
        self.played_out += left
        while left:
            piece = self._pieces[0]
            part = piece[self._offset : self._offset + left]
            taken.append(part)
            left -= part.size
            self._offset += part.size
            if self._offset == piece.size:
                self._pieces.popleft()
                self._offset = 0
        if len(taken) == 1:
            return taken[0]
        return np.concatenate(taken) if taken else np.zeros(0, dtype=np.int16)

    def starve(self) -> None:
        """Count the beginning of an underrun."""
        self.starving = True
        self.underruns += 1
        self.starved_out = 0

    def insert_silence(self, out_samples: int) -> None:
        """Count silence that is played because nothing has come."""
        self.starved_out += out_samples
        self.underrun_out += out_samples

    def _append(self, pcm: Samples) -> None:
        if pcm.size:
            self._pieces.append(pcm)
            self.queued_out += pcm.size

    def _bridged(self, audio: NDArray[np.float32], missing: int) -> NDArray[np.float32]:
        edge = round(DECLICK_S * self.sample_rate)
        silence = np.zeros(missing, dtype=np.float32)
        fall = min(edge, missing)
        silence[:fall] = self._last_value * falling(edge)[:fall]
        rise = min(edge, audio.size)
        audio[:rise] *= rising(edge)[:rise]
        return np.concatenate((silence, audio))
