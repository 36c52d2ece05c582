"""Virtual time for one thread: work moves it as long as it takes, waiting takes no time at all."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar('T')
Job = Callable[[], None]


class Agenda:
    """Jobs in order of their time, those of one time in order of entry. Times in ns.

    ``stopwatch`` (ns) measures the work: with one that stands still, as for replay, work takes no
    time and everything depends on the jobs alone. ``wait(now_ns)`` is called before each job, with
    its time: for a run that is to keep the pace of a real one.
    """

    def __init__(
        self,
        begin_ns: int,
        stopwatch: Callable[[], int] = time.perf_counter_ns,
        wait: Callable[[int], None] = lambda now_ns: None,
    ) -> None:
        self.stopwatch = stopwatch
        self._wait = wait
        self._reached_ns = begin_ns
        self._started: int | None = None  # stopwatch at the begin of the job that runs
        self._beside_ns = 0
        self._jobs: list[tuple[int, int, Job]] = []
        self._numbers = itertools.count()

    @property
    def now_ns(self) -> int:
        """Return virtual time; it runs while a job runs."""
        if self._started is None:
            return self._reached_ns
        return self._reached_ns + self.stopwatch() - self._started - self._beside_ns

    def at(self, when_ns: int, job: Job) -> None:
        """Run ``job`` at ``when_ns``, or as soon after that as earlier jobs are done."""
        heapq.heappush(self._jobs, (when_ns, next(self._numbers), job))

    def soon(self, job: Job) -> None:
        """Run ``job`` when everything that is due now is done."""
        self.at(self.now_ns, job)

    def beside(self, work: Callable[[], T]) -> tuple[T, int]:
        """Return what ``work`` returns and the ns it took, which virtual time is not charged for.

        For what another thread would do.
        """
        began = self.stopwatch()
        result = work()
        took = self.stopwatch() - began
        self._beside_ns += took
        return result, took

    def run(self, over: Callable[[], bool]) -> None:
        """Run jobs until ``over()`` or none is left."""
        while self._jobs and not over():
            when_ns, _, job = heapq.heappop(self._jobs)
            self._reached_ns = max(self._reached_ns, when_ns)
            self._wait(self._reached_ns)
            self._started, self._beside_ns = self.stopwatch(), 0
            job()
            self._reached_ns, self._started = self.now_ns, None


class VirtualWorker:
    """A thread of its own, as far as virtual time is concerned: one thing after the other."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._free_ns = 0

    def do(
        self, work: Callable[[Callable[[Job], None]], T], then: Callable[[T], None] | None = None
    ) -> None:
        """Run ``work(later)``; ``then`` gets its result when it is done, in the agenda's thread.

        What ``work`` hands to ``later`` runs there, too, at the time of the call. It has run when
        this returns: whoever wants to stop it comes too late.
        """
        agenda = self._agenda
        start = max(agenda.now_ns, self._free_ns)
        began = agenda.stopwatch()

        def later(job: Job) -> None:
            agenda.at(start + agenda.stopwatch() - began, job)

        result, took = agenda.beside(lambda: work(later))
        self._free_ns = start + took
        if then is not None:
            agenda.at(self._free_ns, lambda: then(result))
