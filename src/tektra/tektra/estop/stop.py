"""One stop: its number, who asked for it and why, how severe it is, which requests it covers."""

from __future__ import annotations

import datetime
from typing import Any

from tektra.estop.latch import Found, Record
from tektra.robots.spec import RobotSpec
from tektra.runtime import words

MAX_REQUESTS = 16
MAX_ALSO = 8  # further sources that are named
# Stops that these have asked for tell of a fault; all others count as made by a person.
_FAULTS = ('estop', 'robot_gate')


def configured(robot: RobotSpec) -> int:
    """Return the StopRequest.CATEGORY_* of a robot's file."""
    return robot.stop.category + 1


def utc(stamp: Any) -> str:
    """Return a ROS time for people."""
    when = datetime.datetime.fromtimestamp(stamp.sec, datetime.timezone.utc)
    return when.strftime('%Y-%m-%d %H:%M:%S UTC')


class Stop:
    """The present stop, or the last one while all is clear."""

    def __init__(
        self, stop_id: int, source: str, reason: str, category: int, startup: bool = False
    ) -> None:
        self.stop_id = stop_id
        self.source = source
        self.reason = reason
        self.category = category  # StopRequest.CATEGORY_*: the lower, the more severe
        self.startup = startup
        self.before = ''
        self.since = ''  # when it was first published, UTC, for people
        self.request_ids: list[str] = []
        self.needs_person = source not in _FAULTS  # kept over starts, until it is reset
        self._also: list[str] = []

    @classmethod
    def at_start(cls, found: Found, category: int, startup: str) -> Stop:
        """Return the stop that a start of estop is."""
        past = found.record
        if past is None:
            made = cls(1, 'estop', startup, category, startup=True)
            made.needs_person = bool(found.trouble)  # nobody knows what it said
            made.before = found.trouble or 'there is no latch file, so this may be the first start'
            return made
        if not past.cleared:
            category = min(category, past.category)
        made = cls(past.stop_id + 1, 'estop', startup, category, startup=True)
        made.needs_person = past.needs_person and not past.cleared
        made.before = past.before if past.reason == startup else past.describe()
        return made

    def next(self, source: str, reason: str, category: int, request_id: str) -> Stop:
        """Return the stop that follows this one."""
        made = Stop(self.stop_id + 1, source, reason, category)
        made.remember(request_id)
        return made

    @property
    def alone(self) -> bool:
        """Return whether a simulated robot may reset it by itself: a start, not after a person."""
        return self.startup and not self.needs_person

    def text(self) -> str:
        """Return why, for people."""
        if self.startup:
            return f'{self.reason}; before it: {self.before}'
        also = f' (also: {", ".join(self._also)})' if self._also else ''
        return f'{self.source}: {self.reason or "gave no reason"}{also}'

    def join(self, source: str, category: int, request_id: str) -> bool:
        """Take a further demand into this stop; return whether that is worth telling."""
        before = self.category, len(self._also)
        self.category = min(self.category, category)
        self.needs_person |= source not in _FAULTS
        if source not in (self.source, *self._also) and len(self._also) < MAX_ALSO:
            self._also.append(source)
        known = not request_id or self.repeats(request_id)
        return not known or before != (self.category, len(self._also))

    def repeats(self, request_id: str) -> bool:
        """Return whether a request is known."""
        return request_id in self.request_ids

    def remember(self, request_id: str) -> None:
        """Keep the id of a request; the oldest gives way."""
        if request_id and request_id not in self.request_ids:
            self.request_ids = [*self.request_ids[-MAX_REQUESTS + 1 :], request_id]

    def clear(self) -> None:
        """Forget the requests: they are dealt with."""
        self.request_ids = []

    def record(self, cleared: bool) -> Record:
        """Return what the latch file should say."""
        return Record(
            stop_id=self.stop_id,
            source=self.source,
            reason=words.reason(self.reason),
            category=self.category,
            since=self.since,
            cleared=cleared,
            before=words.reason(self.before),
            needs_person=self.needs_person,
        )
