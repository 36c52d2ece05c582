"""A microphone, whatever engine opens it: a loss is noticed in half a second and mended."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Protocol

from tektra.audio_capture.backend import Block, LiveQueue
from tektra.runtime.clock import Clock, nanoseconds
from tektra.runtime.pcm import from_bytes, to_float

PERIOD_MS = 20  # of the device: the usual compromise between latency and wake-ups
LOST_S = 0.4  # without a callback: the device is gone; with CHECK_S noticed within half a second
CHECK_S = 0.1
RETRY_S = 1.0
QUEUE_BLOCKS = 100  # 2 s


class OpenDevice(Protocol):
    """A device that delivers. ``name`` as the system calls it; ``rate`` in Hz."""

    name: str
    rate: int
    channels: int

    def close(self) -> None:
        """Stop and release the device; no callback comes after this."""
        ...


# Called from the engine's thread with interleaved s16le frames; ``overflow``: the engine lost some
# before these.
OnData = Callable[[bytes | bytearray, bool], None]
# Opens and starts the device, or raises BackendUnavailable.
Opener = Callable[[OnData], OpenDevice]


class Microphone:
    """A live source on top of an engine.

    ``check`` resolves the device without opening it (raises ``BackendUnavailable``) and returns
    its name. A device that stops calling is closed and opened again every second; ``problem`` says
    so meanwhile.
    """

    live = True

    def __init__(self, check: Callable[[], str], opener: Opener, clock: Clock) -> None:
        self._name = check()
        self._opener = opener
        self._clock = clock
        self._blocks = LiveQueue(QUEUE_BLOCKS)
        self._device: OpenDevice | None = None
        self._frame = 0
        self._heard_ns = 0
        self._delivers = False
        self._stop = threading.Event()
        self._guard: threading.Thread | None = None
        self.overflows = 0
        self.problem = ''

    @property
    def label(self) -> str:
        """Return the name of the device, and its format while it is open."""
        device = self._device
        if device is None:
            return f"microphone '{self._name}'"
        return f"microphone '{device.name}' ({device.rate} Hz, {device.channels} ch)"

    @property
    def queue(self) -> tuple[int, int]:
        """Return (blocks that wait, blocks and overflows lost)."""
        return len(self._blocks), self._blocks.dropped + self.overflows

    def start(self) -> None:
        """Open the device and watch over it; a device that is missing now is tried again."""
        self._stop.clear()
        self._open()
        self._guard = threading.Thread(target=self._watch, name='microphone-guard', daemon=True)
        self._guard.start()

    def read(self, timeout_s: float) -> Block | None:
        """Return the next block, or None if none came within ``timeout_s`` (s)."""
        return self._blocks.pop(timeout_s)

    def stop(self) -> None:
        """Close the device: nothing listens while the node is inactive."""
        self._stop.set()
        if self._guard is not None:
            self._guard.join(timeout=0.3)  # a driver that hangs must not hold up the exit
            self._guard = None
        self._close()
        self._blocks.clear()

    def close(self) -> None:
        """As ``stop``."""
        self.stop()

    def _on_data(self, data: bytes | bytearray, overflow: bool) -> None:
        """In the engine's thread: convert, append, never wait."""
        device = self._device
        if device is None:
            return
        self._heard_ns = self._clock.now_ns()
        if overflow:
            self.overflows += 1
        samples = to_float(from_bytes(bytes(data))).reshape(-1, device.channels)
        self._blocks.push(Block(samples, device.rate, self._frame, self._heard_ns))
        self._frame += samples.shape[0]
        self._delivers = True

    def _open(self) -> None:
        self._delivers = False
        try:
            self._device = self._opener(self._on_data)
        except Exception as error:  # drivers raise whatever they like
            self.problem = (
                f"microphone '{self._name}' cannot be opened: {error}; trying every second"
            )
            return
        self._heard_ns = self._clock.now_ns()
        if self._stop.is_set():  # stopped while a slow driver was opening
            self._close()

    def _close(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.close()

    def _watch(self) -> None:
        tried_ns = self._clock.now_ns()
        while not self._stop.wait(CHECK_S):
            now = self._clock.now_ns()
            if self._device is not None and now - self._heard_ns < nanoseconds(LOST_S):
                if self._delivers:
                    self.problem = ''
                continue
            if self._device is not None:
                self.problem = (
                    f"microphone '{self._name}' stopped: unplugged or taken; trying every second"
                )
                with contextlib.suppress(Exception):  # what is gone may not even be closed
                    self._close()
                tried_ns = 0
            if now - tried_ns >= nanoseconds(RETRY_S):
                tried_ns = now
                self._open()
