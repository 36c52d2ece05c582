"""From what a source delivers to 512-sample chunks: mix-down, repair, resampling, framing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tektra.audio_capture.backend import Audio
from tektra.runtime.pcm import Samples, StreamResampler, to_int16

RATE = 16_000  # Hz, of audio/mic
CHUNK = 512  # samples: 32 ms, what Silero takes at 16 kHz
SAMPLE_NS = 62_500  # ns, exact
CHUNK_NS = CHUNK * SAMPLE_NS
CHUNK_S = CHUNK / RATE

Mono = NDArray[np.float32]


def mix_down(samples: Audio, channel: int) -> tuple[Mono, int]:
    """Return ``samples`` [frames, channels] as one, [frames], and how many values were repaired.

    ``channel`` -1 takes the mean, otherwise that channel (the last one if there are fewer). NaN
    and infinity become 0 (counted) and the rest is clipped to -1..1, before anything with a memory
    can smear them.
    """
    if channel >= 0:
        column = min(channel, samples.shape[1] - 1)
        samples = samples[:, column : column + 1]
    bad = 0
    if samples.size and not (samples.max() <= 1 and samples.min() >= -1):  # also if there is a NaN
        finite = np.isfinite(samples)
        bad = int(samples.size - np.count_nonzero(finite))
        samples = np.clip(np.where(finite, samples, np.float32(0)), -1.0, 1.0)
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float32)
    return np.ascontiguousarray(mono, dtype=np.float32), bad


class Converter:
    """Mix-down and resampling of a stream to 16 kHz mono int16; follows changes of rate."""

    def __init__(self, channel: int = -1) -> None:
        self._channel = channel
        self._resampler = StreamResampler(RATE, RATE)
        self.bad_samples = 0

    def push(self, samples: Audio, rate: int, last: bool = False) -> Samples:
        """Return what is ready of ``samples`` [frames, channels]; ``last`` flushes the tail."""
        mono, bad = mix_down(samples, self._channel)
        self.bad_samples += bad
        tail = np.empty(0, np.int16)
        if rate != self._resampler.source_rate:
            tail = self.flush()
            self._resampler = StreamResampler(rate, RATE)
        out = to_int16(self._resampler.push(mono, last))
        if last:
            self._resampler = StreamResampler(rate, RATE)
        return np.concatenate((tail, out)) if tail.size else out

    def flush(self) -> Samples:
        """Return what is still inside, and start afresh."""
        rate = self._resampler.source_rate
        tail = to_int16(self._resampler.push(np.empty(0, np.float32), True))
        self._resampler = StreamResampler(rate, RATE)
        return tail


@dataclass(frozen=True)
class Frame:
    """Exactly ``CHUNK`` int16 samples and the index of the first in the stream."""

    pcm: Samples
    first_sample: int
    last: bool = False


class Framer:
    """Cuts a stream into frames. ``position`` is the index of the next sample to come."""

    def __init__(self) -> None:
        self._rest: list[Samples] = []
        self._held = 0
        self.position = 0

    def push(self, pcm: Samples, last: bool = False) -> list[Frame]:
        """Return the frames that are full now; ``last`` pads the rest and marks the final one.

        With ``last`` there is always a final frame, of silence if nothing is left to send.
        """
        start = self.position - self._held
        self.position += pcm.size
        if pcm.size == CHUNK and not self._held and not last:  # the usual case
            return [Frame(pcm, start)]
        self._rest.append(pcm)
        self._held += pcm.size
        if self._held < CHUNK and not last:
            return []
        held = np.concatenate(self._rest)
        count = self._held // CHUNK
        missing = -self._held % CHUNK
        if last and (missing or not count):
            missing = missing or CHUNK
            held = np.concatenate((held, np.zeros(missing, np.int16)))
            self.position += missing
            count += 1
        frames = [
            Frame(held[i * CHUNK : (i + 1) * CHUNK], start + i * CHUNK, last and i == count - 1)
            for i in range(count)
        ]
        rest = held[count * CHUNK :].copy()
        self._rest, self._held = ([rest] if rest.size else []), rest.size
        return frames

    def skip(self, lost: int) -> list[Frame]:
        """Move on by ``lost`` samples that nobody has; return the frame that this completes.

        An open frame is filled with zeros for as long as the gap lasts, so that time stays right;
        what is left of the gap shows as a jump of ``first_sample``.
        """
        if lost <= 0:
            return []
        filled = min(lost, -self._held % CHUNK)
        frames = self.push(np.zeros(filled, np.int16)) if filled else []
        self.position += lost - filled
        return frames
