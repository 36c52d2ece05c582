"""What the gate believes of estop: only a fresh, rising, single stream of CLEAR lets it go on."""

from __future__ import annotations

from collections import deque

from tektra_msgs.msg import EstopState

FRESH_S = 0.15  # older is a stop (design: Safety 1)
CONSECUTIVE = 2  # CLEARs with rising seq of one instance before it counts
RIVAL_S = 1.0  # how long a second estop is remembered
_RETIRED = 32
_S = 1e-9


class EstopWatch:
    """Follows one estop. ``epoch``: (instance_id, stop_id) of what was heard last."""

    def __init__(self, robot: str, config_hash: str) -> None:
        self._robot = robot
        self._config_hash = config_hash
        self._state: EstopState | None = None
        self._seen_ns = 0
        self._clears = 0
        self._gap_s = 0.0  # before the newest message
        self._retired: deque[str] = deque(maxlen=_RETIRED)
        self._rival_ns: int | None = None

    @property
    def epoch(self) -> tuple[str, int]:
        """Return instance and stop_id; ('', 0) before anything was heard."""
        if self._state is None:
            return '', 0
        return self._state.instance_id, int(self._state.stop_id)

    @property
    def latched(self) -> bool:
        """Return whether estop said last that it is not CLEAR."""
        return self._state is not None and self._state.state != EstopState.STATE_CLEAR

    @property
    def stopped(self) -> bool:
        """Return whether estop is STOPPED: what it is asked for now is part of that stop.

        RESETTING is none: a stop that estop does not hear then would be gone with the reset.
        """
        state = self._state
        return self.latched and state is not None and state.state != EstopState.STATE_RESETTING

    @property
    def category(self) -> int:
        """Return the category in force, as in StopRequest; 0: not said."""
        return int(self._state.category) if self._state is not None else 0

    def on_state(self, state: EstopState, now_ns: int) -> None:
        """Take a message; an old or repeated one, or one of a replaced estop, is not believed."""
        if state.robot != self._robot or not state.instance_id:
            return
        known = self._state
        if known is not None and state.instance_id != known.instance_id:
            if state.instance_id in self._retired:
                self._rival_ns = now_ns
                return
            self._retired.append(known.instance_id)
            self._clears = 0
        elif known is not None and (state.seq <= known.seq or state.stop_id < known.stop_id):
            if state.state != EstopState.STATE_CLEAR and not self.latched:
                # One estop is heard in order: two speak under one name, and one of them stopped.
                self._rival_ns = now_ns
            return
        changed = known is None or known.stop_id != state.stop_id
        self._gap_s = (now_ns - self._seen_ns) * _S
        late = self._gap_s > FRESH_S
        good = state.state == EstopState.STATE_CLEAR and state.config_hash == self._config_hash
        self._clears = (1 if changed or late else self._clears + 1) if good else 0
        self._state, self._seen_ns = state, now_ns

    def rival(self, now_ns: int) -> str:
        """Return what is known of a second estop; empty: there is none."""
        if self._rival_ns is None or (now_ns - self._rival_ns) * _S > RIVAL_S:
            return ''
        return 'two estops are heard for this robot; end one of them'

    def silent_s(self, now_ns: int) -> float:
        """Return for how long (s) nothing that is believed was heard."""
        return (now_ns - self._seen_ns) * _S

    def problem(self, now_ns: int) -> str:
        """Return why motion is impossible as far as estop goes; empty: it is CLEAR."""
        if self._state is None:
            return 'estop has not been heard; is it running?'
        if self.silent_s(now_ns) > FRESH_S:
            if self.rival(now_ns):
                return (
                    'the estop that is heard was replaced by another one, which is silent; '
                    'restart estop'
                )
            return f'estop is silent for {self.silent_s(now_ns) * 1000:.0f} ms'
        if self._state.state != EstopState.STATE_CLEAR:
            why = self._state.reason or 'no reason given'
            return f'estop is {_NAMES.get(int(self._state.state), "in an unknown state")}: {why}'
        if self._state.config_hash != self._config_hash:
            return 'estop has read another safety file; restart estop and robot_gate'
        if self._clears < CONSECUTIVE:
            if self._gap_s > FRESH_S:
                return f'estop was silent for {self._gap_s * 1000:.0f} ms'
            return 'estop has only just become CLEAR'
        return self.rival(now_ns)


_NAMES = {EstopState.STATE_STOPPED: 'STOPPED', EstopState.STATE_RESETTING: 'RESETTING'}
