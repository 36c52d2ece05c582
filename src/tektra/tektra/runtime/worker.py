"""The one helper for long work: a single thread at lower priority, with a bounded queue."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar('T')

NICE = 10  # models give way to safety and to the executor (design, decision 1)


class WorkerFull(Exception):
    """The worker's queue is full: the producer is to wait or to drop."""


class WorkerResult:
    """Awaits a worker's future inside an rclpy coroutine, without a busy loop.

    rclpy polls a waiting coroutine each time its executor wakes; ``wake`` is called when the
    future is done.
    """

    def __init__(self, future: Future[Any], wake: Callable[[], None]) -> None:
        self._future = future
        future.add_done_callback(lambda _: wake())

    def __await__(self) -> Generator[None, None, Any]:
        """Yield to the executor until the future is done, then return or raise its result."""
        while not self._future.done():
            yield
        return self._future.result()


class Worker:
    """Runs callables one after the other in a thread of its own.

    ``maxsize`` bounds the queue (jobs). All methods may be called from any thread; futures
    complete in the worker's thread, so results are handed back with ``TektraNode.call_soon``.
    """

    def __init__(self, name: str, *, maxsize: int = 1024, nice: int = NICE) -> None:
        self._jobs: queue.Queue[tuple[Future[Any], Callable[[], Any], int] | None] = queue.Queue(
            maxsize
        )
        self._nice = nice
        self._open = 0  # jobs submitted whose result has not been handed on
        self._counting = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """True from the submission of a job until the callbacks of its future have run.

        So whoever sees the worker idle finds what came of the last job on its way already.
        """
        return self._open > 0

    @property
    def depth(self) -> int:
        """Return the number of jobs that wait."""
        return self._jobs.qsize()

    def submit(self, job: Callable[[], T], *, counts: bool = True) -> Future[T]:
        """Queue ``job`` and return its future.

        ``counts``: False for a job that only marks a place in the queue and makes nobody busy.

        :raises WorkerFull: if ``maxsize`` jobs wait already.
        :raises RuntimeError: after ``close``.
        """
        if self._closed:
            raise RuntimeError(f'worker {self._thread.name} is closed')
        future: Future[T] = Future()
        self._count(counts)
        try:
            self._jobs.put_nowait((future, job, int(counts)))
        except queue.Full:
            self._count(-counts)
            raise WorkerFull(f'{self._thread.name}: {self._jobs.maxsize} jobs wait') from None
        return future

    def close(self, timeout_s: float = 0.3) -> bool:
        """Cancel what waits, let the running job end within ``timeout_s``.

        Return whether it did.
        """
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                entry = self._jobs.get_nowait()
                if entry is not None:
                    entry[0].cancel()
                    self._count(-entry[2])
        with contextlib.suppress(queue.Full):
            self._jobs.put_nowait(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), self._nice)
        while True:
            entry = self._jobs.get()
            if entry is None:
                return
            future, job, counted = entry
            if future.set_running_or_notify_cancel():
                try:
                    result = job()
                except BaseException as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
            self._count(-counted)

    def _count(self, change: int) -> None:
        with self._counting:
            self._open += change
