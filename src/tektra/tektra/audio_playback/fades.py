"""Gain curves without clicks: ramps along half a cosine, and the decay that ends a cut sound."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Gains = NDArray[np.float32]


def falling(samples: int) -> Gains:
    """Return a raised-cosine fall from just below 1 to 0, shape [samples]."""
    phase = np.arange(1, samples + 1, dtype=np.float64) * (math.pi / max(1, samples))
    return ((1.0 + np.cos(phase)) / 2.0).astype(np.float32)


def rising(samples: int) -> Gains:
    """Return a raised-cosine rise from just above 0 to 1, shape [samples]."""
    rise: Gains = np.float32(1.0) - falling(samples)
    return rise


class Ramp:
    """A gain that is constant, or on its way to ``target`` along half a cosine.

    The raised cosine has no corner at either end, so that the change itself makes no sound.
    """

    def __init__(self, value: float) -> None:
        self._start = self.target = value
        self._length = self._done = 0

    @property
    def remaining(self) -> int:
        """Return the samples left until the target is reached; 0: it is."""
        return self._length - self._done

    @property
    def value(self) -> float:
        """Return the gain now."""
        if self._done == self._length:
            return self.target
        share = (1.0 - math.cos(math.pi * self._done / self._length)) / 2.0
        return self._start + (self.target - self._start) * share

    def set(self, value: float) -> None:
        """Jump to ``value``."""
        self._start = self.target = value
        self._length = self._done = 0

    def to(self, target: float, samples: int) -> None:
        """Go to ``target`` within ``samples`` from wherever the gain is now."""
        self._start = self.value
        self.target = target
        self._length, self._done = max(0, samples), 0

    def take(self, samples: int) -> Gains:
        """Return the gains of the next ``samples``, shape [samples], and move on."""
        gains = np.full(samples, self.target, dtype=np.float32)
        moving = min(samples, self.remaining)
        if moving:
            steps = np.arange(self._done + 1, self._done + moving + 1, dtype=np.float64)
            share = (1.0 - np.cos(steps * (math.pi / self._length))) / 2.0
            gains[:moving] = self._start + (self.target - self._start) * share
            self._done += moving
        return gains
