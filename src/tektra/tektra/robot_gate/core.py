"""The gate: denies by default, and lets motion through only while everything says that it may.

Pure: messages and driver reports in, with the time of receipt on the boot-time clock of this
machine (ns); what the driver shall do out, at every tick. Thread-bound to whoever calls it.

Any trip is a latch. It ends only after estop has latched and was reset, with its cause gone; then
motion must be enabled again, and every owner must have been neutral after that.
"""

from __future__ import annotations

import math
from collections import deque

from tektra_msgs.msg import EstopState, GateState, Setpoint, StopRequest
from tektra_msgs.srv import DisableMotion, EnableMotion

from tektra.robot_gate.body import Body
from tektra.robot_gate.drivers.driver import (
    BaseVelocity,
    Category,
    DriverCommand,
    Feedback,
)
from tektra.robot_gate.drives import Drives, Output
from tektra.robot_gate.owners import Epoch, Owners
from tektra.robot_gate.permission import Permission
from tektra.robot_gate.readiness import DriverView, Readiness
from tektra.robot_gate.trip import Trip
from tektra.robot_gate.watch import EstopWatch
from tektra.robot_gate.workspace import Workspace
from tektra.robots.spec import BASE, HORIZON_S, RobotSpec
from tektra.runtime import words

GAP_S = 0.1  # between two ticks; a longer one trips (design: Safety 1)
SPOKEN_S = 0.6  # the stop word's health is 5 Hz: three beats lost
REQUESTS = 16  # ids that are remembered
_S = 1e-9


