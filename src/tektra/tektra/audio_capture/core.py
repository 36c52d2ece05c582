"""The stream of audio/mic: blocks of a source in, AudioChunk messages with index and time out."""

from __future__ import annotations

import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from tektra_msgs.msg import AudioChunk

from tektra.audio_capture.backend import Block
from tektra.audio_capture.framing import CHUNK, RATE, Converter, Frame, Framer
from tektra.audio_capture.timeline import Timeline, ns_of_frames, samples_of
from tektra.runtime.clock import NS_PER_S
from tektra.runtime.pcm import clipped, level_dbfs

_SILENCE = np.zeros(CHUNK, np.int16)


def plain_stamp(ns: int) -> Any:
    """Return local time ``ns`` as a message, unchanged: for simulated time and tests."""
    return Time(sec=ns // NS_PER_S, nanosec=ns % NS_PER_S)


@dataclass
class Losses:
    """What a stream went without, since it began."""

    gaps: int = 0
    lost_samples: int = 0  # at 16 kHz
    bad_samples: int = 0  # NaN or infinite values, in samples of the source


class CaptureCore:
    """One audio stream. Times are local ns; ``to_stamp`` turns one into a message for headers.

    ``channel`` as in ``mix_down``. ``frame_id`` names the microphone's frame.
    """

    def __init__(
        self,
        stream_id: str,
        now_ns: int,
        to_stamp: Callable[[int], Any] = plain_stamp,
        *,
        channel: int = -1,
        frame_id: str = '',
    ) -> None:
        self.stream_id = stream_id
        self.losses = Losses()
        self.timeline = Timeline(now_ns)
        self._to_stamp = to_stamp
        self._frame_id = frame_id
        self._converter = Converter(channel)
        self._framer = Framer()
        self._seq = 0
        self._next_frame: int | None = None  # of the source
        self._input_end = (
            0.0  # index at 16 kHz of the end of what came in; ahead of the framer by the resampler
        )
        self._filling = False
        self._last_stamp_ns = 0
        self.ended = False

    @property
    def position(self) -> int:
        """Return the index of the next sample of the stream."""
        return self._framer.position

    @property
    def next_due_ns(self) -> int:
        """Return the local time at which the next chunk of a paced stream is complete."""
        return self.timeline.at(self._framer.position + CHUNK)

    def push(self, block: Block) -> list[AudioChunk]:
        """Return the chunks that ``block`` completes; its ``last`` marks the final one.

        A jump of ``first_frame``, a stalled source that is back, and a live source whose blocks
        stay late each move ``first_sample`` on and count as a gap.
        """
        frames = self._close_gap(block)
        skipped = 0 if self._next_frame is None else max(0, self._next_frame - block.first_frame)
        samples = block.samples[skipped:]
        self._next_frame = block.first_frame + block.samples.shape[0]
        length = samples.shape[0] * RATE / block.rate
        if block.arrival_ns is not None:
            frames += self._gap(self.timeline.observe(self._input_end + length, block.arrival_ns))
        self._input_end += length
        pcm = self._converter.push(samples, block.rate, block.last)
        self.losses.bad_samples = self._converter.bad_samples
        frames += self._framer.push(pcm, block.last)
        if block.last:
            self.ended = True
            self._input_end = float(self._framer.position)
        return [self._chunk(frame) for frame in frames]

    def silence(self) -> list[AudioChunk]:
        """Return one chunk of digital silence that follows what was sent.

        After the end of the source it says so too, for a listener who missed that.
        """
        self._input_end += CHUNK
        chunks = [self._chunk(frame) for frame in self._framer.push(_SILENCE)]
        for chunk in chunks:
            chunk.last = self.ended
        return chunks

    def finish(self) -> list[AudioChunk]:
        """Return the final chunk, marked so, unless the stream has ended before."""
        if self.ended:
            return []
        self.ended = True
        return [self._chunk(f) for f in self._framer.push(self._converter.flush(), last=True)]

    def fill(self, now_ns: int) -> list[AudioChunk]:
        """Return silence up to ``now_ns``, in place of a live source that has stalled.

        The time since its last sample becomes a gap; after that the stream goes on, so that
        whoever follows it still sees time pass.
        """
        chunks: list[AudioChunk] = []
        if not self._filling:
            self._filling = True
            missing = samples_of(now_ns - self.timeline.at(self._input_end))
            if self._next_frame is not None:
                chunks = [self._chunk(frame) for frame in self._gap(missing)]
        while self.next_due_ns <= now_ns:
            chunks += self.silence()
        return chunks

    def _close_gap(self, block: Block) -> list[Frame]:
        """Bring the index up to the first sample of ``block``."""
        if block.arrival_ns is not None and (self._filling or self._next_frame is None):
            return self._join(block, block.arrival_ns)
        if self._next_frame is None:
            return []
        lost = block.first_frame - self._next_frame
        return self._gap(round(lost * RATE / block.rate))

    def _join(self, block: Block, arrival_ns: int) -> list[Frame]:
        """A live source begins, or is back: only time tells which sample this is."""
        back = self._filling and self._next_frame is not None
        self._filling = False
        self._next_frame = None
        frames: list[Frame] = []
        length = block.samples.shape[0]
        if self._framer.position > 0:
            start_ns = arrival_ns - ns_of_frames(length, block.rate)
            lost = samples_of(start_ns - self.timeline.at(self._input_end))
            frames = self._gap(lost, count=back)
        self.timeline.restart(self._input_end + length * RATE / block.rate, arrival_ns)
        return frames

    def _gap(self, lost: int, *, count: bool = True) -> list[Frame]:
        if lost <= 0:
            return []
        frames = self._framer.push(self._converter.flush())
        frames += self._framer.skip(lost)
        self._input_end = float(self._framer.position)
        if count:
            self.losses.gaps += 1
            self.losses.lost_samples += lost
        return frames

    def _chunk(self, frame: Frame) -> AudioChunk:
        start_ns = max(self.timeline.at(frame.first_sample), self._last_stamp_ns)
        self._last_stamp_ns = start_ns
        chunk = AudioChunk(
            stream_id=self.stream_id,
            seq=self._seq,
            first_sample=frame.first_sample,
            sample_rate=RATE,
            channels=1,
            encoding=AudioChunk.ENCODING_S16LE,
            last=frame.last,
            level_dbfs=level_dbfs(frame.pcm),
            clipped_samples=clipped(frame.pcm),
        )
        chunk.data = array.array('B', frame.pcm.astype('<i2', copy=False).tobytes())
        chunk.header.frame_id = self._frame_id
        chunk.header.stamp = self._to_stamp(start_ns)
        self._seq += 1
        return chunk
