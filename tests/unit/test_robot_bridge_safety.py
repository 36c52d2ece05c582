"""How goals end before they are done, and that nothing goes on by itself after it."""

from __future__ import annotations

import itertools
import math

import pytest
from bridge_room import BridgeRoom, asks, epoch_of, move, turn
from gate_room import tek
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tektra_msgs.msg import GateState, StopRequest

from tektra.commands.command import Command
from tektra.robot_bridge.core import Executor
from tektra.robot_bridge.outcome import Outcome, Request
from tektra.robot_bridge.senses import Odometry, Sensors
from tektra.robot_gate.drivers.driver import BaseVelocity
from tektra.robot_gate.owners import Epoch
from tektra.robots.spec import OwnerSpec

HOLD, STOP, CONTINUE = Command('hold'), Command('stop'), Command('continue')


def ready_room(**changes) -> BridgeRoom:
    room = BridgeRoom(tek(**changes))
    room.ready()
    return room


def under_way(*commands: Command) -> BridgeRoom:
    room = ready_room(joints={}, description=None)
    assert room.ask(*(commands or (move(3.0),)), goal='drive') == ''
    room.run(1.5)
    assert room.moving
    return room


def ended(room: BridgeRoom, outcome: Outcome, words: str = '', *, within_s: float = 1.0) -> None:
    """The goal ends so, the robot comes to rest, and no set-point follows."""
    for _ in range(round(within_s * 100)):
        if room.results:
            break
        room.step()
    assert [result.outcome for result in room.results] == [outcome], room.results
    assert words in room.results[0].sentence
    assert len(room.results[0].sentence) < 80
    room.run(0.1)
    sent = len(room.sent)
    room.run(0.9)
    assert len(room.sent) == sent, 'it goes on sending'
    assert not room.moving
    assert not room.void
    assert not room.late


# ---- what ends a goal -----------------------------------------------------------------------


def test_a_hold_in_mid_motion_holds():
    room = ready_room()
    assert room.ask(move(3.0), goal='drive') == ''
    room.run(1.5)
    room.request_stop(StopRequest.LEVEL_HOLD)
    ended(room, Outcome.HELD, 'I am holding.')
    assert room.level == GateState.LEVEL_HOLD
    assert 0.2 < room.plant.pose[0] < 1.5


def test_a_released_hold_moves_nothing_until_somebody_says_continue():
    room = under_way(move(2.0), turn(90))
    room.request_stop(StopRequest.LEVEL_HOLD)
    room.run(1.0)
    assert 'on hold' in room.ask(CONTINUE)
    assert room.enable(release_hold=True) == ''
    where = room.plant.pose
    room.run(2.0)
    assert room.plant.pose == where
    room.done(CONTINUE)
    assert room.plant.pose[0] == pytest.approx(2.0, rel=0.02)
    assert room.yaw_deg == pytest.approx(90, abs=2)
    assert 'nothing to continue' in room.ask(CONTINUE)


def test_after_a_stop_a_reset_and_an_enable_the_old_goal_does_not_go_on():
    room = under_way()
    room.stop_estop()
    ended(room, Outcome.STOPPED, 'I was stopped.')
    room.clear_estop()
    assert room.enable() == ''
    where, sent = room.plant.pose, len(room.sent)
    room.run(2.0)
    assert room.plant.pose == where
    assert len(room.sent) == sent
    assert 'nothing to continue' in room.ask(CONTINUE)


def test_a_cancelled_goal_brakes_and_is_no_lost_lease():
    room = under_way()
    assert room.executor.cancel('drive')
    ended(room, Outcome.CANCELLED)
    assert room.level == GateState.LEVEL_ENABLED
    assert not room.executor.cancel('drive')


