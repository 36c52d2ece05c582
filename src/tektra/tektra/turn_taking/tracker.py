"""Turn and revision: the one object that owns the order, and that a turn is committed once."""

from __future__ import annotations


class TurnTracker:
    """Mints turns of one session. ``turn_seq`` counts from 1, ``revision`` from 1 within a turn.

    At most one turn is open. A turn ends exactly once, by ``commit`` or ``void``.
    """

    def __init__(self) -> None:
        self._seq = 0
        self._revision = 0
        self._open = False

    @property
    def newest(self) -> tuple[int, int]:
        """Return (turn_seq, revision) of the newest turn, open or not; (0, 0): there was none."""
        return self._seq, self._revision

    def open(self) -> tuple[int, int]:
        """Begin the next turn and return its (turn_seq, revision).

        :raises RuntimeError: if a turn is open: end it first.
        """
        if self._open:
            raise RuntimeError(f'turn {self._seq} is still open')
        self._seq, self._revision, self._open = self._seq + 1, 1, True
        return self.newest

    def revise(self) -> int:
        """Return the next revision of the open turn; what ran ahead for older ones is void.

        :raises RuntimeError: if no turn is open.
        """
        if not self._open:
            raise RuntimeError('no turn is open to revise')
        self._revision += 1
        return self._revision

    def commit(self, turn_seq: int, revision: int) -> bool:
        """End the open turn as the person's; return whether this is its first, newest commit."""
        if not self._open or (turn_seq, revision) != self.newest:
            return False
        self._open = False
        return True

    def void(self, turn_seq: int) -> bool:
        """End the open turn as nothing; return whether it was open."""
        if not self._open or turn_seq != self._seq:
            return False
        self._open = False
        return True
