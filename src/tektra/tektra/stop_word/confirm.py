"""From words to what is asked for: a hit holds at once, a confirmation makes it a stop."""

from __future__ import annotations

from dataclasses import dataclass, field

from tektra_msgs.msg import StopRequest, Transcript

from tektra.runtime.clock import nanoseconds
from tektra.stop_word.ear import Hit
from tektra.stop_word.words import Kind, Verdict, WordList

HOLD, STOP = StopRequest.LEVEL_HOLD, StopRequest.LEVEL_STOP
# Kept to know which utterances have been dealt with.
REMEMBERED_NS = nanoseconds(60.0)


@dataclass(frozen=True)
class Decision:
    """What is asked for; ``robots`` empty: all."""

    level: int
    robots: tuple[str, ...]
    reason: str


@dataclass
class _Heard:
    """A hold word that counts, with local time."""

    at_ns: int
    hit: Hit


@dataclass
class _Pending:
    """A stop that becomes one at ``due_ns`` unless the words turn out to be neither."""

    due_ns: int
    start: int
    decision: Decision


@dataclass
class Confirmation:
    """Pure: hits and transcripts in, decisions out. Times in s.

    ``twice_s``: between two words that confirm each other.
    ``settle_s``: a confirmation by detectors waits so long for a phrase such as "stop talking".
    """

    words: WordList
    confirm_s: float = 2.0
    settle_s: float = 1.2
    twice_s: float = 0.8
    _heard: list[_Heard] = field(default_factory=list)
    _pending: list[_Pending] = field(default_factory=list)
    _done: dict[str, tuple[int, Kind]] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """Return whether a hold waits for its confirmation: search on."""
        return bool(self._heard or self._pending)

    def on_hit(self, hit: Hit, now_ns: int) -> list[Decision]:
        """Take a spotted phrase."""
        kind = self.words.kind_of_hit(hit.phrase)
        if hit.own or kind is Kind.NOTHING:
            return []
        place = f"heard '{hit.phrase}' at sample {hit.end} ({hit.detector})"
        if kind is Kind.STOP:
            self._forget()
            return [Decision(STOP, (), place)]
        known = self._fresh(now_ns)
        self._heard.append(_Heard(now_ns, hit))
        newest = now_ns - nanoseconds(self.twice_s)
        again = [h for h in known if _confirms(h.hit, hit, h.at_ns >= newest)]
        if again:
            how = 'a second time' if again[0].hit.detector == hit.detector else 'by two detectors'
            decision = Decision(STOP, (), f'{place}, {how}')
            due = now_ns + nanoseconds(self.settle_s)
            self._pending.append(_Pending(due, hit.start, decision))
        if any(_same_word(h.hit, hit) for h in known):
            return []
        return [Decision(HOLD, (), place)]

    def on_transcript(self, message: Transcript, own: bool, now_ns: int) -> list[Decision]:
        """Take a partial or final transcript; ``own``: it is of the robot's own voice."""
        self._done = {k: v for k, v in self._done.items() if v[0] > now_ns - REMEMBERED_NS}
        verdict = self.words.judge(message.text, message.is_final)
        nothing = verdict.kind is Kind.NOTHING
        if verdict.kind is Kind.NEITHER or (nothing and message.is_final and message.text):
            self._withdraw(message)
        if nothing or own or verdict.kind in (Kind.NEITHER, Kind.UNDECIDED):
            return []
        before = self._done.get(message.utterance_id, (0, Kind.NOTHING))[1]
        if message.utterance_id and before in (verdict.kind, Kind.STOP):
            return []
        self._done[message.utterance_id] = (now_ns, verdict.kind)
        return self._decide(verdict, message, now_ns)

    def on_tick(self, now_ns: int) -> list[Decision]:
        """Return the stops that have become due; forget old hits."""
        due = [p for p in self._pending if p.due_ns <= now_ns]
        self._pending = [p for p in self._pending if p.due_ns > now_ns]
        self._heard = self._fresh(now_ns)
        return [p.decision for p in due[:1]]

    def _decide(self, verdict: Verdict, message: Transcript, now_ns: int) -> list[Decision]:
        place = f'transcript up to sample {message.end_sample} ({message.backend})'
        if verdict.kind is Kind.STOP:
            self._forget()
            return [Decision(STOP, verdict.robots, f'a stop phrase in the {place}')]
        if self._fresh(now_ns):
            self._forget()
            reason = f'the hold word is a command in the {place}'
            return [Decision(STOP, verdict.robots, reason)]
        return [Decision(HOLD, verdict.robots, f'hold word in the {place}, not spotted before')]

    def _withdraw(self, message: Transcript) -> None:
        """The words of this utterance were neither: what is in it confirms nothing."""

        def inside(start: int) -> bool:
            return int(message.start_sample) <= start < max(int(message.end_sample), 1)

        self._pending = [p for p in self._pending if not inside(p.start)]
        self._heard = [h for h in self._heard if not inside(h.hit.start)]

    def _fresh(self, now_ns: int) -> list[_Heard]:
        oldest = now_ns - nanoseconds(self.confirm_s)
        return [h for h in self._heard if h.at_ns >= oldest]

    def _forget(self) -> None:
        self._heard, self._pending = [], []


def _same_word(one: Hit, other: Hit) -> bool:
    overlap = one.start < other.end and other.start < one.end
    return one.stream_id == other.stream_id and overlap


def _confirms(earlier: Hit, later: Hit, close: bool) -> bool:
    """Return whether two hits are two detectors at one word, or one, sure, at two words."""
    same = _same_word(earlier, later)
    if earlier.detector != later.detector:
        return same
    return close and not same and earlier.sure and later.sure
