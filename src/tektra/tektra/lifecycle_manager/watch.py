"""What is known of one node: sign of life, instance, restarts, crash loop, hang. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Protocol

from tektra_msgs.msg import NodeHeartbeat

from tektra.lifecycle_manager.exchange import Exchange
from tektra.lifecycle_manager.graph import NodeSpec
from tektra.lifecycle_manager.steps import ACTIVE, MISSING
from tektra.runtime.clock import nanoseconds, seconds

# A heartbeat that was on its way while a transition was verified tells the state before it: one
# that contradicts what was verified is believed when the contradiction lasts.
STALE_BEAT_S = 1.0
REPLACED = 8  # instances of before that are remembered


@dataclass(frozen=True)
class Timing:
    """Waits, in s. Each is bounded."""

    silent_s: float = 1.0  # no heartbeat (5 Hz) for so long: the node is missing
    appear_s: float = 60.0  # for a process to start, or to be started again
    unheard_s: float = 0.7  # a request that changed nothing is sent again after this
    step_s: float = 15.0  # for a transition that loads nothing
    down_s: float = 30.0  # for all transitions of a pause, reset or shutdown together
    retry_first_s: float = 1.0  # after a failure; doubles up to
    retry_max_s: float = 30.0
    attempts: int = 5  # of the automatic start

    def backoff_s(self, failures: int) -> float:
        """Return how long to wait after ``failures`` (from 0) failures before this one."""
        return float(min(self.retry_first_s * 2 ** min(failures, 30), self.retry_max_s))


class Life(enum.Enum):
    """What the operating system says of a process."""

    UNKNOWN = 'unknown'  # on another machine, or nobody looks
    RUNS = 'runs'
    STOPPED = 'stopped'  # SIGSTOP, debugger
    ENDED = 'ended'


class Processes(Protocol):
    """Looks at processes of this machine: what has become of them, what memory they hold."""

    def adopt(self, node: str, pid: int) -> None:
        """Remember which process hosts ``node`` now."""
        ...

    def life(self, node: str) -> Life:
        """Return what has become of the process adopted last for ``node``."""
        ...

    def memory_mb(self, node: str) -> float:
        """Return the resident memory of that process in MB; 0.0: not known."""
        ...


class NoProcesses:
    """Says nothing."""

    def adopt(self, node: str, pid: int) -> None:
        """Forget it."""

    def life(self, node: str) -> Life:
        """Return that it is not known."""
        return Life.UNKNOWN

    def memory_mb(self, node: str) -> float:
        """Return that it is not known."""
        return 0.0


@dataclass
class Watched:
    """One node."""

    spec: NodeSpec
    beat: NodeHeartbeat | None = None
    state: int = MISSING  # as last known; see ``effective``
    seen_ns: int = -1
    missing: bool = True
    life: Life = Life.UNKNOWN
    restarts: int = 0
    looping: bool = False
    exchange: Exchange | None = None
    error: str = ''  # of the last failed transition, until the node is where it is wanted
    failures: int = 0  # in a row
    not_before_ns: int = 0
    verified_ns: int = -1
    used_ns: int = -1  # when it last had work, or was not active
    _recent: list[int] = field(default_factory=list)  # times of restarts inside the window
    _up_since_ns: int = -1
    _before: int = MISSING
    _differs_ns: int = -1
    _replaced: dict[str, int] = field(default_factory=dict)  # instances of before, since when
    _twin: NodeHeartbeat | None = None  # of another process of this name
    _twin_ns: int = 0

    @property
    def effective(self) -> int:
        """Return the state, or MISSING without a sign of life."""
        return MISSING if self.missing else self.state

    @property
    def verified(self) -> int:
        """Return ``effective``, but the state before a transition until that is verified."""
        if self.missing or self.exchange is None:
            return self.effective
        return self._before

    def begin(self, transition: int, timeout_s: float, now_ns: int) -> None:
        """Begin a transition."""
        self._before = self.state
        name = self.spec.name
        self.exchange = Exchange(name, transition, self.instance_id, timeout_s, now_ns)

    @property
    def gist(self) -> tuple[object, ...]:
        """Return what a heartbeat may change that matters at once."""
        beat = self.beat
        phase = self.exchange.phase if self.exchange is not None else None
        if beat is None:
            return (self.missing,)
        said = (beat.degraded, beat.status, beat.last_error, beat.backend)
        return (self.missing, self.instance_id, self.state, phase, *said)

    @property
    def instance_id(self) -> str:
        """Return the instance seen last; empty: never seen."""
        return str(self.beat.instance_id) if self.beat is not None else ''

    def is_of_another(self, beat: NodeHeartbeat, now_ns: int) -> bool:
        """Return whether a beat is of a process that a newer one of this name has replaced.

        It counts for nothing, unless the newer one has gone; if it comes later than a beat that
        was under way, the older process lives, and there are two.
        """
        if self.missing or beat.instance_id == self.instance_id:
            return False
        replaced_ns = self._replaced.get(str(beat.instance_id))
        if replaced_ns is None:
            return False
        if seconds(now_ns - replaced_ns) >= STALE_BEAT_S:
            self._twin, self._twin_ns = beat, now_ns
        return True

    def on_beat(self, beat: NodeHeartbeat, now_ns: int) -> bool:
        """Take a sign of life; return whether it is of a new instance of a node seen before."""
        again = bool(self.instance_id) and self.instance_id != beat.instance_id
        if again:
            if beat.instance_id not in self._replaced:
                self.restarts += 1
                self._recent.append(now_ns)
            self._replaced[self.instance_id] = now_ns
            self._replaced.pop(str(beat.instance_id), None)
            if len(self._replaced) > REPLACED:
                del self._replaced[next(iter(self._replaced))]
            self.exchange, self.not_before_ns, self.verified_ns = None, 0, -1
            self._up_since_ns = -1
        if again or beat.busy or beat.state != ACTIVE or self.used_ns < 0:
            self.used_ns = now_ns
        if beat.state == self.state:
            self._differs_ns = -1
        elif self._differs_ns < 0:
            self._differs_ns = now_ns
        free = again or self.verified_ns < 0 or self.exchange is not None
        if free or seconds(now_ns - self._differs_ns) >= STALE_BEAT_S:
            self.state, self._differs_ns = int(beat.state), -1
        self.beat, self.seen_ns, self.missing = beat, now_ns, False
        self.life = Life.UNKNOWN
        return again

    def look(self, now_ns: int, settled: bool, silent: bool, processes: Processes) -> None:
        """Notice silence, and the begin and end of a crash loop.

        ``settled``: the node is where it is wanted. ``silent``: it has not beaten for too long.
        """
        if seconds(now_ns - self._twin_ns) > STALE_BEAT_S:
            self._twin = None
        if self.seen_ns >= 0 and silent:
            self.missing = True
            self.life = processes.life(self.spec.name)
        policy = self.spec.restart
        oldest = now_ns - nanoseconds(policy.window_s)
        self._recent = [when for when in self._recent if when > oldest]
        if self.missing or not settled:
            self._up_since_ns = -1
        elif self._up_since_ns < 0:
            self._up_since_ns = now_ns
        if len(self._recent) > policy.max:
            self.looping = True
        up = self._up_since_ns >= 0 and seconds(now_ns - self._up_since_ns) >= policy.stays_up_s
        if self.looping and up:
            self.looping, self._recent = False, []

    def silence(self) -> str:
        """Return why there is no sign of life; empty: there is one."""
        if self.seen_ns < 0:
            return 'not seen yet'
        if not self.missing:
            return ''
        pid = self.beat.pid if self.beat is not None else 0
        return {
            Life.UNKNOWN: 'no heartbeat',
            Life.RUNS: f'no heartbeat, although process {pid} runs: it hangs',
            Life.STOPPED: f'no heartbeat: process {pid} is stopped',
            Life.ENDED: f'no heartbeat: process {pid} has ended',
        }[self.life]

    def twin_text(self) -> str:
        """Return that there are two processes of this name; empty: there is one at most."""
        if self._twin is None or self.beat is None:
            return ''
        pids = f'{self._twin.pid} and {self.beat.pid}'
        return f'two processes are named {self.spec.name}: {pids}; end one of them'

    def loop_text(self) -> str:
        """Return what is said of a crash loop; empty: there is none."""
        if not self.looping:
            return ''
        said = self.beat.last_error if self.beat is not None else ''
        policy = self.spec.restart
        text = f'crash loop: more than {policy.max} restarts in {policy.window_s:g} s'
        return f'{text}; {said}' if said else text
