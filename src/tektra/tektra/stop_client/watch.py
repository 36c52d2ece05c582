"""What one robot's estop and gate say, with the rules of which of it still counts."""

from __future__ import annotations

from tektra_msgs.msg import EstopState, GateState

from tektra.runtime.clock import NS_PER_S

# A state that is older proves nothing: estop publishes 40 times a second, the gate 20 times.
FRESH_NS = NS_PER_S // 2


class RobotWatch:
    """The newest EstopState and GateState of a robot, by local receipt.

    A message whose seq does not rise within its instance is a repeat or a replay, and is left out.
    """

    def __init__(self, robot: str) -> None:
        self.robot = robot
        self._estop: EstopState | None = None
        self._estop_ns = 0
        self._gate: GateState | None = None
        self._gate_ns = 0

    def on_estop(self, state: EstopState, now_ns: int) -> bool:
        """Take an EstopState; return whether it counts."""
        if state.robot != self.robot or _stale(state, self._estop):
            return False
        self._estop, self._estop_ns = state, now_ns
        return True

    def on_gate(self, state: GateState, now_ns: int) -> bool:
        """Take a GateState; return whether it counts."""
        if state.robot != self.robot or _stale(state, self._gate):
            return False
        self._gate, self._gate_ns = state, now_ns
        return True

    def estop(self, now_ns: int) -> EstopState | None:
        """Return the newest EstopState; None if there is none or it is older than FRESH_NS."""
        return self._estop if now_ns - self._estop_ns <= FRESH_NS else None

    def gate(self, now_ns: int) -> GateState | None:
        """Return the newest GateState; None if there is none or it is older than FRESH_NS."""
        return self._gate if now_ns - self._gate_ns <= FRESH_NS else None

    @property
    def heard(self) -> bool:
        """Return whether anything was ever heard of the robot."""
        return self._estop is not None or self._gate is not None

    def last_estop(self) -> tuple[EstopState | None, int]:
        """Return the newest EstopState however old, and when it came in ns; for display only."""
        return self._estop, self._estop_ns

    def last_gate(self) -> tuple[GateState | None, int]:
        """Return the newest GateState however old, and when it came in ns; for display only."""
        return self._gate, self._gate_ns


def _stale(new: EstopState | GateState, old: EstopState | GateState | None) -> bool:
    return old is not None and new.instance_id == old.instance_id and new.seq <= old.seq


def moving_channels(gate: GateState) -> list[str]:
    """Return the channels that are not measured to stand still."""
    still = list(gate.standstill)
    return [name for n, name in enumerate(gate.channels) if n >= len(still) or not still[n]]


def still(gate: GateState) -> bool:
    """Return whether every channel is measured to stand still; a gate without channels is not."""
    return bool(gate.channels) and not moving_channels(gate)


def enabled_channels(gate: GateState) -> list[str]:
    """Return the channels on which motion is enabled."""
    return [name for name, enabled in zip(gate.channels, gate.enabled, strict=False) if enabled]


def same_epoch(estop: EstopState, gate: GateState) -> bool:
    """Return whether the gate follows this estop and this stop of it."""
    return bool(gate.estop_instance_id == estop.instance_id and gate.stop_id == estop.stop_id)
