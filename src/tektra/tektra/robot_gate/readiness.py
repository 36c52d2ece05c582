"""What must be well before and while a robot moves: its driver, its reports and its inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tektra.robot_gate.drivers.driver import Feedback
from tektra.robot_gate.motion import STALE_S, MotionMonitor
from tektra.robot_gate.trip import TEXT
from tektra.robots.spec import RobotSpec

POWER_S = 2.0  # the drives must have power within this after it is asked for
_S = 1e-9


@dataclass(frozen=True)
class DriverView:
    """What the loop knows of the driver at a tick."""

    name: str
    simulated: bool
    connected: bool
    timeout_s: float  # the robot side's own; negative: unknown
    rival: str = ''  # who else commands the robot
    fault: str = ''  # of the driver itself


class Readiness:
    """Keeps the newest report of the robot and judges it. Sentences say what is not well.

    ``missing(channel, feedback)`` names a joint that is not measured.
    """

    def __init__(
        self, robot: RobotSpec, driver: DriverView, missing: Callable[[str, Feedback], str]
    ) -> None:
        self.driver = driver
        self.feedback: Feedback | None = None
        self.publishers = ''  # what is wrong with the endpoints of the inputs
        self._robot = robot
        self._missing = missing
        self._monitors = {c: MotionMonitor(robot, c) for c in robot.channels}
        self._power_ns: int | None = None  # asked for, and not there yet

    def on_driver(self, driver: DriverView, feedback: Feedback | None) -> Feedback | None:
        """Take how the driver is and its newest report; return the report if it is news."""
        self.driver = driver
        known = self.feedback
        if feedback is None or (known is not None and feedback.seq == known.seq):
            return None
        self.feedback = feedback
        same = known is not None and feedback.same_motion(known)
        for monitor in self._monitors.values():
            if same:
                monitor.on_same(feedback.received_ns)
            else:
                monitor.on_feedback(feedback)
        return feedback

    def commanded(self, channel: str, zero: bool, now_ns: int) -> bool:
        """Note whether standstill is commanded; return whether it moves all the same."""
        monitor = self._monitors[channel]
        monitor.commanded(zero, now_ns)
        return monitor.uncontrolled(now_ns)

    @property
    def powered(self) -> bool:
        """Return whether the robot says that its drives have power."""
        return self.feedback is not None and self.feedback.enabled

    def power_asked(self, now_ns: int) -> None:
        """Note that power was asked for: it may take a moment."""
        self._power_ns = now_ns

    def standstill(self, channel: str, now_ns: int) -> bool:
        """Return whether a channel is measured at rest."""
        return self._monitors[channel].standstill(now_ns)

    def moves(self, now_ns: int) -> str:
        """Return which channel does not stand still; empty: none."""
        moving = (c for c in self._monitors if not self.standstill(c, now_ns))
        return next((f'{channel} does not stand still' for channel in moving), '')

    def unsound(self, now_ns: int) -> str:
        """Return why motion must end now, if it is enabled; empty: it need not."""
        if why := self.cause(now_ns) or self._power_problem(now_ns):
            return why
        for channel, monitor in self._monitors.items():
            if monitor.blind(now_ns):
                return f'{channel} is not measured any more'
            if why := monitor.violation(now_ns):
                return f'limit violation: {why}'
        return ''

    def cause(self, now_ns: int) -> str:
        """Return what makes motion impossible; empty: nothing."""
        driver, feedback = self.driver, self.feedback
        if driver.fault:
            return driver.fault
        if not driver.connected or feedback is None:
            return f'the robot is not connected (driver {driver.name})'
        if (now_ns - feedback.received_ns) * _S > STALE_S:
            age_ms = (now_ns - feedback.received_ns) * _S * 1000
            return f'the robot has reported nothing for {age_ms:.0f} ms'
        if driver.rival:
            return f'somebody else commands the robot: {driver.rival}'
        return self.publishers

    def not_ready(self, now_ns: int) -> str:
        """Return why motion cannot be enabled yet; empty: it can."""
        budget, timeout = self._robot.driver.timeout_budget_s, self.driver.timeout_s
        if not (math.isfinite(timeout) and timeout > 0):
            return (
                "the robot side's own time-out is not known: without it nothing stops the robot "
                'when this machine dies; see docs/drivers.md'
            )
        if timeout > budget:
            return (
                f"the robot side's time-out of {timeout:g} s is above timeout_budget_s "
                f'{budget:g} s; lower it in the firmware'
            )
        if why := self.cause(now_ns):
            return why
        for channel in self._robot.channels:
            if not self.standstill(channel, now_ns):
                return f'{channel} does not stand still, or is not measured; wait until it does'
        assert self.feedback is not None  # cause() has looked
        for channel in self._robot.channels:  # also what shall not move is commanded: to stay
            if missing := self._missing(channel, self.feedback):
                return f"{channel}: the robot does not report the position of '{missing}'"
        return ''

    def _power_problem(self, now_ns: int) -> str:
        """Return why the drives have no power, once they have had it or should have it."""
        feedback = self.feedback
        if feedback is None:
            return 'the robot has not reported'
        if feedback.enabled:
            self._power_ns = None
            return f'the robot reports: {feedback.fault[:TEXT]}' if feedback.fault else ''
        if self._power_ns is not None and (now_ns - self._power_ns) * _S <= POWER_S:
            return ''
        return f'the drives have no power: {feedback.fault[:TEXT] or "the robot does not say why"}'
