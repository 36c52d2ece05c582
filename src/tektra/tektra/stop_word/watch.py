"""Which robots may move: while one may, the stop word is searched for."""

from __future__ import annotations

from collections.abc import Iterable

from tektra_msgs.msg import GateState

from tektra.runtime.clock import nanoseconds

STILL_LEVELS = (GateState.LEVEL_STOPPED, GateState.LEVEL_DISABLED)


class Watch:
    """Pure: a gate that is silent may do anything."""

    def __init__(self, robots: Iterable[str], silent_s: float = 0.3) -> None:
        self._silent_ns = nanoseconds(silent_s)
        self._seen: dict[str, tuple[int, bool] | None] = dict.fromkeys(robots)

    def on_gate_state(self, robot: str, state: GateState, now_ns: int) -> None:
        """Note what a gate says."""
        still = state.level in STILL_LEVELS and all(state.standstill)
        self._seen[robot] = (now_ns, still)

    def may_move(self, now_ns: int) -> bool:
        """Return whether any robot moves, is enabled or held, or is unknown."""
        return any(
            seen is None or now_ns - seen[0] > self._silent_ns or not seen[1]
            for seen in self._seen.values()
        )
