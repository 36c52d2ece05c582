"""The gate as the executor sees it: what may move, whose the channels are, which epoch it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tektra_msgs.msg import GateState

from tektra.robot_bridge.outcome import Outcome
from tektra.robot_gate.owners import NEUTRAL_S, Epoch

STALE_S = 0.5
"""The gate says how it is at 20 Hz and on change; one that is silent for so long is gone."""
QUIET_S = NEUTRAL_S + 0.1
"""After a new epoch or somebody else's driving the gate takes nobody who was not silent first."""
REFUSING_S = 0.5
"""A channel that is refused for so long is no matter of a moment."""
_NEVER = Epoch()
_S = 1e-9

Ending = tuple[Outcome, str]


class GateView:
    """The newest state, and since when what has been so."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._state: GateState | None = None
        self._seen_ns = 0
        self._refused_from_ns: int | None = None
        self.epoch = _NEVER
        self.quiet_ns = 0  # silence counts from here
        self.other = ''  # who else moves a channel; empty: nobody

    def on_state(self, state: GateState, now_ns: int) -> None:
        """Take a state; one that is older than the newest changes nothing."""
        old = self._state
        if old is not None and old.instance_id == state.instance_id and state.seq < old.seq:
            return
        epoch = Epoch(state.estop_instance_id, state.stop_id, state.instance_id, state.gate_epoch)
        self.other = next((o for o in state.owners if o not in ('', self._source)), '')
        if epoch != self.epoch or self.other:
            self.quiet_ns = now_ns
        self.epoch, self._state, self._seen_ns = epoch, state, now_ns

    def armed(self, now_ns: int) -> bool:
        """Return whether the gate counts what is asked from now on."""
        return (now_ns - self.quiet_ns) * _S >= QUIET_S

    @property
    def held(self) -> bool:
        """Return whether the gate holds."""
        return self._state is not None and self._state.level == GateState.LEVEL_HOLD

    @property
    def stopped(self) -> bool:
        """Return whether motion must be reset or enabled before anything moves."""
        state = self._state
        return state is None or state.level not in (GateState.LEVEL_HOLD, GateState.LEVEL_ENABLED)

    def moves(self, channels: Iterable[str]) -> bool:
        """Return whether the gate says that all of ``channels`` are moved by this source."""
        state = self._state
        return state is not None and all(
            owner == self._source
            for channel, owner in zip(state.channels, state.owners, strict=True)
            if channel in set(channels)
        )

    def why_not(self, now_ns: int, channels: Collection[str] = ()) -> str:
        """Return why ``channels`` (none: any of them) may not move; empty: they may."""
        state = self._state
        if state is None or (now_ns - self._seen_ns) * _S > STALE_S:
            return 'my safety gate is silent'
        reasons = zip(state.channels, state.enabled, state.refusing_because, strict=True)
        for channel, enabled, reason in reasons:
            if (not channels or channel in channels) and (reason or not enabled):
                return str(reason) or 'motion is not enabled'
        if state.level != GateState.LEVEL_ENABLED:
            return state.trip or 'motion is not enabled'
        return ''

    def ended(self, epoch: Epoch) -> Ending | None:
        """Return how a goal of ``epoch`` has ended by what the gate says; None: it goes on."""
        if self.epoch == epoch and self._state is not None:
            if self._state.level == GateState.LEVEL_ENABLED:
                return None
        if self.held:
            return Outcome.HELD, 'I am holding.'
        if self.stopped:
            return Outcome.STOPPED, 'I was stopped.'
        return Outcome.STOPPED, 'I stopped: what I may do has changed.'

    def problem(self, channels: Collection[str], now_ns: int) -> Ending | None:
        """Return why a goal that uses ``channels`` must end; None: it goes on."""
        state = self._state
        if state is None or (now_ns - self._seen_ns) * _S > STALE_S:
            return Outcome.FAILED, 'I stopped: my safety gate is silent.'
        for channel, owner in zip(state.channels, state.owners, strict=True):
            if channel in channels and owner not in ('', self._source):
                return Outcome.ABORTED, f'I stopped: {owner} drives me now.'
        why = self.why_not(now_ns, channels)
        if not why:
            self._refused_from_ns = None
        elif self._refused_from_ns is None:
            self._refused_from_ns = now_ns
        elif (now_ns - self._refused_from_ns) * _S > REFUSING_S:
            self._refused_from_ns = None
            return Outcome.FAILED, f'I stopped: {why}.'
        return None
