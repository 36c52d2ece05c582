"""Finds the steps of a sentence: everything that is said must belong to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tektra.commands.amounts import Amount, AmountReader, Kind, as_angle
from tektra.commands.clause import Clause, Problem, Slot
from tektra.commands.coordinates import CoordinateReader
from tektra.commands.languages.table import Frame, Language
from tektra.commands.numbers import NumberReader
from tektra.commands.tokens import PAUSES, Phrases, phrases

_TALK = ('', 'status', 'battery')  # answered, not done


@dataclass(frozen=True)
class Read:
    """A step, or why there is none, and the index behind what was read."""

    step: Clause | Problem
    end: int


class ClauseReader:
    """Reads one step after another in one language."""

    def __init__(self, language: Language, motions: Sequence[str] = ()) -> None:
        self.numbers = NumberReader(language)
        self._amounts = AmountReader(language, self.numbers)
        self._coordinates = CoordinateReader(language, self.numbers, self._amounts)
        self._verb_last = language.verb_last
        frames = (
            *language.frames,
            Frame('hold', language.hold),
            Frame('stop', language.stop),
            *_plays(language, motions),
        )
        self._frames = Phrases([(frame.say, frame) for frame in frames])
        self._certain = Phrases(
            [(f.say, f) for f in frames if f.command not in _TALK and not f.needs]
        )
        self._ends = {frame.ends: phrases(frame.ends) for frame in frames if frame.ends}
        self._slots = Phrases(
            [
                (pattern, Slot(name, value))
                for name, table in language.slots.items()
                for value, pattern in table.items()
            ]
        )
        self._fillers = phrases(language.fillers)
        self._joiners = phrases(language.joiners)
        self._corrections = phrases(language.corrections)
        self._plain_no = phrases(language.plain_no)
        self._no_negates = language.no_negates
        self._courtesy = phrases(language.courtesy)

    # ---- what stands at a place

    def frame_at(self, words: Sequence[str], at: int) -> Frame | None:
        """Return the frame of the longest phrase of a command at ``at``."""
        found = self._frames.at(words, at)
        return found[0] if found else None

    def frame_end(self, words: Sequence[str], at: int) -> int:
        """Return the index behind the longest phrase of a command at ``at``, else ``at``."""
        found = self._frames.at(words, at)
        return found[1] if found else at

    def begins(self, words: Sequence[str], at: int) -> bool:
        """Return whether a step seems to begin at ``at``."""
        return self._frames.at(words, self._before_verb(words, at)[1]) is not None

    def command_from(self, words: Sequence[str], start: int, end: int) -> Frame | None:
        """Return the first command that is named between ``start`` and ``end``, or None.

        One whose phrase alone says little ('open', 'what is the status') does not count.
        """
        at = self._certain.within(words, start, end)
        found = None if at is None else self._certain.at(words, at)
        return found[0] if found else None

    def joiner_at(self, words: Sequence[str], at: int) -> int:
        """Return the index behind words like 'and then' at ``at``, else ``at``."""
        while (found := self._joiners.at(words, at)) is not None:
            at = self.skip(words, found[1])
        return at

    def skip(self, words: Sequence[str], at: int, pauses: bool = False) -> int:
        """Return ``at`` behind words that change nothing, and pauses if told so."""
        while at < len(words):
            if pauses and words[at] in PAUSES:
                at += 1
            elif (found := self._filler(words, at)) is not None:
                at = found
            else:
                break
        return at

    def _filler(self, words: Sequence[str], at: int) -> int | None:
        """Return the index behind a filler; 'right now' is one, though 'right' is none."""
        found = self._fillers.at(words, at)
        if found is None:
            return None
        slot = self._slots.at(words, at)
        return None if slot is not None and slot[1] > found[1] else found[1]

    def ends_at(self, words: Sequence[str], at: int) -> bool:
        """Return whether a step can end at ``at``."""
        return (
            at >= len(words)
            or words[at] in PAUSES
            or self._joiners.at(words, at) is not None
            or self._courtesy.at(words, at) is not None
            or self._frames.at(words, at) is not None
        )

    def slots_only(self, words: Sequence[str], at: int) -> int:
        """Return how many slots the rest is made of; 0: there is something else."""
        count = 0
        while (at := self.skip(words, at, pauses=True)) < len(words):
            slot = self._slot(words, at, None)
            if slot is None:
                return 0
            count, at = count + 1, slot[1]
        return count

    # ---- one step

    def read(self, words: Sequence[str], at: int) -> Read | None:
        """Return the step that begins at ``at``; None: no command is named there.

        Of several readings of a phrase the first that leaves nothing over is taken.
        """
        before, verb = self._before_verb(words, at)
        tried = [
            self._attempt(frame, words, end, before)
            for frame, end in self._frames.all_at(words, verb)
        ]
        for read in tried:
            if isinstance(read.step, Clause) and self.ends_at(words, read.end):
                return read
        for read in tried:
            if isinstance(read.step, Clause) and read.step.frame.ask:
                return read
        return max(tried, key=lambda read: read.end, default=None)

    def _before_verb(self, words: Sequence[str], at: int) -> tuple[list[Slot], int]:
        """Return what is said before the verb ('slowly turn', 'die Hand öffnen') and its place."""
        slots: list[Slot] = []
        at = self.skip(words, at)
        while at < len(words) and self._frames.at(words, at) is None:
            slot = self._slot(words, at, None)
            if slot is None or not (self._verb_last or slot[0].name == 'speed'):
                break
            slots.append(slot[0])
            at = self.skip(words, slot[1])
        return slots, at

    def _attempt(
        self, frame: Frame, words: Sequence[str], at: int, before: Sequence[Slot]
    ) -> Read:
        clause = Clause(frame)
        for slot in before:
            problem = clause.put(slot) if clause.takes(slot) else Problem('unclear')
            if problem is not None:
                return Read(problem, at)
        ended = not frame.ends
        while True:
            at = self.skip(words, at)
            if not ended and (found := self._ends[frame.ends].at(words, at)) is not None:
                ended, at = True, found[1]
                continue
            if self._corrections.at(words, self.skip(words, at, pauses=True)) is not None:
                read = self._correction(clause, words, self.skip(words, at, pauses=True))
                if read.step is not clause:
                    return read
                at = read.end
                continue
            slot_at = self._next_slot(clause, words, at)
            if slot_at is None:
                break
            problem = clause.put(slot_at[0])
            if problem is not None:
                return Read(problem, slot_at[1])
            at = slot_at[1]
        if not ended or clause.lacks():
            return Read(Problem('unclear'), at)
        return Read(clause, at)

    def _next_slot(self, clause: Clause, words: Sequence[str], at: int) -> tuple[Slot, int] | None:
        """Return what is said next of this step; a comma may come first."""
        start = self.skip(words, at, pauses=True)
        if start > at and self._frames.at(words, start) is not None:
            return None
        slot = self._slot(words, start, clause)
        return slot if slot is not None and clause.takes(slot[0]) else None

    def _slot(
        self, words: Sequence[str], at: int, clause: Clause | None
    ) -> tuple[Slot, int] | None:
        if clause is not None and 'coordinates' in clause.frame.takes:
            place = self._coordinates.read(words, at)
            if place is not None:
                return Slot('coordinates', place[0]), place[1]
        amount = self._amounts.read(words, at)
        named = self._slots.at(words, at)
        if amount is None or (named is not None and named[1] > amount[1]):
            return named
        return Slot(_name(amount[0]), self._in_units(amount[0], clause)), amount[1]

    def _in_units(self, amount: Amount, clause: Clause | None) -> Amount:
        turns = clause is not None and 'angle' in clause.frame.takes
        return as_angle(amount) if turns and 'amount' not in clause_said(clause) else amount

    def _correction(self, clause: Clause, words: Sequence[str], at: int) -> Read:
        """Return the step as it is after 'no, right' or 'I mean three' at ``at``."""
        sure = False
        while (found := self._corrections.at(words, at)) is not None:
            plain = self._plain_no.at(words, at)
            comma = found[1] < len(words) and words[found[1]] in PAUSES
            sure |= comma or plain is None or plain[1] != found[1]
            at = self.skip(words, found[1], pauses=True)
        if at >= len(words):
            return Read(Problem('unfinished'), at)
        frame = self.frame_at(words, at)
        if frame is not None:
            # 'no turn right' can also forbid it.
            if not (sure or frame.command in ('hold', 'stop')):
                return Read(Problem('correction'), at)
            return self.read(words, at) or Read(Problem('correction'), at)
        if not clause.correct() or (self._no_negates and not sure):
            return Read(Problem('correction'), at)
        slot = self._next_slot(clause, words, at)
        if slot is None:
            return Read(Problem('correction'), at)
        problem = clause.put(slot[0])
        return Read(problem or clause, slot[1])


def clause_said(clause: Clause | None) -> frozenset[str]:
    """Return the names of what has been said of a step."""
    return frozenset(clause.said) if clause is not None else frozenset()


def _name(amount: Amount) -> str:
    return 'times' if amount.kind is Kind.TIMES else 'amount'


def _plays(language: Language, motions: Sequence[str]) -> tuple[Frame, ...]:
    """Return a frame for each named motion, also those of the user's own files."""
    if not language.play:
        return ()
    behind = f'[{language.motion}]' if language.motion else ''
    return tuple(
        Frame(
            'motion',
            f'({language.play}) {name.replace("_", " ")} {behind}',
            texts={'name': name},
        )
        for name in motions
    )
