"""No order of events moves the robot without CLEAR, enable in this epoch, and a fresh command.

Few rules, so that each is drawn often: what voids motion is one rule, and everything that a person
must do for motion is another. Each rule begins where motion is possible or was so a moment ago.
"""

from __future__ import annotations

import dataclasses

from gate_room import TICK_S, Room, copy, tek
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tektra_msgs.msg import EstopState, Setpoint, StopRequest

from tektra.robot_gate.drivers.driver import BaseVelocity

FRESH_NS = 150_000_000
ASK_NS = 200_000_000
NEUTRAL_NS = 300_000_000
TICK_NS = round(TICK_S * 1e9)
BRIDGE = 'robot_bridge'
SOURCES = st.sampled_from(['joystick', 'nav2', BRIDGE])
STOPS = ['button', 'stop request', 'hold request', 'disabled']
FAULTS = [
    'estop silent',
    'estop started again',
    'all frozen',
    'gate frozen',
    'link lost',
    'power lost',
]
BAGS = ['states of a dead estop', 'states', 'set-points']


class GateMachine(RuleBasedStateMachine):
    """Knows, beside the gate, when motion could have been allowed at all."""

    @initialize(source=SOURCES)
    def begin(self, source: str) -> None:
        self.room = Room(tek())
        self.may_from_ns: int | None = None  # enabled, and nothing has spoken against it since
        self.clear_ns = 0  # newest true CLEAR
        self.asked_ns: dict[str, int] = {}  # newest wish to move
        self.armed: set[str] = set()  # were neutral since motion was enabled
        self.old_states: list[EstopState] = []
        self.old_points: list[Setpoint] = []
        self.speed = 0.0
        self.broken = ''
        self.do_everything_right(source, 0.6, held=False)

    # ---- rules

    @rule(ticks=st.integers(1, 50), source=SOURCES, asks=st.booleans())
    def go_on(self, ticks: int, source: str, asks: bool) -> None:
        for _ in range(ticks):
            self.tick(source if asks else '')

    @rule(source=SOURCES, drive_s=st.sampled_from([0.0, 0.6]), held=st.booleans())
    def do_everything_right(self, source: str, drive_s: float, held: bool) -> None:
        """Reset and enable as a person does; ``held``: with a stick that is pushed meanwhile."""
        room, stick = self.room, source if held else ''
        room.estop_speaks = room.latches = True
        room.driver = dataclasses.replace(room.driver, connected=True)
        room.disable()
        self.may_from_ns = None
        for _ in range(110):
            self.tick(stick)
        room.estop.state = EstopState.STATE_CLEAR
        for _ in range(20):
            self.tick(stick)
        refused = self.enable(right=True, release=False)
        assert refused == ''
        for _ in range(50):
            self.tick(stick)
        for _ in range(round(drive_s / TICK_S)):
            self.tick(source)
        assert held or not drive_s or self.speed > 0, 'does not move though it may'

    @rule(what=st.sampled_from(STOPS), source=SOURCES)
    def somebody_stops_it(self, what: str, source: str) -> None:
        self.disturb(what, source)

    @rule(what=st.sampled_from(FAULTS), source=SOURCES)
    def something_breaks(self, what: str, source: str) -> None:
        self.disturb(what, source)

    def disturb(self, what: str, source: str) -> None:
        """Do what ends motion, while somebody goes on asking for it."""
        for _ in range(20):
            self.tick(source)
        before, self.may_from_ns = self.may_from_ns, None
        room = self.room
        match what:
            case 'button':
                room.stop_estop()
            case 'stop request' | 'hold request':
                hold = what == 'hold request'
                level = StopRequest.LEVEL_HOLD if hold else StopRequest.LEVEL_STOP
                room.request_stop(level, request_id=f'r{room.now}')
            case 'estop silent':
                room.estop_speaks = False
                self.may_from_ns = before  # for another 150 ms: see ``judge``
            case 'estop started again':
                room.estop.instance_id, room.estop.seq = f'estop-{room.now}', 0
                room.estop.state, room.estop.stop_id = EstopState.STATE_STOPPED, 1
                room.beat()
            case 'all frozen':
                room.clock.advance(0.12)
            case 'gate frozen':
                for _ in range(5):
                    room.clock.advance(0.025)
                    if room.estop_speaks:
                        self.beat()
            case 'link lost':
                room.driver = dataclasses.replace(room.driver, connected=False)
            case 'power lost':
                room.plant.disable()
            case 'disabled':
                room.disable()
        for _ in range(40):
            self.tick(source)

    @rule(right=st.booleans(), release=st.booleans(), source=SOURCES)
    def a_person_asks(self, right: bool, release: bool, source: str) -> None:
        """Ask to enable or release out of order, or without the key, at rest or not."""
        for _ in range(60):
            self.tick('')
        self.enable(right, release)
        for _ in range(40):
            self.tick(source)

    @rule(what=st.sampled_from(BAGS), source=SOURCES)
    def a_bag_of_this_session_is_played(self, what: str, source: str) -> None:
        """Play old messages, mostly while estop is dead; they are wishes of nobody."""
        room = self.room
        room.estop_speaks = room.estop_speaks and what != 'states of a dead estop'
        clear = [s for s in self.old_states if s.state == EstopState.STATE_CLEAR][-40:]
        points = self.old_points[-40:]
        for n in range(40):
            if what != 'set-points' and clear:
                room.gate.on_estop_state(copy(clear[n % len(clear)]), room.now)
            if what == 'set-points' and points:
                room.gate.on_stop_word_health(True, room.now)
                room.gate.on_setpoint(points[n % len(points)], room.now)
            self.tick('' if what == 'set-points' else source)

    # ---- helpers

    def enable(self, right: bool, release: bool) -> str:
        changes: dict[str, object] = {} if right else {'key_proof': 'x'}
        clear = self.room.estop.state == EstopState.STATE_CLEAR
        refused = self.room.enable(release_hold=release, **changes)
        if not refused:
            assert right, 'enabled without the key'
            assert clear, 'enabled while estop is not CLEAR'
            self.may_from_ns = self.room.now
            self.armed.clear()
        return refused

    def ask(self, source: str) -> None:
        """Ask to go towards the middle of the workspace, by a topic or by a set-point."""
        room = self.room
        speed = BaseVelocity(-0.5 if room.plant.pose[0] > 0 else 0.5)
        if source == BRIDGE:
            room.gate.on_stop_word_health(True, room.now)
            point = room.setpoint()
            point.twist.linear.x = speed.x
            self.old_points.append(point)
            room.gate.on_setpoint(point, room.now)
        else:
            room.gate.on_cmd_vel(source, speed, room.now)
        if self.may_from_ns is not None:
            quiet_ns = room.now - max(self.asked_ns.get(source, 0), self.may_from_ns)
            if quiet_ns >= NEUTRAL_NS:
                self.armed.add(source)
        self.asked_ns[source] = room.now

    def beat(self) -> None:
        room = self.room
        room.beat()
        self.old_states.append(copy(room.estop))
        if room.estop.state == EstopState.STATE_CLEAR:
            self.clear_ns = room.now
        else:
            self.may_from_ns = None

    def tick(self, source: str) -> None:
        room = self.room
        room.clock.advance(TICK_S)
        if source:
            self.ask(source)
        room._estop_due -= TICK_S
        if room.estop_speaks and room._estop_due <= 0:
            self.beat()
        room.plant.step(TICK_S)
        room.tick()
        if room.estop.state != EstopState.STATE_CLEAR:
            self.may_from_ns = None
        command = room.commands[-1]
        speed = 0.0 if command is None else abs(command.x)
        if speed > 0 and speed >= self.speed:  # it does not brake
            self.judge()
        self.speed = speed

    def judge(self) -> None:
        now = self.room.now
        asked_ns = max((self.asked_ns[s] for s in self.armed), default=None)
        if self.may_from_ns is None:
            self.broken = 'moves without being enabled in this epoch'
        elif now - self.clear_ns > FRESH_NS + TICK_NS:
            self.broken = 'moves though no CLEAR was heard lately'
        elif asked_ns is None:
            self.broken = 'moves by a command of an owner that was not neutral before'
        elif now - asked_ns > ASK_NS + TICK_NS:
            self.broken = 'moves by a command that is old'

    @invariant()
    def the_robot_moves_only_when_it_may(self) -> None:
        if hasattr(self, 'broken'):
            assert self.broken == ''


GateMachine.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=5,
    deadline=None,
    # Five steps are short enough to read; making them fewer takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestGate = GateMachine.TestCase
