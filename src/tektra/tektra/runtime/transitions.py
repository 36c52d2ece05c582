"""Lifecycle transitions of a node: one at a time, loading in the worker, errors kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.lifecycle import TransitionCallbackReturn

from tektra.runtime import params as parameters

if TYPE_CHECKING:
    from tektra.runtime.node import TektraNode

# What rclpy's own handler of change_state is: it makes the transition at once.
Handler = Callable[[ChangeState.Request, ChangeState.Response], ChangeState.Response]


class Transitions:
    """Makes the transitions of one node.

    ``make_at_once``: rclpy's handler. It runs configure inside the executor, which would stop the
    heartbeat: what takes long is done in the worker before.
    """

    def __init__(self, node: TektraNode[Any], make_at_once: Handler) -> None:
        self._node = node
        self._make_at_once = make_at_once
        self.under_way = ''  # 'configuring' while the worker loads
        self.loaded: Any = None  # what ``load`` returned

    @property
    def state(self) -> int:
        """Return the state of lifecycle_msgs/State; while the worker loads: configuring."""
        return int(State.TRANSITION_STATE_CONFIGURING) if self.under_way else self._rcl_state[0]

    @property
    def _rcl_state(self) -> tuple[int, str]:
        number, label = self._node._state_machine.current_state
        return int(number), str(label)

    async def change(
        self, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        """Answer a request for a transition once that is made or refused."""
        response.success = False
        if self.under_way:  # one transition at a time
            return response
        if _asks_to_configure(request.transition) and not await self._load():
            return response
        try:
            return self._make_at_once(request, response)
        except _rclpy.RCLError as error:  # not from this state, e.g. a request that was sent twice
            self._node.log.warning(f'change_state refused: {error}')
            response.success = False
            return response

    async def _load(self) -> bool:
        """Load in the worker, so that heartbeats go on; then rcl may make the transition."""
        node, (number, label) = self._node, self._rcl_state
        if number != State.PRIMARY_STATE_UNCONFIGURED:
            node.log.warning(f'change_state refused: configure, but the node is {label}')
            return False
        self.under_way = 'configuring'
        node.beat_now()
        try:
            params = parameters.read(node, node.params_class)
            self.loaded = await node.await_future(node.worker.submit(lambda: node.load(params)))
        except Exception as error:
            node.report_error('configure', error)
            return False
        finally:
            self.under_way = ''
        return True

    def step(self, name: str, work: Callable[[], None]) -> TransitionCallbackReturn:
        """Do the work of a transition; an error makes it fail and is kept."""
        node = self._node
        try:
            work()
        except Exception as error:
            node.report_error(name, error)
            return TransitionCallbackReturn.ERROR
        node.last_error = ''
        node.call_soon(node.beat_now)  # the manager need not wait for the next beat
        return TransitionCallbackReturn.SUCCESS


def _asks_to_configure(transition: Transition) -> bool:
    if transition.label:  # goes before the id, as in rclpy
        return bool(transition.label == 'configure')
    return bool(transition.id == Transition.TRANSITION_CONFIGURE)
