"""No order of events moves the robot without CLEAR, enable in this epoch, and a fresh command."""

from __future__ import annotations

import dataclasses
import math

from gate_room import FORWARD, TICK_S, Room, copy, tek
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tektra_msgs.msg import EstopState, Setpoint, StopRequest

from tektra.robot_gate.drivers.driver import REST, BaseVelocity

FRESH_NS = 150_000_000
ASK_NS = 200_000_000
SOURCES = st.sampled_from(['joystick', 'nav2'])
SPEEDS = st.sampled_from(
    [FORWARD, REST, BaseVelocity(-0.3), BaseVelocity(math.nan), BaseVelocity(1e308)]
)


class GateMachine(RuleBasedStateMachine):
    """Knows, beside the gate, when motion could have been allowed at all."""

    @initialize(drive_s=st.sampled_from([None, 0.0, 1.0, 1.0]))
    def begin(self, drive_s: float | None) -> None:
        self.prepare()
        if drive_s is not None:
            self.do_everything_right('joystick', drive_s)

    def prepare(self) -> None:
        self.room = Room(tek())
        self.may_from_ns: int | None = None  # enabled, and nothing has spoken against it since
        self.clear_ns = 0  # newest true CLEAR
        self.asked_ns: int | None = None  # newest wish to move
        self.old_states: list[EstopState] = []
        self.old_points: list[Setpoint] = []
        self.speed = 0.0
        self.broken = ''

    # ---- time

    @rule(ticks=st.integers(1, 60), source=SOURCES, speed=SPEEDS, asks=st.booleans())
    def go_on(self, ticks: int, source: str, speed: BaseVelocity, asks: bool) -> None:
        for n in range(ticks):
            if asks and n % 3 == 0:
                self.ask(source, speed)
            self.tick()

    @rule(seconds=st.sampled_from([0.09, 0.12, 0.3, 5.0]))
    def freeze(self, seconds: float) -> None:
        self.room.clock.advance(seconds)
        if seconds > 0.11:
            self.may_from_ns = None
        self.tick()

    @rule()
    def a_long_quiet_time(self) -> None:
        for _ in range(40):
            self.tick()

    @rule(source=SOURCES, drive_s=st.sampled_from([0.0, 0.2, 1.0]))
    def do_everything_right(self, source: str, drive_s: float) -> None:
        """Most orders of events do not get far: this one leads to motion."""
        room = self.room
        room.estop_speaks = room.latches = True
        room.driver = dataclasses.replace(room.driver, connected=True, timeout_s=0.2)
        for _ in range(150):
            self.tick()
        room.estop.state = EstopState.STATE_CLEAR
        for _ in range(20):
            self.tick()
        self.enable(release=False, right=True)
        for _ in range(50):
            self.tick()
        for _ in range(round(drive_s / TICK_S)):
            self.ask(source, FORWARD)
            self.tick()

    # ---- estop

    @rule()
    def stop_by_button(self) -> None:
        self.room.stop_estop()
        self.may_from_ns = None

    @rule()
    def reset(self) -> None:
        if not self.room.moving:
            self.room.estop.state = EstopState.STATE_CLEAR

    @rule(speaks=st.booleans())
    def estop_is_silent_or_not(self, speaks: bool) -> None:
        self.room.estop_speaks = speaks

    @rule()
    def estop_is_started_again(self) -> None:
        estop = self.room.estop
        estop.instance_id, estop.seq = f'estop-{self.room.now}', 0
        estop.state, estop.stop_id = EstopState.STATE_STOPPED, 1
        self.room.beat()
        self.may_from_ns = None

    @rule(which=st.integers(0, 50), times=st.integers(1, 5))
    def an_old_state_is_played_again(self, which: int, times: int) -> None:
        for _ in range(times if self.old_states else 0):
            old = self.old_states[which % len(self.old_states)]
            self.room.gate.on_estop_state(copy(old), self.room.now)

    @rule(source=SOURCES)
    def a_bag_of_this_session_is_played(self, source: str) -> None:
        for old in [s for s in self.old_states if s.state == EstopState.STATE_CLEAR][-20:]:
            self.room.gate.on_estop_state(copy(old), self.room.now)
            self.ask(source, FORWARD)
            self.tick()

    # ---- requests and people

    @rule(level=st.integers(0, 3), category=st.integers(0, 4), latches=st.booleans())
    def ask_for_a_stop(self, level: int, category: int, latches: bool) -> None:
        self.room.latches = latches
        self.room.request_stop(level, category=category, request_id=f'r{self.room.now}')
        self.may_from_ns = None

    @rule(release=st.booleans(), right=st.booleans())
    def enable(self, release: bool, right: bool) -> None:
        clear = self.room.estop.state == EstopState.STATE_CLEAR
        changes: dict[str, object] = {'release_hold': release}
        if not right:
            changes['key_proof'] = 'x'
        refused = self.room.enable(**changes)
        if not refused:
            assert right
            assert clear
            self.may_from_ns = self.room.now

    @rule(channels=st.sampled_from([(), ('base',), ('tail',)]))
    def disable(self, channels: tuple[str, ...]) -> None:
        self.room.disable(*channels)
        self.may_from_ns = None

    # ---- the robot

    @rule(connected=st.booleans(), timeout=st.sampled_from([0.2, 0.2, -1.0]))
    def link(self, connected: bool, timeout: float) -> None:
        self.room.driver = dataclasses.replace(
            self.room.driver, connected=connected, timeout_s=timeout
        )

    @rule()
    def the_robot_loses_power(self) -> None:
        self.room.plant.disable()

    # ---- set-points

    @rule(n=st.integers(1, 10))
    def set_points(self, n: int) -> None:
        for _ in range(n):
            self.room.gate.on_stop_word_health(True, self.room.now)
            point = self.room.setpoint()
            self.old_points.append(point)
            self.room.gate.on_setpoint(point, self.room.now)
            self.asked_ns = self.room.now
            for _ in range(3):
                self.tick()

    @rule(which=st.integers(0, 100))
    def an_old_set_point_comes(self, which: int) -> None:
        if self.old_points:
            point = self.old_points[which % len(self.old_points)]
            self.room.gate.on_stop_word_health(True, self.room.now)
            self.room.gate.on_setpoint(point, self.room.now)

    # ---- helpers

    def ask(self, source: str, speed: BaseVelocity) -> None:
        self.room.gate.on_cmd_vel(source, speed, self.room.now)
        if speed.moving():
            self.asked_ns = self.room.now

    def tick(self) -> None:
        room = self.room
        room.clock.advance(TICK_S)
        room._estop_due -= TICK_S
        if room.estop_speaks and room._estop_due <= 0:
            room.beat()
            self.old_states.append(copy(room.estop))
            if room.estop.state == EstopState.STATE_CLEAR:
                self.clear_ns = room.now
            else:
                self.may_from_ns = None
        room.plant.step(TICK_S)
        before = room.estop.state
        room.tick()
        if room.estop.state != before:
            self.may_from_ns = None
        command = room.commands[-1]
        speed = 0.0 if command is None else abs(command.x)
        if speed > self.speed + 1e-9:
            self.judge()
        self.speed = speed

    def judge(self) -> None:
        now = self.room.now
        if self.may_from_ns is None:
            self.broken = 'moves without being enabled in this epoch'
        elif now - self.clear_ns > FRESH_NS + TICK_S * 1e9:
            self.broken = 'moves though no CLEAR was heard lately'
        elif self.asked_ns is None or self.asked_ns < self.may_from_ns:
            self.broken = 'moves by a command made before motion was enabled'
        elif now - self.asked_ns > ASK_NS + TICK_S * 1e9:
            self.broken = 'moves by a command that is old'

    @invariant()
    def the_robot_moves_only_when_it_may(self) -> None:
        if hasattr(self, 'broken'):
            assert self.broken == ''


GateMachine.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestGate = GateMachine.TestCase
assert StopRequest.LEVEL_HOLD == 1  # 1 of the levels above: a hold voids what was enabled, too
