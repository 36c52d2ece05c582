"""What no node of ours starts: the service of type descriptions that rclpy gives to every node.

Nobody asks for it (bags and Foxglove read the types themselves), it costs three DDS endpoints a
node, and its end in ``destroy_node`` was seen to crash the process (rclpy 7.1: the handle is
released while a wait set may still hold it).
"""

from __future__ import annotations

from rclpy.parameter import Parameter

_NAME = 'start_type_description_service'


def without_types(given: list[Parameter] | None = None) -> list[Parameter]:
    """Return parameter overrides without that service, unless ``given`` decides about it."""
    given = given or []
    if any(one.name == _NAME for one in given):
        return given
    return [*given, Parameter(_NAME, value=False)]
