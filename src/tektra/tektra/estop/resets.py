"""Who may reset: somebody who has seen this very stop and holds the robot's key."""

from __future__ import annotations

from dataclasses import dataclass

from tektra_msgs.msg import EstopState
from tektra_msgs.srv import ResetEstop

from tektra.estop.stop import Stop
from tektra.robots import proof
from tektra.robots.spec import RobotSpec

_LONGEST = 128  # characters of a nonce or a proof that are looked at


@dataclass(frozen=True)
class Identity:
    """Who this estop is. ``key_trouble``: why there is no key; empty: there is one."""

    robot: RobotSpec
    instance_id: str
    key: bytes
    key_trouble: str = ''


def refusal(request: ResetEstop.Request, who: Identity, state: int, stop: Stop, nonce: str) -> str:
    """Return why a caller may not reset and what to do; empty: it may, as far as it goes."""
    if state == EstopState.STATE_CLEAR:
        return 'nothing is stopped: there is nothing to reset; to move, enable motion'
    if state == EstopState.STATE_RESETTING:
        return f'a reset of stop {stop.stop_id} is under way; wait for CLEAR'
    if request.stop_id != stop.stop_id:
        return (
            f'stop {request.stop_id} is not the present one, which is {stop.stop_id} '
            f'({stop.text()}); look at it, then reset that'
        )
    if not nonce or not proof.holds(nonce, request.reset_nonce[:_LONGEST]):
        return (
            'reset_nonce is not the newest: somebody has asked for a stop since that state was '
            'read; read estop/state again, then reset'
        )
    if who.key_trouble:
        return f'there is no key: {who.key_trouble}; then restart estop'
    if request.operator_name == proof.AUTO_ENABLE and not stop.alone:
        return (
            f'stop {stop.stop_id} is for a person to reset, not for the robot itself; find the '
            f'cause, then `tektra reset {who.robot.name}`'
        )
    key_file = proof.key_file(who.robot.name)
    if not request.key_proof:
        return f'key_proof is empty; use `tektra reset` as the user who may read {key_file}'
    wanted = proof.reset_proof(who.key, who.instance_id, stop.stop_id, nonce)
    if not proof.holds(wanted, request.key_proof[:_LONGEST]):
        return f'key_proof is wrong; it must be made with the key in {key_file} of this machine'
    return ''
