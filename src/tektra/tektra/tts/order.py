"""Which speech is void: by turn and revision within a session, and by sessions over."""

from __future__ import annotations

from collections import deque

from tektra_msgs.msg import TurnState

_EVER = 2**32  # above every revision
_TURNS_KEPT = 64
_SESSIONS_KEPT = 16


class VoidRule:
    """Learns from ``turn/state`` what may still be spoken.

    Announcements (turn 0) are never void here.
    """

    def __init__(self) -> None:
        self.session_id = ''
        self._over: deque[str] = deque(maxlen=_SESSIONS_KEPT)
        self._below: dict[int, int] = {}  # turn_seq -> first revision that is not void
        self._oldest_turn = 0  # turns before it are void

    def learn(self, state: TurnState) -> None:
        """Take one state of the turn; states of sessions that are over are ignored."""
        if state.session_id != self.session_id:
            if state.session_id in self._over:
                return
            if self.session_id:
                self._over.append(self.session_id)
            self.session_id = state.session_id
            self._below.clear()
            self._oldest_turn = 0
        if state.turn_seq == 0:
            return
        if state.phase in (TurnState.PHASE_CANCELLED, TurnState.PHASE_INTERRUPTED):
            self._raise(state.turn_seq, _EVER)
        elif state.phase in (
            TurnState.PHASE_EAGER_END,
            TurnState.PHASE_REOPENED,
            TurnState.PHASE_COMMITTED,
        ):
            self._raise(state.turn_seq, state.revision)
        if state.phase == TurnState.PHASE_COMMITTED:
            # A turn that only begins does not silence the reply before it: it may be a mere "mhm".
            self._oldest_turn = max(self._oldest_turn, state.turn_seq)

    def supersede(self, session_id: str, turn_seq: int, revision: int) -> None:
        """Note that a reply for ``revision`` exists: older revisions of that turn are void."""
        if session_id == self.session_id and turn_seq:
            self._raise(turn_seq, revision)

    def void(self, session_id: str, turn_seq: int, revision: int) -> bool:
        """Return whether speech of this turn and revision is not to be heard any more."""
        if turn_seq == 0:
            return False
        if session_id != self.session_id:
            # An unknown session may be the one that turn/state is about to announce.
            return session_id in self._over
        return turn_seq < self._oldest_turn or revision < self._below.get(turn_seq, 0)

    def _raise(self, turn_seq: int, revision: int) -> None:
        self._below[turn_seq] = max(revision, self._below.get(turn_seq, 0))
        while len(self._below) > _TURNS_KEPT:
            del self._below[min(self._below)]
