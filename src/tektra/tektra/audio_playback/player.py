"""The playback core behind a lock: fed by the node's thread, mixed by the output's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from tektra.audio_playback.core import PlaybackCore
from tektra.audio_playback.outbox import Heard, Output, Tick
from tektra.runtime.pcm import Samples

M = TypeVar('M')


class Player:
    """Every method may be called from any thread; none blocks for longer than a mix.

    ``on_notes`` is called, without the lock, when mixing has left something to drain; once until
    ``drain``.
    """

    def __init__(self, core: PlaybackCore, on_notes: Callable[[], None]) -> None:
        self.core = core
        self._on_notes = on_notes
        self._lock = threading.Lock()
        self._pulling = self._told = False

    @property
    def pulling(self) -> bool:
        """True from a wake until the output has found nothing to play."""
        return self._pulling

    def feed(self, handle: Callable[[M, int], None], message: M, now_ns: int) -> bool:
        """Call ``handle(message, now_ns)`` of the core; return True if the output must be woken.

        It is woken for speech that is held, too: a device takes time to start.
        """
        with self._lock:
            known = len(self.core.queue)
            handle(message, now_ns)
            idle = not self._pulling
            self._pulling = self._pulling or self.core.wants_output
            return idle and (self._pulling or len(self.core.queue) > known)

    def pull(self, samples: int, now_ns: int) -> Samples | None:
        """Mix for the output (``backend.Pull``)."""
        with self._lock:
            if not self.core.wants_output:
                self._pulling = False
                return None
            out = self.core.mix(samples, now_ns)
            tell = self.core.pending and not self._told
            self._told = self._told or tell
        if tell:
            self._on_notes()
        return out

    def announce(self, now_ns: int) -> None:
        """Note that playback is there."""
        with self._lock:
            self.core.announce(now_ns)

    def forget(self, now_ns: int) -> None:
        """Drop everything."""
        with self._lock:
            self.core.forget(now_ns)

    def set_output(self, output: Output) -> None:
        """Say where the samples go from now on."""
        with self._lock:
            self.core.output = output

    def drain(self) -> list[Tick | Heard]:
        """Return what there is to publish."""
        with self._lock:
            self._told = False
            return self.core.drain()

    def take_errors(self) -> list[str]:
        """Return what went wrong since the last call."""
        with self._lock:
            return self.core.queue.take_errors()

    def repeats(self) -> tuple[int, int]:
        """Return 0 and the chunks dropped because they had come before."""
        with self._lock:
            return 0, self.core.queue.repeated_chunks

    def numbers(self) -> tuple[int, int]:
        """Return utterances queued or playing, and chunks lost."""
        with self._lock:
            return len(self.core.queue), self.core.queue.lost_chunks
