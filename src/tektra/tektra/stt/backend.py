"""What speech to text needs of an engine, and what an engine says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from tektra.runtime.pcm import Samples

SAMPLE_RATE = 16_000  # Hz, of all audio given to an engine

NOISE = 'noise'  # reject_reason: there was sound, but no words


@dataclass(frozen=True)
class Word:
    """One word; ``start`` and ``end`` in samples from the segment's begin.

    ``confidence`` is 0..1, negative: unknown.
    """

    text: str
    start: int
    end: int
    confidence: float = -1.0


@dataclass(frozen=True)
class Hypothesis:
    """What a segment says. Without words, ``reject_reason`` says why if there was sound.

    ``confidence`` is 0..1, negative if the engine has none; ``language`` is BCP 47, empty if
    unknown.
    """

    text: str = ''
    language: str = ''
    confidence: float = -1.0
    low_confidence: bool = False
    reject_reason: str = ''
    words: tuple[Word, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return the same as JSON-able data, for the tap."""
        rows = [[w.text, w.start, w.end, w.confidence] for w in self.words]
        return {**self.__dict__, 'words': rows}

    @staticmethod
    def from_data(data: Mapping[str, Any]) -> Hypothesis:
        """Return what ``to_data`` was made from."""
        return Hypothesis(**{**data, 'words': tuple(Word(*row) for row in data['words'])})


class SttBackend(Protocol):
    """Hears one segment (some seconds of one utterance) at a time. Used by one thread."""

    def start(self) -> None:
        """Begin a segment; one that was not finished is forgotten."""
        ...

    def feed(self, pcm: Samples) -> None:
        """Take the next audio of the segment: int16 mono at 16 kHz, any length."""
        ...

    def partial(self) -> Hypothesis | None:
        """Return what the segment says so far; None: nothing new, or not worth the time."""
        ...

    def finish(self) -> Hypothesis:
        """End the segment and return what it says."""
        ...

    def close(self) -> None:
        """Release the model."""
        ...


Factories = Mapping[str, Callable[[], SttBackend]]
