"""What a person may ask of a robot, and how it is known that the robot has done it."""

import pytest
from tektra_msgs.msg import EstopState, GateState

from tektra.robots.proof import RobotKeyError, enable_proof, reset_proof
from tektra.stop_client.operator import Operator, Refused, Shown

KEY = b'k' * 32
NOW = 10**9
STOPPED, CLEAR = EstopState.STATE_STOPPED, EstopState.STATE_CLEAR
DISABLED, HOLD, ENABLED = (
    GateState.LEVEL_DISABLED,
    GateState.LEVEL_HOLD,
    GateState.LEVEL_ENABLED,
)


def estop(state=CLEAR, seq=1, **more):
    given = {'robot': 'tek', 'instance_id': 'e', 'stop_id': 4, 'reset_nonce': 'n'} | more
    return EstopState(state=state, seq=seq, **given)


def gate(level=DISABLED, seq=1, **more):
    given = {
        'robot': 'tek',
        'instance_id': 'g',
        'estop_instance_id': 'e',
        'stop_id': 4,
        'gate_epoch': 7,
        'channels': ['base', 'head'],
        'enabled': [level >= HOLD] * 2,
        'standstill': [True] * 2,
    } | more
    return GateState(level=level, seq=seq, **given)


def person(*heard, key=lambda: KEY):
    operator = Operator('tek', 'Ada', key)
    for message in heard:
        hear(operator, message)
    return operator


def hear(operator, message):
    watch = operator.watch
    (watch.on_estop if isinstance(message, EstopState) else watch.on_gate)(message, NOW)


def test_a_reset_names_the_stop_that_was_seen_and_proves_it():
    operator = person(estop(STOPPED))
    request = operator.reset(NOW)
    assert (request.stop_id, request.reset_nonce, request.operator_name) == (4, 'n', 'Ada')
    assert request.key_proof == reset_proof(KEY, 'e', 4, 'n')
    assert operator.after_reset(NOW)[0] is Shown.NOT_YET
    hear(operator, estop(CLEAR, seq=2))
    hear(operator, gate(GateState.LEVEL_STOPPED))
    assert operator.after_reset(NOW)[0] is Shown.NOT_YET  # enabling would still be refused
    hear(operator, gate(GateState.LEVEL_DISABLED, seq=2))
    assert operator.after_reset(NOW)[0] is Shown.DONE


def test_a_stop_during_a_reset_is_told_and_not_reset_as_well():
    operator = person(estop(STOPPED))
    operator.reset(NOW)
    hear(operator, estop(STOPPED, seq=2, stop_id=5, reason='bumper'))
    assert operator.after_reset(NOW) == (Shown.FAILED, 'stopped again during the reset: bumper')


def test_there_is_nothing_to_reset_when_it_is_clear():
    assert person(estop(CLEAR)).reset(NOW) is None


@pytest.mark.parametrize(
    'heard, words',
    [
        ((), 'its estop is silent'),
        ((estop(STOPPED, reset_blockers=['let go of the stick', 'wait']),), 'stick; wait'),
        ((estop(EstopState.STATE_RESETTING),), 'under way'),
    ],
)
def test_a_reset_is_refused_with_what_to_do(heard, words):
    with pytest.raises(Refused, match=words):
        person(*heard).reset(NOW)


def test_a_key_that_cannot_be_read_is_a_refusal():
    def key():
        raise RobotKeyError('/x/tek.key: others may read this key; chmod 600 /x/tek.key')

    with pytest.raises(Refused, match='chmod 600'):
        person(estop(STOPPED), key=key).reset(NOW)


def test_what_was_heard_too_long_ago_is_not_asked_about():
    with pytest.raises(Refused, match='silent'):
        person(estop(STOPPED)).reset(NOW + 10**9)


def test_an_enable_is_for_the_epoch_that_was_seen():
    operator = person(estop(), gate())
    request = operator.enable(('head',), NOW)
    assert request.channels == ['head']
    assert not request.release_hold
    assert request.key_proof == enable_proof(KEY, 'e', 4, 'g', 7)
    assert operator.after_enable(8, NOW)[0] is Shown.NOT_YET
    hear(operator, gate(ENABLED, seq=2, gate_epoch=8))
    assert operator.after_enable(8, NOW) == (Shown.DONE, 'motion is enabled on base, head')


def test_a_trip_right_after_the_enable_is_told():
    operator = person(estop(), gate())
    hear(operator, gate(seq=2, gate_epoch=9, trip='driver lost'))
    shown, text = operator.after_enable(8, NOW)
    assert shown is Shown.FAILED
    assert 'driver lost' in text


@pytest.mark.parametrize(
    'heard, words',
    [
        ((estop(STOPPED, reason='button'), gate()), 'button; first: tektra reset tek'),
        ((estop(),), 'robot_gate is silent'),
        ((estop(), gate(trip='limit violation')), 'limit violation'),
        ((estop(), gate(stop_id=3)), 'does not follow'),
        ((estop(), gate(HOLD)), 'tektra release tek'),
    ],
)
def test_an_enable_is_refused_with_what_to_do(heard, words):
    with pytest.raises(Refused, match=words):
        person(*heard).enable((), NOW)


def test_an_unknown_channel_is_named_with_those_that_exist():
    with pytest.raises(Refused, match="no channel 'wing'; it has: base, head"):
        person(estop(), gate()).enable(('wing',), NOW)


def test_a_release_only_ends_a_hold():
    assert person(estop(), gate(HOLD)).release(NOW).release_hold
    assert person(estop(), gate(ENABLED)).release(NOW) is None
    with pytest.raises(Refused, match='tektra enable tek'):
        person(estop(), gate(DISABLED)).release(NOW)


def test_disabling_needs_neither_state_nor_key():
    operator = person()
    assert operator.disable('lunch').reason == 'lunch'
    assert operator.after_disable(NOW)[0] is Shown.NOT_YET
    hear(operator, gate(ENABLED))
    assert operator.after_disable(NOW)[0] is Shown.NOT_YET
    hear(operator, gate(DISABLED, seq=2))
    assert operator.after_disable(NOW)[0] is Shown.DONE
