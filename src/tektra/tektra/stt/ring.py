"""The last half minute of a stream, by sample index."""

from __future__ import annotations

import numpy as np

from tektra.runtime.pcm import Samples


class AudioRing:
    """Keeps the newest ``capacity`` samples. ``oldest`` and ``head`` bound what can be read."""

    def __init__(self, capacity: int) -> None:
        self._kept = np.zeros(capacity, np.int16)
        self.oldest = 0
        self.head = 0

    def restart(self, position: int) -> None:
        """Forget everything; the next sample to be written has index ``position``."""
        self.oldest = self.head = position

    def write(self, pcm: Samples) -> None:
        """Append ``pcm`` (shape [n]) at ``head``."""
        size = self._kept.size
        if pcm.size > size:
            self.head += pcm.size - size
            pcm = pcm[-size:]
        at = self.head % size
        first = min(pcm.size, size - at)
        self._kept[at : at + first] = pcm[:first]
        self._kept[: pcm.size - first] = pcm[first:]
        self.head += pcm.size
        self.oldest = max(self.oldest, self.head - size)

    def read(self, start: int, stop: int) -> Samples:
        """Return a copy of the samples ``start`` to ``stop``.

        :raises IndexError: if they are not all there.
        """
        if not self.oldest <= start <= stop <= self.head:
            raise IndexError(
                f'samples {start}..{stop} are not kept, only {self.oldest}..{self.head}'
            )
        size = self._kept.size
        index = np.arange(start, stop) % size
        return self._kept[index]
