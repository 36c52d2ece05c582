"""The shape of a language of the parser.

Every phrase is a pattern: ``(turn|rotate) [yourself]``; accents and case do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tektra.dialogue.phrases.table import Numbers

# What can follow the phrase of a frame, and the key of ``Language.slots`` or the reader for it.
SLOTS = ('direction', 'length', 'angle', 'times', 'speed', 'arm', 'hand', 'coordinates')


@dataclass(frozen=True)
class Frame:
    """How a command is said.

    ``say`` begins it (in a language with the verb last it may also end it) and ``ends`` must
    follow somewhere, for verbs in two parts. ``takes`` are slots that may be said besides,
    ``needs`` those without which it is not this command at all ('open' without a hand).
    ``texts`` and ``values`` are fixed by the phrase; a said angle or length wins over ``values``.
    ``ask`` names a text: this is understood, but can only be asked back.
    """

    command: str
    say: str
    takes: str = ''
    directions: str = ''
    needs: str = ''
    ends: str = ''
    texts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    ask: str = ''


@dataclass(frozen=True)
class Units:
    """What is measured how: patterns, by size in SI units."""

    length: tuple[tuple[str, float], ...]
    angle: tuple[tuple[str, float], ...]
    turns: str
    times: str
    duration: str


@dataclass(frozen=True)
class Guards:
    """Phrases that make a sentence something else than an order."""

    negation: str
    reported: str
    condition: str
    doubt: str
    question: str  # only at the beginning


@dataclass(frozen=True)
class Language:
    """One language; see docs/commands.md for how to add one.

    Args:
        tag: BCP 47.
        numbers: number words, shared with the sums of the dialogue.
        articles: one, before a unit.
        amounts: words that are a number before a unit: 'half a' 0.5, 'a dozen' 12.
        extra: fractions behind a number or its unit: 'and a half' 0.5.
        small: 'a bit'. vague: amounts that are none, 'a few'.
        around: angles in words, in full turns. often: counts in words, 'twice'.
        plus: between two units of one amount. by: before an amount.
        slots: direction, speed, arm and hand -> meaning -> pattern.
        rewrites: contractions and spellings of single words.
        gerunds: forms that stand for a verb after ``mind``.
        polite, courtesy: what may stand before a request, and behind it; asking: polite forms
        that can also ask what a robot is able to do.
        mind: polite forms that a gerund follows.
        fillers: words that change nothing, anywhere; lead: only before.
        joiners: what parts two steps. corrections: what takes the last words back; plain_no is
        one of them that is also a negation; no_negates: it also means 'not', so that 'gira a la
        derecha no a la izquierda' takes nothing back.
        hold, stop: whole requests; hold_first: a hold whatever follows, unless not_hold does.
        stop_first: like hold_first, and a latched stop.
        not_mine: begins like a command and is none.
        everybody, somebody: address all robots, or whichever.
        tell, told: around a name, 'tell NAME to'. both: between two names.
        axis_x, axis_y, axis_z, facing: before coordinates. minus: a negative number.
        play, motion: before the name of any motion, and maybe behind it.
    """

    tag: str
    numbers: Numbers
    articles: str
    amounts: tuple[tuple[str, float], ...]
    extra: tuple[tuple[str, float], ...]
    small: str
    vague: str
    around: tuple[tuple[str, float], ...]
    often: tuple[tuple[str, float], ...]
    plus: str
    by: str
    units: Units
    slots: Mapping[str, Mapping[str, str]]
    frames: tuple[Frame, ...]
    guards: Guards
    rewrites: Mapping[str, str]
    polite: str
    asking: str
    courtesy: str
    fillers: str
    lead: str
    joiners: str
    corrections: str
    plain_no: str
    no_negates: bool
    hold: str
    stop: str
    hold_first: str
    not_hold: str
    stop_first: str
    everybody: str
    somebody: str
    texts: Mapping[str, str]
    not_mine: str = ''
    mind: str = ''
    gerunds: Mapping[str, str] = field(default_factory=dict)
    tell: str = ''
    told: str = ''
    both: str = ''
    axis_x: str = 'x'
    axis_y: str = 'y'
    axis_z: str = 'z'
    facing: str = ''
    minus: str = 'minus'
    play: str = ''
    motion: str = ''
    verb_last: bool = False


# What the parser says, in every language.
TEXTS = frozenset(
    (
        'how_far which_side which_way which_arm what_unit unclear rest range length angle times '
        'nothing negation reported condition doubt duration contradiction correction unfinished '
        'too_many too_long one_robot confirm confirm_amount sideways place come home unable'
    ).split()
)
