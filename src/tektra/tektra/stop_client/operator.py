"""What a person may ask of one robot: reset, enable, release, disable.

Pure: reads what estop and gate say, makes requests with the proof of the robot's key, and judges
the answers by what the robot shows afterwards. Nothing is asked twice: whatever has changed since
the person looked must be looked at again by the person.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import NoReturn

from tektra_msgs.msg import EstopState, GateState
from tektra_msgs.srv import DisableMotion, EnableMotion, ResetEstop

from tektra.robots.proof import RobotKeyError, enable_proof, reset_proof
from tektra.stop_client.watch import RobotWatch, enabled_channels, same_epoch


class Refused(RuntimeError):
    """It cannot be done now; the text says why and what to do."""


class Shown(enum.Enum):
    """What the robot shows after an accepted request."""

    NOT_YET = 'not yet'
    DONE = 'done'
    FAILED = 'failed'


class Operator:
    """One person at one robot. ``key`` reads the robot's key when a proof is needed.

    :param name: of the person, for the record.
    """

    def __init__(self, robot: str, name: str, key: Callable[[], bytes]) -> None:
        self.watch = RobotWatch(robot)
        self._robot = robot
        self._name = name
        self._key = key
        self._reset_of: tuple[str, int] | None = None

    def reset(self, now_ns: int) -> ResetEstop.Request | None:
        """Return the request to clear the present stop; None if there is none to clear.

        :raises Refused: if estop is silent, or says itself what is in the way.
        """
        estop = self._estop(now_ns)
        if estop.state == EstopState.STATE_CLEAR:
            return None
        if estop.state == EstopState.STATE_RESETTING:
            self._refuse('a reset is under way already; look again in a second')
        if estop.reset_blockers:
            self._refuse('; '.join(estop.reset_blockers))
        self._reset_of = (estop.instance_id, estop.stop_id)
        proof = reset_proof(self._read_key(), estop.instance_id, estop.stop_id, estop.reset_nonce)
        return ResetEstop.Request(
            stop_id=estop.stop_id,
            reset_nonce=estop.reset_nonce,
            operator_name=self._name,
            key_proof=proof,
        )

    def after_reset(self, now_ns: int) -> tuple[Shown, str]:
        """Return what has become of the reset, with a sentence if it is decided."""
        estop = self.watch.estop(now_ns)
        if estop is None or self._reset_of is None:
            return Shown.NOT_YET, ''
        epoch = (estop.instance_id, estop.stop_id)
        if epoch != self._reset_of:
            return Shown.FAILED, f'stopped again during the reset: {estop.reason}'
        gate = self.watch.gate(now_ns)
        # The gate believes only a second CLEAR; before that it would refuse to be enabled.
        followed = gate is not None and gate.level != GateState.LEVEL_STOPPED
        if estop.state == EstopState.STATE_CLEAR and followed:
            return Shown.DONE, 'the stop is cleared'
        return Shown.NOT_YET, ''

    def enable(self, channels: Sequence[str], now_ns: int) -> EnableMotion.Request:
        """Return the request to let set-points move the robot.

        :raises Refused: if estop is not CLEAR, the gate is silent or has tripped, or a channel
            does not exist.
        """
        gate = self._clear_gate(now_ns)
        unknown = [name for name in channels if name not in gate.channels]
        if unknown:
            known = ', '.join(gate.channels)
            self._refuse(f"it has no channel '{unknown[0]}'; it has: {known}")
        if gate.level == GateState.LEVEL_HOLD:
            self._refuse(f'it is held; release it with: tektra release {self._robot}')
        return self._enable_request(gate, channels, release_hold=False)

    def release(self, now_ns: int) -> EnableMotion.Request | None:
        """Return the request to end a hold; None if it is enabled and not held.

        :raises Refused: as ``enable``, and if motion is not enabled at all.
        """
        gate = self._clear_gate(now_ns)
        if gate.level == GateState.LEVEL_ENABLED:
            return None
        if gate.level != GateState.LEVEL_HOLD:
            self._refuse(
                f'it is not held, motion is not enabled; use: tektra enable {self._robot}'
            )
        return self._enable_request(gate, (), release_hold=True)

    def after_enable(self, epoch: int, now_ns: int) -> tuple[Shown, str]:
        """Return whether the gate shows the epoch of its answer, and what it then allows."""
        gate = self.watch.gate(now_ns)
        if gate is None or gate.gate_epoch < epoch:
            return Shown.NOT_YET, ''
        if gate.gate_epoch == epoch and gate.level == GateState.LEVEL_ENABLED:
            return Shown.DONE, f'motion is enabled on {", ".join(enabled_channels(gate))}'
        why = gate.trip or f'the level is {level_name(gate.level)}'
        return Shown.FAILED, f'motion was taken away again: {why}'

    def disable(self, reason: str) -> DisableMotion.Request:
        """Return the request to take motion away; it needs no state and no key."""
        return DisableMotion.Request(operator_name=self._name, reason=reason)

    def after_disable(self, now_ns: int) -> tuple[Shown, str]:
        """Return whether the gate shows that nothing is enabled."""
        gate = self.watch.gate(now_ns)
        if gate is None or enabled_channels(gate) or gate.level > GateState.LEVEL_DISABLED:
            return Shown.NOT_YET, ''
        return Shown.DONE, 'motion is not enabled'

    def _clear_gate(self, now_ns: int) -> GateState:
        estop = self._estop(now_ns)
        if estop.state != EstopState.STATE_CLEAR:
            self._refuse(
                f'it is stopped: {estop.reason or "no reason given"}; '
                f'first: tektra reset {self._robot}'
            )
        gate = self.watch.gate(now_ns)
        if gate is None:
            self._refuse('its robot_gate is silent; see: tektra nodes')
        if gate.trip:
            self._refuse(
                f'its robot_gate has tripped: {gate.trip}; stop it, mend the cause, then: '
                f'tektra reset {self._robot}'
            )
        if not same_epoch(estop, gate):
            self._refuse('its robot_gate does not follow its estop yet; look again in a second')
        return gate

    def _enable_request(
        self, gate: GateState, channels: Sequence[str], *, release_hold: bool
    ) -> EnableMotion.Request:
        epoch = (gate.estop_instance_id, gate.stop_id, gate.instance_id, gate.gate_epoch)
        return EnableMotion.Request(
            estop_instance_id=gate.estop_instance_id,
            stop_id=gate.stop_id,
            gate_instance_id=gate.instance_id,
            gate_epoch=gate.gate_epoch,
            channels=list(channels),
            release_hold=release_hold,
            operator_name=self._name,
            key_proof=enable_proof(self._read_key(), *epoch),
        )

    def _estop(self, now_ns: int) -> EstopState:
        estop = self.watch.estop(now_ns)
        if estop is None:
            self._refuse('its estop is silent; see: tektra nodes')
        return estop

    def _read_key(self) -> bytes:
        try:
            return self._key()
        except RobotKeyError as error:
            self._refuse(str(error))

    def _refuse(self, why: str) -> NoReturn:
        raise Refused(f'{self._robot}: {why}')


LEVEL_NAMES = {
    GateState.LEVEL_STOPPED: 'stopped',
    GateState.LEVEL_DISABLED: 'disabled',
    GateState.LEVEL_HOLD: 'held',
    GateState.LEVEL_ENABLED: 'enabled',
}
STATE_NAMES = {
    EstopState.STATE_STOPPED: 'STOPPED',
    EstopState.STATE_RESETTING: 'RESETTING',
    EstopState.STATE_CLEAR: 'CLEAR',
}


def level_name(level: int) -> str:
    """Return a level of GateState as a word; unknown ones are to be treated as stopped."""
    return LEVEL_NAMES.get(level, 'unknown')


def state_name(state: int) -> str:
    """Return a state of EstopState as a word; unknown ones are to be treated as STOPPED."""
    return STATE_NAMES.get(state, 'UNKNOWN')