def test_a_new_goal_aborts_the_one_that_runs_and_begins_at_rest():
    room = under_way()
    assert room.ask(turn(90), goal='turn') == ''
    while not any(asks(point) and point.lease_id.startswith('turn') for _, point in room.sent):
        room.step()
    assert room.speed <= room.robot.standstill.linear_m_s
    room.until_over()
    assert [(result.goal_id, result.outcome) for result in room.results] == [
        ('drive', Outcome.ABORTED),
        ('turn', Outcome.DONE),
    ]
    assert room.yaw_deg == pytest.approx(90, abs=2)
    assert abs(room.plant.pose[1]) < 0.02, 'it turned while it still drove'


def test_the_same_goal_again_is_not_a_new_one():
    room = under_way()
    assert room.ask(move(1.0), goal='drive') == 'I am doing that already.'
    assert room.executor.progress.goal_id == 'drive'


def test_a_requester_that_is_gone_is_a_controlled_stop():
    room = under_way()
    room.renews = False
    ended(room, Outcome.HELD, 'nobody was there')
    assert room.level == GateState.LEVEL_ENABLED


def test_the_last_zero_of_a_goal_is_not_sent_into_a_new_epoch():
    room = under_way()
    room.executor.cancel('drive')
    room.request_stop(StopRequest.LEVEL_HOLD)
    room.tell_gate_state()
    assert room.executor.tick(room.now) == []


def test_a_stop_after_a_hold_leaves_nothing_to_continue():
    room = under_way()
    room.request_stop(StopRequest.LEVEL_HOLD)
    room.run(1.0)
    room.stop_estop()
    room.run(0.5)
    room.clear_estop()
    assert room.enable() == ''
    room.run(0.5)
    assert 'nothing to continue' in room.ask(CONTINUE)


def test_motion_that_is_taken_away_ends_the_goal():
    room = under_way()
    room.disable()
    ended(room, Outcome.STOPPED)


def test_without_odometry_nothing_is_driven():
    room = under_way()
    room.measures = False
    ended(room, Outcome.FAILED, 'I do not know where I am any more')
    assert room.ask(move(1.0)) == 'I cannot move: I do not know where I am.'


def test_numbers_that_are_none_count_as_silence():
    room = under_way()
    room.measures = False
    for _ in range(10):
        room.step()
        room.executor.on_odometry(Odometry(math.nan, 0.0, 0.0), room.now)
        room.executor.on_joints(dict.fromkeys(room.robot.joints, math.inf), {}, room.now)
        room.executor.on_sensors(Sensors(battery=math.nan, range_m=math.nan))
    ended(room, Outcome.FAILED)


def test_a_gate_that_falls_silent_ends_the_goal():
    room = under_way()
    room.gate_speaks = False
    ended(room, Outcome.FAILED, 'my safety gate is silent')


def test_a_robot_that_is_held_fast_says_so():
    room = under_way()
    axis = room.plant._axes[0]
    axis.speed, axis.step = 0.0, lambda _powered, _dt_s: None
    room.run(2.5)
    assert room.results[0].outcome is Outcome.FAILED
    assert room.results[0].sentence == 'I stopped: the way is blocked.'


def test_a_bumper_that_is_pressed_ends_the_way_and_lets_it_back_up():
    room = under_way()
    room.bumper = True
    ended(room, Outcome.FAILED, 'bumped into something', within_s=0.1)
    room.results.clear()
    assert room.do(move(0.5)).outcome is Outcome.FAILED
    x = room.plant.pose[0]
    room.done(move(-0.3))
    assert room.plant.pose[0] == pytest.approx(x - 0.3, abs=0.01)


def test_a_joystick_aborts_the_goal_and_a_new_one_works_after_it():
    room = under_way()
    room.run_with(0.5, 'joystick', BaseVelocity(-0.3))
    assert room.results[0].outcome is Outcome.ABORTED
    assert room.results[0].sentence == 'I stopped: joystick drives me now.'
    room.run(0.3)
    x = room.plant.pose[0]
    room.done(move(0.3))
    assert room.plant.pose[0] == pytest.approx(x + 0.3, abs=0.01)


