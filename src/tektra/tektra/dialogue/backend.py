"""What dialogue asks of a responder: a stream of text, from rules or from a language model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Line:
    """One entry of the history. Of the assistant's ``text`` only what was heard is kept."""

    role: str  # 'user' or 'assistant'
    text: str
    interrupted: bool = False


@dataclass(frozen=True)
class ReplyRequest:
    """All that a responder may know. ``facts`` are of this session only, set by ``Remember``.

    ``history`` is oldest first and does not contain ``text``. ``now`` is the local wall clock,
    with zone. ``interrupts``: the person spoke over the reply before this.
    """

    text: str
    now: datetime
    language: str = 'en'
    low_confidence: bool = False
    interrupts: bool = False
    person_id: str = ''
    history: tuple[Line, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Say:
    """A piece of the reply, to be appended as it is."""

    text: str


@dataclass(frozen=True)
class Remember:
    """Set a fact of the session (empty: forget it). It takes effect when the turn is committed."""

    key: str
    value: str


ReplyPart = Say | Remember  # a later issue adds tool calls, which wait for the commit as facts do


class Responder(Protocol):
    """Writes replies. Called in the worker thread, one reply at a time."""

    def respond(self, request: ReplyRequest, cancelled: Callable[[], bool]) -> Iterator[ReplyPart]:
        """Yield the reply as it is written; stop soon after ``cancelled()`` is true.

        Must have no effect besides what it yields: the turn may not be committed, and the reply
        may be thrown away. May raise anything; the next responder then writes the reply from its
        beginning.
        """
        ...

    def close(self) -> None:
        """Release connections and memory."""
        ...


def to_row(part: ReplyPart) -> list[str]:
    """Return ``part`` as JSON-able data for the tap."""
    return ['say', part.text] if isinstance(part, Say) else ['remember', part.key, part.value]


def from_row(row: list[str]) -> ReplyPart:
    """Return the part that ``to_row`` wrote.

    :raises ValueError: if it is none.
    """
    if row[:1] == ['say'] and len(row) == 2:
        return Say(row[1])
    if row[:1] == ['remember'] and len(row) == 3:
        return Remember(row[1], row[2])
    raise ValueError(f'not a part of a reply: {row!r}')
