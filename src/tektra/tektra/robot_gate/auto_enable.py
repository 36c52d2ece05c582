"""Lets a simulated robot move without a person: after a start, and never after a stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tektra_msgs.msg import EstopState, GateState
from tektra_msgs.srv import EnableMotion, ResetEstop

from tektra.estop.core import STARTUP
from tektra.robot_gate.core import Gate
from tektra.robots import proof
from tektra.robots.spec import RobotSpec

if TYPE_CHECKING:
    from tektra.robot_gate.loop import GateLoop
    from tektra.runtime.plain import PlainNode

WHO = proof.AUTO_ENABLE  # estop lets it reset a start only, not what a person has stopped


class AutoEnable:
    """Resets the *first* stop of an estop instance, and enables motion once for it.

    The gate checks for itself that the driver is simulated and that the file asks for this.
    """

    def __init__(self, node: PlainNode, robot: RobotSpec, loop: GateLoop, gate: Gate) -> None:
        self.state: EstopState | None = None
        self.gate: GateState | None = None
        self._node = node
        self._robot = robot
        self._loop = loop
        self._gate_core = gate
        self._reset = node.create_client(ResetEstop, 'estop/reset')
        self._instance = ''
        self._first_stop = 0
        self._over = False  # for this instance of estop
        self._given_up = False
        self._cleared = False  # by a reset of its own

    def give_up(self) -> None:
        """A person has taken over: nothing is enabled by itself any more."""
        self._given_up = True

    def step(self) -> None:
        """Do what is due; called a few times a second from the executor's thread."""
        state, gate = self.state, self.gate
        if state is None or gate is None or self._given_up:
            return
        if state.instance_id != self._instance:
            if self._instance:  # estop was started again: it did not end by itself
                self._given_up = True
                return
            self._instance, self._first_stop = state.instance_id, state.stop_id
            # A gate that was started again hears of an estop that has long been at work.
            self._over = not state.reason.startswith(STARTUP)
        if gate.request_ids:  # somebody has asked for a hold or a stop
            self._given_up = True
            return
        if self._over or state.stop_id != self._first_stop or state.request_ids:
            self._over = True
            return
        if state.state == EstopState.STATE_STOPPED and not state.reset_blockers:
            self._ask_for_reset(state)
        elif (
            self._cleared
            and state.state == EstopState.STATE_CLEAR
            and gate.level == GateState.LEVEL_DISABLED
        ):
            self._enable(gate)

    def _ask_for_reset(self, state: EstopState) -> None:
        try:
            key = proof.read_key(proof.key_file(self._robot.name))
        except proof.RobotKeyError:
            return  # the node's status says so
        answer = self._reset.call_async(
            ResetEstop.Request(
                stop_id=state.stop_id,
                reset_nonce=state.reset_nonce,
                operator_name=WHO,
                key_proof=proof.reset_proof(
                    key, state.instance_id, state.stop_id, state.reset_nonce
                ),
            )
        )
        answer.add_done_callback(self._on_answer)

    def _on_answer(self, answer: Any) -> None:
        self._cleared |= answer.exception() is None and answer.result().success

    def _enable(self, gate: GateState) -> None:
        request = EnableMotion.Request(
            estop_instance_id=gate.estop_instance_id,
            stop_id=gate.stop_id,
            gate_instance_id=gate.instance_id,
            gate_epoch=gate.gate_epoch,
            operator_name=WHO,
        )
        try:
            answer = self._loop.ask(lambda ns: self._gate_core.enable(request, ns, by_itself=True))
        except TimeoutError:  # asked again at the next step
            return
        self._over = answer.success
