"""What estop needs to know of robot_gate: that there is one, that it follows, and that all stands.

Also here: whether there is a second estop.
"""

from __future__ import annotations

import math

from tektra_msgs.msg import GateState

from tektra.robots.spec import RobotSpec
from tektra.runtime import words
from tektra.runtime.clock import nanoseconds, seconds

GATE_SILENT_NS = nanoseconds(0.3)
RIVAL_NS = nanoseconds(2.0)  # for so long a second gate or estop is remembered
MAX_RETIRED = 8
_QUIET_LEVELS = (GateState.LEVEL_STOPPED, GateState.LEVEL_DISABLED)


class RivalEstop:
    """Whether somebody else publishes this robot's estop/state."""

    def __init__(self) -> None:
        self._instance_id = ''
        self._heard_ns: int | None = None

    def on_state(self, instance_id: str, now_ns: int) -> bool:
        """Take an EstopState of another instance; return whether that is news."""
        news = not self.trouble(now_ns)
        self._instance_id, self._heard_ns = words.name(instance_id), now_ns
        return news

    def trouble(self, now_ns: int) -> str:
        """Return what is wrong and what to do; empty: nothing."""
        if self._heard_ns is None or now_ns - self._heard_ns > RIVAL_NS:
            return ''
        return (
            f'a second estop (instance {self._instance_id}) speaks for this robot; end one of '
            f'them and wait {seconds(RIVAL_NS):g} s'
        )


class GateWatch:
    """Judges the messages of ``gate_state``."""

    def __init__(self, robot: RobotSpec, instance_id: str) -> None:
        self._robot = robot
        self._instance_id = instance_id  # of estop
        self._newest: GateState | None = None
        self._heard_ns = 0
        self._retired: list[str] = []  # instances that were followed by another one
        self._two_ns: int | None = None

    def on_state(self, state: GateState, now_ns: int) -> str:
        """Take a message; return why it is a stop, or ''."""
        if state.robot != self._robot.name:
            return ''  # of no use, and so its sender counts as silent
        before = self._newest
        if before is not None and before.instance_id == state.instance_id:
            if state.seq > before.seq:  # repeats and old ones say nothing
                self._newest, self._heard_ns = state, now_ns
            return ''
        self._newest, self._heard_ns = state, now_ns
        if before is None:
            return ''
        if state.instance_id in self._retired:
            self._two_ns = now_ns
        self._retired = [*self._retired[-MAX_RETIRED + 1 :], before.instance_id]
        return self.two(now_ns) or 'robot_gate has been started again'

    def silent(self, now_ns: int) -> str:
        """Return what is known about a gate that is not heard; empty: it is."""
        if self._newest is None:
            return 'robot_gate has not been heard'
        silence = now_ns - self._heard_ns
        if silence <= GATE_SILENT_NS:
            return ''
        return f'robot_gate has been silent for {seconds(silence):.1f} s'

    def two(self, now_ns: int) -> str:
        """Return what is wrong if two gates take turns; empty: they do not."""
        if self._two_ns is None or now_ns - self._two_ns > RIVAL_NS:
            return ''
        return f'two robot_gates speak; end one of them and wait {seconds(RIVAL_NS):g} s'

    def blockers(self, stop_id: int, now_ns: int) -> list[str]:
        """Return why a reset of this stop would be refused, each with what to do."""
        two = self.two(now_ns)
        if two:
            return [two]
        state, silent = self._newest, self.silent(now_ns)
        if silent or state is None:
            return [f'{silent}; start it, or look why it hangs']
        if state.config_hash != self._robot.config_hash:
            return [
                f'robot_gate runs another safety file than estop ({self._robot.path}); restart '
                'both'
            ]
        if (state.estop_instance_id, state.stop_id) != (self._instance_id, stop_id):
            return [f'robot_gate has not yet acted on stop {stop_id}; wait, or restart it']
        if state.level not in _QUIET_LEVELS:
            return [
                f'robot_gate shows level {state.level}, not stopped or disabled; wait, or '
                '`tektra disable`'
            ]
        return self._channels(state)

    def _channels(self, state: GateState) -> list[str]:
        count = len(state.channels)
        if sorted(state.channels) != sorted(self._robot.channels) or not (
            count == len(state.standstill) == len(state.last_asked_age_s)
        ):
            return [
                f'robot_gate tells of channels {words.reason(", ".join(state.channels))}, the '
                f'safety file has {", ".join(self._robot.channels)}; restart both'
            ]
        found: list[str] = []
        for n, channel in enumerate(state.channels):
            if not state.standstill[n]:
                found.append(f"'{channel}' is not known to stand still; wait until it does")
            age = state.last_asked_age_s[n]
            quiet_s = self._robot.estop.quiet_s
            if math.isnan(age) or 0.0 <= age <= quiet_s:
                found.append(
                    f"something asks '{channel}' to move; let go of the stick, end the command, "
                    f'and wait {quiet_s:g} s'
                )
        return found
