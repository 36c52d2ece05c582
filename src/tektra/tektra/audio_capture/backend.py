"""What every audio source offers, and the queue between a source's thread and its reader."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

MIN_RATE, MAX_RATE = (1_000, 768_000)  # Hz; outside of these a header is wrong rather than unusual

Audio = NDArray[np.float32]


@dataclass(frozen=True)
class Block:
    """A run of sample frames as a source delivers them.

    ``samples`` has the shape [frames, channels], nominally -1..1, and may hold NaN.
    ``first_frame`` is the index of the first frame in the source's own count: a jump says that
    frames were lost. ``arrival_ns`` is the local time at which the last frame was there, ``None``
    if the reader paces the source. ``last``: nothing follows.
    """

    samples: Audio
    rate: int
    first_frame: int
    arrival_ns: int | None = None
    last: bool = False


class AudioSource(Protocol):
    """One thing to listen to. ``start`` to ``close`` are called by one thread at a time."""

    @property
    def live(self) -> bool:
        """True if samples come when they come, False if ``read`` hands them out on demand."""
        ...

    @property
    def label(self) -> str:
        """Return what is listened to, for people."""
        ...

    @property
    def problem(self) -> str:
        """Return why less is heard than should be, with the fix; empty: all is well."""
        ...

    @property
    def queue(self) -> tuple[int, int]:
        """Return (blocks that wait, blocks dropped since start)."""
        ...

    def start(self) -> None:
        """Begin to listen (activate)."""
        ...

    def read(self, timeout_s: float) -> Block | None:
        """Return the next block.

        A live source waits up to ``timeout_s`` and returns None if nothing came; one that is read
        on demand returns None after its end.

        :raises BackendFailed: if the source broke for good.
        """
        ...

    def stop(self) -> None:
        """Stop listening, keep what is needed to start again (deactivate)."""
        ...

    def close(self) -> None:
        """Release files, devices and sockets."""
        ...


@runtime_checkable
class FollowsTurns(Protocol):
    """A source whose course depends on the conversation (a scene)."""

    def on_turn(self, phase: int, turn_seq: int) -> None:
        """Take note of ``TurnState.phase`` of a turn. May be called from any thread."""
        ...

    def on_playback(self, state: int) -> None:
        """Take note of ``PlaybackClock.state``. May be called from any thread."""
        ...


class LiveQueue:
    """Blocks on their way from a source's thread to its reader.

    Bounded: the oldest gives way, and is counted. One thread pushes (an audio callback must never
    wait), one reads.
    """

    def __init__(self, maxlen: int) -> None:
        self._blocks: deque[Block] = deque(maxlen=maxlen)
        self._maxlen = maxlen
        self._filled = threading.Event()
        self.dropped = 0

    def push(self, block: Block) -> None:
        """Append ``block``; if the queue is full the oldest is dropped."""
        if len(self._blocks) == self._maxlen:
            self.dropped += 1
        self._blocks.append(block)
        self._filled.set()

    def pop(self, timeout_s: float) -> Block | None:
        """Return the oldest block, or None if none came within ``timeout_s`` (s)."""
        try:
            return self._blocks.popleft()
        except IndexError:
            self._filled.clear()
        if not self._blocks and not self._filled.wait(timeout_s):
            return None
        try:
            return self._blocks.popleft()
        except IndexError:
            return None

    def clear(self) -> None:
        """Forget what waits."""
        self._blocks.clear()

    def __len__(self) -> int:
        """Return how many blocks wait."""
        return len(self._blocks)


class Rebase:
    """Keeps a source's frame count growing when its sender restarts or is replaced.

    An index that is ahead by more than ``max_jump`` frames, or behind by more than a tenth of
    that, is taken as a new count that goes on where the old one stopped; one that is less far
    behind comes too late.
    """

    def __init__(self, max_jump: int) -> None:
        self.max_jump = max_jump
        self._offset: int | None = None
        self._next = 0

    def restart(self) -> None:
        """The next block is from a new sender."""
        self._offset = None

    def place(self, index: int, frames: int) -> int | None:
        """Return the index of a block in the growing count; None if it came too late."""
        if self._offset is None:
            self._offset = self._next - index
        first = index + self._offset
        if self._next - self.max_jump // 10 < first < self._next:
            return None
        if not 0 <= first - self._next <= self.max_jump:
            self._offset = self._next - index
            first = self._next
        self._next = first + frames
        return first
