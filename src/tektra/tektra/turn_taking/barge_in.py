"""Barge-in: speech over a reply ducks it at once, words cut it, anything else lets it go on."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from tektra.turn_taking.hearing import MicClock, Utterance
from tektra.turn_taking.languages import turn_language
from tektra.turn_taking.words import Phrase, leading, without_leading, words


class Judgement(enum.Enum):
    """What speech over a reply means."""

    WAIT = 'wait'  # it cannot be told yet
    INTERRUPT = 'interrupt'
    IGNORE = 'ignore'


@dataclass(frozen=True)
class BargeInRules:
    """Which words interrupt. ``backchannels`` and ``stop_phrases`` add to every language's."""

    language: str
    min_words: int
    backchannels: frozenset[Phrase]
    stop_phrases: frozenset[Phrase]

    def judge(
        self, text: str, language: str, *, final: bool, doubtful: bool
    ) -> tuple[Judgement, str]:
        """Return what ``text`` means for the reply that plays, and why.

        A stop phrase interrupts at once, doubtful or not: stopping by mistake costs less than not
        stopping. Doubtful partials do not interrupt otherwise; noise sounds like words to a
        decoder in its first guess.
        """
        table = turn_language(language, self.language)
        said = tuple(word for word in words(text) if word not in table.fillers)
        quiet = table.backchannels | self.backchannels
        stops = table.stop_phrases | self.stop_phrases
        rest = said if leading(stops, said) else without_leading(quiet, said)
        if count := leading(stops, rest):
            return Judgement.INTERRUPT, f"barge-in: '{' '.join(rest[:count])}'"
        if not final and any(len(p) > len(rest) and p[: len(rest)] == rest for p in quiet):
            return Judgement.WAIT, ''  # 'all' may become 'all right'
        if len(rest) >= self.min_words and (final or not doubtful):
            return Judgement.INTERRUPT, f"barge-in: words, '{text.strip()}'"
        if not final:
            return Judgement.WAIT, ''
        why = f"backchannel '{text.strip()}'" if words(text) else 'no words'
        return Judgement.IGNORE, why


@dataclass
class BargeIn:
    """Speech over a reply, without words so far. ``ducked``: playback was told to duck."""

    utterances: list[Utterance] = field(default_factory=list)
    ducked: bool = False
    watched_ns: int = 0  # since when its length is watched; 0: not yet

    def judge(self, rules: BargeInRules) -> tuple[Judgement, str]:
        """Return what all of it means."""
        why = ''
        waiting = False
        for utterance in self.utterances:
            said = utterance.transcript
            if said is None:
                waiting = True
                continue
            judgement, reason = rules.judge(
                utterance.new_text,
                said.language,
                final=utterance.is_final,
                doubtful=said.low_confidence,
            )
            if judgement is Judgement.INTERRUPT:
                return judgement, reason
            waiting = waiting or judgement is Judgement.WAIT
            why = reason or why
        return (Judgement.WAIT, '') if waiting else (Judgement.IGNORE, why)

    def silent_for_s(self, mic: MicClock, now_ns: int) -> float:
        """Return s since the last of it ended; 0 while the person speaks."""
        if any(u.voiced for u in self.utterances):
            return 0.0
        return min((mic.silence_s(u, now_ns) for u in self.utterances), default=0.0)
