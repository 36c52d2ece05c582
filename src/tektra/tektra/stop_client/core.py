"""A stop as a closed loop: repeated until every robot shows it, or it is said who did not.

Pure: takes the time in ns of the boot clock and messages, and gives messages and sentences.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tektra_msgs.msg import EstopState, GateState, StopRequest

from tektra.runtime.clock import NS_PER_S, nanoseconds
from tektra.stop_client.watch import (
    RobotWatch,
    enabled_channels,
    moving_channels,
    same_epoch,
    still,
)

REPEAT_NS = NS_PER_S // 20
SERVICE_REPEAT_NS = NS_PER_S // 2
CONFIRM_S = 3.0
"""s until a robot that has not confirmed is called out. Longer than the longest ramp of the
shipped robots (1 s) and the slowest discovery of a new participant that was seen idle (1 s)."""

HARDWARE_STOP = 'press its hardware stop now'


class Progress(enum.Enum):
    """How far a robot has come."""

    SILENT = 'silent'  # nothing that counts was heard of one of its two safety nodes
    WAITING = 'waiting'  # heard, and does not show this request yet
    MOVING = 'still moving'  # shows it, and does not stand still yet
    DONE = 'done'


@dataclass(frozen=True)
class Report:
    """What is known about one robot, with a sentence for people."""

    robot: str
    progress: Progress
    text: str

    @property
    def confirmed(self) -> bool:
        """Return whether the robot is done."""
        return self.progress is Progress.DONE

    def sentence(self) -> str:
        """Return what to tell people; what is not confirmed is loud and says what to do."""
        if self.confirmed:
            return f'{self.robot}: {self.text}'
        return f'{self.robot}: NOT CONFIRMED: {self.text}; {HARDWARE_STOP}'


@dataclass(frozen=True)
class Outcome:
    """What became of the whole attempt."""

    confirmed: bool
    reports: tuple[Report, ...]

    def among(self, robots: Collection[str]) -> Outcome:
        """Return the outcome of some of the robots: those that have turned out to exist."""
        reports = tuple(report for report in self.reports if report.robot in robots)
        return Outcome(bool(reports) and all(r.confirmed for r in reports), reports)

    def ordered(self) -> list[Report]:
        """Return the reports, those without confirmation last: they are what must be read."""
        return sorted(self.reports, key=lambda report: not report.confirmed)

    def sentences(self) -> list[str]:
        """Return a sentence per robot, in the order of ``ordered``."""
        return [report.sentence() for report in self.ordered()]


class StopAttempt:
    """One request to hold or to stop some robots, until they confirm or ``timeout_s`` is over.

    A robot confirms a *stop* when its estop shows STOPPED with this request, and its gate, in that
    same epoch, shows this request, nothing enabled and every channel measured at standstill. It
    confirms a *hold* when its gate shows this request, holds or allows less, and stands still.
    """

    def __init__(
        self,
        robots: Iterable[str],
        level: int,
        source: str,
        reason: str,
        request_id: str,
        now_ns: int,
        *,
        category: int = StopRequest.CATEGORY_UNSET,
        timeout_s: float = CONFIRM_S,
    ) -> None:
        self._robots = {robot: _Robot(robot, request_id) for robot in dict.fromkeys(robots)}
        self.hold = level == StopRequest.LEVEL_HOLD
        self._request = StopRequest(
            request_id=request_id, source=source, reason=reason, level=level, category=category
        )
        self._finished = False
        self._next_ns = now_ns
        self._next_call_ns = now_ns
        self._deadline_ns = now_ns + nanoseconds(timeout_s)

    @property
    def robots(self) -> tuple[str, ...]:
        """Return whom it concerns."""
        return tuple(self._robots)

    @property
    def request(self) -> StopRequest:
        """Return the request to publish; the same id every time, so that it is one stop."""
        return self._request

    def include(self, robot: str) -> None:
        """Add a robot that was found later."""
        self._robots.setdefault(robot, _Robot(robot, self._request.request_id))
        self._finished = False

    def due(self, now_ns: int) -> bool:
        """Return whether to publish now, and if so expect the next time in 50 ms.

        Not any more once all have confirmed: whoever resets a moment later is not stopped again.
        """
        self._finished = self._finished or self.done(now_ns)
        if self._finished or now_ns < self._next_ns:
            return False
        self._next_ns = now_ns + REPEAT_NS
        return True

    def call_due(self, now_ns: int) -> bool:
        """Return whether to call the stop services of ``unconfirmed`` robots; never for a hold."""
        if self.hold or self._finished or now_ns < self._next_call_ns:
            return False
        self._next_call_ns = now_ns + SERVICE_REPEAT_NS
        return True

    def on_estop(self, robot: str, state: EstopState, now_ns: int) -> None:
        """Take an EstopState that came on the topic of ``robot``."""
        if robot in self._robots:
            self._robots[robot].on_estop(state, now_ns)

    def on_gate(self, robot: str, state: GateState, now_ns: int) -> None:
        """Take a GateState that came on the topic of ``robot``."""
        if robot in self._robots:
            self._robots[robot].on_gate(state, now_ns)

    def report(self, robot: str, now_ns: int) -> Report:
        """Return how far a robot has come; an old answer does not count."""
        one = self._robots[robot]
        progress, text = one.held(now_ns) if self.hold else one.stopped(now_ns)
        return Report(robot, progress, text)

    def unconfirmed(self, now_ns: int) -> list[str]:
        """Return the robots that are not done."""
        reports = (self.report(robot, now_ns) for robot in self._robots)
        return [r.robot for r in reports if r.progress is not Progress.DONE]

    def done(self, now_ns: int) -> bool:
        """Return whether every robot has confirmed; without robots nothing is ever confirmed."""
        return bool(self._robots) and not self.unconfirmed(now_ns)

    def expired(self, now_ns: int) -> bool:
        """Return whether the time to confirm is over."""
        return now_ns >= self._deadline_ns

    def ended(self, now_ns: int) -> bool:
        """Return whether the caller need not wait any longer."""
        return self.expired(now_ns) or self.done(now_ns)

    def outcome(self, now_ns: int) -> Outcome:
        """Return what to tell people."""
        reports = tuple(self.report(robot, now_ns) for robot in self._robots)
        return Outcome(self.done(now_ns), reports)


class _Robot:
    """What a robot has shown of one request.

    Its lists of ids are bounded, and a flood of other requests may push ours out: what it has once
    shown in an epoch stays true for that epoch.
    """

    def __init__(self, name: str, request_id: str) -> None:
        self._watch = RobotWatch(name)
        self._request_id = request_id
        self._latched: tuple[str, int] | None = None  # estop's part of the epoch
        self._acted: str | None = None  # instance of the gate

    def on_estop(self, state: EstopState, now_ns: int) -> None:
        if not self._watch.on_estop(state, now_ns):
            return
        if state.state == EstopState.STATE_STOPPED and self._request_id in state.request_ids:
            self._latched = (state.instance_id, state.stop_id)

    def on_gate(self, state: GateState, now_ns: int) -> None:
        if self._watch.on_gate(state, now_ns) and self._request_id in state.request_ids:
            self._acted = state.instance_id

    def stopped(self, now_ns: int) -> tuple[Progress, str]:
        estop, gate = self._watch.estop(now_ns), self._watch.gate(now_ns)
        if estop is None:
            also = ', and so is its robot_gate' if gate is None else ''
            return Progress.SILENT, f'its estop is silent{also}'
        latched = self._latched == (estop.instance_id, estop.stop_id)
        if estop.state != EstopState.STATE_STOPPED or not latched:
            return Progress.WAITING, 'its estop does not show this stop'
        if gate is None:
            return Progress.SILENT, 'its estop has latched, but its robot_gate is silent'
        if not same_epoch(estop, gate):
            return Progress.WAITING, 'its robot_gate does not follow its estop'
        if gate.instance_id != self._acted:
            return Progress.WAITING, 'its robot_gate does not show this stop'
        return self._standstill(gate, f'stopped (stop {estop.stop_id})', holding=False)

    def held(self, now_ns: int) -> tuple[Progress, str]:
        gate = self._watch.gate(now_ns)
        if gate is None:
            return Progress.SILENT, 'its robot_gate is silent'
        if gate.instance_id != self._acted:
            return Progress.WAITING, 'its robot_gate does not show this hold'
        holds = gate.level == GateState.LEVEL_HOLD
        return self._standstill(gate, 'held' if holds else 'not enabled anyway', holding=True)

    @staticmethod
    def _standstill(gate: GateState, text: str, *, holding: bool) -> tuple[Progress, str]:
        allowed = [GateState.LEVEL_STOPPED, GateState.LEVEL_DISABLED]
        allowed += [GateState.LEVEL_HOLD] if holding else []
        enabled = enabled_channels(gate)
        if gate.level not in allowed or (enabled and not holding):
            what = f' ({", ".join(enabled)})' if enabled else ''
            return Progress.MOVING, f'its robot_gate still allows motion{what}'
        if not still(gate):
            what = ', '.join(moving_channels(gate)) or 'it reports no channels'
            return Progress.MOVING, f'no standstill is measured: {what}'
        return Progress.DONE, f'{text}, standstill measured on {", ".join(gate.channels)}'
