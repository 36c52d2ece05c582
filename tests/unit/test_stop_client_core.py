"""A stop ends when every robot shows it; time that passes and older stops prove nothing."""

import pytest
from tektra_msgs.msg import EstopState, GateState, StopRequest

from tektra.runtime.clock import ManualClock
from tektra.stop_client.core import Progress, StopAttempt

STOPPED, RESETTING, CLEAR = (
    EstopState.STATE_STOPPED,
    EstopState.STATE_RESETTING,
    EstopState.STATE_CLEAR,
)


class Robot:
    """Says what a robot's estop and gate would say; each message has the next seq."""

    def __init__(self, name='tek'):
        self.name, self.seq = name, 0
        self.estop_id, self.gate_id, self.stop_id = 'e1', 'g1', 4

    def estop(self, state=STOPPED, ids=('r1',), **more):
        self.seq += 1
        given = {'instance_id': self.estop_id, 'stop_id': self.stop_id, 'seq': self.seq} | more
        return EstopState(robot=self.name, state=state, request_ids=list(ids), **given)

    def gate(self, level=GateState.LEVEL_STOPPED, ids=('r1',), still=True, **more):
        self.seq += 1
        epoch = {'estop_instance_id': self.estop_id, 'stop_id': self.stop_id}
        given = {'instance_id': self.gate_id, 'seq': self.seq} | epoch | more
        on = level >= GateState.LEVEL_HOLD
        return GateState(
            robot=self.name,
            level=level,
            request_ids=list(ids),
            channels=['base', 'head'],
            enabled=[on, on],
            standstill=[still, True],
            **given,
        )


class Room:
    """One attempt on a fake clock."""

    def __init__(self, *robots, level=StopRequest.LEVEL_STOP):
        self.clock = ManualClock(10**9)
        self.attempt = StopAttempt(robots, level, 'cli', 'test', 'r1', self.now)

    @property
    def now(self):
        return self.clock.now_ns()

    def hears(self, robot, *messages):
        for message in messages:
            take = self.attempt.on_estop
            if isinstance(message, GateState):
                take = self.attempt.on_gate
            take(robot.name, message, self.now)

    def progress(self, name='tek'):
        return self.attempt.report(name, self.now).progress

    def said(self):
        return self.attempt.outcome(self.now).sentences()


def test_a_robot_that_shows_the_stop_and_stands_still_confirms_it():
    room, tek = Room('tek'), Robot()
    assert room.progress() is Progress.SILENT
    room.clock.advance(0.1)
    room.hears(tek, tek.estop(), tek.gate())
    assert room.attempt.done(room.now)
    assert room.attempt.outcome(room.now).confirmed
    assert room.said() == ['tek: stopped (stop 4), standstill measured on base, head']


def test_the_request_goes_out_at_once_and_twenty_times_a_second_until_it_is_confirmed():
    room, tek, sent = Room('tek'), Robot(), []
    for step in range(200):
        if room.attempt.due(room.now):
            sent.append(step)
        room.clock.advance(0.005)
    assert sent[0] == 0
    assert len(sent) == 20
    room.hears(tek, tek.estop(), tek.gate())
    room.clock.advance(0.06)
    assert not room.attempt.due(room.now)


def test_a_stop_that_was_confirmed_does_not_stop_whoever_resets_a_moment_later():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(), tek.gate())
    assert not room.attempt.due(room.now)
    room.clock.advance(0.2)
    room.hears(tek, tek.estop(CLEAR), tek.gate(GateState.LEVEL_ENABLED))
    assert not room.attempt.due(room.now)
    assert not room.attempt.call_due(room.now)


def test_lost_first_messages_only_cost_time():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(CLEAR, ids=()), tek.gate(GateState.LEVEL_ENABLED, ids=()))
    assert room.progress() is Progress.WAITING
    room.clock.advance(0.4)
    assert room.attempt.due(room.now)
    room.hears(tek, tek.estop(), tek.gate())
    assert room.attempt.done(room.now)


def test_one_of_two_robots_is_silent_and_is_called_out_by_name():
    room, tek = Room('tek', 'arm'), Robot()
    for _ in range(31):
        room.hears(tek, tek.estop(), tek.gate())
        room.clock.advance(0.1)
        assert not room.attempt.done(room.now)
    assert room.attempt.ended(room.now)
    outcome = room.attempt.outcome(room.now)
    assert not outcome.confirmed
    assert room.attempt.unconfirmed(room.now) == ['arm']
    assert outcome.sentences()[-1] == (
        'arm: NOT CONFIRMED: its estop is silent, and so is its robot_gate; '
        'press its hardware stop now'
    )


