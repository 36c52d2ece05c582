"""The base of every node.

Lifecycle, parameters, topics by table, heartbeat, worker, clean shutdown.
"""

from __future__ import annotations

import os
import time
import traceback
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, ClassVar, Generic, TypeVar

from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.callback_groups import CallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock as RosClock
from rclpy.clock import ClockType
from rclpy.context import Context
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.time import Time
from rclpy.timer import Timer
from tektra_msgs.msg import BackendState, NodeHeartbeat

from tektra.runtime import params as parameters
from tektra.runtime.backends import BackendStatus
from tektra.runtime.bare import without_types
from tektra.runtime.clock import BootClock
from tektra.runtime.heartbeat import Heartbeat
from tektra.runtime.hot import HotParameters
from tektra.runtime.ids import new_id
from tektra.runtime.log import LogOptions, NodeLog, noting
from tektra.runtime.log_level import LogLevel
from tektra.runtime.services import guarded
from tektra.runtime.stepping import Stepping
from tektra.runtime.topics import open_publisher, open_subscription, topic
from tektra.runtime.transitions import Transitions
from tektra.runtime.worker import NICE, Worker, WorkerResult

P = TypeVar('P')


class TektraNode(LifecycleNode, Generic[P]):
    """A lifecycle node whose subclass fills in five hooks.

    ``load(params)`` runs in the worker thread on configure and does what takes long (models,
    devices); what it returns is handed to ``setup(params, loaded)``, which makes publishers,
    subscriptions and services in the executor thread. ``start()`` and ``stop()`` are called on
    activate and deactivate, ``teardown()`` on clean-up and at exit. An exception in any of them is
    logged with its traceback, kept as ``last_error`` and published in the heartbeat; the
    transition fails and the process stays up.

    ``params_class`` is a frozen dataclass of ``runtime.params.param`` fields.
    """

    params_class: ClassVar[type[Any]]
    worker_nice: ClassVar[int] = NICE  # threads that the worker starts inherit it: audio needs 0

    def __init__(
        self,
        name: str,
        *,
        context: Context | None = None,
        namespace: str | None = None,
        parameter_overrides: list[Parameter] | None = None,
        use_global_arguments: bool = True,
    ) -> None:
        # A coroutine that waits (configure, an action) must not lock everything else out. One
        # thread runs all callbacks, so they never overlap otherwise.
        self._reentrant = ReentrantCallbackGroup()
        super().__init__(
            name,
            context=context,
            namespace=namespace,
            parameter_overrides=without_types(parameter_overrides),
            use_global_arguments=use_global_arguments,
            enable_rosout=True,
        )
        self.instance_id = new_id()
        self.log = NodeLog(
            self.get_logger(),
            self.get_fully_qualified_name(),
            self.instance_id,
            LogOptions.read(os.environ),
            time.time,
        )
        self.last_error = ''
        self._degraded = ''
        self._backend_status: BackendStatus | None = None
        self._active = False
        self._soon: deque[Callable[[], None]] = deque()
        self._wake = self.create_guard_condition(self._run_soon)
        self._boot = BootClock()
        self._steady = RosClock(clock_type=ClockType.STEADY_TIME)
        self._declare_parameters()
        self.simulated = bool(self.get_parameter('use_sim_time').value)
        self.worker = Worker(f'{name}-worker', nice=self.worker_nice)
        self._own_publishers: list[Publisher] = []
        self._own_subscriptions: list[Subscription] = []
        self._own_timers: list[Timer] = []
        self._queues: dict[str, Callable[[], tuple[int, int]]] = {}
        self._make_common_entities()
        self._hot = HotParameters(self)

    # ---- hooks ----------------------------------------------------------------------------------

    def load(self, params: P) -> Any:
        """Do what takes long, in the worker thread.

        May raise; the text reaches the person.
        """
        return None

    def setup(self, params: P, loaded: Any) -> None:
        """Make publishers, subscriptions and services, in the executor thread."""

    def start(self) -> None:
        """Begin to work (activate)."""

    def stop(self) -> None:
        """Stop working, keep what is loaded (deactivate)."""

    def on_time(self, now_ns: int) -> None:
        """Under simulated time: all that was received before ``now_ns`` has been handled."""

    def on_hot_change(self, params: P) -> None:
        """Take over new values of parameters that are marked ``hot``; called while configured."""

    def in_use(self) -> bool:
        """Return whether work is under way that the worker does not show; asked while active."""
        return False

    def teardown(self) -> None:
        """Release what ``load`` and ``setup`` made that ROS does not own."""

    @property
    def default_callback_group(self) -> CallbackGroup:
        """Return the group of every callback of this node."""
        return self._reentrant

    # ---- for subclasses -------------------------------------------------------------------------

    @property
    def _loaded(self) -> Any:
        return self._transitions.loaded

    @property
    def active(self) -> bool:
        """True between activate and deactivate."""
        return self._active

    def now_ns(self) -> int:
        """Return local time in ns for durations: boot time, or ``/clock`` under simulated time."""
        if self.simulated:
            return int(self.get_clock().now().nanoseconds)
        return self._boot.now_ns()

    def stamp(self) -> Any:
        """Return ROS time now, as a message for headers."""
        return self.get_clock().now().to_msg()

    def to_local_ns(self, stamp: Any) -> int:
        """Return a header's ROS time in the domain of ``now_ns``."""
        age = self.get_clock().now().nanoseconds - Time.from_msg(stamp).nanoseconds
        return self.now_ns() - int(age)

    def to_stamp(self, local_ns: int) -> Any:
        """Return a time in the domain of ``now_ns`` as ROS time."""
        age = self.now_ns() - local_ns
        ros = max(0, int(self.get_clock().now().nanoseconds) - age)
        return Time(nanoseconds=ros, clock_type=ClockType.ROS_TIME).to_msg()

    def publisher(self, name: str) -> Publisher:
        """Return a plain publisher of a topic of the table.

        Lifecycle publishers drop silently when inactive, so they are not used.
        """
        made = open_publisher(self, name)
        self._own_publishers.append(made)
        return made

    def subscribe(
        self, name: str, callback: Callable[[Any], None], *, always: bool = False
    ) -> Subscription:
        """Subscribe to a topic of the table; the callback runs while active, or ``always``."""
        noted = noting(topic(name).message_type(), self.log, callback)
        made = open_subscription(self, name, self._guard(noted, always))
        self._own_subscriptions.append(made)
        return made

    def every(self, period_s: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` every ``period_s`` while active.

        On steady time, or on ``/clock`` if simulated.
        """
        clock = self.get_clock() if self.simulated else self._steady
        guarded = self._guard(lambda _: callback(), False)
        made = self.create_timer(period_s, lambda: guarded(None), clock=clock)
        self._own_timers.append(made)
        return made

    def call_soon(self, job: Callable[[], None]) -> None:
        """Run ``job`` in the executor thread.

        May be called from any thread.
        """
        self._soon.append(job)
        self._wake.trigger()

    def in_worker(
        self, job: Callable[[], Any], then: Callable[[Any], None] | None = None
    ) -> Future[Any]:
        """Run ``job`` in the worker, then ``then(result)`` in the executor thread.

        Errors are kept and logged.

        :raises WorkerFull: if too many jobs wait.
        """
        future = self.worker.submit(job)
        future.add_done_callback(lambda done: self.call_soon(lambda: self._finish(done, then)))
        return future

    def await_future(self, future: Future[Any]) -> Awaitable[Any]:
        """Return an awaitable for coroutine callbacks (services, actions)."""
        return WorkerResult(future, self._wake.trigger)

    def watch_queue(self, name: str, read: Callable[[], tuple[int, int]]) -> None:
        """Report ``read() -> (depth, dropped)`` of a queue in the heartbeat."""
        self._queues[name] = read

    def set_degraded(self, why: str) -> None:
        """Say that the node works less well than configured, and why; empty: healthy."""
        if why != self._degraded:
            self._degraded = why
            if why:
                self.log.warning(f'degraded: {why}')

    def on_backend_change(self, status: BackendStatus) -> None:
        """Publish which engine is in use.

        Pass this to ``BackendChain``; may be called from any thread.
        """
        self.call_soon(lambda: self._publish_backend(status))

    def log_context(
        self, *, session_id: str = '', turn_seq: int = 0, utterance_id: str = ''
    ) -> None:
        """Name what the records that follow are about; what is left out stays as it was.

        Received messages do that by themselves: this is for ids that the node mints.
        """
        self.log.context(session_id, turn_seq, utterance_id)

    def report_error(self, what: str, error: BaseException) -> None:
        """Log an error with its traceback and keep it for the heartbeat."""
        self.last_error = self.log.safe(f'{what}: {type(error).__name__}: {error}')
        trace = ''.join(traceback.format_exception(error))
        self.log.error(f'{self.last_error}\n{trace}')

    def shut_down(self) -> None:
        """Stop work and release everything, whatever state the node is in.

        Takes well under a second.
        """
        for hook in (self.stop, self.teardown) if self._active else (self.teardown,):
            try:
                hook()
            except Exception as error:
                self.report_error('shutdown', error)
        self._active = False
        self.worker.close()

    # ---- lifecycle ------------------------------------------------------------------------------

    async def _on_change_state(
        self, request: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        return await self._transitions.change(request, response)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Make what ``setup`` makes, with what ``load`` has loaded."""
        return self._transitions.step(
            'configure', lambda: self.setup(parameters.read(self, self.params_class), self._loaded)
        )

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to work."""

        def go() -> None:
            self._active = True
            try:
                self.start()
            except Exception:
                self._active = False
                raise

        return self._transitions.step('activate', go)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop working."""

        def halt() -> None:
            self._active = False
            self.stop()

        return self._transitions.step('deactivate', halt)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything that configure made."""
        return self._transitions.step('cleanup', self._clean)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release everything; the process goes on until launch ends it."""
        return self._transitions.step('shutdown', self._clean)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """After a failed step: back to unconfigured, ready to be configured again."""
        self._clean()
        return TransitionCallbackReturn.SUCCESS

    def _clean(self) -> None:
        if self._active:
            self._active = False
            self.stop()
        self.teardown()
        self._transitions.loaded = None
        self._backend_status = None
        for timer in self._own_timers:
            self.destroy_timer(timer)
        for subscription in self._own_subscriptions:
            self.destroy_subscription(subscription)
        for publisher in self._own_publishers:
            self.destroy_publisher(publisher)
        self._own_timers, self._own_subscriptions, self._own_publishers = [], [], []
        self._queues.clear()

    def _describe(self, beat: NodeHeartbeat) -> None:
        """Fill in what a heartbeat says of this node."""
        beat.header.stamp = self.stamp()
        backend, queues = self._backend_status, [(n, *r()) for n, r in self._queues.items()]
        beat.state, beat.transition = self._transitions.state, self._transitions.under_way
        beat.busy = self.worker.busy or (self._active and self.in_use())
        beat.backend = backend.active if backend else ''
        beat.degraded = bool(self._degraded) or bool(backend and backend.degraded)
        beat.status, beat.last_error = self._degraded, self.last_error
        beat.queues = [name for name, _, _ in queues]
        beat.queue_depth = [depth for _, depth, _ in queues]
        beat.queue_dropped = [dropped for _, _, dropped in queues]

    def beat_now(self) -> None:
        """Publish a heartbeat, besides the regular ones."""
        self._heartbeat.publish()

    # ---- own entities ---------------------------------------------------------------------------

    def _make_common_entities(self) -> None:
        self._transitions = Transitions(self, self._service_change_state.callback)
        self._service_change_state.callback = self._on_change_state
        self._heartbeat = Heartbeat(self, self.instance_id, self._describe)
        self._backend_pub = open_publisher(self, 'system/backends')
        self._stepping = Stepping(self) if self.simulated else None

    def _declare_parameters(self) -> None:
        for name, (f, spec) in parameters.specs(self.params_class).items():
            default = list(f.default) or [''] if isinstance(f.default, tuple) else f.default
            descriptor = ParameterDescriptor(
                description=spec.describe(), read_only=False, dynamic_typing=True
            )
            self.declare_parameter(name, default, descriptor)
        self._log_level = LogLevel(self, self.log)

    def log_level(self) -> str:
        """Return the level in force, one of ``log.LEVELS``."""
        return self._log_level.now()

    def create_service(
        self, srv_type: Any, srv_name: str, callback: Callable[..., Any], **more: Any
    ) -> Service:
        """Offer a service; if its callback fails it answers all the same and the node lives on."""
        answers = guarded(callback, self._failed_service)
        return super().create_service(srv_type, srv_name, answers, **more)

    def _failed_service(self, name: str, error: Exception, response: Any) -> Any:
        self.report_error(name, error)
        empty = type(response)()
        if hasattr(empty, 'message'):
            empty.message = self.last_error
        return empty

    def _guard(self, callback: Callable[[Any], None], always: bool) -> Callable[[Any], None]:
        def guarded(message: Any) -> None:
            if not (always or self._active):
                return
            if self._stepping is not None:
                self._stepping.handled += 1
            try:
                callback(message)
            except Exception as error:
                self.report_error(getattr(callback, '__name__', 'callback'), error)

        return guarded

    def _run_soon(self) -> None:
        for _ in range(len(self._soon)):  # what these add runs after the next look at the queues
            job = self._soon.popleft()
            try:
                job()
            except Exception as error:
                self.report_error('callback', error)

    def _finish(self, done: Future[Any], then: Callable[[Any], None] | None) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self.report_error('worker', error)
        elif then is not None:
            then(done.result())

    def _publish_backend(self, status: BackendStatus) -> None:
        self._backend_status = status
        message = BackendState(
            node=self.get_fully_qualified_name(),
            capability=status.capability,
            active=status.active,
            degraded=status.degraded,
            backends=[name for name, _, _ in status.entries],
            states=[int(health) for _, health, _ in status.entries],
            reasons=[reason for _, _, reason in status.entries],
            event=status.event,
        )
        message.header.stamp = self.stamp()
        self._backend_pub.publish(message)
        text = f'backend: {status.active or "none"} ({status.event})'
        if status.degraded:  # rclpy refuses two severities from one line
            self.log.warning(text)
        else:
            self.log.info(text)
