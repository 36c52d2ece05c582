"""The thread between source and topic: paces what is on demand, follows what is live."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import Protocol

from tektra_msgs.msg import AudioChunk

from tektra.audio_capture.backend import AudioSource, Block
from tektra.audio_capture.core import CaptureCore
from tektra.audio_capture.fast_clock import FastClock
from tektra.audio_capture.framing import CHUNK, CHUNK_S
from tektra.runtime.backends import BackendChain
from tektra.runtime.clock import NS_PER_S, Clock, seconds

STALL_NS = 500_000_000  # a live source that gave nothing for this long has stalled
READ_S = 0.05  # longest wait for a live source, so that stopping and filling stay prompt
SLEPT_NS = NS_PER_S  # a paced stream later than this goes on from now instead of catching up
QUIET_DBFS = -60.0  # below: nothing that a voice activity detector could take for speech
REPEAT_S = (
    0.25  # a tick that is not answered is sent again: it may have been lost, or the node is new
)
FAST_AFTER_END_NS = (
    60 * NS_PER_S
)  # after so much silence at the end, fast mode runs in real time: it is over


class SourceBroke(Exception):
    """The backend in use raised while it was read; the cause is chained."""


class Outlet(Protocol):
    """Where the pump's results go. Called from the pump's thread."""

    def publish(self, chunk: AudioChunk) -> None:
        """Send a chunk."""
        ...

    def publish_clock(self, now_ns: int) -> None:
        """Send simulated time."""
        ...

    def condition(self, problem: str) -> None:
        """Take note of what is wrong with the source now; empty: nothing."""
        ...

    def dropped(self, node: str) -> None:
        """Take note that time no longer waits for ``node``."""
        ...

    def error(self, error: Exception) -> None:
        """Take note of an error that is not the source's."""
        ...


@dataclass(frozen=True)
class Stream:
    """An open source and its stream. ``notice``: why it is not the one asked for."""

    chain: BackendChain[AudioSource]
    core: CaptureCore
    lead_in: int = 0  # chunks of silence before the first sound
    keep_on: bool = True  # silence after the end
    notice: str = ''


