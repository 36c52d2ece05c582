"""Publishes what mixing has noted, from a thread: a turn of the executor costs as much again."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Herald:
    """A thread that calls ``publish`` each time it is woken, and sleeps otherwise.

    Wakes while it publishes are answered by one further call. ``publish`` must not raise.
    """

    def __init__(self, publish: Callable[[], None]) -> None:
        self._publish = publish
        self._news = threading.Event()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name='herald', daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Have ``publish`` called soon. From any thread, at once."""
        self._news.set()

    def close(self) -> None:
        """End the thread."""
        self._ending = True
        self._news.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            if self._ending:
                return
            self._publish()
