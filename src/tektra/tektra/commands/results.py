"""What a sentence comes to: a plan, a question, a refusal, or nothing for the body."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.commands.command import Command


@dataclass(frozen=True)
class RobotNames:
    """A robot and what people call it; ``name`` itself is always one of its names."""

    name: str
    spoken: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Steps to be done in order, each of which passed the checks of the vocabulary.

    ``robots``: those that were addressed, empty: none was. ``everybody``: all of them were.
    ``confirm``: the question to ask before it is begun, empty: none.
    """

    steps: tuple[Command, ...]
    robots: tuple[str, ...] = ()
    everybody: bool = False
    confirm: str = ''


@dataclass(frozen=True)
class Ask:
    """A command that is incomplete, doubtful or out of range; nothing moves."""

    question: str


@dataclass(frozen=True)
class Refuse:
    """What was said is no order to move.

    ``hold``: it was an order *not* to move, so what moves now should be held.
    """

    reason: str
    hold: bool = False


@dataclass(frozen=True)
class NoCommand:
    """Nothing that concerns the body: the dialogue answers it."""


Parsed = Plan | Ask | Refuse | NoCommand
