"""The gain stage: duck, pause, cut and resume on a sample, without a click."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tektra.audio_playback.fades import Ramp, falling
from tektra.audio_playback.utterance import DECLICK_S, OUTPUT_RATE
from tektra.runtime.pcm import Samples

DECLICK = round(DECLICK_S * OUTPUT_RATE)
DECAY = falling(DECLICK)


def _in_samples(fade_s: float) -> int:
    return max(1, round(fade_s * OUTPUT_RATE))


class Mixer:
    """Two gains in a row: the duck belongs to the room, the gate to the utterance.

    The gate closes for a pause (and stays closed, *held*) or for a cut. Sound that stops where no
    fade could be prepared, because its samples ran out, rings out over ``DECLICK_S`` from its last
    value.
    """

    def __init__(self) -> None:
        self.pausing = False  # a pause is wanted; the gate may still be closing
        self.cutting = False
        self._duck = Ramp(1.0)
        self._gate = Ramp(1.0)
        self._last_value = 0.0
        self._tails: list[tuple[int, NDArray[np.float32]]] = []

    @property
    def gain(self) -> float:
        """Return the linear gain now, 0..1."""
        return self._duck.value * self._gate.value

    @property
    def ducked(self) -> bool:
        """True from the beginning of a duck to the beginning of its release."""
        return self._duck.target < 1.0

    @property
    def closed(self) -> bool:
        """True when the gate has closed for a pause or a cut."""
        return (self.pausing or self.cutting) and not self._gate.remaining

    @property
    def held(self) -> bool:
        """True when paused: the next sample waits."""
        return self.pausing and not self.cutting and not self._gate.remaining

    @property
    def ringing(self) -> bool:
        """True while a stopped sound rings out."""
        return bool(self._tails)

    def duck(self, gain: float, fade_s: float) -> None:
        """Lower the gain to ``gain``."""
        self._duck.to(gain, _in_samples(fade_s))

    def unduck(self, fade_s: float) -> None:
        """Raise the gain to full."""
        self._duck.to(1.0, _in_samples(fade_s))

    def pause(self, fade_s: float) -> None:
        """Close the gate and keep it closed."""
        if not self.pausing and not self.cutting:
            self.pausing = True
            self._gate.to(0.0, _in_samples(fade_s))

    def resume(self, fade_s: float) -> None:
        """Open the gate after a pause."""
        if self.pausing and not self.cutting:
            self.pausing = False
            self._gate.to(1.0, _in_samples(fade_s))

    def cut(self, fade_s: float) -> None:
        """Close the gate for good: the utterance ends there."""
        if not self.cutting:
            self.cutting = True
            self._gate.to(0.0, _in_samples(fade_s))

    def close(self) -> None:
        """Close the gate at once: nothing is audible."""
        self._gate.set(0.0)

    def open(self) -> None:
        """Open the gate at once, for the next utterance."""
        self.pausing = self.cutting = False
        self._gate.set(1.0)

    def fade_in(self) -> None:
        """Let sound return softly after an underrun."""
        if not self.pausing and not self.cutting:
            self._gate.set(0.0)
            self._gate.to(1.0, DECLICK)

    def rest(self) -> None:
        """Forget the duck: nothing is playing."""
        self._duck.set(1.0)

    def most(self) -> int:
        """Return how many samples may be taken before the gate must be looked at again."""
        return self._gate.remaining or OUTPUT_RATE

    def apply(self, pcm: Samples) -> Samples:
        """Return ``pcm`` at the gain of the moment, same shape; bit for bit at full gain."""
        still = not self._duck.remaining and not self._gate.remaining
        if still and self._duck.target == 1.0 and self._gate.target == 1.0:
            self._last_value = float(pcm[-1])
            return pcm
        gains = self._duck.take(pcm.size) * self._gate.take(pcm.size)
        shaped: Samples = np.rint(pcm * gains).astype(np.int16)
        self._last_value = float(shaped[-1])
        return shaped

    def stop_sound(self, at: int) -> None:
        """Let the sound that has just stopped at index ``at`` of this block ring out."""
        if abs(self._last_value) >= 1.0:
            self._tails.append((at, np.float32(self._last_value) * DECAY))
        self._last_value = 0.0

    def ring(self, out: Samples) -> None:
        """Add what rings out to ``out``, in place; the rest is kept for the next block."""
        if not self._tails:
            return
        mixed = out.astype(np.float32)
        left: list[tuple[int, NDArray[np.float32]]] = []
        for at, tail in self._tails:
            now = min(tail.size, out.size - at)
            mixed[at : at + now] += tail[:now]
            if now < tail.size:
                left.append((0, tail[now:]))
        self._tails = left
        out[:] = np.clip(np.rint(mixed), -32768, 32767).astype(np.int16)
