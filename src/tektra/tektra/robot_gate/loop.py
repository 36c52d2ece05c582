"""The thread of the gate: a tick of 100 Hz, and at once when a stop arrives. No rclpy in here.

Messages come from the executor's thread into single-slot mailboxes, so that no flood can make a
queue; stops have a short queue of their own. Only this thread touches gate and driver.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tektra_msgs.msg import GateState, StopRequest

from tektra.robot_gate.core import Gate
from tektra.robot_gate.drivers.driver import (
    Category,
    DriverError,
    Feedback,
    RobotDriver,
)
from tektra.robot_gate.drives import Output
from tektra.robot_gate.readiness import DriverView
from tektra.runtime.clock import Clock

TICK_S = 0.01
STATE_S = 0.05  # GateState: 20 Hz and on change
STOPS = 64  # stop requests of one level that wait; of a flood the newest are as good as all
ANSWER_S = 1.0  # the longest that a service waits for the thread
LAST_S = 0.7  # the longest that the end waits for standstill
_S = 1e-9


class Out(Protocol):
    """Where the loop publishes to; called from its thread."""

    def gate_state(self, state: GateState) -> None:
        """Publish what the gate allows."""

    def stop_request(self, request: StopRequest) -> None:
        """Ask estop to latch."""

    def feedback(self, feedback: Feedback) -> None:
        """Publish what the robot reported."""

    def failed(self, what: str, error: BaseException) -> None:
        """Log what went wrong in the loop."""


@dataclass(eq=False)  # compared by identity, in one step of the interpreter
class _Call:
    """A service call that waits for the thread."""

    job: Callable[[int], Any]
    done: threading.Event
    answer: Any = None


class GateLoop:
    """Runs a gate and its driver until ``close``."""

    def __init__(self, gate: Gate, driver: RobotDriver, clock: Clock, out: Out) -> None:
        self._gate = gate
        self._driver = driver
        self._clock = clock
        self._out = out
        self._slots: dict[str, Callable[[int], None]] = {}
        self._stops: deque[tuple[StopRequest, int]] = deque(maxlen=STOPS)
        self._holds: deque[tuple[StopRequest, int]] = deque(maxlen=STOPS)
        self._calls: deque[_Call] = deque()
        self._wake = threading.Event()
        self._ending = False
        self._fault = ''
        self._said: tuple[Any, ...] = ()
        self._said_ns = 0
        self._reported = -1
        self._thread = threading.Thread(target=self._run, name='gate', daemon=True)

    def start(self) -> None:
        """Begin; the driver is connected from the thread."""
        self._thread.start()

    def post(self, slot: str, job: Callable[[int], None]) -> None:
        """Hand ``job(now_ns)`` to the thread; a newer one of the same slot replaces it.

        ``now_ns`` is when it was posted. Any thread.
        """
        posted_ns = self._clock.now_ns()
        self._slots.pop(slot, None)  # so that slots are read in the order of their newest
        self._slots[slot] = lambda _: job(posted_ns)

    def post_stop(self, request: StopRequest) -> None:
        """Hand over a stop request and wake the thread. Any thread."""
        if self._gate.is_own(request):
            return
        hold = request.level == StopRequest.LEVEL_HOLD  # a flood of these pushes no stop out
        (self._holds if hold else self._stops).append((request, self._clock.now_ns()))
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Return whether the thread runs; when it does not, the robot's own time-out stops it."""
        return self._thread.is_alive()

    def wake(self) -> None:
        """Run the next tick now. Any thread."""
        self._wake.set()

    def ask(self, job: Callable[[int], Any], *, late: bool = False) -> Any:
        """Return ``job(now_ns)``, run in the thread. Not from the thread itself.

        ``late``: it is to be done even when nobody waits for the answer any more.

        :raises TimeoutError: if the thread does not answer within ``ANSWER_S``.
        """
        call = _Call(job, threading.Event())
        self._calls.append(call)
        self._wake.set()
        if not call.done.wait(ANSWER_S) and not self._is_being_done(call, late):
            raise TimeoutError('the gate is busy; ask again')
        if isinstance(call.answer, BaseException):
            raise call.answer
        return call.answer

    def _is_being_done(self, call: _Call, late: bool) -> bool:
        """Take a call back; return whether the thread was quicker, and wait for its answer."""
        if late:  # it is done whenever the thread comes to it
            return False
        try:
            self._calls.remove(call)
        except ValueError:
            return call.done.wait(ANSWER_S)
        return False

    def close(self) -> bool:
        """Stop the robot in the category of its file and let go of it; return whether that is so.

        If not, the thread hangs, and the robot's own time-out must stop it.
        """
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(LAST_S + ANSWER_S)
        return not self._thread.is_alive()

    # ---- the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        self._drive(lambda now: self._driver.connect(now))
        self._tick_while(lambda: not self._ending)
        # The order of a stop holds at the end too: ramp, measured standstill, power off.
        self._gate.on_failure('robot_gate is shut down', self._clock.now_ns())
        self._turn()
        until_ns = self._clock.now_ns() + round(LAST_S * 1e9)
        self._tick_while(lambda: self._gate.powered and self._clock.now_ns() < until_ns)
        self._driver.close()

    def _tick_while(self, goes_on: Callable[[], bool]) -> None:
        next_ns = self._clock.now_ns()
        while goes_on():
            self._turn()
            next_ns += round(TICK_S * 1e9)
            wait_s = (next_ns - self._clock.now_ns()) * _S
            if wait_s < 0:  # late: the rhythm begins anew, lost ticks are not made up for
                next_ns = self._clock.now_ns()
            elif self._wake.wait(wait_s):
                next_ns = self._clock.now_ns()
            self._wake.clear()

    def _turn(self) -> None:
        try:
            self._hear()
            output = self._gate.tick(self._clock.now_ns())
            self._fault = ''  # what fails from here on is for the next tick
            self._act(output)
        except Exception as error:  # a defect must stop the robot, and not the gate
            self._gate.on_failure(f'the gate failed: {error}', self._clock.now_ns())
            self._act(Output(stop=Category.IMMEDIATE, disable=True))
            self._out.failed('gate', error)
        try:
            self._say(self._clock.now_ns())
        except Exception as error:
            self._out.failed('gate_state', error)

    def _hear(self) -> None:
        """Stops first, then the driver, then everything else."""
        for waiting in (self._stops, self._holds):
            while waiting:
                self._gate.on_stop_request(*waiting.popleft())
        now_ns = self._clock.now_ns()
        feedback = self._drive(lambda now: self._driver.read(now))
        self._gate.on_driver(self._view(), feedback, now_ns)
        if feedback is not None and feedback.seq != self._reported:
            self._reported = feedback.seq
            self._out.feedback(feedback)
        for slot in list(self._slots):
            if job := self._slots.pop(slot, None):  # else just now replaced: for the next turn
                job(now_ns)
        while self._calls:
            try:
                call = self._calls.popleft()
            except IndexError:  # just now taken back
                break
            try:
                call.answer = call.job(self._clock.now_ns())
            except Exception as error:
                call.answer = error
            call.done.set()

    def _act(self, output: Output) -> None:
        """Do what the gate decided, the safest first; one failure does not keep the rest back."""
        driver = self._driver
        if output.stop is not None:
            category = output.stop
            self._drive(lambda now: driver.stop(category, now))
        if output.disable:
            self._drive(lambda now: driver.disable(now))
        if output.enable:
            self._drive(lambda now: driver.enable(now))
        if output.command is not None:
            command = output.command
            self._drive(lambda now: driver.write(command, now))

    def _drive(self, call: Callable[[int], Any]) -> Any:
        """Return ``call(now_ns)`` of the driver; None and a fault that trips, if it raises."""
        try:
            answer = call(self._clock.now_ns())
        except DriverError as error:
            self._fault = str(error)
        except Exception as error:
            self._fault = f'driver {self._driver.name}: {type(error).__name__}: {error}'
            self._out.failed('driver', error)
        else:
            return answer
        return None

    def _view(self) -> DriverView:
        driver = self._driver
        return DriverView(
            driver.name,
            driver.simulated,
            driver.connected,
            driver.timeout_s,
            driver.rival(),
            self._fault,
        )

    def _say(self, now_ns: int) -> None:
        request = self._gate.wants_latch(now_ns)
        if request is not None:
            self._out.stop_request(request)
        shown = (self._gate.epoch, self._gate.level, self._gate.trip, self._gate.heard)
        if shown == self._said and (now_ns - self._said_ns) * _S < STATE_S:
            return
        self._said, self._said_ns = shown, now_ns
        self._out.gate_state(self._gate.state(now_ns))