def test_without_the_health_of_the_stop_word_nothing_moves_and_it_is_said():
    room = ready_room(joints={}, description=None)
    room.hears = False
    room.run(1.0)
    assert room.do(move(1.0)).sentence == 'I could not move: my safety gate does not let me.'
    assert room.plant.pose[0] == 0.0


def test_a_goal_right_after_motion_was_enabled_waits_until_the_gate_counts_it():
    room = BridgeRoom()
    room.run(0.2)
    room.clear_estop()
    assert room.enable() == ''
    room.run(0.05)
    room.done(turn(10))
    assert room.gate.refused == (0, '')


# ---- refusals -------------------------------------------------------------------------------


def test_a_robot_that_may_not_move_says_why():
    room = BridgeRoom()
    room.run(0.3)
    assert room.ask(turn(90)).startswith('I cannot move: ')
    room.clear_estop()
    assert room.ask(turn(90)) == 'I cannot move: motion is not enabled.'
    assert room.executor.accept('g', [turn(90)], None, room.now).startswith('I cannot move')
    assert room.ask(Command('battery')) == '', 'it may always be asked'
    fresh = Executor(room.robot, room.executor._planner._vocabulary, None)
    assert fresh.accept('g', [turn(90)], None, room.now)


def test_with_a_battery_that_is_nearly_empty_it_stays_where_it_is():
    room = ready_room()
    room.battery = 0.08
    room.run(0.1)
    assert room.ask(move(1.0)) == 'My battery is at 8 percent: I have to be charged first.'
    assert room.ask(Command('nod')) == ''


def test_nothing_and_too_much_are_refused():
    room = ready_room()
    assert room.ask() == 'There is nothing to do.'
    assert 'more than 10 steps' in room.ask(*[turn(10)] * 11)


def test_a_refused_goal_leaves_alone_what_runs():
    room = under_way()
    assert room.ask(move(50.0), goal='far')
    room.goal = 'drive'
    assert room.executor.progress.goal_id == 'drive'


def test_a_robot_without_an_owner_for_set_points_is_an_error_with_its_fix():
    robot = tek(owners=(OwnerSpec('joystick', 200, 'cmd_vel'),))
    with pytest.raises(ValueError, match='input setpoint'):
        Executor(robot, BridgeRoom().executor._planner._vocabulary, None)


# ---- hold and stop as commands --------------------------------------------------------------


@pytest.mark.parametrize(
    ('command', 'outcome', 'request_'),
    [(HOLD, Outcome.HELD, Request.HOLD), (STOP, Outcome.STOPPED, Request.STOP)],
)
def test_hold_and_stop_are_passed_on_and_brake_at_once(command, outcome, request_):
    room = under_way()
    assert room.ask(command, goal='whoa') == ''
    assert room.executor.take_requests() == [request_]
    assert [(r.goal_id, r.outcome) for r in room.results] == [
        ('drive', outcome),
        ('whoa', Outcome.DONE),
    ]
    room.run(0.8)
    assert not room.moving
    assert room.level == GateState.LEVEL_ENABLED, 'braking is no lost lease'


def test_what_follows_a_hold_in_a_plan_waits_for_continue():
    room = ready_room(joints={}, description=None)
    room.ask(turn(20), HOLD, turn(30))
    assert room.until_over().outcome is Outcome.HELD
    assert room.executor.take_requests() == [Request.HOLD]
    assert room.yaw_deg == pytest.approx(20, abs=1)
    room.done(CONTINUE)
    assert room.yaw_deg == pytest.approx(50, abs=1)


def test_after_somebody_else_has_driven_there_is_nothing_to_continue():
    room = under_way()
    room.request_stop(StopRequest.LEVEL_HOLD)
    room.run(1.0)
    assert room.enable(release_hold=True) == ''
    room.run(0.5)
    room.run_with(0.5, 'joystick', BaseVelocity(0.0, 0.0, 0.5))
    assert 'nothing to continue' in room.ask(CONTINUE)


