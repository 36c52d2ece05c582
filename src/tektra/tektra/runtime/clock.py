"""Time for nodes: a local clock for durations.

ROS time for stamps, and the bridge between them.
"""

from __future__ import annotations

import time
from typing import Protocol

NS_PER_S = 1_000_000_000


class Clock(Protocol):
    """What a core's shell uses to tell the time."""

    def now_ns(self) -> int:
        """Return local time in ns.

        Only differences between two readings mean anything.
        """
        ...


class BootClock:
    """Boot-time clock: never steps, and counts suspend (unlike CLOCK_MONOTONIC)."""

    def now_ns(self) -> int:
        """Return ns since boot, suspend included."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class ManualClock:
    """A clock that only moves when told to, for tests and replay."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Return the time that was set last."""
        return self._now_ns

    def advance(self, seconds: float) -> int:
        """Move on by ``seconds`` (s, not negative) and return the new time in ns.

        :raises ValueError: if ``seconds`` is negative.
        """
        if seconds < 0:
            raise ValueError(f'a clock does not run backwards: {seconds} s')
        self._now_ns += round(seconds * NS_PER_S)
        return self._now_ns


def seconds(ns: int) -> float:
    """Return ``ns`` nanoseconds in seconds."""
    return ns / NS_PER_S


def nanoseconds(s: float) -> int:
    """Return ``s`` seconds in whole nanoseconds."""
    return round(s * NS_PER_S)
