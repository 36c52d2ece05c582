"""Digital silence: for conversations by keyboard, and what is left when a source is lost."""

from __future__ import annotations

import numpy as np

from tektra.audio_capture.backend import Block
from tektra.audio_capture.framing import CHUNK, RATE


class Silence:
    """Zeros on demand, without end."""

    live = False
    label = 'silence'
    problem = ''
    queue = (0, 0)

    def __init__(self) -> None:
        self._frame = 0
        self._zeros = np.zeros((CHUNK, 1), np.float32)

    def start(self) -> None:
        """Nothing to do."""

    def read(self, timeout_s: float) -> Block:
        """Return 32 ms of zeros."""
        block = Block(self._zeros, RATE, self._frame)
        self._frame += CHUNK
        return block

    def stop(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""
