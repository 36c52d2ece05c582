"""What the voice activity detector needs of an engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000  # Hz
FRAME = 512  # samples an engine judges at once: 32 ms, what Silero takes at 16 kHz

Frame = NDArray[np.float32]


class VadBackend(Protocol):
    """Judges one frame after the other; keeps what it needs of earlier ones."""

    def probability(self, frame: Frame) -> float:
        """Return the probability 0..1 of speech in ``frame`` (shape [512], -1..1, 16 kHz)."""
        ...

    def reset(self) -> None:
        """Forget earlier frames: the next one does not follow them."""
        ...

    def close(self) -> None:
        """Release the model."""
        ...


def factories() -> Mapping[str, Callable[[], VadBackend]]:
    """Return how each engine is made, by name; nothing is imported before one is called."""

    def silero() -> VadBackend:
        from tektra.vad.backends.silero import Silero

        return Silero()

    def energy() -> VadBackend:
        from tektra.vad.backends.energy import Energy

        return Energy()

    return {'silero': silero, 'energy': energy}
