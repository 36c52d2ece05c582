"""Every refusal of a reset, and what happens while one is under way."""

import pytest
from estop_room import KEY, MS, Room
from tektra_msgs.msg import EstopState, GateState

from tektra.robots.proof import enable_proof, key_file, reset_proof

STOPPED, RESETTING, CLEAR = (
    EstopState.STATE_STOPPED,
    EstopState.STATE_RESETTING,
    EstopState.STATE_CLEAR,
)


def ready():
    room = Room()
    room.ask()
    room.look()
    room.pass_ms(100)
    assert list(room.seen.reset_blockers) == []
    return room


def refused(room, **changes):
    answer = room.reset(**changes)
    assert not answer.success
    assert answer.state == room.core.level
    return answer.message


def blocked(room):
    """Return the one blocker, which the state lists as well."""
    why = refused(room)
    assert list(room.look().reset_blockers) == [why]
    return why


def test_a_correct_reset_is_shown_as_resetting_for_200_ms_and_then_clear():
    room = ready()
    answer = room.reset()
    assert answer.success
    assert answer.state == RESETTING
    assert answer.message == (
        'stop 2 will be clear in 0.2 s, unless something stops again; nothing moves before '
        'motion is enabled'
    )
    room.pass_ms(175)
    assert room.seen.state == RESETTING
    room.pass_ms(25)
    assert (room.seen.state, room.seen.stop_id) == (CLEAR, 2)
    assert room.core.operator == 'Ada'


def test_a_stop_that_the_caller_has_not_seen_is_not_reset():
    room = ready()
    old = room.request()
    room.to_clear()
    room.ask(source='button', reason='pressed')
    room.look()
    answer = room.core.reset(old, room.now_ns)
    assert not answer.success
    assert answer.message == (
        'stop 2 is not the present one, which is 3 (button: pressed); look at it, then reset that'
    )


def test_a_wrong_nonce_is_refused():
    why = refused(ready(), reset_nonce='nonce-of-yesterday')
    assert why.startswith('reset_nonce is not the newest')
    assert 'read estop/state again, then reset' in why
    assert 'reset_nonce' in refused(ready(), reset_nonce='')


def test_a_reset_that_has_not_seen_a_further_request_is_refused():
    room = ready()
    old = room.request()
    room.ask(source='button')
    assert not room.core.reset(old, room.now_ns).success
    room.look()
    assert 'reset_nonce' in room.core.reset(old, room.now_ns).message
    assert room.reset().success


def test_no_proof_is_refused():
    assert refused(ready(), key_proof='') == (
        f'key_proof is empty; use `tektra reset` as the user who may read {key_file("tek")}'
    )


@pytest.mark.parametrize(
    'proof',
    (
        'no hex at all',
        'ünïcode',
        '0' * 10**6,
        reset_proof(b'another key' * 4, 'estop-1', 2, 'nonce-2'),
        reset_proof(KEY, 'estop-0', 2, 'nonce-2'),
        enable_proof(KEY, 'estop-1', 2, 'gate-1', 0),
    ),
)
def test_a_wrong_proof_is_refused(proof):
    assert refused(ready(), key_proof=proof) == (
        f'key_proof is wrong; it must be made with the key in {key_file("tek")} of this machine'
    )


def test_without_a_key_there_is_no_reset():
    room = Room(key_trouble='tek.key: others may read this key; chmod 600 tek.key')
    room.pass_ms(100)
    assert 'chmod 600 tek.key; then restart estop' in blocked(room)


def test_a_clear_robot_is_not_reset():
    room = ready().to_clear()
    assert refused(room) == (
        'nothing is stopped: there is nothing to reset; to move, enable motion'
    )


def test_a_second_reset_is_refused_while_one_is_under_way():
    room = ready()
    assert room.reset().success
    assert refused(room) == 'a reset of stop 2 is under way; wait for CLEAR'


def test_of_a_hundred_resets_one_wins():
    room = ready()
    answers = [room.reset() for _ in range(100)]
    assert [a.success for a in answers] == [True] + [False] * 99


def test_a_gate_that_was_never_heard_blocks():
    room = Room()
    assert blocked(room) == 'robot_gate has not been heard; start it, or look why it hangs'


def test_a_silent_gate_blocks():
    room = ready()
    room.gate_runs = False
    room.pass_ms(400)
    assert blocked(room) == (
        'robot_gate has been silent for 0.4 s; start it, or look why it hangs'
    )


def test_a_gate_of_another_robot_counts_as_silent():
    room = Room()
    room.gate.robot = 'tok'
    room.pass_ms(100)
    assert 'has not been heard' in blocked(room)


def test_a_gate_with_another_safety_file_blocks():
    room = Room()
    room.gate.config_hash = 'other'
    room.pass_ms(100)
    why = blocked(room)
    assert why.startswith('robot_gate runs another safety file than estop (')
    assert why.endswith('restart both')


