"""Does what the core asks, with the first backend that works: runs in the worker thread."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from tektra.runtime.backends import BackendChain, BackendUnavailable
from tektra.runtime.pcm import Samples
from tektra.runtime.tap import digest
from tektra.stt.backend import Hypothesis, SttBackend


class Want(enum.Enum):
    """What is asked of the engine after the audio of a job."""

    NOTHING = 'nothing'
    PARTIAL = 'partial'
    FINAL = 'final'


@dataclass(frozen=True)
class Job:
    """The next audio of segment ``key``; ``begin``: it is the first of it."""

    key: str
    begin: bool
    audio: Samples
    want: Want


@dataclass(frozen=True)
class Result:
    """What came of a job. ``problem`` says why there is no hypothesis although one was wanted."""

    key: str
    hypothesis: Hypothesis | None
    backend: str
    took_s: float
    problem: str = ''


class Engine:
    """Owns the backends, and keeps the current segment's audio so that another can take over."""

    def __init__(self, chain: BackendChain[SttBackend]) -> None:
        self._chain = chain
        self._key = ''
        self._kept: list[Samples] = []
        self._started: SttBackend | None = None  # the backend that has all of the segment so far

    @property
    def backend(self) -> str:
        """Return the name of the backend in use; empty: none."""
        return self._chain.active_name

    @property
    def description(self) -> str:
        """Return the backend in use with what it says of itself, for people; empty: none."""
        if not self.backend:
            return ''
        told = getattr(self._chain.active, 'description', '')
        return f'{self.backend} ({told})' if told else self.backend

    def run(self, job: Job, now_ns: int) -> Result:
        """Do a job; a failing backend gives way to the next one. Never raises."""
        began = time.perf_counter()
        if job.begin or job.key != self._key:
            self._key, self._kept, self._started = job.key, [], None
        problem, data = '', None
        try:
            data = self._chain.call(
                job.want.value,
                f'{job.key.rpartition("/")[2]}:{digest(job.audio.tobytes())}',
                lambda backend: self._work(backend, job),
                now_ns,
            )
        except BackendUnavailable as error:
            problem = str(error)
            self._started = None
        self._kept.append(job.audio)
        if job.want is Want.FINAL:
            self._key, self._kept, self._started = '', [], None
        heard = Hypothesis.from_data(data) if data is not None else None
        return Result(job.key, heard, self.backend, time.perf_counter() - began, problem)

    def maintain(self, now_ns: int) -> None:
        """Between segments: try again a better backend that failed."""
        if not self._key:
            self._chain.maintain(now_ns)

    def close(self) -> None:
        """Release the backend."""
        self._chain.close()

    def _work(self, backend: SttBackend, job: Job) -> dict[str, Any] | None:
        if backend is not self._started:
            backend.start()
            if self._kept:
                backend.feed(np.concatenate(self._kept))
            self._started = backend
        if job.audio.size:
            backend.feed(job.audio)
        if job.want is Want.FINAL:
            return backend.finish().to_data()
        partial = backend.partial() if job.want is Want.PARTIAL else None
        return partial.to_data() if partial is not None else None
