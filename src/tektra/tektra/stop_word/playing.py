"""What was really played lately, on ROS time at 16 kHz."""

from __future__ import annotations

import numpy as np
from tektra_msgs.msg import AudioChunk

from tektra.runtime.clock import NS_PER_S
from tektra.runtime.pcm import Samples, StreamResampler, from_bytes, to_float, to_int16

SAMPLE_RATE = 16_000
KEPT = 10 * SAMPLE_RATE
# Stamps of chunks jitter; within a stream samples are counted, until they are off by this.
OFF = SAMPLE_RATE // 20


class Played:
    """Collects audio/reference. Positions count samples of 16 kHz since the epoch."""

    def __init__(self) -> None:
        self._pcm: Samples = np.zeros(KEPT, np.int16)
        self._end = 0  # position after the last sample of _pcm
        self._stream = ''
        self._at = 0  # position at which the stream goes on
        self._resampler: StreamResampler | None = None

    def push(self, chunk: AudioChunk) -> None:
        """Take a chunk: mono s16le at any rate; anything else is left out."""
        if chunk.channels != 1 or not chunk.sample_rate or len(chunk.data) % 2:
            return
        stamp_ns = chunk.header.stamp.sec * NS_PER_S + chunk.header.stamp.nanosec
        position = _position(stamp_ns)
        rate = self._resampler.source_rate if self._resampler else 0
        if self._resampler is None or chunk.stream_id != self._stream or rate != chunk.sample_rate:
            self._resampler = StreamResampler(chunk.sample_rate, SAMPLE_RATE)
            self._stream, self._at = chunk.stream_id, position
        audio = to_float(from_bytes(memoryview(chunk.data)))
        pcm = to_int16(self._resampler.push(audio, chunk.last))
        # The resampler holds some samples back, so that what comes out is older than the stamp.
        if abs(position - self._at) > OFF:
            self._at = position
        self._write(pcm, self._at)
        self._at += pcm.size

    def before(self, end_ns: int, count: int, beyond: int) -> Samples:
        """Return ``count`` samples before ROS time ``end_ns`` and ``beyond`` after it.

        Zeros where nothing was played, or is not known any more.
        """
        out = np.zeros(count + beyond, np.int16)
        start = _position(end_ns) - count
        first = self._end - KEPT
        low, high = max(start, first), min(start + out.size, self._end)
        if low < high:
            out[low - start : high - start] = self._pcm[low - first : high - first]
        return out

    def _write(self, pcm: Samples, at: int) -> None:
        end = at + pcm.size
        if end > self._end:
            step = min(KEPT, end - self._end)
            self._pcm[:-step] = self._pcm[step:]
            self._pcm[-step:] = 0
            self._end = end
        first = self._end - KEPT
        low = max(at, first)
        self._pcm[low - first : end - first] = pcm[low - at :]


def _position(ns: int) -> int:
    return ns * SAMPLE_RATE // NS_PER_S
