"""How a goal ends, in one word and in one short sentence that can be spoken."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Outcome(enum.Enum):
    """What became of a goal."""

    DONE = 'done'
    CANCELLED = 'cancelled'  # by whoever asked for it
    HELD = 'held'  # a controlled stop; `continue` takes up what is left
    STOPPED = 'stopped'  # a protective stop, or motion was taken away; nothing goes on
    REFUSED = 'refused'  # nothing has moved
    FAILED = 'failed'
    ABORTED = 'aborted'  # pre-empted by another goal or by somebody who drives


class Request(enum.Enum):
    """What a command asks of the safety nodes; whoever runs the executor passes it on."""

    HOLD = 'hold'
    STOP = 'stop'


@dataclass(frozen=True)
class Result:
    """The end of a goal; ``step`` is the index of the command that it had come to."""

    goal_id: str
    outcome: Outcome
    sentence: str
    step: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a goal has come: the running command, 0..1 of it, and what is left of it.

    ``left`` is in ``unit``: 'm', 'rad', or '' where there is nothing to measure.
    """

    goal_id: str
    step: int
    steps: int
    name: str
    progress: float
    left: float
    unit: str
