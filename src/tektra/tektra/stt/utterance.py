"""One utterance on its way through the recogniser: its segments, and what was found so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tektra.stt.backend import Hypothesis
from tektra.stt.cutter import Cutter
from tektra.stt.stable import StablePrefix


@dataclass(frozen=True)
class Limits:
    """In samples: when to cut long speech, and what is decoded again after a pause."""

    cut_soft: int
    cut_hard: int
    rejoin: int


@dataclass
class Segment:
    """A piece that is decoded as one; ``fed_to`` is one past the last sample fed."""

    number: int
    start: int
    fed_to: int
    cutter: Cutter
    overlap: int = 0  # samples before its end that the next segment begins with
    ending: bool = False  # its last audio and the request to finish it are with the engine
    stable: StablePrefix = field(default_factory=StablePrefix)


@dataclass(frozen=True)
class Done:
    """A finished segment, named as the engine knows it."""

    key: str
    start: int
    end: int
    hypothesis: Hypothesis


class Utterance:
    """All positions are samples of the stream.

    ``target``: decode to here and finish; None while the person speaks.
    """

    def __init__(self, utterance_id: str, stream_id: str, start: int, limits: Limits) -> None:
        self.utterance_id = utterance_id
        self.stream_id = stream_id
        self.start = start
        self.limits = limits
        self.done: list[Done] = []
        self.voiced_end = 0  # one past the last voiced sample, as vad has it
        self.seen_to = start  # how far vad has judged
        self.target: int | None = None
        self.closed = False  # vad has ended it
        self.request_ns = 0
        self.final_to = -1  # one past the last sample of the newest final
        self.revision = 0
        self.shown = ''
        self.backend = ''
        self.partial_at = start  # fed_to at the latest partial
        self.probabilities = 0.0  # of speech, summed over voiced chunks
        self.voiced_chunks = 0
        self._numbers = 0
        self.segment = self._begin(start)

    @property
    def is_final(self) -> bool:
        """True when everything up to the target has been said in a final."""
        return self.target is not None and self.final_to >= self.target

    @property
    def speech_probability(self) -> float:
        """Return the mean of vad's probabilities while it heard speech, 0..1."""
        return self.probabilities / self.voiced_chunks if self.voiced_chunks else 0.0

    def key(self) -> str:
        """Return what names the current segment to the engine."""
        return f'{self.utterance_id}/{self.segment.number}'

    def cut(self, hypothesis: Hypothesis) -> None:
        """Keep what the current segment says and begin the next one."""
        end, overlap = self._keep(hypothesis), self.segment.overlap
        self.segment = self._begin(end - overlap)

    def finish(self, hypothesis: Hypothesis) -> None:
        """Keep what the last segment says; the utterance is final up to there."""
        self.final_to = self._keep(hypothesis)

    def reopen(self, oldest: int) -> None:
        """Go on after a final, given or asked for: decode a short segment again, or begin another.

        ``oldest`` is the first sample that can still be read.
        """
        self.target = None
        if self.segment.ending and self.final_to != self.segment.fed_to:
            self._keep(Hypothesis())  # what it says is still to come, see late
        elif not self.done or self.done[-1].end != self.final_to:
            return
        last = self.done[-1]
        if last.end - last.start <= self.limits.rejoin and last.start >= oldest:
            self.done.pop()
            self.segment = self._begin(last.start)
        else:
            self.segment = self._begin(last.end)
        self.partial_at = max(self.partial_at, self.segment.start)

    def late(self, key: str, hypothesis: Hypothesis) -> None:
        """Fill in what a segment says that was finished while the person went on."""
        self.done = [replace(d, hypothesis=hypothesis) if d.key == key else d for d in self.done]

    def _keep(self, hypothesis: Hypothesis) -> int:
        segment = self.segment
        self.done.append(Done(self.key(), segment.start, segment.fed_to, hypothesis))
        return segment.fed_to

    def _begin(self, start: int) -> Segment:
        self._numbers += 1
        cutter = Cutter(self.limits.cut_soft, self.limits.cut_hard)
        return Segment(self._numbers, start, start, cutter)
