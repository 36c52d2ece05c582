"""Changes of parameters at run time: what is marked ``hot`` is taken over, the rest is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifecycle_msgs.msg import State
from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter

from tektra.runtime import params as parameters

if TYPE_CHECKING:
    from tektra.runtime.node import TektraNode

_FREE = (State.PRIMARY_STATE_UNCONFIGURED, State.PRIMARY_STATE_FINALIZED)


class HotParameters:
    """Guards the parameters of one node. Made once they are declared.

    From the start of configure to the end of clean-up only hot ones may change; otherwise all.
    """

    def __init__(self, node: TektraNode[Any]) -> None:
        self._node = node
        node.add_on_set_parameters_callback(self._may_set)
        node.add_post_set_parameters_callback(self._have_set)

    def _may_set(self, wanted: list[Parameter]) -> SetParametersResult:
        """Refuse a value that is wrong, or that comes too late for what has been set up."""
        node, cls = self._node, self._node.params_class
        values = {one.name: one.value for one in wanted}
        where = node.get_fully_qualified_name()
        now = {name: node.get_parameter(name).value for name in parameters.specs(cls)}
        try:
            parameters.check_change(cls, values, where, self._configured)
            parameters.build(cls, {**now, **values}, where)
        except parameters.ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _have_set(self, changed: list[Parameter]) -> None:
        known = parameters.specs(self._node.params_class)
        if not self._configured or not any(one.name in known for one in changed):
            return
        try:
            self._node.on_hot_change(parameters.read(self._node, self._node.params_class))
        except Exception as error:
            self._node.report_error('parameter change', error)

    @property
    def _configured(self) -> bool:
        return self._node._transitions.state not in _FREE
