"""When the graph is started without being asked. Pure."""

from __future__ import annotations

from tektra.lifecycle_manager.watch import Timing
from tektra.runtime.clock import nanoseconds


class AutoStart:
    """Tries a few times, later each time, and not again after a success or a person's command."""

    def __init__(self, wanted: bool, timing: Timing) -> None:
        self._wanted = wanted
        self._timing = timing
        self._failures = 0
        self._not_before_ns = 0

    def is_due(self, now_ns: int, whole: bool) -> bool:
        """Return whether to start now. ``whole``: all core nodes are there and stay up.

        The first start waits for the nodes itself; a further one needs them there.
        """
        if not self._wanted or self._failures >= self._timing.attempts:
            return False
        return now_ns >= self._not_before_ns and (whole or not self._failures)

    def fail(self, now_ns: int) -> None:
        """Take note that a start failed."""
        self._not_before_ns = now_ns + nanoseconds(self._timing.backoff_s(self._failures))
        self._failures += 1

    def renew(self) -> None:
        """Try again, if it was given up: a node has been restarted, so something was done."""
        if self._failures >= self._timing.attempts:
            self._failures = 0

    def end(self) -> None:
        """Never start again."""
        self._wanted = False
