"""The parameter ``log_level`` that every managed node has; it may be changed at any time."""

from __future__ import annotations

from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.impl.logging_severity import LoggingSeverity
from rclpy.node import Node
from rclpy.parameter import Parameter

from tektra.runtime.log import LEVELS, NodeLog
from tektra.runtime.params import ParameterError

NAME = 'log_level'


class LogLevel:
    """Declares the parameter and keeps the node's logger at it."""

    def __init__(self, node: Node, log: NodeLog) -> None:
        self._node = node
        level = self.now()
        descriptor = ParameterDescriptor(
            description=f'least severe message that is logged; one of: {", ".join(LEVELS)}',
            dynamic_typing=True,
        )
        wanted = node.declare_parameter(NAME, level, descriptor).value
        if wanted != level:
            try:
                self._set(str(wanted))
            except ParameterError as error:
                # Too little to die of: launch would start the node again and again.
                log.error(f'{error}; {level} stays in force')
        node.add_on_set_parameters_callback(self._on_parameters)

    def now(self) -> str:
        """Return the level in force, one of ``log.LEVELS``."""
        severity = LoggingSeverity(self._node.get_logger().get_effective_level())
        return str(severity.name).lower()

    def _set(self, level: str) -> None:
        if level not in LEVELS:
            where = self._node.get_fully_qualified_name()
            raise ParameterError(f"{where}: {NAME} = '{level}' is not one of {', '.join(LEVELS)}")
        self._node.get_logger().set_level(LoggingSeverity[level.upper()])

    def _on_parameters(self, changed: list[Parameter]) -> SetParametersResult:
        try:
            for one in changed:
                if one.name == NAME:
                    self._set(str(one.value))
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)
