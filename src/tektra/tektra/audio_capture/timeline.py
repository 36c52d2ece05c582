"""When each sample was acquired: an anchor for paced streams, a filter for live ones."""

from __future__ import annotations

from tektra.audio_capture.framing import SAMPLE_NS
from tektra.runtime.clock import NS_PER_S

MAX_DRIFT = 500e-6  # clocks of cheap sound cards are within 100 ppm of ours; five times that
LATE_NS = (
    100_000_000  # lateness beyond scheduling jitter: either a burst follows, or samples are gone
)
LATE_FOR_NS = 500_000_000  # a burst that has not come by now will not come


class Timeline:
    """Maps sample indexes of a stream (at 16 kHz) to local time in ns.

    A block can arrive late but never before its last sample was taken, so for a live stream the
    earliest arrivals tell the truth: the anchor follows them down at once, and up no faster than
    clocks drift.
    """

    def __init__(self, anchor_ns: int) -> None:
        self._anchor_ns = float(anchor_ns)
        self._seen_ns: int | None = None
        self._late_since_ns: int | None = None
        self._least_late_ns = 0.0

    def at(self, index: float) -> int:
        """Return the local time of sample ``index`` in ns."""
        return round(self._anchor_ns + index * SAMPLE_NS)

    def shift(self, ns: int) -> None:
        """Everything from now on happens ``ns`` later than planned (the machine slept)."""
        self._anchor_ns += ns

    def restart(self, end_index: float, arrival_ns: int) -> None:
        """Take a block that ends before ``end_index`` as the new truth."""
        self._anchor_ns = arrival_ns - end_index * SAMPLE_NS
        self._seen_ns, self._late_since_ns = arrival_ns, None

    def observe(self, end_index: float, arrival_ns: int) -> int:
        """Note the arrival of a live block; return how many samples must have been lost before it.

        Samples are lost when blocks have been later than ``LATE_NS`` for ``LATE_FOR_NS`` without
        catching up: an overrun that the device did not report. The caller moves its index on by
        what is returned.
        """
        if self._seen_ns is None:
            self.restart(end_index, arrival_ns)
            return 0
        elapsed, self._seen_ns = max(0, arrival_ns - self._seen_ns), arrival_ns
        late = arrival_ns - end_index * SAMPLE_NS - self._anchor_ns
        if late <= LATE_NS:
            self._anchor_ns += min(late, elapsed * MAX_DRIFT)
            self._late_since_ns = None
            return 0
        if self._late_since_ns is None:
            self._late_since_ns, self._least_late_ns = arrival_ns, late
        self._least_late_ns = min(self._least_late_ns, late)
        if arrival_ns - self._late_since_ns < LATE_FOR_NS:
            return 0
        self._late_since_ns = None
        return int(self._least_late_ns // SAMPLE_NS)


def samples_of(ns: float) -> int:
    """Return how many whole samples at 16 kHz fit into ``ns``."""
    return int(ns // SAMPLE_NS)


def ns_of_frames(frames: int, rate: int) -> int:
    """Return how long ``frames`` at ``rate`` Hz last, in ns."""
    return frames * NS_PER_S // rate
