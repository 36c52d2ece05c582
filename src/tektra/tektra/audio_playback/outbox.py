"""What playback has to tell: snapshots taken while mixing, made into messages afterwards.

Mixing runs in the sound card's thread and must be short, so it only notes numbers; the messages
are built where there is time, by ``messages``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from builtin_interfaces.msg import Time
from tektra_msgs.msg import AudioChunk, PlaybackClock

from tektra.audio_playback.utterance import OUTPUT_RATE, Utterance
from tektra.runtime.clock import NS_PER_S
from tektra.runtime.pcm import Samples, clipped, level_dbfs

REFERENCE_CHUNK = 768  # samples, 32 ms: a chunk is sent once it has at least so many

ToStamp = Callable[[int], Time]


def as_stamp(local_ns: int) -> Time:
    """Return local time as a stamp, for use without ROS where both are the same clock."""
    return Time(sec=local_ns // NS_PER_S, nanosec=local_ns % NS_PER_S)


@dataclass(frozen=True)
class Output:
    """Where the samples go: backend name, and s from mixing to the loudspeaker."""

    backend: str = ''
    latency_s: float = 0.0


@dataclass(frozen=True)
class Tick:
    """One reading of the playback clock. ``heard_ns``: when sample ``played`` is heard."""

    state: int
    heard_ns: int
    output: Output
    gain: float = 0.0
    session_id: str = ''
    key: tuple[int, int] = (0, 0)
    utterance_id: str = ''
    played: int = 0
    queued: int = 0
    sample_rate: int = 0
    first_heard_ns: int | None = None
    underruns: int = 0
    underrun_samples: int = 0


@dataclass(frozen=True)
class Heard:
    """A run of samples as they left the mixer; ``first_heard_ns``: local time of the first one."""

    stream_id: str
    seq: int
    first_sample: int
    pcm: Samples
    first_heard_ns: int
    last: bool


def reading(u: Utterance, state: int, heard_ns: int, gain: float, output: Output) -> Tick:
    """Return the playback clock of ``u`` now."""
    return Tick(
        state=state,
        heard_ns=heard_ns,
        output=output,
        gain=gain,
        session_id=u.session_id,
        key=u.key,
        utterance_id=u.utterance_id,
        played=u.played,
        queued=u.queued,
        sample_rate=u.sample_rate,
        first_heard_ns=u.first_heard_ns,
        underruns=u.underruns,
        underrun_samples=u.underrun_out * u.sample_rate // OUTPUT_RATE,
    )


class Reference:
    """Cuts what was really played into chunks. Each run without a pause is its own stream."""

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._stream_id = ''
        self._seq = self._sent = self._waiting = 0
        self._parts: list[Samples] = []
        self._first_ns = 0

    @property
    def open(self) -> bool:
        """True while a stream has begun and not ended."""
        return bool(self._stream_id)

    def add(self, pcm: Samples, heard_ns: int) -> Heard | None:
        """Append what was mixed, first heard at ``heard_ns``; return a chunk if one is full."""
        if not self.open:
            self._stream_id = f'playback/{self._new_id()}'
            self._seq = self._sent = 0
        if not self._parts:
            self._first_ns = heard_ns
        self._parts.append(pcm)
        self._waiting += pcm.size
        return self._cut(last=False) if self._waiting >= REFERENCE_CHUNK else None

    def close(self) -> Heard | None:
        """End the stream; return its last chunk, or None if no stream was open."""
        if not self.open:
            return None
        chunk = self._cut(last=True)
        self._stream_id = ''
        return chunk

    def _cut(self, *, last: bool) -> Heard:
        pcm = np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=np.int16)
        chunk = Heard(self._stream_id, self._seq, self._sent, pcm, self._first_ns, last)
        self._seq += 1
        self._sent += pcm.size
        self._first_ns += pcm.size * NS_PER_S // OUTPUT_RATE
        self._parts, self._waiting = [], 0
        return chunk


def messages(notes: list[Tick | Heard], to_stamp: ToStamp) -> list[PlaybackClock | AudioChunk]:
    """Return the messages of ``notes``, in order; ``to_stamp`` makes ROS time of local time."""
    return [
        _clock(note, to_stamp) if isinstance(note, Tick) else _chunk(note, to_stamp)
        for note in notes
    ]


def _clock(tick: Tick, to_stamp: ToStamp) -> PlaybackClock:
    message = PlaybackClock(
        session_id=tick.session_id,
        turn_seq=tick.key[0],
        revision=tick.key[1],
        utterance_id=tick.utterance_id,
        state=tick.state,
        played_samples=tick.played,
        queued_samples=tick.queued,
        sample_rate=tick.sample_rate,
        gain=float(tick.gain),
        device_latency_s=tick.output.latency_s,
        underruns=tick.underruns,
        underrun_samples=tick.underrun_samples,
        backend=tick.output.backend,
    )
    message.header.stamp = to_stamp(tick.heard_ns)
    if tick.first_heard_ns is not None:
        message.first_sample_time = to_stamp(tick.first_heard_ns)
    return message


def _chunk(heard: Heard, to_stamp: ToStamp) -> AudioChunk:
    message = AudioChunk(
        stream_id=heard.stream_id,
        seq=heard.seq,
        first_sample=heard.first_sample,
        sample_rate=OUTPUT_RATE,
        channels=1,
        encoding=AudioChunk.ENCODING_S16LE,
        data=heard.pcm.astype('<i2', copy=False).tobytes(),
        last=heard.last,
        level_dbfs=level_dbfs(heard.pcm),
        clipped_samples=clipped(heard.pcm),
    )
    message.header.stamp = to_stamp(heard.first_heard_ns)
    return message
