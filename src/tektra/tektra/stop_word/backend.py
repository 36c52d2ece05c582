"""What the stop word needs of an engine that spots words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tektra.runtime.pcm import Samples

SAMPLE_RATE = 16_000  # Hz


@dataclass(frozen=True)
class Target:
    """A phrase to listen for; ``threshold`` as pocketsphinx has it, ``phones`` word -> phones."""

    phrase: str
    threshold: float
    phones: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Spotted:
    """A phrase that was heard. Sample indexes count from the last ``reset``.

    ``score``: of the engine, only comparable within it. ``sure``: above the engine's own limit for
    acting without looking for the pause that follows a command.
    """

    phrase: str
    start: int
    end: int
    score: float
    sure: bool = True


class Spotter(Protocol):
    """Follows a stream of audio. Not thread-safe."""

    @property
    def name(self) -> str:
        """Return the engine's name."""
        ...

    def feed(self, pcm: Samples) -> list[Spotted]:
        """Search the next samples (16 kHz mono); return what has become certain.

        A phrase is reported again when more of it was heard or its score has risen.
        """
        ...

    def reset(self) -> None:
        """Forget earlier audio: the next sample has index 0."""
        ...

    def close(self) -> None:
        """Release the model."""
        ...


@dataclass(frozen=True)
class SpotterOptions:
    """What the engines need to know. ``hold_phrase``: what a model of one word stands for."""

    targets: tuple[Target, ...]
    sure_score: float = 0.82
    hold_phrase: str = 'stop'
    model: str = ''


def factories(options: SpotterOptions) -> dict[str, Callable[[], Spotter]]:
    """Return how each engine is made, by name; nothing is imported before one is called."""

    def pocketsphinx() -> Spotter:
        from tektra.stop_word.backends.pocketsphinx import Pocketsphinx

        return Pocketsphinx(options.targets, options.sure_score)

    def microwakeword() -> Spotter:
        from tektra.stop_word.backends.microwakeword import MicroWakeWord

        return MicroWakeWord(options.hold_phrase, options.model)

    return {'pocketsphinx': pocketsphinx, 'microwakeword': microwakeword}