class Pump:
    """Runs one stream after the other in a thread of its own. ``clock`` is local time.

    With ``fast`` the stream's time is simulated: guarded by ``condition``, which must be held and
    notified by whoever tells ``fast`` something.
    """

    def __init__(
        self, stream: Stream, outlet: Outlet, clock: Clock, fast: FastClock | None = None
    ) -> None:
        self.stream = stream
        self.condition = threading.Condition()
        self._outlet = outlet
        self._clock = clock
        self._fast = fast
        self._ready: deque[AudioChunk] = deque()
        self._lead_in = 0
        self._next: Stream | None = None
        self._stopping = False
        self._last_ns = 0
        self._end_ns = 0
        self._thread = threading.Thread(target=self._run, name='audio-pump', daemon=True)

    @property
    def source(self) -> AudioSource:
        """Return the source in use.

        :raises BackendUnavailable: if there is none left.
        """
        return self.stream.chain.active

    def start(self) -> None:
        """Begin: the source listens, the thread runs."""
        self._begin(self.stream)
        self._thread.start()

    def swap(self, stream: Stream) -> None:
        """Go over to another stream after the chunk in progress; the old source is closed."""
        with self.condition:
            never_used, self._next = self._next, stream
            self.condition.notify()
        if never_used is not None:
            self._close(never_used)

    def stop(self, timeout_s: float = 0.5) -> None:
        """End the thread and stop the source; returns within ``timeout_s`` (s)."""
        with self.condition:
            self._stopping = True
            self.condition.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._next is not None:  # asked for, not begun: it is what a later start begins with
            self._close(self.stream)
            self.stream, self._next = self._next, None
        if self.stream.chain.active_name:
            self.source.stop()

    # ---- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._go_on()
            except Exception as error:
                self._outlet.error(error)
                self._wait(REPEAT_S)

    def _go_on(self) -> None:
        if self._next is not None:
            self._take_over()
        try:
            self._step()
        except SourceBroke as broke:
            self._lose(broke)

    def _step(self) -> None:
        if self._fast is not None:
            self._step_fast(self._fast)
        elif self.source.live:
            self._step_live()
        else:
            self._step_paced()

    def _take_over(self) -> None:
        with self.condition:
            stream, self._next = self._next, None
        assert stream is not None
        for chunk in self.stream.core.finish():
            self._outlet.publish(chunk)
        self._close(self.stream)
        self._begin(stream)

    def _close(self, stream: Stream) -> None:
        """Close a source that is over: whatever is wrong with it must not stop the next one."""
        try:
            stream.chain.close()
        except Exception as error:
            self._outlet.error(error)

    def _begin(self, stream: Stream) -> None:
        self.stream = stream
        self._ready.clear()
        now = self._clock.now_ns()
        self._last_ns = now
        core = stream.core
        core.timeline.shift((self._fast.now_ns if self._fast else now) - core.timeline.at(0))
        self._lead_in = 0 if self.source.live else stream.lead_in
        self.source.start()

    def _lose(self, broke: SourceBroke) -> None:
        """Go on with the next backend, at the latest with silence.

        What is read on demand (a recording, a scene) is over where it broke: nothing else goes on
        with it, and whoever waits for its end is to see it.
        """
        lost, cause = self.source.label, broke.__cause__ or broke
        if not self.source.live:
            self._ready.extend(self.stream.core.finish())
        chain = self.stream.chain
        chain.fail(cause, self._clock.now_ns())
        notice = f'{lost} broke: {cause}; now: {chain.active_name or "nothing"}'
        self.stream = replace(self.stream, notice=notice)
        self._outlet.condition(notice)
        self.source.start()

    def _read(self, timeout_s: float) -> Block | None:
        try:
            return self.source.read(timeout_s)
        except Exception as error:
            raise SourceBroke(str(error)) from error

    def _wait(self, timeout_s: float) -> None:
        with self.condition:
            if not self._stopping and self._next is None:
                self.condition.wait(timeout_s)

    def _tell(self, stalled: bool = False) -> None:
        source = self.source
        problem = source.problem or (f'{source.label}: no audio comes' if stalled else '')
        self._outlet.condition(self.stream.notice or problem)

    def _step_live(self) -> None:
        block = self._read(READ_S)
        now = self._clock.now_ns()
        chunks: list[AudioChunk] = []
        stalled = block is None and now - self._last_ns >= STALL_NS
        if block is not None:
            self._last_ns = now
            chunks = self.stream.core.push(block)
        elif stalled:
            chunks = self.stream.core.fill(now)
        for chunk in chunks:
            self._outlet.publish(chunk)
        self._tell(stalled)

    def _step_paced(self) -> None:
        """Send the next chunk when its last sample would have been heard; never early."""
        timeline = self.stream.core.timeline
        if not self._ready and not self._prepare():
            self._wait(REPEAT_S)
            return
        due = timeline.at(self._ready[0].first_sample + CHUNK)
        late = self._clock.now_ns() - due
        if late < 0:
            self._wait(seconds(-late))
        elif late > SLEPT_NS:
            timeline.shift(late)
        if self._clock.now_ns() >= due:
            self._outlet.publish(self._ready.popleft())
            self._tell()

    def _prepare(self) -> bool:
        """Have a chunk in ``_ready``; False if the stream has ended and is not to go on."""
        core = self.stream.core
        while not self._ready:
            block = None
            if self._lead_in > 0:
                self._lead_in -= 1
            elif not core.ended:
                try:
                    block = self._read(0.0)
                except SourceBroke as broke:
                    self._lose(broke)
                    continue
            elif not self.stream.keep_on:
                return False
            self._ready.extend(core.silence() if block is None else core.push(block))
        return True

    # ---- fast -----------------------------------------------------------------------------------

    def _step_fast(self, fast: FastClock) -> None:
        allowed = self._await_allowance(fast)
        sent = self._send_burst(fast, allowed) if allowed else 0
        if not sent:
            return
        if not self.stream.core.ended:
            self._end_ns = fast.now_ns
        with self.condition:
            fast.real_time = fast.now_ns - self._end_ns > FAST_AFTER_END_NS
            now = fast.advance(sent, self._clock.now_ns())
        self._outlet.publish_clock(now)
        self._tell()

    def _await_allowance(self, fast: FastClock) -> int:
        """Wait until chunks may be sent; 0: look again. Repeats the tick meanwhile."""
        with self.condition:
            for name in fast.drop_dead(self._clock.now_ns()):
                self._outlet.dropped(name)
            allowed = fast.allowance(self._clock.now_ns())
            if allowed or self._stopping or self._next is not None:
                return allowed
            paced = fast.free or fast.real_time
            if self.condition.wait(CHUNK_S / 4 if paced else REPEAT_S) or paced:
                return 0
        self._outlet.publish_clock(fast.now_ns)
        return 0

    def _send_burst(self, fast: FastClock, allowed: int) -> int:
        """Send up to ``allowed`` chunks, a loud one only by itself; return how many."""
        sent = 0
        while sent < allowed:
            if not self._ready and not self._prepare():
                return allowed  # the stream is over, time goes on
            if self._ready[0].level_dbfs > QUIET_DBFS:
                with self.condition:
                    fast.on_sound()
                if allowed > 1:
                    return sent
            self._outlet.publish(self._ready.popleft())
            sent += 1
        return sent
