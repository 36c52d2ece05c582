"""Where to cut speech that does not pause: at a moment among the quietest so far."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

import numpy as np

from tektra.runtime.pcm import Samples, level_dbfs

BLOCK = 512  # samples: levels are taken over 32 ms
WINDOW = 5  # blocks of a moment: 160 ms, about a syllable, so that a closed plosive is no pause
OVERLAP = WINDOW * BLOCK // 2  # samples of a quiet moment that the next segment begins with
QUIET_DB = 15.0  # below the loudest moment: no word is cut there
QUIET_SHARE = 0.03  # of all moments of the segment are at most as loud as one that is cut at


@dataclass(frozen=True)
class Cut:
    """The segment ends at ``position``, the next begins ``overlap`` samples before that."""

    position: int
    overlap: int


class Cutter:
    """Looks for the end of a segment. Lengths in samples, positions from its begin."""

    def __init__(self, soft: int, hard: int) -> None:
        """From ``soft`` on the first quiet moment is taken, at ``hard`` any."""
        self._soft, self._hard = soft, hard
        self._rest: Samples = np.empty(0, np.int16)
        self._levels: list[float] = []
        self._sorted: list[float] = []
        self._position = 0

    def push(self, pcm: Samples) -> Cut | None:
        """Take the next audio; return where to cut once that is reached.

        It lies in the audio given last, and does not depend on how the audio is split. After a cut
        the cutter is spent.
        """
        held = np.concatenate((self._rest, pcm))
        count = held.size // BLOCK
        for i in range(count):
            self._position += BLOCK
            if self._is_cut(held[i * BLOCK : (i + 1) * BLOCK]):
                quiet = max(self._levels) <= self._sorted[-1] - QUIET_DB
                return Cut(self._position, OVERLAP if quiet else 0)
        self._rest = held[count * BLOCK :]
        return None

    def _is_cut(self, block: Samples) -> bool:
        self._levels = [*self._levels, level_dbfs(block)][-WINDOW:]
        if len(self._levels) < WINDOW:
            return False
        moment = max(self._levels)
        insort(self._sorted, moment)
        if self._position >= self._hard:
            return True
        quiet = self._sorted[int(len(self._sorted) * QUIET_SHARE)]
        return self._position >= self._soft and moment <= quiet
