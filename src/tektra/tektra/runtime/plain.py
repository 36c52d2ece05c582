"""The base of the safety nodes: plain, small, and at work from the first moment.

They are no lifecycle nodes, since nobody may manage them down, and have no parameter services,
since nothing about them may be changed from outside.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, ClassVar

from lifecycle_msgs.msg import State
from rclpy.clock import Clock as RosClock
from rclpy.clock import ClockType
from rclpy.context import Context
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.time import Time
from rclpy.timer import Timer
from tektra_msgs.msg import NodeHeartbeat

from tektra.runtime import params as parameters
from tektra.runtime.bare import without_types
from tektra.runtime.clock import BootClock
from tektra.runtime.heartbeat import Heartbeat
from tektra.runtime.ids import new_id
from tektra.runtime.log import LogOptions, NodeLog
from tektra.runtime.main import StartError
from tektra.runtime.services import guarded

_LAST = Time(seconds=2**31 - 1, clock_type=ClockType.ROS_TIME)


class PlainNode(Node):
    """A node with a heartbeat, a log and parameters that are read once.

    ``params_class`` is a frozen dataclass of ``runtime.params.param`` fields.

    :raises StartError: if a parameter is wrong, or ``use_sim_time`` is set: safety runs on the
        boot-time clock.
    """

    params_class: ClassVar[type[Any]]

    def __init__(
        self,
        name: str,
        *,
        context: Context | None = None,
        namespace: str | None = None,
        parameter_overrides: list[Parameter] | None = None,
    ) -> None:
        super().__init__(
            name,
            context=context,
            namespace=namespace,
            parameter_overrides=without_types(parameter_overrides),
            start_parameter_services=False,
            enable_rosout=True,
        )
        self.instance_id = new_id()
        self.boot = BootClock()
        self.steady = RosClock(clock_type=ClockType.STEADY_TIME)
        self.log = NodeLog(
            self.get_logger(),
            self.get_fully_qualified_name(),
            self.instance_id,
            LogOptions.read(os.environ),
            time.time,
        )
        self.last_error = ''
        self.status = ''  # why it works less well than it should; empty: it does not
        if self.get_parameter('use_sim_time').value:
            raise StartError(
                f'{self.get_fully_qualified_name()}: use_sim_time is set, but safety never runs '
                'on a clock that can be paused; leave it out for this node'
            )
        try:
            self.params: Any = self._read(self.params_class)
        except parameters.ParameterError as error:
            raise StartError(str(error)) from None
        Heartbeat(self, self.instance_id, self._describe)

    def stamp(self) -> Any:
        """Return ROS time now, for headers; advice only.

        Stamps of ROS end in 2038: a wall clock that is set beyond must not stop a robot.
        """
        return min(self.get_clock().now(), _LAST).to_msg()

    def report_error(self, what: str, error: BaseException) -> None:
        """Log an error and keep it for the heartbeat."""
        self.last_error = f'{what}: {type(error).__name__}: {error}'
        self.log.error(self.last_error)

    def on_failure(self, what: str) -> None:
        """Do what is safe after a callback has raised; for subclasses."""

    def shut_down(self) -> None:
        """Release everything; for subclasses."""

    # A mistake in one callback must not end a node that a robot's safety hangs on.

    def create_subscription(
        self, msg_type: Any, topic: str, callback: Callable[..., Any], *args: Any, **more: Any
    ) -> Subscription:
        """Subscribe; the callback may fail."""
        return super().create_subscription(msg_type, topic, self._guard(callback), *args, **more)

    def create_timer(
        self, timer_period_sec: float, callback: Callable[[], Any], *args: Any, **more: Any
    ) -> Timer:
        """Make a timer; the callback may fail."""
        return super().create_timer(timer_period_sec, self._guard(callback), *args, **more)

    def create_service(
        self, srv_type: Any, srv_name: str, callback: Callable[..., Any], **more: Any
    ) -> Service:
        """Offer a service; if its callback fails it answers all the same."""
        return super().create_service(
            srv_type, srv_name, guarded(callback, self._failed_service), **more
        )

    def _guard(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        def guarded_callback(*args: Any) -> None:
            try:
                callback(*args)
            except Exception as error:
                self._failed(getattr(callback, '__name__', 'callback'), error)

        return guarded_callback

    def _failed_service(self, name: str, error: Exception, response: Any) -> Any:
        self._failed(name, error)
        response.success, response.message = False, f'failed: {self.last_error}'
        return response

    def _failed(self, what: str, error: Exception) -> None:
        self.report_error(what, error)
        try:
            self.on_failure(self.last_error)
        except Exception as second:
            self.report_error('on_failure', second)

    def _read(self, cls: type[Any]) -> Any:
        for name, (f, _) in parameters.specs(cls).items():
            self.declare_parameter(name, f.default)
        return parameters.read(self, cls)

    def _describe(self, beat: NodeHeartbeat) -> None:
        beat.header.stamp = self.stamp()
        beat.state = State.PRIMARY_STATE_ACTIVE
        beat.degraded, beat.status = bool(self.status), self.status
        beat.last_error = self.last_error
