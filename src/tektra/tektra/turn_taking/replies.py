"""What plays or is about to, by the playback clock: the reply that is due, announcements."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tektra_msgs.msg import PlaybackClock, TurnState

from tektra.runtime.clock import seconds

_AUDIBLE = frozenset(
    {
        PlaybackClock.STATE_PLAYING,
        PlaybackClock.STATE_DUCKED,
        PlaybackClock.STATE_PAUSED,
        PlaybackClock.STATE_UNDERRUN,
    }
)
_OVER = frozenset({PlaybackClock.STATE_DONE, PlaybackClock.STATE_FLUSHED})


class Change(enum.Enum):
    """What a message of the playback clock means."""

    NOTHING = 'nothing'
    STARTED = 'started'  # something has become audible
    DONE = 'done'  # the reply was heard to its end
    CUT = 'cut'  # the reply was flushed by someone else
    LOST = 'lost'  # playback forgot the reply while it played
    ANNOUNCED = 'announced'  # an announcement is over


@dataclass
class Reply:
    """The reply that a committed turn waits for; ``turn`` is as committed. Local times in ns."""

    turn: TurnState
    committed_ns: int
    clock_ns: int = 0
    queued_ns: int | None = None  # when it was queued, with nothing heard of it since
    started: bool = False  # a sample of it was heard
    paused: bool = False
    utterance_id: str = ''  # the newest that was queued: dialogue may have begun anew

    @property
    def key(self) -> tuple[int, int]:
        """Return (turn_seq, revision)."""
        return self.turn.turn_seq, self.turn.revision


class Replies:
    """Follows the playback clock for one session."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self.reply: Reply | None = None
        self.announcement = ''  # utterance_id of what plays without a turn; empty: none
        self.announcement_paused = False
        self._announced_ns = 0  # the latest of its clock
        # An announcement that was flushed: clock messages on their way do not revive it.
        self._cut = ''

    @property
    def due(self) -> bool:
        """True while a reply is expected or anything is heard: speech now is a barge-in."""
        return self.reply is not None or bool(self.announcement)

    @property
    def audible(self) -> bool:
        """True while anything is heard."""
        return bool(self.announcement) or (self.reply is not None and self.reply.started)

    def cut_announcement(self) -> str:
        """Forget the announcement that plays, because it is flushed; return its id."""
        self._cut, self.announcement = self.announcement, ''
        return self._cut

    def on_clock(self, m: PlaybackClock, now_ns: int) -> Change:
        """Follow the playback clock; another session, turn or revision changes nothing."""
        if m.state == PlaybackClock.STATE_IDLE:
            return self._on_idle()
        if m.turn_seq == 0:
            return self._on_announcement(m, now_ns)
        reply = self.reply
        if reply is None or m.session_id != self._session_id:
            return Change.NOTHING
        if (m.turn_seq, m.revision) != reply.key:
            return Change.NOTHING
        if m.state == PlaybackClock.STATE_QUEUED:
            reply.utterance_id = m.utterance_id
        elif reply.utterance_id not in ('', m.utterance_id):
            return Change.NOTHING  # the end of one that was replaced is not the end of the reply
        reply.clock_ns, reply.paused = now_ns, m.state == PlaybackClock.STATE_PAUSED
        reply.queued_ns = now_ns if m.state == PlaybackClock.STATE_QUEUED else None
        if m.state == PlaybackClock.STATE_DONE:
            return Change.DONE
        if m.state == PlaybackClock.STATE_FLUSHED:
            return Change.CUT
        if m.state in _AUDIBLE and not reply.started:
            reply.started = True
            return Change.STARTED
        return Change.NOTHING

    def _on_idle(self) -> Change:
        was_announcing, self.announcement = bool(self.announcement), ''
        if self.reply is not None and self.reply.started:
            return Change.LOST
        return Change.ANNOUNCED if was_announcing else Change.NOTHING

    def guard_announcement(self, gone_s: float, now_ns: int) -> None:
        """Forget an announcement of which playback has said nothing for ``gone_s``."""
        gone = seconds(now_ns - self._announced_ns) > gone_s
        if gone and not self.announcement_paused:
            self.announcement = ''

    def _on_announcement(self, m: PlaybackClock, now_ns: int) -> Change:
        if m.state in _AUDIBLE:
            self._announced_ns = now_ns
            self.announcement_paused = m.state == PlaybackClock.STATE_PAUSED
        if m.state in _AUDIBLE and m.utterance_id not in (self.announcement, self._cut):
            self.announcement = m.utterance_id
            return Change.STARTED
        if m.state in _OVER and m.utterance_id == self.announcement:
            self.announcement = ''
            return Change.ANNOUNCED
        return Change.NOTHING
