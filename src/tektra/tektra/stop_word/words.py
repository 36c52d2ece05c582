"""The words of config/stop_words.yaml, and what a heard sentence means by them."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tektra.config.layers import home
from tektra.robots import records
from tektra.robots.records import RecordError, item
from tektra.robots.spec import RobotSpec
from tektra.runtime.share import share_dir
from tektra.stop_word.backend import Target
from tektra.turn_taking.words import Phrase, phrases, words

FILE = 'stop_words.yaml'


class Kind(enum.Enum):
    """What was said."""

    NOTHING = 0  # nothing of ours
    HOLD = 1  # a hold word as a command
    STOP = 2  # a phrase that stops at once
    NEITHER = 3  # hold words only in phrases that mean something else
    UNDECIDED = 4  # a hold word, but the next words may make it something else


@dataclass(frozen=True)
class Keyword:
    """A phrase for the detector."""

    phrase: str = item('what is said')
    threshold: float = item(
        'of the detector; smaller hears more; 1: found in transcripts only',
        default=1e-30,
        low=1e-150,
        high=1.0,
    )


@dataclass(frozen=True)
class LanguageWords:
    """The lists of one language."""

    hold: tuple[Keyword, ...] = item('words that hold')
    stop: tuple[Keyword, ...] = item('phrases that stop')
    neither: tuple[str, ...] = item('phrases that are neither', default=())
    lead: tuple[str, ...] = item('words that may come before', default=())
    phones: dict[str, str] = item('pronunciations', default=None)

    def __post_init__(self) -> None:
        """Refuse a list that could never hold anything."""
        if not self.hold:
            raise ValueError('hold is empty: nothing that is said would hold the robot; add stop')
        if self.phones is None:
            object.__setattr__(self, 'phones', {})


@dataclass(frozen=True)
class StopWordsFile:
    """The file."""

    languages: dict[str, LanguageWords] = item('the lists, by language')


@dataclass(frozen=True)
class Verdict:
    """What a text means; ``robots``: named ones, empty: all."""

    kind: Kind
    robots: tuple[str, ...] = ()


def words_file() -> Path:
    """Return the user's file if there is one, else the shipped one."""
    own = home() / 'config' / FILE
    return own if own.is_file() else share_dir() / 'config' / FILE


def read_words(path: Path, language: str) -> LanguageWords:
    """Return the lists of a language (BCP 47; the region does not matter).

    :raises RecordError: if the file is wrong or has no such language.
    """
    file = records.read(StopWordsFile, path)
    short = language.partition('-')[0].lower()
    if short not in file.languages:
        known = ', '.join(file.languages) or 'none'
        raise RecordError(f"{path}: no language '{short}'; there are: {known}; add it there")
    return file.languages[short]


class WordList:
    """Tells commands from talk. ``robots`` give the names that may be called."""

    def __init__(self, language: LanguageWords, robots: Iterable[RobotSpec] = ()) -> None:
        self._language = language
        self._hold = phrases(*(k.phrase for k in language.hold))
        self._stop = phrases(*(k.phrase for k in language.stop))
        self._neither = phrases(*language.neither)
        self._lead = {token for text in language.lead for token in words(text)}
        self._names: dict[Phrase, str] = {}
        for robot in robots:
            for called in (robot.name, *robot.spoken_names):
                self._names[words(called.replace('_', ' '))] = robot.name

    def targets(self) -> tuple[Target, ...]:
        """Return what a detector is to listen for."""
        phones = self._language.phones
        hold, stop = self._language.hold, self._language.stop
        spotted = [k for k in (*hold, *stop) if k.threshold < 1.0]
        return tuple(Target(k.phrase.lower(), k.threshold, phones) for k in spotted)

    def kind_of_hit(self, phrase: str) -> Kind:
        """Return what a phrase of ``targets`` means: always for all robots.

        Names are left to transcripts: a spotter told to listen for "tek stop" heard it in "please
        stop" by 8 of 8 voices, and the robots that were meant would not have held.
        """
        said = words(phrase)
        if said in self._stop:
            return Kind.STOP
        return Kind.HOLD if said in self._hold else Kind.NOTHING

    def judge(self, text: str, final: bool) -> Verdict:
        """Return what a transcript means; only a ``final`` one has no further words."""
        said, start = words(text), 0
        robots: list[str] = []
        neither = command = undecided = False
        at = 0
        while at < len(said):
            rest = said[at:]
            if _starts(self._stop, rest):
                return Verdict(Kind.STOP, self._named(said, at, at))
            if count := _starts(self._neither, rest):
                neither, at = True, at + count
                start = at
            elif count := _starts(self._hold, rest):
                if self._led(said[start:at]):
                    open_end = not final and any(
                        len(p) > len(rest) and p[: len(rest)] == rest for p in self._neither
                    )
                    undecided |= open_end
                    command |= not open_end
                    robots += self._named(said, at, at + count)
                at += count
                start = at
            else:
                at += 1
        if undecided:
            return Verdict(Kind.UNDECIDED)
        if command:
            return Verdict(Kind.HOLD, tuple(dict.fromkeys(robots)))
        return Verdict(Kind.NEITHER if neither else Kind.NOTHING)

    def _led(self, before: Phrase) -> bool:
        """Return whether a hold word after ``before`` is a command."""
        called = {token for name in self._names for token in name}
        return all(token in self._lead or token in called for token in before)

    def _named(self, said: Phrase, start: int, end: int) -> tuple[str, ...]:
        """Return the robot that is named just before ``start`` or just after ``end``."""
        for name, robot in self._names.items():
            before = said[max(0, start - len(name)) : start]
            if name in (before, said[end : end + len(name)]):
                return (robot,)
        return ()


def _starts(known: frozenset[Phrase], text: Phrase) -> int:
    return max((len(p) for p in known if p and text[: len(p)] == p), default=0)
