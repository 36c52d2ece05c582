"""The stop word without ROS: hits, transcripts and gate states in, requests and health out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tektra_msgs.msg import EstopState, GateState, StopRequest, StopWordHealth, Transcript

from tektra.runtime.clock import nanoseconds, seconds
from tektra.stop_word.confirm import Confirmation
from tektra.stop_word.ear import EarOptions, Hit
from tektra.stop_word.requests import Requests
from tektra.stop_word.watch import Watch
from tektra.stop_word.words import WordList

SAMPLE_RATE = 16_000


@dataclass(frozen=True)
class StopWordOptions:
    """Times in s."""

    confirm_s: float = 2.0
    settle_s: float = 1.2
    twice_s: float = 0.8
    gate_silent_s: float = 0.3
    audio_timeout_s: float = 0.3
    most_lag_s: float = 0.5
    ear: EarOptions = field(default_factory=EarOptions)


@dataclass
class Hearing:
    """What the shell knows of the audio: sample counts since start, local times in ns."""

    received: int = 0
    searched: int = 0
    lost_samples: int = 0
    heard_ns: int | None = None
    played_ns: int | None = None
    backend: str = ''  # detectors in use; empty: none works


class StopWordCore:
    """Decides when to search, whom to hold and stop, and says how well it listens."""

    def __init__(
        self, words: WordList, robots: Sequence[str], options: StopWordOptions, language: str
    ) -> None:
        self._options = options
        self._language = language
        self._watch = Watch(robots, options.gate_silent_s)
        self._confirmation = Confirmation(
            words, options.confirm_s, options.settle_s, options.twice_s
        )
        self.requests = Requests(robots)
        self.hearing = Hearing()
        self.holds = self.stops = 0
        self._seq = 0

    @property
    def lag_s(self) -> float:
        """Return how much audio has come and is not searched yet, in s."""
        return max(0, self.hearing.received - self.hearing.searched) / SAMPLE_RATE

    @property
    def behind(self) -> bool:
        """Return whether the search is too late to count as listening."""
        return self.lag_s > self._options.most_lag_s

    def searching(self, now_ns: int) -> bool:
        """Return whether words are to be looked for: a robot may move, or a hold is fresh."""
        return self._watch.may_move(now_ns) or self._confirmation.open

    def on_gate_state(self, robot: str, state: GateState, now_ns: int) -> None:
        """Note what a gate says."""
        self._watch.on_gate_state(robot, state, now_ns)
        self.requests.on_gate_state(robot, state, now_ns)

    def on_estop_state(self, robot: str, state: EstopState, now_ns: int) -> None:
        """Note what an estop says."""
        self.requests.on_estop_state(robot, state, now_ns)

    def on_hits(self, hits: Sequence[Hit], now_ns: int) -> list[tuple[str, StopRequest]]:
        """Take what was spotted in one piece of audio; return what to publish at once."""
        for hit in hits:
            for decision in self._confirmation.on_hit(hit, now_ns):
                self._count(decision.level)
                self.requests.add(decision, now_ns)
        return self.requests.due(now_ns)

    def on_transcript(
        self, message: Transcript, own: bool, now_ns: int
    ) -> list[tuple[str, StopRequest]]:
        """Take what stt understood (``own``: of the robot's own voice)."""
        for decision in self._confirmation.on_transcript(message, own, now_ns):
            still = decision.level == StopRequest.LEVEL_HOLD and not self.searching(now_ns)
            if still:
                continue  # nothing moves, and a hold is not for later
            self._count(decision.level)
            self.requests.add(decision, now_ns)
        return self.requests.due(now_ns)

    def on_tick(self, now_ns: int) -> tuple[list[tuple[str, StopRequest]], list[str]]:
        """Return what to publish now, and what to say loudly."""
        for decision in self._confirmation.on_tick(now_ns):
            self._count(decision.level)
            self.requests.add(decision, now_ns)
        due = self.requests.due(now_ns)
        return due, self.requests.give_up(now_ns)

    def health(self, instance_id: str, now_ns: int) -> StopWordHealth:
        """Return how well it listens; the caller sets the stamp."""
        hearing, options = self.hearing, self._options
        lag_s = self.lag_s
        heard = hearing.heard_ns is not None
        fresh = heard and seconds(now_ns - (hearing.heard_ns or 0)) <= options.audio_timeout_s
        played = hearing.played_ns
        message = StopWordHealth(
            instance_id=instance_id,
            seq=self._seq,
            listening=bool(fresh and not self.behind and hearing.backend),
            lag_s=lag_s,
            lost_samples=hearing.lost_samples,
            masking=played is not None and now_ns - played <= nanoseconds(0.3),
            language=self._language,
            backend=hearing.backend,
        )
        self._seq += 1
        return message

    def trouble(self, now_ns: int) -> str:
        """Return why the stop word works less well than it should; empty: it does not."""
        hearing = self.hearing
        if not hearing.backend:
            return 'no detector works: spoken stops are heard by stt only'
        if hearing.heard_ns is None:
            return 'no audio yet on audio/mic: a spoken stop is not heard'
        silent_s = seconds(now_ns - hearing.heard_ns)
        if silent_s > self._options.audio_timeout_s:
            return f'no audio on audio/mic for {silent_s:.1f} s: a spoken stop is not heard'
        if self.behind:
            return f'{self.lag_s:.1f} s behind the audio: a spoken stop is heard late'
        return '; '.join(self.requests.unanswered.values())

    def _count(self, level: int) -> None:
        if level == StopRequest.LEVEL_HOLD:
            self.holds += 1
        else:
            self.stops += 1