def test_estop_confirms_but_the_gate_still_moves():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(), tek.gate(still=False))
    assert room.progress() is Progress.MOVING
    room.clock.advance(3.0)
    room.hears(tek, tek.estop(), tek.gate(still=False))
    assert room.attempt.ended(room.now)
    assert room.said() == [
        'tek: NOT CONFIRMED: no standstill is measured: base; press its hardware stop now'
    ]


def test_a_gate_that_still_enables_motion_is_not_stopped():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(), tek.gate(GateState.LEVEL_ENABLED))
    assert room.progress() is Progress.MOVING
    assert 'still allows motion (base, head)' in room.said()[0]


def test_an_earlier_stop_does_not_count():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(ids=('r0',)), tek.gate(ids=('r0',)))
    assert room.progress() is Progress.WAITING
    room.hears(tek, tek.estop(ids=('r0', 'r1')), tek.gate(ids=('r0',)))
    assert room.progress() is Progress.WAITING
    assert 'robot_gate does not show this stop' in room.said()[0]
    room.hears(tek, tek.gate(ids=('r0', 'r1')))
    assert room.progress() is Progress.DONE


def test_a_replayed_message_does_not_count():
    room, tek = Room('tek'), Robot()
    old = tek.estop()
    room.hears(tek, tek.estop(CLEAR, ids=('r1',)), tek.gate())
    room.hears(tek, old)
    assert room.progress() is Progress.WAITING


def test_a_gate_of_another_epoch_does_not_count():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(), tek.gate(stop_id=3))
    assert room.progress() is Progress.WAITING
    assert 'does not follow its estop' in room.said()[0]


def test_a_robot_that_confirmed_and_then_falls_silent_has_not_confirmed():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(), tek.gate())
    room.clock.advance(1.0)
    assert room.progress() is Progress.SILENT
    room.hears(tek, tek.estop())
    assert 'has latched, but its robot_gate is silent' in room.said()[0]


def test_an_estop_that_starts_again_must_show_the_stop_again():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(), tek.gate())
    tek.estop_id, tek.stop_id = 'e2', 5
    room.hears(tek, tek.estop(ids=()), tek.gate())
    assert room.progress() is Progress.WAITING


def test_a_flood_that_pushes_the_request_out_of_the_list_does_not_undo_the_confirmation():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(), tek.gate())
    others = [f'x{n}' for n in range(16)]
    room.hears(tek, tek.estop(ids=others), tek.gate(ids=others))
    assert room.progress() is Progress.DONE


def test_a_reset_in_between_undoes_it():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(), tek.gate())
    room.hears(tek, tek.estop(RESETTING))
    assert room.progress() is Progress.WAITING


def test_what_another_robot_says_on_this_topic_does_not_count():
    room, tek, arm = Room('tek'), Robot(), Robot('arm')
    for message in (arm.estop(), arm.gate()):
        room.hears(tek, message)
    assert room.progress() is Progress.SILENT


def test_a_gate_without_channels_proves_no_standstill():
    room, tek = Room('tek'), Robot()
    gate = tek.gate()
    gate.channels, gate.enabled, gate.standstill = [], [], []
    room.hears(tek, tek.estop(), gate)
    assert room.progress() is Progress.MOVING


@pytest.mark.parametrize('level', [1, 2, 3])
def test_a_hold_is_done_when_the_gate_holds_or_allows_less(level):
    room, tek = Room('tek', level=StopRequest.LEVEL_HOLD), Robot()
    room.hears(tek, tek.estop(CLEAR, ids=()), tek.gate(level, still=False))
    assert room.progress() is Progress.MOVING
    room.hears(tek, tek.gate(level))
    assert room.progress() is Progress.DONE


@pytest.mark.parametrize('level', [GateState.LEVEL_UNKNOWN, GateState.LEVEL_ENABLED])
def test_a_hold_is_not_done_while_the_gate_allows_motion_or_says_nothing_known(level):
    room, tek = Room('tek', level=StopRequest.LEVEL_HOLD), Robot()
    room.hears(tek, tek.gate(level))
    assert room.progress() is Progress.MOVING


def test_a_hold_calls_no_service():
    room = Room('tek', level=StopRequest.LEVEL_HOLD)
    assert not room.attempt.call_due(room.now)


def test_a_stop_of_nobody_is_never_confirmed():
    room = Room()
    assert not room.attempt.done(room.now)
    assert not room.attempt.outcome(room.now).confirmed


def test_a_robot_that_is_found_later_must_confirm_as_well():
    room, tek = Room('tek'), Robot()
    room.hears(tek, tek.estop(), tek.gate())
    assert not room.attempt.due(room.now)
    room.attempt.include('arm')
    room.clock.advance(0.05)
    assert room.attempt.due(room.now)
    assert not room.attempt.done(room.now)
    outcome = room.attempt.outcome(room.now)
    assert not outcome.confirmed
    assert outcome.among(['tek']).confirmed
    assert not outcome.among([]).confirmed
