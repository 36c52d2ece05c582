"""The latch of the gate: it ends only after estop has latched too, was reset, and all is well."""

from __future__ import annotations

from tektra_msgs.msg import StopRequest

from tektra.robot_gate.drivers.driver import Category

ASK_AGAIN_S = 0.05  # estop is asked to latch until it shows that it has
TEXT = 256  # characters of a text from outside
_S = 1e-9


class Trip:
    """Why the gate has tripped, and whether estop knows."""

    def __init__(self, name: str) -> None:
        """``name`` begins the ids of the requests to estop."""
        self.why = ''
        self._name = name
        self._count = 0
        self._severity: Category | None = None
        self._worst = False  # nothing may replace the text
        self._latched = False
        self._asked_ns: int | None = None

    def __bool__(self) -> bool:
        """Return whether the gate has tripped."""
        return bool(self.why)

    def set(self, why: str, category: Category | None, latched: bool, *, worst: bool) -> None:
        """Trip, or make a trip worse. ``latched``: estop shows a stop now.

        ``worst``: this text stands, and estop must latch again if it had before.
        """
        if not self.why or (worst and not self._worst):
            self._count += 1
            self.why, self._worst = why[:TEXT] or 'no reason given', worst
            self._latched = latched
            self._asked_ns = None
        if category is not None and (self._severity is None or category < self._severity):
            self._severity = category

    def on_latched(self) -> None:
        """Note that estop shows a stop."""
        self._latched = True

    def try_clear(self, cause: str) -> None:
        """Estop is CLEAR: end, unless it was not stopped since, or ``cause`` is still there."""
        if not self.why or not self._latched:
            return
        if cause:  # it was reset too early: it must latch again
            self.why, self._latched = cause[:TEXT], False
            self._count += 1
            return
        self.why, self._severity, self._worst = '', None, False

    def request(self, now_ns: int) -> StopRequest | None:
        """Return what to ask of estop now; None: nothing, or not yet again."""
        due = self._asked_ns is None or (now_ns - self._asked_ns) * _S >= ASK_AGAIN_S
        if not self.why or self._latched or not due:
            return None
        self._asked_ns = now_ns
        unset, severity = StopRequest.CATEGORY_UNSET, self._severity
        return StopRequest(
            request_id=f'{self._name}-{self._count}',
            source='robot_gate',
            reason=self.why,
            level=StopRequest.LEVEL_STOP,
            category=unset if severity is None else severity + 1,
        )
