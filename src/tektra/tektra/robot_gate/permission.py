"""Who may enable motion: whoever has seen this very state and holds the robot's key."""

from __future__ import annotations

from tektra_msgs.srv import EnableMotion

from tektra.robot_gate.owners import Epoch
from tektra.robots import proof
from tektra.robots.spec import RobotSpec


class Permission:
    """``key`` is that of the robot's key file; None: nobody can enable it."""

    def __init__(self, robot: RobotSpec, key: bytes | None) -> None:
        self.key = key
        self._robot = robot

    def refuses(
        self, request: EnableMotion.Request, epoch: Epoch, *, by_itself: bool, simulated: bool
    ) -> str:
        """Return why a request does not count, whatever the robot does; empty: it counts.

        ``by_itself``: auto_enable, which needs no proof and is for ``simulated`` robots only.
        """
        asked = Epoch(
            request.estop_instance_id,
            request.stop_id,
            request.gate_instance_id,
            request.gate_epoch,
        )
        if asked != epoch:
            return 'the epoch has changed since you looked; read gate_state and ask again'
        if by_itself:
            if not (self._robot.auto_enable and simulated):
                return 'auto_enable is for simulated drivers whose file asks for it'
        elif why := self._unproven(request, epoch):
            return why
        unknown = [c for c in request.channels if c not in self._robot.channels]
        if unknown:
            known = ', '.join(self._robot.channels)
            return f"no channel '{unknown[0][:64]}'; this robot has: {known}"
        return ''

    def _unproven(self, request: EnableMotion.Request, epoch: Epoch) -> str:
        file = proof.key_file(self._robot.name)
        if self.key is None:
            return f'the gate has no key; {file} must be readable'
        expected = proof.enable_proof(
            self.key,
            epoch.estop_instance_id,
            epoch.stop_id,
            epoch.gate_instance_id,
            epoch.gate_epoch,
        )
        return (
            '' if proof.holds(expected, request.key_proof) else f'wrong key_proof; it needs {file}'
        )
