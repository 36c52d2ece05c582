"""Endpointing: how long silence must last before words are a turn, as small strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tektra.turn_taking.languages import TurnLanguage, turn_language
from tektra.turn_taking.params import TurnTakingParams
from tektra.turn_taking.words import without_ends, words


@dataclass(frozen=True)
class Evidence:
    """What is known when the person may have finished; ``language`` is BCP 47 or empty."""

    text: str
    language: str = ''
    low_confidence: bool = False


@dataclass(frozen=True)
class Verdict:
    """Wait until ``wait_s`` (s) of silence since the end of speech, because ``reason``."""

    wait_s: float
    strategy: str
    reason: str

    def after(self, silence_s: float) -> str:
        """Return the decision in words, with the silence (s) that was seen."""
        because = f'{self.reason}, ' if self.reason else ''
        return f'{self.strategy}: {because}{silence_s * 1000:.0f} ms of silence'


class Strategy(Protocol):
    """One way to decide. A model on audio is a further one: it adds its input to ``Evidence``."""

    def wait_s(self, evidence: Evidence) -> Verdict | None:
        """Return how long to wait, or None to leave it to the next strategy."""
        ...


@dataclass(frozen=True)
class TextStrategy:
    """Decides by the words: a finished sentence shortens the wait, an open one lengthens it."""

    finished_s: float
    unfinished_s: float
    language: str

    def wait_s(self, evidence: Evidence) -> Verdict | None:
        """Return a verdict where the words say enough. Doubtful words cannot shorten the wait."""
        table = turn_language(evidence.language, self.language)
        open_end = unfinished(evidence.text, table)
        if open_end:
            return Verdict(self.unfinished_s, 'text', open_end)
        done = '' if evidence.low_confidence else finished(evidence.text, table)
        if done:
            return Verdict(self.finished_s, 'text', done)
        return None


@dataclass(frozen=True)
class SilenceStrategy:
    """Decides by silence alone; doubtful words get longer."""

    silence_s: float
    low_confidence_s: float

    def wait_s(self, evidence: Evidence) -> Verdict:
        """Return a verdict, always."""
        if evidence.low_confidence:
            return Verdict(self.low_confidence_s, 'silence', 'low confidence')
        return Verdict(self.silence_s, 'silence', '')


@dataclass(frozen=True)
class Endpointing:
    """Asks ``strategies`` in order; the first opinion counts, never longer than ``max_s``."""

    strategies: Sequence[Strategy]
    max_s: float

    def wait_s(self, evidence: Evidence) -> Verdict:
        """Return the verdict of the first strategy that has one, or ``max_s`` if none has."""
        for strategy in self.strategies:
            verdict = strategy.wait_s(evidence)
            if verdict is not None:
                return Verdict(min(verdict.wait_s, self.max_s), verdict.strategy, verdict.reason)
        return Verdict(self.max_s, 'limit', 'no strategy has an opinion')


def make_endpointing(params: TurnTakingParams) -> Endpointing:
    """Return the strategies of ``params``, in their order."""
    known: dict[str, Strategy] = {
        'text': TextStrategy(params.finished_wait_s, params.unfinished_wait_s, params.language),
        'silence': SilenceStrategy(params.silence_wait_s, params.low_confidence_wait_s),
    }
    return Endpointing([known[name] for name in params.strategies], params.max_wait_s)


def unfinished(text: str, table: TurnLanguage) -> str:
    """Return why ``text`` sounds as if it went on; empty: it does not."""
    said = words(text)
    core = without_ends(table.polite, said)
    if not said or said in table.complete or core in table.complete:
        return ''
    mark = text.rstrip()
    if mark.endswith(('...', '\u2026', ',', '-', ':')):
        return f"ends with '{mark[-1]}'"
    opener, last = core[0], core[-1]
    if last in table.fillers or last in table.dangling:
        return f"unfinished phrase, ends with '{last}'"
    if last in table.prepositions and not mark.endswith('?') and opener not in table.questions:
        is_particle = opener in table.commands and last in table.particles
        return '' if is_particle else f"unfinished phrase, ends with '{last}'"
    if opener in table.movements and (last in table.numbers or last.isdigit()):
        return f"a number without a unit, '{last}'"
    return ''


def finished(text: str, table: TurnLanguage) -> str:
    """Return why ``text`` is a complete command or sentence; empty: it cannot be told."""
    said = words(text)
    if not said:
        return ''
    core = without_ends(table.polite, said)
    if said in table.complete or core in table.complete:
        return 'finished phrase'
    mark = text.rstrip()[-1]
    if mark in '.!?':
        return f"finished sentence, ends with '{mark}'"
    opener, last = core[0], core[-1]
    if opener in table.commands and len(core) > 1 and last not in table.may_go_on:
        return 'finished command'
    if opener in table.questions and len(core) > 2 and last not in table.prepositions:
        return 'finished question'
    return ''