def test_progress_tells_the_step_and_what_is_left():
    room = ready_room(joints={}, description=None)
    room.ask(turn(-90), move(0.5), goal='drive')
    seen = []
    while (progress := room.executor.progress) is not None:
        seen.append(progress)
        room.step()
    turning = [p for p in seen if p.name == 'turn' and p.unit]
    driving = [p for p in seen if p.name == 'move' and p.unit]
    assert turning[0].left == pytest.approx(math.pi / 2, abs=0.01)
    assert [p.progress for p in driving] == sorted(p.progress for p in driving)
    assert driving[-1].left < 0.02
    assert {(p.step, p.steps) for p in driving} == {(1, 2)}


def test_set_points_are_short_numbered_and_of_one_lease_a_goal():
    room = ready_room()
    room.done(turn(20), Command('nod', {'times': 1}))
    room.done(turn(-20))
    points = [point for _, point in room.sent]
    assert all(0 < point.valid_for_s <= 0.16 for point in points)
    assert [p.seq for p in points] == sorted({p.seq for p in points})
    assert len({p.lease_id for p in points}) == 2
    times = [ns for ns, point in room.sent if point.channel == 'base']
    assert min(b - a for a, b in itertools.pairwise(times)) >= 20_000_000


# ---- any order of things --------------------------------------------------------------------

COMMANDS = st.sampled_from(
    [
        move(1.0, speed='fast'),
        move(-0.3),
        turn(90),
        turn(-200),
        Command('go_to', {'x': 0.5, 'y': 0.5, 'yaw': 1.0}),
        Command('nod', {'times': 1}),
        Command('wave', {'times': 1}),
        Command('home', {}, {'what': 'posture'}),
        Command('motion', {}, {'name': 'dance'}),
        Command('pace', {}, {'change': 'faster'}),
        HOLD,
        STOP,
        CONTINUE,
    ]
)


class BridgeMachine(RuleBasedStateMachine):
    """Knows, beside the executor, in which epoch each goal was accepted."""

    @initialize()
    def begin(self) -> None:
        self.room = ready_room()
        self.epochs: dict[str, Epoch] = {}
        self.checked = self.goals = 0

    @rule(commands=st.lists(COMMANDS, min_size=1, max_size=3))
    def say(self, commands: list[Command]) -> None:
        self.goals += 1
        goal = f'goal-{self.goals}'
        if not self.room.ask(*commands, goal=goal):
            self.epochs[goal] = self.room.gate.epoch
        self.go_on(30)

    @rule(ticks=st.integers(1, 150))
    def go_on(self, ticks: int) -> None:
        for _ in range(ticks):
            self.room.step()

    @rule(
        what=st.sampled_from(
            ['hold', 'stop', 'cancel', 'disable', 'lease', 'odometry', 'gate', 'joystick']
        )
    )
    def disturb(self, what: str) -> None:
        room = self.room
        self.go_on(20)
        match what:
            case 'hold':
                room.request_stop(StopRequest.LEVEL_HOLD, request_id=f'r{room.now}')
            case 'stop':
                room.stop_estop()
            case 'cancel':
                room.executor.cancel(room.goal)
            case 'disable':
                room.disable('base')
            case 'lease':
                room.renews = False
            case 'odometry':
                room.measures = False
            case 'gate':
                room.gate_speaks = False
            case 'joystick':
                room.run_with(0.2, 'joystick', BaseVelocity(0.2))
        self.go_on(20)

    @rule()
    def do_everything_right(self) -> None:
        room = self.room
        room.renews = room.measures = room.gate_speaks = True
        room.disable()
        self.go_on(110)
        room.clear_estop()
        assert room.enable() == ''
        room.run(0.3)

    @invariant()
    def no_set_point_is_wild_or_of_another_epoch_or_goal(self) -> None:
        room = self.room
        for _, point in room.sent[self.checked :]:
            assert epoch_of(point) == self.epochs[point.lease_id.split('/')[0]]
        self.checked = len(room.sent)
        assert not room.void
        assert not room.late
        assert not room.wild()


BridgeMachine.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
TestBridgeMachine = BridgeMachine.TestCase
