"""Makes speech and commands for playback tests, and a player on a manual clock."""

import numpy as np
from tektra_msgs.msg import AudioChunk, PlaybackClock, PlaybackControl, TurnState, VoiceActivity

from tektra.audio_playback.core import PlaybackCore, PlaybackOptions
from tektra.audio_playback.outbox import Output
from tektra.runtime.clock import NS_PER_S, ManualClock

RATE = 24_000
BLOCK = 240  # 10 ms
START_NS = 1_000 * NS_PER_S


def ramp(samples, first=1):
    """Samples that differ from their neighbours and are never zero: each is recognised."""
    return ((np.arange(first, first + samples) % 30_000) + 1).astype(np.int16)


def word(samples, first=1):
    """As ``ramp``, but it ends on zero, as speech does: nothing rings out."""
    pcm = ramp(samples, first)
    pcm[-1] = 0
    return pcm


def tone(samples, first=0, rate=RATE, hz=200.0, amplitude=12_000):
    return np.rint(
        amplitude * np.sin(2 * np.pi * hz * np.arange(first, first + samples) / rate)
    ).astype(np.int16)


def chunk(pcm, first=0, *, turn=1, revision=1, id='reply', session='s1', rate=RATE, last=False):
    return AudioChunk(
        session_id=session,
        turn_seq=turn,
        revision=revision,
        utterance_id=id,
        first_sample=first,
        sample_rate=rate,
        channels=1,
        encoding=AudioChunk.ENCODING_S16LE,
        data=np.asarray(pcm, dtype='<i2').tobytes(),
        last=last,
    )


def control(command, *, turn=1, revision=1, session='s1', id='', gain=0.0, fade_s=0.0):
    return PlaybackControl(
        session_id=session,
        turn_seq=turn,
        revision=revision,
        utterance_id=id,
        command=getattr(PlaybackControl, f'COMMAND_{command}'),
        gain=gain,
        fade_s=fade_s,
    )


def vad(event, id='utterance'):
    return VoiceActivity(event=getattr(VoiceActivity, f'EVENT_{event}'), utterance_id=id)


class Player:
    """A core that is mixed block by block on a manual clock; keeps everything it said."""

    def __init__(self, latency_s=0.0, **options):
        ids = iter(range(1_000_000))
        self.core = PlaybackCore(PlaybackOptions(**options), new_id=lambda: str(next(ids)))
        self.core.output = Output('silent', latency_s)
        self.clock = ManualClock(START_NS)
        self.core.on_turn_state(TurnState(session_id='s1'), self.now)
        self._mixed = []
        self.clocks, self.reference = [], []

    @property
    def now(self):
        return self.clock.now_ns()

    @property
    def heard(self):
        return np.concatenate(self._mixed)

    def say(self, pcm, first=0, **more):
        self.core.on_speech(chunk(pcm, first, **more), self.now)
        self._collect()

    def do(self, command, **more):
        self.core.on_control(control(command, **more), self.now)
        self._collect()

    def hear(self, event, **more):
        self.core.on_vad(vad(event, **more), self.now)
        self._collect()

    def play(self, samples=BLOCK, block=BLOCK):
        """Mix ``samples`` as a device that asks for ``block`` at a time; return them."""
        parts = []
        while samples:
            n = min(block, samples)
            parts.append(self.core.mix(n, self.now))
            self.clock.advance(n / RATE)
            samples -= n
        self._collect()
        out = np.concatenate(parts)
        self._mixed.append(out)
        return out

    def states(self, id='reply'):
        """The states of an utterance in order, repeats left out."""
        seen = [c.state for c in self.clocks if c.utterance_id == id]
        return [NAMES[s] for i, s in enumerate(seen) if i == 0 or seen[i - 1] != s]

    def last(self, id='reply'):
        return [c for c in self.clocks if c.utterance_id == id][-1]

    def _collect(self):
        for message in self.core.take():
            (self.clocks if isinstance(message, PlaybackClock) else self.reference).append(message)


NAMES = {
    getattr(PlaybackClock, f'STATE_{name}'): name
    for name in 'IDLE QUEUED PLAYING DUCKED PAUSED UNDERRUN FLUSHED DONE'.split()
}


def nanosec(stamp):
    return stamp.sec * NS_PER_S + stamp.nanosec


def samples_of(chunks):
    parts = [np.frombuffer(bytes(c.data), dtype='<i2') for c in chunks]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int16)


def jump(pcm):
    """The largest difference between neighbouring samples."""
    return int(np.abs(np.diff(pcm.astype(np.int32))).max())