class Gate:
    """One robot. ``key`` is that of its key file; None: nobody can enable it."""

    def __init__(
        self, robot: RobotSpec, instance_id: str, key: bytes | None, driver: DriverView
    ) -> None:
        self._robot = robot
        self._instance_id = instance_id
        self._permission = Permission(robot, key)
        self._watch = EstopWatch(robot.name, robot.config_hash)
        self._owners = Owners(robot)
        self._body = Body(robot)
        self._ready = Readiness(robot, driver, self._body.missing)
        self._workspace: Workspace | None = None
        if robot.workspace is not None and robot.base is not None:
            linear = robot.base.linear
            self._workspace = Workspace(robot.workspace, linear.velocity, linear.deceleration)
        self._epoch = 1
        self._estop_epoch = self._watch.epoch
        self._was_clear = False
        self._enabled: frozenset[str] = frozenset()
        self._hold = ''
        self._own_requests = f'gate-{instance_id}'
        self._trip = Trip(self._own_requests)
        self._drives = Drives(Category(robot.stop.category), robot.stop.max_ramp_s)
        self._requests: deque[str] = deque(maxlen=REQUESTS)
        self._spoken_ns: int | None = None
        self._ticked_ns: int | None = None
        self._owner_of: dict[str, str] = {}
        self._nonzero_ns: dict[str, int] = {}
        self._seq = 0

    # ---- what comes in --------------------------------------------------------------------------

    def on_estop_state(self, state: EstopState, now_ns: int) -> None:
        """Take a state of estop."""
        self._watch.on_state(state, now_ns)
        if self._watch.stopped:
            self._trip.on_latched()
        self._follow_estop(now_ns)
        if self._watch.latched:  # a stop may grow more severe without a new stop_id
            self._drives.stop(_category(self._watch.category, self._robot), now_ns)

    def on_stop_request(self, request: StopRequest, now_ns: int) -> None:
        """Hold or stop. Severity is never lowered."""
        if self.is_own(request):
            return
        request_id = request.request_id[: words.ID_CHARS]
        news = not request_id or request_id not in self._requests
        self._remember(request_id)
        source = words.name(request.source, 'somebody')
        who = f'{source}: {words.reason(request.reason) or "no reason given"}'
        if request.level == StopRequest.LEVEL_HOLD:
            if news and (self._hold or not self._enabled):
                self._renew(now_ns)  # an enable or a release that has not seen it is void
            self._begin_hold(who, now_ns)
        else:
            self._trip_now(who, now_ns, _category(request.category, self._robot))

    def is_own(self, request: StopRequest) -> bool:
        """Return whether it is a request of this gate, coming back. Any thread."""
        return bool(request.request_id.startswith(self._own_requests))

    def on_setpoint(self, point: Setpoint, now_ns: int) -> None:
        """Take a set-point; it counts only if it was made in this epoch."""
        self._owners.on_setpoint(point, self.epoch, now_ns)

    def on_cmd_vel(self, source: str, asked: BaseVelocity, now_ns: int) -> None:
        """Take a velocity of a source; it is bound to the epoch in which it arrives."""
        self._owners.on_cmd_vel(source, asked, now_ns)

    def on_unreadable(self, source: str, why: str, now_ns: int) -> None:
        """Count what a source sent and what is no velocity of a base."""
        self._owners.refuse(source, why, now_ns)

    def on_stop_word_health(self, listening: bool, now_ns: int) -> None:
        """Take a beat of the stop word."""
        if listening:
            self._spoken_ns = now_ns

    def on_publishers(self, problem: str) -> None:
        """Take what the endpoints of the inputs look like; empty: one publisher each."""
        self._ready.publishers = problem

    def on_driver(self, driver: DriverView, feedback: Feedback | None, now_ns: int) -> None:
        """Take how the driver is, and its newest report."""
        news = self._ready.on_driver(driver, feedback)
        if self._workspace is not None and news is not None and news.pose is not None:
            speed = math.hypot(news.base.x, news.base.y) if news.base else 0.0
            self._workspace.on_pose(news.pose, speed, news.received_ns)

    def use_key(self, key: bytes) -> None:
        """Take the robot's key."""
        self._permission.key = key

    def on_failure(self, why: str, now_ns: int) -> None:
        """Trip because of something outside this class: the driver raised, the loop failed."""
        self._trip_now(why, now_ns)

    # ---- services -------------------------------------------------------------------------------

    def enable(
        self, request: EnableMotion.Request, now_ns: int, *, by_itself: bool = False
    ) -> EnableMotion.Response:
        """Let set-points through, in this epoch only, or release a hold.

        ``by_itself``: auto_enable of a simulated robot, which needs no proof.
        """
        why = self._refuses(request, now_ns, by_itself)
        if not why and request.release_hold:
            self._hold = ''
            self._renew(now_ns)
        elif not why:
            self._enabled = frozenset(request.channels or self._robot.channels)
            self._hold = ''
            self._renew(now_ns)
            self._begin_power(now_ns)
        return EnableMotion.Response(success=not why, message=why, gate_epoch=self._epoch)

    def disable(self, request: DisableMotion.Request, now_ns: int) -> DisableMotion.Response:
        """Take motion away after a controlled stop. Never refused."""
        unknown = [c for c in request.channels if c not in self._robot.channels]
        # A name that is not known must not leave anything enabled.
        gone = frozenset(self._robot.channels if unknown or not request.channels else ())
        self._enabled -= gone or frozenset(request.channels)
        if not self._enabled:
            self._hold = ''
            self._drives.rest(now_ns)
        self._renew(now_ns)
        hint = f"no channel '{unknown[0][:64]}': all are disabled" if unknown else ''
        return DisableMotion.Response(success=True, message=hint, gate_epoch=self._epoch)

    # ---- the tick -------------------------------------------------------------------------------

    def tick(self, now_ns: int) -> Output:
        """Decide what the driver does now. To be called at least every ``GAP_S``."""
        gap_s = 0.0 if self._ticked_ns is None else (now_ns - self._ticked_ns) * _S
        self._ticked_ns = now_ns
        if not 0.0 <= gap_s <= GAP_S:
            self._on_gap(gap_s, now_ns)
        self._follow_estop(now_ns)
        self._check(now_ns)
        if self._was_clear:
            self._trip.try_clear(self._cause(now_ns) or self._ready.moves(now_ns))
        self._move(now_ns, min(max(gap_s, 0.0), GAP_S))
        return self._drives.output(now_ns, self._at_rest(now_ns), self._command)

    @property
    def epoch(self) -> Epoch:
        """Return what a set-point must be bound to now."""
        instance, stop_id = self._watch.epoch
        return Epoch(instance, stop_id, self._instance_id, self._epoch)

    @property
    def powered(self) -> bool:
        """Return whether the drives shall have power."""
        return self._drives.powered

    @property
    def trip(self) -> str:
        """Return why the gate has tripped; empty: it has not."""
        return self._trip.why

    @property
    def heard(self) -> str:
        """Return the id of the newest stop request."""
        return self._requests[-1] if self._requests else ''

    @property
    def refused(self) -> tuple[int, str]:
        """Return how many set-points were not taken since start, and why the last. Any thread."""
        return self._owners.refused, self._owners.last_refusal

    @property
    def level(self) -> int:
        """Return GateState.LEVEL_*."""
        if self._trip or not self._was_clear:
            return int(GateState.LEVEL_STOPPED)
        if not self._enabled:
            return int(GateState.LEVEL_DISABLED)
        return int(GateState.LEVEL_HOLD if self._hold else GateState.LEVEL_ENABLED)

    def wants_latch(self, now_ns: int) -> StopRequest | None:
        """Return the request that estop latch, while it has not done so after a trip."""
        return self._trip.request(now_ns)

    def state(self, now_ns: int) -> GateState:
        """Return what the gate allows now; the header is for the caller."""
        instance, stop_id = self._watch.epoch
        self._seq += 1
        channels, driver = list(self._robot.channels), self._ready.driver
        return GateState(
            robot=self._robot.name,
            instance_id=self._instance_id,
            seq=self._seq,
            estop_instance_id=instance,
            stop_id=stop_id,
            gate_epoch=self._epoch,
            level=self.level,
            trip=self._trip.why,
            request_ids=list(self._requests),
            channels=channels,
            enabled=[c in self._enabled for c in channels],
            owners=[self._owner_of.get(c, '') for c in channels],
            standstill=[self._ready.standstill(c, now_ns) for c in channels],
            last_nonzero_age_s=[_age(self._nonzero_ns.get(c), now_ns) for c in channels],
            last_asked_age_s=[_age(self._owners.last_asked_ns(c), now_ns) for c in channels],
            refusing_because=[self._why_not(c, now_ns) for c in channels],
            driver=driver.name,
            driver_connected=driver.connected,
            driver_simulated=driver.simulated,
            driver_timeout_s=driver.timeout_s,
            config_hash=self._robot.config_hash,
        )

    # ---- stops ----------------------------------------------------------------------------------

    def _follow_estop(self, now_ns: int) -> None:
        """Take motion away when the epoch of estop changes or it is not CLEAR any more."""
        clear = not self._watch.problem(now_ns)
        changed = self._watch.epoch != self._estop_epoch
        self._estop_epoch = self._watch.epoch
        if self._was_clear and (changed or not clear):
            stale = not self._watch.latched and not changed
            self._was_clear = False
            if stale and self._enabled:
                self._trip_now(self._watch.problem(now_ns), now_ns)
            else:
                self._stop(_category(self._watch.category, self._robot), now_ns)
        elif changed:
            self._stop(_category(self._watch.category, self._robot), now_ns)
        self._was_clear = clear

    def _trip_now(
        self, why: str, now_ns: int, category: Category | None = None, *, worst: bool = False
    ) -> None:
        """Trip, or make a trip worse; only the first time begins a new epoch."""
        begins = not self._trip
        self._trip.set(why, category, self._watch.stopped and not worst, worst=worst)
        category = Category(self._robot.stop.category) if category is None else category
        if begins or self._enabled:
            self._stop(category, now_ns)
        else:
            self._drives.stop(category, now_ns)

    def _stop(self, category: Category, now_ns: int) -> None:
        """Stop set-points, take motion away, begin the ramp. A new epoch."""
        self._enabled = frozenset()
        self._hold = ''
        self._renew(now_ns)
        self._drives.stop(category, now_ns)

    def _begin_hold(self, why: str, now_ns: int) -> None:
        if self._enabled and not self._hold:
            self._hold = why
            self._renew(now_ns)

    def _renew(self, now_ns: int) -> None:
        """Begin a new epoch: nothing that was asked before counts any more."""
        self._epoch += 1
        self._owners.flush(now_ns)
        self._owner_of.clear()

    # ---- what trips -----------------------------------------------------------------------------

    def _on_gap(self, gap_s: float, now_ns: int) -> None:
        """Handle a frozen process, a suspended machine or a clock that ran backwards."""
        if self._enabled or self._drives.powered:
            self._trip_now(f'the gate did not run for {gap_s * 1000:.0f} ms', now_ns)
        else:
            self._owners.flush(now_ns)

    def _check(self, now_ns: int) -> None:
        """Trip on whatever must not be while motion is possible."""
        for channel in self._robot.channels:
            zero = not self._drives.powered or self._body.at_rest(channel)
            if self._ready.commanded(channel, zero, now_ns):
                why = f'UNCONTROLLED_MOTION: {channel} moves though it is commanded to rest'
                self._trip_now(why, now_ns, Category.IMMEDIATE, worst=True)
        if not self._enabled:
            return
        if why := self._watch.rival(now_ns) or self._ready.unsound(now_ns):
            self._trip_now(why, now_ns)
        else:
            self._check_leases(now_ns)

    def _check_leases(self, now_ns: int) -> None:
        lost = self._owners.lost_lease(now_ns)
        if lost:
            self._begin_hold(f'the lease of {lost} was lost while it moved', now_ns)
            return
        spoken = self._owners.spoken(self._owner_of.values())
        if spoken and not self._hears(now_ns):
            self._begin_hold(f'{spoken} moves by spoken command and stop_word is silent', now_ns)

    def _hears(self, now_ns: int) -> bool:
        return self._spoken_ns is not None and (now_ns - self._spoken_ns) * _S <= SPOKEN_S

    def _cause(self, now_ns: int) -> str:
        """Return what makes motion impossible as far as driver and inputs go; empty: nothing."""
        return self._ready.cause(now_ns) or self._watch.rival(now_ns)

    # ---- motion ---------------------------------------------------------------------------------

    def _move(self, now_ns: int, dt_s: float) -> None:
        """Let every channel follow its owner, or come to rest."""
        for channel in self._robot.channels:
            source, ask = '', None
            free = channel in self._enabled and not self._hold and self._ready.powered
            if free:
                source, ask = self._owners.choose(channel, now_ns)
                if source and self._owners.spoken((source,)) and not self._hears(now_ns):
                    source, ask = '', None
                if ask is not None and channel == BASE and self._pose_problem(now_ns):
                    source, ask = '', None
            self._owner_of[channel] = source
            if ask is None:
                self._body.brake(channel, dt_s)
            else:
                cap = cap_now = math.inf
                if channel == BASE and self._workspace is not None:
                    cap = self._workspace.cap(ask.base, now_ns)
                    cap_now = self._workspace.cap(self._body.base(), now_ns)
                self._body.follow(channel, ask, cap, cap_now, dt_s)
            if not self._body.at_rest(channel):
                self._nonzero_ns[channel] = now_ns

    def _at_rest(self, now_ns: int) -> bool:
        return all(
            self._body.at_rest(channel) and self._ready.standstill(channel, now_ns)
            for channel in self._robot.channels
        )

    def _command(self) -> DriverCommand:
        return self._body.command(self._robot.channels, HORIZON_S)

    def _begin_power(self, now_ns: int) -> None:
        feedback = self._ready.feedback
        assert feedback is not None  # enable() has checked it
        # Category 2 wants to keep power: it may have been gone, and the robot moved by hand.
        if not (self._drives.powered and feedback.enabled):
            for channel in self._robot.channels:
                if not self._body.missing(channel, feedback):
                    self._body.start(channel, feedback)
        self._drives.drive()
        self._ready.power_asked(now_ns)
        if self._workspace is not None:
            self._workspace.forgive()

    # ---- refusals -------------------------------------------------------------------------------

    def _refuses(self, request: EnableMotion.Request, now_ns: int, by_itself: bool) -> str:
        """Return why motion is not enabled; empty: it is."""
        why = self._permission.refuses(
            request, self.epoch, by_itself=by_itself, simulated=self._ready.driver.simulated
        )
        if why:
            return why
        why = self._trip.why or self._watch.problem(now_ns)
        if why:
            return f'{why}; find the cause, then `tektra reset {self._robot.name}`'
        if request.release_hold:
            return '' if self._hold else 'nothing is held; use enable'
        return self._not_ready(now_ns)

    def _not_ready(self, now_ns: int) -> str:
        why = self._watch.rival(now_ns) or self._ready.not_ready(now_ns)
        if why:
            return why
        ramping = (c for c in self._robot.channels if not self._body.at_rest(c))
        return next((f'{channel} is still being brought to rest' for channel in ramping), '')

    def _why_not(self, channel: str, now_ns: int) -> str:
        """Return why set-points of a channel are refused now; empty: they are not."""
        if self._trip:
            return self._trip.why
        why = self._watch.problem(now_ns)
        if why:
            return why
        if channel not in self._enabled:
            return self._not_ready(now_ns) or 'motion is not enabled'
        if self._hold:
            return f'held: {self._hold}'
        if not self._ready.powered:
            return 'the drives are getting power'
        if waits := self._owners.waits_for_neutral(channel, now_ns):
            return f'{waits} must be zero or silent for 300 ms first'
        return self._pose_problem(now_ns) if channel == BASE else ''

    def _pose_problem(self, now_ns: int) -> str:
        return self._workspace.problem(now_ns) if self._workspace is not None else ''

    def _remember(self, request_id: str) -> None:
        if request_id and request_id not in self._requests:
            self._requests.append(request_id)


def _category(asked: int, robot: RobotSpec) -> Category:
    """Return the category of a StopRequest's or EstopState's number; what is unknown is unset."""
    if StopRequest.CATEGORY_0 <= asked <= StopRequest.CATEGORY_2:
        return Category(asked - 1)
    return Category(robot.stop.category)


def _age(then_ns: int | None, now_ns: int) -> float:
    return -1.0 if then_ns is None else max(0.0, (now_ns - then_ns) * _S)
