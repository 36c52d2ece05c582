"""From a sentence to a plan, a question, a refusal or nothing: deterministic, never a guess.

A plan comes only of a sentence whose every word belongs to it: the phrase of a command, something
that this command takes, whom it is for, or a word of a list that changes nothing. One word more,
and nothing moves. What else is told apart below only decides what is said then.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

from tektra.commands.build import Builder
from tektra.commands.clause import Clause, Problem
from tektra.commands.command import Command
from tektra.commands.languages import language_for
from tektra.commands.languages.table import Language
from tektra.commands.names import NOBODY, Address, NameReader
from tektra.commands.reader import ClauseReader
from tektra.commands.results import Ask, NoCommand, Parsed, Plan, Refuse, RobotNames
from tektra.commands.tokens import PAUSES, phrases, tokens
from tektra.commands.vocabulary import Vocabulary

LONGEST_TEXT = 1000  # characters; nobody says more in one breath
LONGEST_SENTENCE = 120  # words
SHOWN_WORDS = 12  # of what is read back
GUARDED = 6  # words after a guard within which a command is the guarded one
FORBIDDING = 1  # words that may stand before the negation of 'do not'
IMPERATIVE = 2  # words that may stand before the negation of an order: 'you must not'


def parse(
    text: str, *, language: str, vocabulary: Vocabulary, robots: Sequence[RobotNames] = ()
) -> Parsed:
    """Return what ``text`` asks the body to do.

    Args:
        text: said or typed; punctuation and case may be missing.
        language: BCP 47 tag; what is said in one that has no table is no command.
        vocabulary: the commands and their ranges.
        robots: the robots that can be addressed, by their names.
    """
    table = language_for(language)
    if table is None:
        return NoCommand()
    parser = _parser(table.tag, vocabulary.motions)
    return parser.parse(text, Builder(table, vocabulary), vocabulary, NameReader(table, robots))


@functools.lru_cache(maxsize=16)
def _parser(tag: str, motions: tuple[str, ...]) -> SentenceParser:
    language = language_for(tag)
    assert language is not None
    return SentenceParser(language, motions)


@dataclass
class _Opening:
    """What comes before the first step: where that begins, for whom, and whether it is asked."""

    at: int
    address: Address = NOBODY
    asked: bool = False


@dataclass
class _Steps:
    """The steps of a sentence, or the problem that keeps it from being a plan."""

    clauses: list[Clause] = field(default_factory=list)
    joined: list[bool] = field(default_factory=list)  # by a word such as 'then', not just a pause
    address: Address = NOBODY
    problem: Problem | None = None


class SentenceParser:
    """The parser of one language."""

    def __init__(self, language: Language, motions: Sequence[str]) -> None:
        self._language = language
        self._reader = ClauseReader(language, motions)
        self._rewrites = {
            word: tuple(tokens(said, {})) for word, said in language.rewrites.items()
        }
        self._lead = phrases(f'{language.lead}|{language.somebody}')
        self._polite = phrases(f'{language.polite}|{language.asking}')
        self._asking = phrases(language.asking)
        self._mind = phrases(language.mind)
        self._courtesy = phrases(f'{language.courtesy}|{language.somebody}')
        self._plain_no = phrases(language.plain_no)
        self._hold_first = phrases(language.hold_first)
        self._not_hold = phrases(language.not_hold)
        self._stop_first = phrases(language.stop_first)
        self._not_mine = phrases(language.not_mine)
        guards = language.guards
        self._question = phrases(guards.question)
        self._negation = phrases(guards.negation)
        self._guards = tuple(
            (key, phrases(pattern))
            for key, pattern in (
                ('negation', guards.negation),
                ('condition', guards.condition),
                ('reported', guards.reported),
                ('doubt', guards.doubt),
            )
        )

    def parse(
        self, text: str, builder: Builder, vocabulary: Vocabulary, names: NameReader
    ) -> Parsed:
        """Return what ``text`` asks for."""
        found = tokens(text[:LONGEST_TEXT], self._rewrites)
        words = self._reader.numbers.split(found[:LONGEST_SENTENCE])
        opening = self._open(words, names)
        steps = _Steps(problem=Problem('too_long', refuse=True))
        if len(text) <= LONGEST_TEXT and len(found) <= LONGEST_SENTENCE:
            steps = self._steps(words, opening, names)
        address = opening.address.with_more(steps.address)
        if steps.problem is None:
            made = self._commands(steps, builder, vocabulary)
            if steps.clauses[0].frame.command == 'hold' and self._not_meant(words, opening.at):
                return NoCommand()
            if isinstance(made, tuple):
                if self._wondered(words) and any(vocabulary.moves(step) for step in made):
                    return Ask(self._language.texts['doubt'])
                question = self._confirmation(made, builder, vocabulary)
                return Plan(made, address.robots, address.everybody, question)
            if opening.asked and made.key != 'range' and not any(c.said for c in steps.clauses):
                return NoCommand()  # 'can you move' asks what it can
            return self._answer(made, words)
        halt = self._halt(words, opening)
        if halt is not None:
            plan = Plan((halt,), address.robots, address.everybody)
            return plan if vocabulary.check(halt) == [] else NoCommand()
        return self._no_plan(words, opening, steps.problem, vocabulary)

    # ---- before, between and behind the steps

    def _open(self, words: list[str], names: NameReader) -> _Opening:
        """Pass what comes before the first step; a gerund after 'would you mind' is a verb."""
        opening = _Opening(0)
        while True:
            at = opening.at = self._reader.skip(words, opening.at, pauses=True)
            named = names.told_at(words, at) or names.at(words, at)
            polite, lead = self._polite.at(words, at), self._lead.at(words, at)
            mind = self._mind.at(words, at)
            ends = [found[1] for found in (named, polite, lead, mind) if found is not None]
            end = max((*ends, self._taken_back(words, at)))
            frame = self._reader.frame_end(words, at)
            if end <= at or frame >= end:
                return opening
            if named is not None and end == named[1]:
                opening.address = opening.address.with_more(named[0])
            opening.asked |= self._asking.at(words, at) is not None
            if mind is not None and end == mind[1] and end < len(words):
                verb = self._language.gerunds.get(words[end])
                words[end : end + 1] = [verb] if verb else ['?', words[end]]
            opening.at = end

    def _taken_back(self, words: Sequence[str], at: int) -> int:
        """Return the index behind a 'no' that takes back what came before, else ``at``.

        'no, turn right' and 'no stop', but not 'no turn right': that may forbid it.
        """
        found = self._plain_no.at(words, at)
        if found is None or found[1] >= len(words):
            return at
        pause = words[found[1]] in PAUSES
        return found[1] if pause or self._hold_first.at(words, found[1]) is not None else at

    def _close(self, words: Sequence[str], at: int, names: NameReader) -> tuple[Address, int]:
        """Pass what may come behind the last step: thanks, and whom it is for."""
        address = Address()
        while (start := self._reader.skip(words, at, pauses=True)) < len(words):
            at = start
            named, polite = names.at(words, at), self._courtesy.at(words, at)
            if named is not None and (polite is None or named[1] >= polite[1]):
                address, at = address.with_more(named[0]), named[1]
            elif polite is not None:
                at = polite[1]
            else:
                return address, at
        return address, start

    def _steps(self, words: Sequence[str], opening: _Opening, names: NameReader) -> _Steps:
        steps, at, joined = _Steps(), opening.at, False
        while True:
            read = self._reader.read(words, at)
            if read is None:
                named = steps.clauses and names.at(words, at) is not None
                rest = _rest(words, opening.at, at)
                steps.problem = Problem('one_robot') if named else rest
                return steps
            if isinstance(read.step, Problem):
                steps.problem = _where(read.step, words, opening.at, read.end)
                return steps
            steps.clauses.append(read.step)
            steps.joined.append(joined)
            if read.step.frame.ask:
                return steps
            steps.address, end = self._close(words, read.end, names)
            if end >= len(words):
                return steps
            start = self._reader.skip(words, read.end, pauses=True)
            at = self._reader.joiner_at(words, start)
            joined = at > start
            if not joined and self._reader.frame_at(words, start) is None:
                steps.problem = _rest(words, opening.at, start)
                return steps
            while (polite := self._polite.at(words, at)) is not None:
                at = self._reader.skip(words, polite[1])

    def _commands(
        self, steps: _Steps, builder: Builder, vocabulary: Vocabulary
    ) -> tuple[Command, ...] | Problem:
        """Return the commands; a hold or stop among them is all that is done."""
        clauses = steps.clauses
        if len(clauses) > 1 and clauses[-1].frame.command == 'hold' and steps.joined[-1]:
            clauses = clauses[:-1]  # '... and then stop': a step ends by itself
        for name in ('stop', 'hold'):
            if any(clause.frame.command == name for clause in clauses):
                return (Command(name),)
        if len(clauses) > vocabulary.most_steps:
            return Problem('too_many', {'n': str(vocabulary.most_steps)}, refuse=True)
        made: list[Command] = []
        for clause in clauses:
            command = builder.build(clause)
            if isinstance(command, Problem):
                return command
            made.append(command)
        return tuple(made)

    def _wondered(self, words: Sequence[str]) -> bool:
        """Return whether it has a question mark and is no polite request: 'turn left?'."""
        polite = (self._asking, self._mind)
        return '?' in words and all(form.within(words) is None for form in polite)

    def _confirmation(
        self, steps: Sequence[Command], builder: Builder, vocabulary: Vocabulary
    ) -> str:
        for command in steps:
            if not vocabulary.needs_confirmation(command):
                continue
            for name, value in command.values.items():
                spec = vocabulary.commands[command.name].values[name]
                if spec.confirm_above is not None and abs(value) > spec.confirm_above:
                    shown = builder.shown(abs(value), spec.unit)
                    return self._language.texts['confirm_amount'].format(value=shown)
            return self._language.texts['confirm']
        return ''

    # ---- what is no plan

    def _halt(self, words: Sequence[str], opening: _Opening) -> Command | None:
        """Return a hold or stop that nothing else in the sentence takes away.

        It is harmless, so it does not need every word to be understood: 'stop you fool' holds.
        """
        at = opening.at
        if self._hold_first.at(words, at) is None and self._stop_first.at(words, at) is None:
            last = max((i for i, word in enumerate(words) if word in PAUSES), default=-1)
            at = len(words) if last < 0 or words[last] == '?' else last + 1
            if words and (no := self._plain_no.at(words, len(words) - 2)) is not None:
                at = no[1]
            if self._hold_first.at(words, at) is None or at != len(words) - 1:
                return None
        elif self._not_meant(words, at):
            return None
        return Command('stop' if self._stop_first.within(words) is not None else 'hold')

    def _not_meant(self, words: Sequence[str], at: int) -> bool:
        """Return whether 'stop the music' or the like is at ``at``, and no longer hold phrase."""
        found = self._not_hold.at(words, at)
        return found is not None and self._reader.frame_end(words, at) <= found[1]

    def _no_plan(
        self, words: Sequence[str], opening: _Opening, problem: Problem, vocabulary: Vocabulary
    ) -> Parsed:
        at = opening.at
        if at >= len(words) or self._not_mine.at(words, at) is not None:
            return NoCommand()
        if self._not_meant(words, at):
            return NoCommand()
        gerunds = self._language.gerunds
        plain = [gerunds.get(word, word) for word in words]
        begins = self._reader.begins(words, at)
        forbidden = self._negation.within(words, at, at + 1 + FORBIDDING) is not None
        if not forbidden and self._question.at(words, at) is not None:
            return NoCommand()
        guarded = self._guarded(plain, at, begins, vocabulary)
        if guarded is not None:
            return guarded
        if begins:
            return self._answer(problem, words)
        if self._plain_no.at(words, at) and self._reader.command_from(words, at, at + 4):
            return self._answer(Problem('correction'), words)
        if self._reader.slots_only(words, at) > 1:
            return self._answer(Problem('nothing'), words)
        return NoCommand()

    def _guarded(
        self, words: Sequence[str], start: int, begins: bool, vocabulary: Vocabulary
    ) -> Parsed | None:
        """Return the refusal of an order that is forbidden, reported, conditional or doubtful."""
        for key, guard in self._guards:
            at = guard.within(words, start)
            if at is None:
                continue
            frame = self._reader.command_from(words, at, at + GUARDED)
            if frame is None and not begins:
                continue
            text = self._language.texts[key]
            if key == 'doubt':
                return Ask(text)
            forbids = key == 'negation' and self._forbids(words, start, at)
            moves = frame is None or vocabulary.commands[frame.command].moves
            return Refuse(text, hold=forbids and moves)
        return None

    def _forbids(self, words: Sequence[str], start: int, at: int) -> bool:
        """Return whether the negation at ``at`` is of an order: 'do not move', 'fahr nicht'."""
        if self._reader.command_from(words, start, at) is None:
            return at - start <= IMPERATIVE
        return self._reader.skip(words, self._reader.frame_end(words, start)) == at

    def _answer(self, problem: Problem, words: Sequence[str]) -> Parsed:
        texts = self._language.texts
        said = {'said': ' '.join(words), **problem.values}
        text = texts[problem.key].format_map(said)
        return Refuse(text) if problem.refuse else Ask(text)


def _shown(words: Sequence[str]) -> str:
    return ' '.join(word for word in words[:SHOWN_WORDS] if word not in PAUSES)


def _rest(words: Sequence[str], start: int, at: int) -> Problem:
    said, rest = _shown(words[start:at]), _shown(words[at:])
    if said and rest:
        return Problem('rest', {'said': said, 'rest': rest})
    return Problem('unclear', {'said': said or rest})


def _where(problem: Problem, words: Sequence[str], start: int, end: int) -> Problem:
    """Add to a problem without one which words it is about."""
    if problem.key != 'unclear':
        return problem
    return _rest(words, start, end)
