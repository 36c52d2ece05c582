"""How often the state is published: a new stop at once, other changes at a bounded rate."""

from __future__ import annotations

from tektra.runtime.clock import NS_PER_S

REGULAR_HZ = 40
CHANGES_HZ = 200  # whoever floods estop does not flood those who listen to it


class Pace:
    """Says when a change may go out. The regular messages are not its business.

    A new stop never waits: there is at most one for every reset, so that nobody can flood with it.
    """

    def __init__(self) -> None:
        self._changed = False
        self._urgent = True
        self._sent_ns: int | None = None  # last message that went out for a change

    def change(self, *, urgent: bool = False) -> None:
        """Say that there is something to tell."""
        self._changed = True
        self._urgent |= urgent

    def due(self, now_ns: int) -> bool:
        """Return whether a message shall go out now, without waiting for the regular one."""
        if self._urgent or self._sent_ns is None:
            return self._urgent or self._changed
        return self._changed and now_ns - self._sent_ns >= NS_PER_S // CHANGES_HZ

    def sent(self, now_ns: int) -> None:
        """Say that a message has gone out."""
        if self._changed:
            self._sent_ns = now_ns
        self._changed = self._urgent = False
