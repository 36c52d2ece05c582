"""What was heard as closed loops: repeated until every robot that is meant shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tektra_msgs.msg import EstopState, GateState, StopRequest

from tektra.runtime.ids import new_id
from tektra.stop_client.core import StopAttempt
from tektra.stop_word.confirm import Decision

SOURCE = 'stop_word'
REASON_LENGTH = 256  # where it is kept; see StopRequest.msg
MOST = 16  # requests under way; the oldest gives way


class Requests:
    """Pure: what is to be published and called now, and who did not obey."""

    def __init__(self, robots: Sequence[str], make_id: Callable[[], str] = new_id) -> None:
        self._robots = tuple(robots)
        self._make_id = make_id
        self._open: list[StopAttempt] = []
        self.unanswered: dict[str, str] = {}  # robot -> what it did not show

    @property
    def waiting(self) -> bool:
        """Return whether anything is being repeated."""
        return bool(self._open)

    def add(self, decision: Decision, now_ns: int) -> None:
        """Begin to ask; it is due at once."""
        robots = [r for r in self._robots if r in decision.robots] or self._robots
        attempt = StopAttempt(
            robots,
            decision.level,
            SOURCE,
            decision.reason[:REASON_LENGTH],
            self._make_id(),
            now_ns,
        )
        self._open.append(attempt)
        del self._open[:-MOST]

    def due(self, now_ns: int) -> list[tuple[str, StopRequest]]:
        """Return (robot, request) to publish now."""
        out: list[tuple[str, StopRequest]] = []
        for attempt in self._open:
            if attempt.due(now_ns):
                out += [(robot, attempt.request) for robot in attempt.unconfirmed(now_ns)]
        return out

    def call_due(self, now_ns: int) -> set[str]:
        """Return the robots of which the stop service is to be called now."""
        return {
            robot
            for attempt in self._open
            if attempt.call_due(now_ns)
            for robot in attempt.unconfirmed(now_ns)
        }

    def on_estop_state(self, robot: str, state: EstopState, now_ns: int) -> None:
        """Take what an estop says."""
        for attempt in self._open:
            attempt.on_estop(robot, state, now_ns)

    def on_gate_state(self, robot: str, state: GateState, now_ns: int) -> None:
        """Take what a gate says."""
        for attempt in self._open:
            attempt.on_gate(robot, state, now_ns)
            if robot in attempt.robots and attempt.report(robot, now_ns).confirmed:
                self.unanswered.pop(robot, None)

    def give_up(self, now_ns: int) -> list[str]:
        """Return what to say, loudly, about requests that were not confirmed in time."""
        said = []
        for attempt in self._open:
            if not attempt.expired(now_ns):
                continue
            level = 'hold' if attempt.hold else 'stop'
            for report in attempt.outcome(now_ns).reports:
                if not report.confirmed:
                    what = f'the {level} that was heard ({attempt.request.reason})'
                    self.unanswered[report.robot] = f'{what}: {report.sentence()}'
                    said.append(self.unanswered[report.robot])
        self._open = [one for one in self._open if not one.ended(now_ns)]
        return said
