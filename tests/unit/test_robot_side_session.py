"""The robot's rules: no session, order of frames, age or stop lets a robot move that must not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robot_side_rig import FORWARD, HOST, RobotRig, joint

from tektra.robot_side.motion import MS
from tektra.wire.frames import Frame, FrameError, FrameType, VersionMismatch, decode
from tektra.wire.messages import (
    Bye,
    Disable,
    Enable,
    Grant,
    Heartbeat,
    Refuse,
    RefuseCode,
    Setpoint,
    Stop,
)
from tektra.wire.payloads import pack


def test_the_grant_names_the_joints_and_the_times():
    rig = RobotRig()
    [grant] = rig.hello()
    assert grant.joints[:2] == ('head_pan', 'head_tilt')
    assert (grant.timeout_ms, grant.lease_ms, grant.telemetry_ms) == (200, 400, 20)
    assert grant.has_base and not grant.has_lateral


def test_it_moves_with_a_session_an_enable_and_set_points():
    rig = RobotRig().moving()
    rig.run(0.3, base=FORWARD, joints=[joint('head_pan', 0.3)])
    assert rig.plant.positions['head_pan'] > 0.2
    assert rig.shown.enabled and rig.shown.enable_id == 1


def test_nothing_moves_before_an_enable():
    rig = RobotRig().connect()
    rig.run(0.5, base=FORWARD)
    assert rig.speed() == 0 and not rig.plant.enabled
    assert 'send ENABLE' in rig.events_of('frame')[-1]['refused']


def test_a_second_controller_is_refused_and_told_who_holds_the_robot():
    rig = RobotRig().moving()
    [refuse] = rig.hello('gate-2', peer='other')
    assert (refuse.code, refuse.holder) == (RefuseCode.HELD, 'gate-1')
    assert rig.send(rig.setpoint(), peer='other').startswith('comes from another address')
    rig.run(0.1, base=FORWARD)
    assert rig.plant.base.x > 0.3


def test_a_hello_that_was_lost_is_answered_with_the_same_session():
    rig = RobotRig()
    nonce = b'n' * 16
    rig.hello(nonce=nonce)
    first = rig.id
    [again] = rig.hello(nonce=nonce)
    assert isinstance(again, Grant) and rig.id == first
    [refuse] = rig.hello(nonce=nonce, peer='other')
    assert refuse.code is RefuseCode.REPLAYED


def test_the_hello_of_an_old_session_is_refused():
    rig = RobotRig()
    rig.hello(nonce=b'n' * 16)
    rig.run(0.6, beat=False)
    [refuse] = rig.hello(nonce=b'n' * 16)
    assert refuse.code is RefuseCode.REPLAYED


def test_a_host_for_another_robot_is_refused():
    [refuse] = RobotRig().hello(robot='arm')
    assert refuse.code is RefuseCode.ROBOT and "this is 'tek'" in refuse.reason


def test_a_hello_of_another_version_is_told_which_is_spoken():
    rig = RobotRig()
    [refuse] = rig.take(rig.session.damaged(VersionMismatch(9, FrameType.HELLO), HOST))
    assert refuse.code is RefuseCode.VERSION
    assert rig.session.damaged(FrameError('noise'), HOST) == []


def test_duplicates_and_reordered_set_points_are_dropped():
    rig = RobotRig().moving()
    assert rig.send(rig.setpoint((0.0, 0.0, 0.0))) == ''
    for sequence in (rig.sequence, rig.sequence - 1, 1):
        assert rig.send(rig.setpoint(), sequence=sequence).startswith('old')
    rig.run(0.5, base=(0.0, 0.0, 0.0))
    assert rig.speed() == 0


def test_frames_of_an_old_session_move_nothing():
    rig = RobotRig().moving()
    old = rig.id
    recorded = [pack(Enable(2, n), old, 1000 + n) for n in range(20)]
    recorded += [pack(Setpoint(1, n, 200, FORWARD), old, 2000 + n) for n in range(20)]
    rig.send(Bye())
    rig.run(1.2, beat=False)
    rig.connect()
    for frame in recorded:
        [refuse] = rig.give(frame)
        assert refuse.code is RefuseCode.ENDED
        rig.tick()
    assert rig.speed() == 0 and not rig.plant.enabled


def test_a_set_point_is_over_within_its_time_and_the_robot_does_not_move_on_by_itself():
    rig = RobotRig().moving()
    rig.send(rig.setpoint())
    started_ns = rig.now_ns
    while rig.plant.base.x > 0.39:
        rig.tick()
    assert rig.now_ns - started_ns <= 210 * MS
    rig.run(0.6, base=FORWARD)
    assert rig.speed() == 0
    assert rig.shown.fault == 'set-points stayed away while moving'
    assert rig.shown.stop_category == 2 and rig.shown.enabled


def test_a_robot_at_rest_may_be_left_without_set_points():
    rig = RobotRig().enabled()
    rig.run(0.5)
    assert rig.shown.stop_category is None and rig.shown.fault == ''
    rig.run(0.5, base=FORWARD)
    assert rig.plant.base.x > 0.3


@pytest.mark.parametrize('valid_for_ms', [0, 5, 201, 65535])
def test_a_set_point_that_is_valid_for_too_long_or_not_at_all_is_refused(valid_for_ms):
    rig = RobotRig().enabled()
    assert 'must be 6 to 200' in rig.send(rig.setpoint(valid_for_ms=valid_for_ms))
    rig.run(0.1)
    assert rig.speed() == 0


@pytest.mark.parametrize(
    ('base', 'joints', 'why'),
    [
        ((0.7, 0.0, 0.0), (), 'base x'),
        ((0.0, 0.1, 0.0), (), 'base y'),
        ((0.0, 0.0, -9.0), (), 'base yaw'),
        (None, (joint('head_pan', 9.0),), 'head_pan at'),
        (None, (joint('head_pan', 0.0, 99.0),), 'head_pan with'),
        (FORWARD, (joint('head_pan', 9.0),), 'head_pan at'),
    ],
)
def test_a_set_point_out_of_range_is_refused_as_a_whole(base, joints, why):
    rig = RobotRig().enabled()
    assert why in rig.send(rig.setpoint(base, joints))
    rig.run(0.1)
    assert rig.speed() == 0


def test_a_joint_that_does_not_exist_is_refused():
    rig = RobotRig().enabled()
    wanted = joint('head_pan', 0.0)
    wanted = type(wanted)(200, 0.0, 0.0)
    assert 'there are only 12' in rig.send(rig.setpoint(None, (wanted,)))


def test_what_a_set_point_does_not_name_is_told_to_stand_still():
    rig = RobotRig().moving()
    rig.run(0.5, joints=[joint('head_pan', 0.5)])
    assert rig.plant.base.x == 0
    rig.run(0.5, base=(0.0, 0.0, 0.2))
    assert rig.plant.velocities['head_pan'] == 0


def test_silence_ends_the_session_stops_and_takes_power():
    rig = RobotRig().moving()
    rig.run(1.2, beat=False)
    assert rig.speed() == 0 and not rig.plant.enabled and rig.session.holder == ''
    [refused] = rig.hello('gate-2', peer='other')
    assert isinstance(refused, Grant)


def test_a_new_session_begins_without_power():
    rig = RobotRig().moving()
    rig.send(Bye())
    [refuse] = rig.hello('gate-2')
    assert refuse.code is RefuseCode.OTHER and 'still stops' in refuse.reason
    rig.run(0.5, beat=False)
    rig.connect('gate-2')
    assert not rig.shown.enabled and rig.speed() == 0


def test_set_points_alone_keep_the_session():
    rig = RobotRig().enabled()
    rig.run(1.0, beat=False, base=(0.1, 0.0, 0.0))
    assert rig.session.holder == 'gate-1'


def test_a_closed_connection_stops_at_once():
    rig = RobotRig().moving()
    rig.session.gone('other', rig.now_ns)
    assert rig.session.holder == 'gate-1'
    rig.session.gone(HOST, rig.now_ns)
    rig.run(0.5, beat=False)
    assert rig.speed() == 0 and not rig.plant.enabled


@pytest.mark.parametrize('category', [0, 1, 2])
def test_a_stop_is_latched_and_its_category_decides_on_the_power(category):
    rig = RobotRig().moving()
    assert rig.stop(category) == ''
    rig.tick()
    assert rig.plant.enabled == (category != 0)
    rig.run(1.2, base=FORWARD)
    assert rig.speed() == 0
    assert rig.plant.enabled == (category == 2)
    assert rig.shown.stop_category == category and rig.shown.enable_id == 0


@pytest.mark.parametrize('enable_id', [0, 1, 2])
def test_with_power_kept_a_stopped_robot_obeys_no_set_point(enable_id):
    rig = RobotRig().moving()
    rig.stop(2)
    rig.run(0.6)
    rig.enable_id = enable_id
    rig.run(0.3, base=FORWARD)
    assert rig.speed() == 0 and rig.plant.enabled


def test_a_later_stop_can_only_be_more_severe():
    rig = RobotRig().moving()
    rig.stop(1)
    rig.stop(2)
    rig.run(0.5)
    assert not rig.plant.enabled and rig.shown.stop_category == 1
    rig.stop(0)
    rig.tick(20)
    assert rig.shown.stop_category == 0


def test_a_stop_overtakes_what_was_sent_before_it():
    rig = RobotRig().moving()
    rig.stop(sequence=rig.sequence + 10, peer='stop by udp')
    for _ in range(10):
        assert rig.send(rig.setpoint()).startswith('old')
        rig.tick()
    rig.run(0.5)
    assert rig.speed() == 0


def test_an_old_stop_still_stops_and_an_enable_from_before_it_does_not_undo_it():
    rig = RobotRig().moving()
    rig.stop(sequence=1)
    rig.run(0.6)
    assert rig.speed() == 0
    assert 'is used' in rig.send(Enable(rig.enable_id, rig.seen))
    assert not rig.plant.enabled


def test_a_stop_of_another_session_is_refused():
    rig = RobotRig().moving()
    assert 'session' in rig.stop(session=77)
    rig.run(0.2, base=FORWARD)
    assert rig.plant.base.x > 0.3


def test_after_a_stop_a_new_enable_lets_it_move_again():
    rig = RobotRig().moving()
    rig.stop()
    rig.run(0.6)
    assert rig.enable() == ''
    rig.run(0.5, base=FORWARD)
    assert rig.plant.base.x > 0.3


def test_enable_is_refused_while_it_moves():
    rig = RobotRig().moving()
    rig.stop(2)
    rig.tick()
    assert 'still moves' in rig.enable()
    assert rig.shown is not None
    rig.run(0.1)
    assert rig.shown.fault.startswith('ENABLE refused')


def test_enable_is_refused_while_set_points_ask_for_motion():
    rig = RobotRig().connect()
    rig.run(0.3, base=FORWARD)
    assert 'set-points ask for motion' in rig.enable()
    rig.run(0.25, base=(0.0, 0.0, 0.0))
    assert rig.enable() == ''


def test_an_enable_moves_nothing_and_its_repeat_neither():
    rig = RobotRig().enabled()
    assert rig.send(Enable(rig.enable_id, rig.seen)) == ''
    rig.run(0.3)
    assert rig.speed() == 0 and rig.plant.enabled


def test_a_set_point_of_another_enable_is_refused():
    rig = RobotRig().enabled()
    old = rig.setpoint()
    assert rig.enable() == ''
    assert 'belongs to ENABLE 1' in rig.send(old)
    rig.run(0.1)
    assert rig.speed() == 0


def test_disable_takes_power_even_if_later_frames_came_first():
    rig = RobotRig().enabled()
    rig.send(Heartbeat(rig.seen), sequence=rig.sequence + 5)
    assert rig.send(Disable(), sequence=rig.sequence + 1) == ''
    assert not rig.plant.enabled


def test_a_disable_from_before_the_enable_is_old():
    rig = RobotRig().enabled()
    assert rig.send(Disable(), sequence=1).startswith('old')
    assert rig.plant.enabled


def test_set_points_that_were_held_back_are_void():
    rig = RobotRig().enabled()
    late = rig.setpoint()
    rig.run(0.25)
    assert 'the link is too slow' in rig.send(late)
    assert rig.send(Setpoint(rig.enable_id, 10**6, 200, FORWARD)).startswith('its host heard')
    rig.run(0.1)
    assert rig.speed() == 0


def test_heartbeats_that_were_held_back_do_not_keep_the_session():
    rig = RobotRig().connect()
    seen = rig.seen
    for _ in range(200):
        rig.send(Heartbeat(seen))
        rig.tick()
    assert rig.session.holder == ''


def test_a_freeze_of_the_robot_side_voids_what_waited_for_it():
    rig = RobotRig().moving()
    rig.tick(150)
    for _ in range(20):
        assert rig.send(rig.setpoint())
    rig.run(0.5, base=FORWARD)
    assert rig.speed() == 0
    assert 'stood still for 150 ms' in rig.shown.fault


def test_after_a_long_freeze_the_session_is_over_before_the_backlog_is_read():
    rig = RobotRig().moving()
    rig.tick(5000)
    assert rig.session.holder == ''
    assert 'session' in rig.send(rig.setpoint())


def test_a_runaway_loses_its_power_when_the_ramp_ends():
    rig = RobotRig(runaway=True).moving()
    rig.stop(1)
    rig.run(0.9)
    assert rig.plant.base.x > 0.3
    rig.run(0.2)
    assert not rig.plant.enabled


def test_disable_and_a_new_session_clear_the_fault():
    rig = RobotRig().moving()
    rig.run(0.5)
    assert rig.shown.fault
    rig.send(Disable())
    rig.run(0.05)
    assert rig.shown.fault == ''


def test_frames_for_hosts_move_and_answer_nothing():
    rig = RobotRig().connect()
    for message in (rig.grant, rig.shown, Refuse(RefuseCode.ENDED, bytes(16), '', '')):
        assert rig.send(message) == 'is for hosts only'


# What a host could send after a stop, right or wrong, but no ENABLE of a new decision.
after_a_stop = st.one_of(
    st.builds(
        lambda enable_id, back, valid, x, yaw: ('setpoint', enable_id, back, valid, x, yaw),
        st.integers(0, 4),
        st.integers(-3, 3),
        st.sampled_from([0, 50, 200, 60000]),
        st.sampled_from([0.0, 0.4, -0.4, 5.0]),
        st.sampled_from([0.0, 1.0]),
    ),
    st.tuples(st.just('enable'), st.integers(0, 1)),
    st.tuples(st.just('beat')),
    st.tuples(st.just('disable')),
    st.tuples(st.just('stop'), st.integers(0, 2)),
    st.tuples(st.just('hello')),
    st.tuples(st.just('bye')),
    st.tuples(st.just('wait'), st.sampled_from([5, 20, 150, 450])),
)


def play(rig, step):
    kind, *rest = step
    if kind == 'setpoint':
        enable_id, back, valid, x, yaw = rest
        rig.sequence += 1
        message = Setpoint(enable_id, max(0, rig.seen + back), valid, (x, 0.0, yaw))
        rig.send(message, sequence=max(1, rig.sequence + back))
    elif kind == 'enable':
        rig.send(Enable(rest[0], rig.seen))
    elif kind == 'beat':
        rig.send(Heartbeat(rig.seen))
    elif kind == 'wait':
        rig.tick(rest[0])
    elif kind == 'hello':
        rig.hello()
    else:
        rig.send({'disable': Disable, 'bye': Bye}.get(kind, lambda: Stop(*rest))())
    rig.tick()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2), st.lists(after_a_stop, max_size=30))
def test_no_frames_move_a_stopped_robot_without_a_new_enable(category, steps):
    rig = RobotRig().moving()
    rig.stop(category)
    rig.run(0.8)
    assert rig.speed() == 0
    # In a session of its own an id may be used anew: that is a new decision, so none is sent.
    old = rig.id
    for step in steps:
        if step[0] == 'enable' and rig.id != old:
            continue
        play(rig, step)
        assert rig.speed() == 0


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(FrameType), st.integers(-2, 3), st.binary(max_size=60))),
    st.booleans(),
)
def test_random_payloads_never_raise_and_never_move(frames, enabled):
    rig = RobotRig().enabled() if enabled else RobotRig().connect()
    for kind, ahead, payload in frames:
        if enabled and kind is FrameType.SETPOINT:
            continue  # a random one may be a valid one
        rig.sequence += 1
        sequence = max(0, rig.sequence + ahead)
        rig.give(Frame(kind, rig.id, sequence, payload))
        rig.tick()
        assert rig.speed() == 0


@given(st.binary(max_size=300))
def test_random_bytes_never_raise_and_never_move(data):
    rig = RobotRig().enabled()
    try:
        rig.give(decode(data))
    except FrameError as error:
        rig.session.damaged(error, HOST)
    rig.tick()
    assert rig.speed() == 0
