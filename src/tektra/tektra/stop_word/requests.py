"""Stop requests that are repeated until every robot's gate shows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tektra_msgs.msg import GateState, StopRequest

from tektra.runtime.clock import nanoseconds
from tektra.runtime.ids import new_id
from tektra.stop_word.confirm import Decision

SOURCE = 'stop_word'
REASON_LENGTH = 256  # where it is kept; see StopRequest.msg
MOST = 16  # requests under way; the oldest gives way


@dataclass
class _Open:
    request: StopRequest
    waiting: set[str]
    since_ns: int
    next_ns: int


class Requests:
    """Pure: what is to be published now, and which gates did not answer."""

    def __init__(
        self,
        robots: Sequence[str],
        *,
        repeat_s: float = 0.05,
        give_up_s: float = 1.0,
        make_id: Callable[[], str] = new_id,
    ) -> None:
        self._robots = tuple(robots)
        self._repeat_ns = nanoseconds(repeat_s)
        self._give_up_ns = nanoseconds(give_up_s)
        self._make_id = make_id
        self._open: list[_Open] = []
        self.unanswered: dict[str, str] = {}  # robot -> what its gate did not show

    @property
    def waiting(self) -> bool:
        """Return whether anything is being repeated."""
        return bool(self._open)

    def add(self, decision: Decision, now_ns: int) -> None:
        """Begin to ask; it is due at once."""
        request = StopRequest(
            request_id=self._make_id(),
            source=SOURCE,
            reason=decision.reason[:REASON_LENGTH],
            level=decision.level,
            category=StopRequest.CATEGORY_UNSET,
        )
        robots = set(decision.robots or self._robots) & set(self._robots)
        self._open.append(_Open(request, robots or set(self._robots), now_ns, now_ns))
        del self._open[:-MOST]

    def due(self, now_ns: int) -> list[tuple[str, StopRequest]]:
        """Return (robot, request) to publish now."""
        out: list[tuple[str, StopRequest]] = []
        for entry in self._open:
            if entry.next_ns <= now_ns:
                entry.next_ns = now_ns + self._repeat_ns
                out += [(robot, entry.request) for robot in sorted(entry.waiting)]
        return out

    def on_gate_state(self, robot: str, state: GateState) -> None:
        """Note which requests a gate has acted on."""
        shown = set(state.request_ids)
        for entry in self._open:
            if robot in entry.waiting and entry.request.request_id in shown:
                entry.waiting.discard(robot)
                self.unanswered.pop(robot, None)
        self._open = [entry for entry in self._open if entry.waiting]

    def give_up(self, now_ns: int) -> list[str]:
        """Return what to say, loudly, about requests that no gate has shown in time."""
        late = [e for e in self._open if now_ns - e.since_ns >= self._give_up_ns]
        self._open = [e for e in self._open if e not in late]
        said = []
        for entry in late:
            for robot in sorted(entry.waiting):
                level = 'hold' if entry.request.level == StopRequest.LEVEL_HOLD else 'stop'
                text = (
                    f"robot '{robot}': its gate did not show the {level} that was heard "
                    f'({entry.request.reason}) within {self._give_up_ns / 1e9:g} s; stop it by '
                    'hand and look whether robot_gate runs'
                )
                self.unanswered[robot] = text
                said.append(text)
        return said
