"""Simulated time: as fast as the graph can follow, standing still while anyone is busy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tektra.audio_capture.framing import CHUNK_NS
from tektra.runtime.clock import NS_PER_S

WIDE = 32  # chunks in flight while nothing happens; half the depth of audio/mic's queue
QUIET_NS = 2 * NS_PER_S  # of nothing happening before the window grows


@dataclass
class Participant:
    """What is known of one node that time waits for. ``heard_ns`` is wall time."""

    done_ns: int
    heard_ns: int
    busy: bool = False
    dropped: bool = False


class FastClock:
    """Decides how many chunks may be sent.

    ``now_ns`` is simulated time, ``wall_ns`` any clock that runs on. At most ``window`` chunks are
    ahead of the slowest participant; ``WIDE`` after ``QUIET_NS`` without speech, an open turn or
    playback. A participant that has been silent for ``timeout_ns`` of wall time while time stood
    still for it is dropped; it is back with its next report. With no participant left, time runs
    as fast as real time, since nothing would hold it.
    """

    def __init__(
        self,
        start_ns: int,
        participants: Iterable[str],
        wall_ns: int,
        *,
        window: int = 4,
        timeout_ns: int = 10 * NS_PER_S,
    ) -> None:
        self.now_ns = start_ns
        self.real_time = False  # no faster than real time, whatever the participants allow
        self._start_ns = start_ns
        self._participants = {name: Participant(start_ns - 1, wall_ns) for name in participants}
        self._window = window
        self._timeout_ns = timeout_ns
        self._active_ns = start_ns
        self._turn_open = False
        self._playing = False
        self._free_ns = wall_ns  # in real time: when the next chunk is due

    def on_progress(self, node: str, done_ns: int, busy: bool, wall_ns: int) -> None:
        """Note that ``node`` has handled everything up to ``done_ns`` of simulated time."""
        who = self._participants.get(node)
        if who is None:
            return
        who.heard_ns, who.busy, who.dropped = wall_ns, busy, False
        if not busy:
            who.done_ns = max(who.done_ns, done_ns)

    def on_turn(self, is_open: bool) -> None:
        """Note whether a turn is open or being answered."""
        self._turn_open = is_open

    def on_playback(self, playing: bool) -> None:
        """Note whether something is played."""
        self._playing = playing

    def on_sound(self) -> None:
        """Note that the chunk to be sent next is not silent."""
        self._active_ns = self.now_ns

    @property
    def wide(self) -> bool:
        """True while nothing happens and the window has grown."""
        if self._turn_open or self._playing:
            self._active_ns = self.now_ns
        return self.now_ns - self._active_ns > QUIET_NS

    @property
    def free(self) -> bool:
        """True if nobody is left to wait for."""
        return all(p.dropped for p in self._participants.values())

    def allowance(self, wall_ns: int) -> int:
        """Return how many chunks may be sent before the next tick; 0: wait.

        Nothing is sent before every participant has answered the first tick: until then it may not
        have joined.
        """
        early = wall_ns < self._free_ns
        alive = [p for p in self._participants.values() if not p.dropped]
        if not alive or (self.real_time and early):
            return 0 if early else 1
        least = min(p.done_ns for p in alive)
        if any(p.busy for p in alive) or least < self._start_ns:
            return 0
        behind = -((least - self.now_ns) // CHUNK_NS)
        if self.wide and not self.real_time:
            return WIDE // 2 if behind <= WIDE // 2 else 0
        return 1 if behind < self._window else 0

    def advance(self, chunks: int, wall_ns: int) -> int:
        """Move on by ``chunks`` that were sent; return simulated time now, to be published."""
        self.now_ns += chunks * CHUNK_NS
        due_ns = max(min(self._free_ns, wall_ns), wall_ns - CHUNK_NS)
        self._free_ns = due_ns + chunks * CHUNK_NS
        return self.now_ns

    def drop_dead(self, wall_ns: int) -> list[str]:
        """Return the participants that are given up now. Call it while time stands still."""
        dead = []
        for name, who in self._participants.items():
            waited_for = who.busy or who.done_ns < self.now_ns
            if not who.dropped and waited_for and wall_ns - who.heard_ns > self._timeout_ns:
                who.dropped, who.busy = True, False
                dead.append(name)
        return dead
