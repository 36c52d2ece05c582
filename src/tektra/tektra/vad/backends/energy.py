"""Speech by loudness over an adaptive noise floor: the last resort, fooled by any sudden noise."""

from __future__ import annotations

import math

import numpy as np

from tektra.vad.backend import FRAME, SAMPLE_RATE, Frame

FRAME_S = FRAME / SAMPLE_RATE
RISE_DB_PER_S = 2.0  # how fast the floor follows a louder room; speech pauses pull it down again
FALL_SHARE = 0.3  # of the way to a quieter level, each frame
MARGIN_DB = 10.0  # over the floor at which speech and noise are equally likely
SLOPE_DB = 2.0  # of the logistic curve around the margin
QUIETEST_DBFS = -60.0  # nothing below this is speech


class Energy:
    """Adaptive energy threshold. ``floor_dbfs`` is the estimate of the background."""

    def __init__(self) -> None:
        self.floor_dbfs = 0.0
        self._seen = False

    def probability(self, frame: Frame) -> float:
        """Return 0..1 from how far the RMS level is above the floor."""
        power = float(np.dot(frame, frame)) / frame.size
        level = 10 * math.log10(power + 1e-12)
        if not self._seen:
            self.floor_dbfs = min(level, QUIETEST_DBFS + MARGIN_DB)
            self._seen = True
        if level < self.floor_dbfs:
            self.floor_dbfs += FALL_SHARE * (level - self.floor_dbfs)
        else:
            self.floor_dbfs += min(level - self.floor_dbfs, RISE_DB_PER_S * FRAME_S)
        self.floor_dbfs = max(self.floor_dbfs, QUIETEST_DBFS - MARGIN_DB)
        above = level - self.floor_dbfs - MARGIN_DB
        return 1 / (1 + math.exp(-above / SLOPE_DB))

    def reset(self) -> None:
        """Keep the floor: the room is the same after a gap."""

    def close(self) -> None:
        """Nothing to release."""
