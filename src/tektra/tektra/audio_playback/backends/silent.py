"""No loudspeaker: samples are taken at the pace of one, in real time or under simulated time."""

from __future__ import annotations

import threading

from tektra.audio_playback.backend import Pull
from tektra.audio_playback.utterance import OUTPUT_RATE
from tektra.runtime.clock import NS_PER_S, Clock, seconds

RESYNC_NS = (
    NS_PER_S // 2
)  # further behind than this (suspend, a stopped process), time is not caught up
STEP_SAMPLES = OUTPUT_RATE // 50  # one reading of the playback clock at most is skipped


class SilentOutput:
    """Pulls a block every ``block_s`` s on an absolute schedule; its thread waits while idle.

    Late blocks are caught up, so that the clock keeps the time of a real device.
    """

    latency_s = 0.0

    def __init__(self, pull: Pull, clock: Clock, block_s: float) -> None:
        self._pull = pull
        self._clock = clock
        self._block = max(1, round(block_s * OUTPUT_RATE))
        self._go = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name='silent-output', daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Begin to pull."""
        self._go.set()

    def sleep(self) -> None:
        """Nothing to do: the thread waits by itself once there is nothing to play."""

    def check(self) -> None:
        """Nothing can be lost."""

    def close(self) -> None:
        """End the thread."""
        self._ending.set()
        self._go.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        while True:
            self._go.wait()
            self._go.clear()  # before pulling: a wake during the last pull is not lost
            if self._ending.is_set():
                return
            self._play()

    def _play(self) -> None:
        begun, taken = self._clock.now_ns(), 0
        while not self._ending.is_set():
            due = begun + taken * NS_PER_S // OUTPUT_RATE
            early = due - self._clock.now_ns()
            if early > 0:
                self._ending.wait(seconds(early))
            elif early < -RESYNC_NS:
                begun, taken = due - early, 0
                due = begun
            if self._pull(self._block, due) is None:
                return
            taken += self._block


class SteppedOutput:
    """Under simulated time: pulls what has become due, when told that time has moved on."""

    latency_s = 0.0

    def __init__(self, pull: Pull) -> None:
        self._pull = pull
        self._begun_ns: int | None = None
        self._taken = 0

    def wake_at(self, now_ns: int) -> None:
        """Begin to pull at ``now_ns``."""
        if self._begun_ns is None:
            self._begun_ns, self._taken = now_ns, 0

    def step(self, now_ns: int) -> None:
        """Pull everything due until ``now_ns``; a clock that steps back begins anew."""
        if self._begun_ns is not None and now_ns < self._begun_ns:
            self._begun_ns, self._taken = now_ns, 0
        while self._begun_ns is not None:
            due = (now_ns - self._begun_ns) * OUTPUT_RATE // NS_PER_S - self._taken
            if due <= 0:
                return
            block = min(due, STEP_SAMPLES)
            at_ns = self._begun_ns + self._taken * NS_PER_S // OUTPUT_RATE
            if self._pull(block, at_ns) is None:
                self._begun_ns = None
            self._taken += block

    def wake(self) -> None:
        """Nothing to do: simulated time is pushed in by ``wake_at`` and ``step``."""

    def sleep(self) -> None:
        """Nothing to do: there is no thread."""

    def check(self) -> None:
        """Nothing can be lost."""

    def close(self) -> None:
        """Forget the schedule."""
        self._begun_ns = None