def spoken(room, **changes):
    """Let the gate say something of its own."""
    gate = room.new_gate('gate-1')
    gate.seq = room.gate.seq + 1
    gate.estop_instance_id, gate.stop_id = room.seen.instance_id, room.seen.stop_id
    for name, value in changes.items():
        setattr(gate, name, value)
    room.core.on_gate_state(gate, room.now_ns)


@pytest.mark.parametrize('epoch', ({'stop_id': 1}, {'estop_instance_id': 'estop-0'}))
def test_a_gate_that_has_not_acted_on_this_stop_blocks(epoch):
    room = ready()
    spoken(room, **epoch)
    assert blocked(room) == 'robot_gate has not yet acted on stop 2; wait, or restart it'


@pytest.mark.parametrize(
    'level',
    (GateState.LEVEL_UNKNOWN, GateState.LEVEL_HOLD, GateState.LEVEL_ENABLED, 200),
)
def test_a_gate_that_is_not_stopped_blocks(level):
    room = ready()
    spoken(room, level=level)
    assert blocked(room) == (
        f'robot_gate shows level {level}, not stopped or disabled; wait, or `tektra disable`'
    )


def test_a_channel_that_does_not_stand_still_blocks():
    room = ready()
    spoken(room, standstill=[False, True, True, True])
    assert blocked(room) == "'base' is not known to stand still; wait until it does"


@pytest.mark.parametrize('age', (0.0, 0.29, float('nan')))
def test_a_channel_that_is_asked_to_move_blocks(age):
    room = ready()
    spoken(room, last_asked_age_s=[-1.0, 5.0, -1.0, age])
    assert blocked(room) == (
        "something asks 'right_arm' to move; let go of the stick, end the command, and wait 0.3 s"
    )


@pytest.mark.parametrize(
    'changes',
    (
        {'channels': [], 'standstill': [], 'last_asked_age_s': []},
        {'channels': ['base', 'head', 'left_arm', 'tail']},
        {'standstill': [True]},
        {'last_asked_age_s': []},
    ),
)
def test_a_gate_that_does_not_tell_of_every_channel_blocks(changes):
    room = ready()
    spoken(room, **changes)
    assert 'the safety file has base, head, left_arm, right_arm; restart both' in blocked(room)


def test_several_blockers_are_all_named():
    room = Room(required={'button': 0.3})
    del room.beats['button']
    room.gate_runs = False
    room.pass_ms(500)
    why = refused(room)
    assert 'button' in why
    assert '; also: robot_gate has not been heard' in why


def test_a_stop_during_a_reset_wins():
    room = ready()
    assert room.reset().success
    room.pass_ms(100)
    room.ask(source='button', reason='pressed', request_id='b')
    assert (room.look().state, room.seen.stop_id) == (STOPPED, 3)
    room.pass_ms(1000)
    assert (room.seen.state, room.seen.reason) == (STOPPED, 'button: pressed')


def test_a_stop_during_a_reset_is_as_severe_as_the_one_before_it():
    room = ready()
    room.ask(category=1)
    room.look()
    assert room.reset().success
    room.ask(category=3)
    assert room.look().category == 1


@pytest.mark.parametrize(
    ('change', 'reason'),
    (
        ({'standstill': [True, False, True, True]}, "'head' is not known to stand still"),
        ({'last_asked_age_s': [0.1, -1.0, -1.0, -1.0]}, "asks 'base' to move"),
        ({'level': GateState.LEVEL_ENABLED}, 'shows level 4'),
    ),
)
def test_a_condition_that_is_lost_during_a_reset_is_a_new_stop(change, reason):
    room = ready()
    assert room.reset().success
    spoken(room, **change)
    room.core.tick(room.now_ns + 10 * MS)
    assert (room.look().state, room.seen.stop_id) == (STOPPED, 3)
    assert reason in room.seen.reason


def test_a_source_that_falls_silent_during_a_reset_is_a_new_stop():
    room = Room(required={'button': 0.1})
    room.pass_ms(100)
    assert room.reset().success
    del room.beats['button']
    room.pass_ms(250)
    assert room.seen.state == STOPPED
    assert room.seen.stop_id == 2


def test_a_freeze_during_a_reset_is_a_new_stop():
    room = ready()
    assert room.reset().success
    room.now_ns += 600 * MS
    room.core.tick(room.now_ns)
    assert room.look().state == STOPPED


def test_the_spec_of_quiet_is_that_of_the_file():
    room = ready()
    slow = Room(quiet_s=2.0)
    slow.pass_ms(100)
    for one, fine in ((room, True), (slow, False)):
        spoken(one, last_asked_age_s=[1.0] * 4)
        assert one.reset().success == fine
