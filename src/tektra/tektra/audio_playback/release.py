"""What may be heard: which turns are released, which speech is void, in which session."""

from __future__ import annotations

import enum
from collections import OrderedDict

Key = tuple[int, int]  # (turn_seq, revision): the order within a session

REMEMBERED = 256  # ids and keys kept; far more than can be on their way at once


class Verdict(enum.Enum):
    """What is to happen with speech."""

    HELD = 'its turn is not released yet'
    RELEASED = 'may be heard'
    VOID = 'will not be heard'


class BoundedSet:
    """A set of strings or keys that forgets the oldest beyond ``size``."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size = size
        self._entries: OrderedDict[str | Key, None] = OrderedDict()

    def add(self, entry: str | Key) -> None:
        """Remember ``entry`` as the newest."""
        self._entries[entry] = None
        self._entries.move_to_end(entry)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def discard(self, entry: str | Key) -> None:
        """Forget ``entry``."""
        self._entries.pop(entry, None)

    def __contains__(self, entry: object) -> bool:
        """Return whether ``entry`` is remembered."""
        return entry in self._entries

    def __len__(self) -> int:
        """Return the number of entries remembered."""
        return len(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


class ReleaseBook:
    """Judges speech by (session, turn_seq, revision, utterance_id). Memory is bounded.

    A reply waits until exactly its turn and revision are released. Turns are committed in order,
    so a release makes older speech that was never released void, and a newer revision replaces an
    older one. Speech of a session that is not known yet waits too. Announcements (turn_seq 0) need
    no release.
    """

    def __init__(self) -> None:
        self.session_id = ''
        self._sessions = BoundedSet()
        self._void_ids = BoundedSet()
        self._cancelled = BoundedSet()
        self._released = BoundedSet()
        self._newest_released: Key = (0, 0)
        self._flushed_to: Key = (0, 0)  # everything up to and including this is void

    def meet(self, session_id: str) -> bool:
        """Adopt a session never seen before as the newest; return whether it was adopted."""
        if not session_id or session_id in self._sessions:
            return False
        self._sessions.add(session_id)
        self.session_id = session_id
        self._cancelled.clear()
        self._released.clear()
        self._newest_released = self._flushed_to = (0, 0)
        return True

    def knows(self, session_id: str) -> bool:
        """Return whether this is the newest session or an older one."""
        return session_id == self.session_id or session_id in self._sessions

    def release(self, key: Key) -> None:
        """Let the speech of ``key`` be heard; older revisions of the same turn become void."""
        if self._newest_released[0] == key[0] and self._newest_released < key:
            self._released.discard(self._newest_released)
        self._released.add(key)
        self._newest_released = max(self._newest_released, key)

    def flush(self, key: Key) -> None:
        """Make everything up to and including ``key`` void."""
        self._flushed_to = max(self._flushed_to, key)

    def flush_released(self) -> None:
        """Make everything void that may be heard now; what is still held stays."""
        self.flush(self._newest_released)

    def cancel(self, key: Key) -> None:
        """Make speech of exactly ``key`` void unless it was released."""
        if key not in self._released:
            self._cancelled.add(key)

    def void(self, utterance_id: str) -> None:
        """Make one utterance void: cut, or played to its end (a repeat is not heard again)."""
        self._void_ids.add(utterance_id)

    def judge(self, session_id: str, key: Key, utterance_id: str) -> Verdict:
        """Return what is to happen with this speech."""
        if utterance_id in self._void_ids:
            return Verdict.VOID
        if key[0] == 0:
            stale = session_id != self.session_id and session_id in self._sessions
            return Verdict.VOID if stale else Verdict.RELEASED
        if not self.knows(session_id):
            return Verdict.HELD
        if session_id != self.session_id or key <= self._flushed_to:
            return Verdict.VOID
        if key in self._released:
            return Verdict.RELEASED
        if key in self._cancelled or key < self._newest_released:
            return Verdict.VOID
        return Verdict.HELD
