"""The host's side of the wire protocol, against the robot's side, on one clock."""

import random
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from robot_side_rig import TEK, RobotRig

from tektra.robot_gate.drivers.driver import (
    BaseVelocity,
    Category,
    DriverCommand,
    DriverError,
    JointTarget,
)
from tektra.robot_gate.drivers.link import BACK_OFF_NS, MS, HostLink, State
from tektra.wire.frames import FrameType
from tektra.wire.payloads import unpack

FORWARD = DriverCommand(BaseVelocity(0.4))
ZERO = DriverCommand(BaseVelocity())


class Pair:
    """A link and a robot, joined by a network that the test can cut, delay and shuffle."""

    def __init__(self, controller='gate-1', robot=None):
        self.robot = robot or RobotRig()
        self._nonces = iter(range(1, 1000))
        self.link = HostLink(
            TEK,
            controller,
            new_nonce=lambda: next(self._nonces).to_bytes(16, 'big'),
            chance=random.Random(1),
        )
        self.peer = controller
        self.up = True  # frames reach the robot
        self.down = True  # frames reach the host
        self.lost = ''
        self.sent = []
        self._inbox = deque()
        self.link.start(self.now_ns)

    @property
    def now_ns(self):
        return self.robot.now_ns

    @property
    def plant(self):
        return self.robot.plant

    def tick(self):
        """Let 5 ms pass on both sides."""
        self.robot.now_ns += 5 * MS
        self._to_host(self.robot.session.tick(self.now_ns))
        self.look()

    def look(self):
        """What a driver does in ``read``."""
        link = self.link
        if link.due(self.now_ns):
            link.opening(self.now_ns)
            link.opened(self.now_ns)
        lost = ''
        while self._inbox and not lost:
            lost = link.receive(self._inbox.popleft(), self.now_ns)
        lost = lost or link.overdue(self.now_ns)
        if lost:
            self.lost = lost
            link.lost(lost, self.now_ns)
            self._inbox.clear()
        self.flush()

    def flush(self):
        while (frame := self.link.next_frame(self.now_ns)) is not None:
            self.sent.append(frame)
            if self.up:
                replies = self.robot.session.receive(frame, self.peer, self.now_ns)
                self._to_host(replies)

    def run(self, seconds, command=None):
        for step in range(round(seconds * 200)):
            if command is not None and step % 2 == 0:
                self.link.set_point(command, self.now_ns)
            self.tick()

    def until(self, done, seconds=5.0):
        for _ in range(round(seconds * 200)):
            if done():
                return
            self.tick()
        raise AssertionError(f'not within {seconds} s: {done}')

    def connected(self):
        self.until(lambda: self.link.connected)
        return self

    def enabled(self):
        self.connected()
        self.link.enable(self.now_ns)
        self.until(lambda: self.link.feedback.enabled)
        return self

    def moving(self):
        self.enabled().run(0.6, FORWARD)
        assert self.plant.base.x > 0.3
        return self

    def types(self):
        return [frame.type for frame in self.sent]

    def _to_host(self, replies):
        for reply in replies:
            if self.down and reply.peer == self.peer:
                self._inbox.append(reply.frame)


def test_it_connects_and_reports_what_the_robot_measures():
    pair = Pair().moving()
    report = pair.link.feedback
    assert report.enabled and report.base.x == pytest.approx(0.4, abs=0.05)
    assert report.pose.frame == 'odom' and report.pose.x > 0
    assert set(report.positions) == set(TEK.joints)
    assert (report.battery, report.bumper) == (pytest.approx(1.0, abs=0.01), False)
    assert report.range_m > 3 and report.fault == ''
    seq = report.seq
    pair.run(0.1)
    assert pair.link.feedback.seq > seq
    assert pair.link.grant.timeout_ms == 200


def test_heartbeats_keep_the_session_at_a_quarter_of_the_lease():
    pair = Pair().connected()
    pair.sent.clear()
    pair.run(2.0)
    assert pair.link.connected
    assert pair.types().count(FrameType.HEARTBEAT) == pytest.approx(20, abs=1)


def test_joints_are_named_by_their_place_in_the_grant():
    pair = Pair().enabled()
    wanted = DriverCommand(joints={'left_elbow': JointTarget(-0.5, 0.0)})
    pair.run(1.0, wanted)
    assert pair.link.feedback.positions['left_elbow'] == pytest.approx(-0.5, abs=0.02)


def test_set_points_before_the_robot_shows_power_are_not_sent():
    pair = Pair().connected()
    pair.run(0.1, FORWARD)
    assert FrameType.SETPOINT not in pair.types()
    pair.link.enable(pair.now_ns)
    pair.link.set_point(FORWARD, pair.now_ns)
    pair.flush()
    assert FrameType.SETPOINT not in pair.types()


def test_a_newer_set_point_replaces_the_one_that_waits():
    pair = Pair().enabled()
    pair.sent.clear()
    for speed in (0.1, 0.2, 0.3):
        pair.link.set_point(DriverCommand(BaseVelocity(speed)), pair.now_ns)
    pair.flush()
    [sent] = [unpack(frame) for frame in pair.sent if frame.type is FrameType.SETPOINT]
    assert sent.base[0] == pytest.approx(0.3)


def test_a_set_point_that_waited_is_good_for_so_much_less():
    pair = Pair().enabled()
    pair.link.set_point(DriverCommand(BaseVelocity(0.1), valid_for_s=0.1), pair.now_ns)
    pair.sent.clear()
    later_ns = pair.now_ns + 40 * MS
    frames = iter(lambda: pair.link.next_frame(later_ns), None)
    [sent] = [unpack(frame) for frame in frames if frame.type is FrameType.SETPOINT]
    assert sent.valid_for_ms == 60
    pair.link.set_point(DriverCommand(BaseVelocity(0.1), valid_for_s=0.1), pair.now_ns)
    frames = iter(lambda: pair.link.next_frame(pair.now_ns + 101 * MS), None)
    assert FrameType.SETPOINT not in [frame.type for frame in frames]


def test_a_stop_overtakes_and_voids_the_set_point_that_waits():
    pair = Pair().moving()
    pair.link.set_point(FORWARD, pair.now_ns)
    pair.sent.clear()
    pair.link.stop(Category.CONTROLLED)
    pair.flush()
    assert pair.types()[0] is FrameType.STOP and FrameType.SETPOINT not in pair.types()
    pair.run(0.6, FORWARD)
    assert pair.robot.speed() == 0 and not pair.link.feedback.enabled


def test_a_disable_goes_before_a_heartbeat_that_is_due():
    pair = Pair().enabled()
    pair.link.disable()
    assert pair.link.next_frame(pair.now_ns + 200 * MS).type is FrameType.DISABLE


@pytest.mark.parametrize('wish', ['stop', 'disable'])
def test_what_got_lost_is_sent_again_until_the_report_shows_it(wish):
    pair = Pair().moving()
    pair.up = False
    if wish == 'stop':
        pair.link.stop(Category.IMMEDIATE)
    else:
        pair.link.disable()
    pair.run(0.1)
    pair.up = True
    pair.run(0.1)
    assert not pair.plant.enabled
    pair.run(0.1)
    pair.sent.clear()
    pair.run(0.3)
    assert not {FrameType.STOP, FrameType.DISABLE} & set(pair.types())


def test_a_disable_right_after_an_enable_is_sent_although_no_power_is_shown():
    pair = Pair().connected()
    pair.link.enable(pair.now_ns)
    pair.flush()
    pair.link.disable()
    pair.flush()
    assert not pair.plant.enabled
    pair.run(0.2)
    assert not pair.plant.enabled and not pair.link.feedback.enabled


def test_a_stop_right_after_an_enable_is_sent_although_the_old_stop_is_shown():
    pair = Pair().moving()
    pair.link.stop(Category.CONTROLLED)
    pair.run(0.8)
    pair.link.enable(pair.now_ns)
    pair.flush()
    pair.link.stop(Category.CONTROLLED)
    pair.run(0.2, FORWARD)
    assert pair.robot.speed() == 0 and not pair.plant.enabled


def test_an_enable_that_got_lost_is_sent_again_with_the_same_id_and_not_for_ever():
    pair = Pair().connected()
    pair.up = False
    pair.link.enable(pair.now_ns)
    pair.run(0.1)
    pair.up = True
    pair.run(0.1)
    assert pair.link.feedback.enabled
    ids = {unpack(frame).enable_id for frame in pair.sent if frame.type is FrameType.ENABLE}
    assert ids == {1}


def test_an_enable_that_is_never_obeyed_is_given_up():
    pair = Pair().moving()
    pair.plant.disable = lambda: None  # drives that cannot be switched off, and do not brake
    pair.plant.brake = lambda: None
    pair.link.stop(Category.HOLDING)
    pair.run(0.1)
    pair.link.enable(pair.now_ns)
    pair.run(1.2)
    pair.sent.clear()
    pair.run(0.3)
    assert FrameType.ENABLE not in pair.types()
    assert 'still moves' in pair.link.feedback.fault


def test_power_is_not_reported_before_the_robot_has_obeyed_this_enable():
    pair = Pair().enabled()
    pair.link.stop(Category.HOLDING)
    pair.run(0.1)
    assert pair.link.feedback.enabled  # power is kept
    pair.up = False
    pair.link.enable(pair.now_ns)
    pair.run(0.1)
    assert not pair.link.feedback.enabled


def test_with_power_kept_no_set_point_is_sent_before_the_robot_has_obeyed_the_enable():
    pair = Pair().moving()
    pair.link.stop(Category.HOLDING)
    pair.run(0.6)
    pair.down = False
    pair.sent.clear()
    pair.link.enable(pair.now_ns)
    pair.run(0.1, FORWARD)
    assert FrameType.ENABLE in pair.types() and FrameType.SETPOINT not in pair.types()


def test_a_silent_robot_is_a_lost_session_and_is_tried_again():
    pair = Pair().moving()
    pair.down = False
    pair.run(0.6, FORWARD)
    assert 'has not reported' in pair.lost or 'ended' in pair.lost
    assert not pair.link.connected and pair.link.feedback is None
    pair.down = True
    pair.connected()


def test_after_a_reconnect_nothing_is_enabled_and_no_old_set_point_is_sent():
    pair = Pair().moving()
    pair.up = pair.down = False
    pair.run(1.5, FORWARD)
    pair.up = pair.down = True
    pair.sent.clear()
    pair.connected().run(1.0, FORWARD)
    assert not pair.link.feedback.enabled and pair.robot.speed() == 0
    assert not {FrameType.ENABLE, FrameType.SETPOINT} & set(pair.types())
    pair.enabled().run(0.6, FORWARD)
    assert pair.plant.base.x > 0.3


def test_an_enable_that_was_on_its_way_dies_with_the_session():
    pair = Pair().connected()
    pair.up = False
    pair.link.enable(pair.now_ns)
    pair.run(0.5)
    assert not pair.link.connected
    pair.up = True
    pair.connected().run(0.5)
    assert not pair.plant.enabled and not pair.link.feedback.enabled


def test_a_stop_that_was_wanted_without_a_session_is_said_in_the_next():
    pair = Pair()
    pair.link.stop(Category.CONTROLLED)
    pair.connected().run(0.1)
    assert pair.robot.session._motion.stop_category == 1


def test_a_second_controller_says_who_has_the_robot_until_it_has_it_itself():
    first = Pair().connected()
    second = Pair('gate-2', robot=first.robot)
    second._nonces = iter(range(2000, 3000))
    second.look()
    second.look()
    assert second.link.rival == 'gate-1' and 'held by gate-1' in second.link.problem
    assert not second.link.connected
    second.until(lambda: second.link.connected)
    assert second.link.rival == ''


def test_the_pauses_between_attempts_grow_and_are_spread():
    pair = Pair()
    pair.up = False
    pauses = []
    for _ in range(8):
        pair.until(lambda: pair.link.state is State.ASKING)
        pair.until(lambda: pair.link.state is State.WAITING)
        pauses.append(pair.link._retry_ns - pair.now_ns)
    assert pauses[0] <= BACK_OFF_NS[0] and max(pauses) <= BACK_OFF_NS[1]
    assert pauses[-1] >= BACK_OFF_NS[1] / 2
    pair.up = True
    pair.connected()
    assert pair.link._back_off_ns == BACK_OFF_NS[0]


def test_a_grant_that_answers_another_hello_is_ignored():
    pair = Pair()
    pair.look()
    [recorded] = pair._inbox
    assert recorded.type is FrameType.GRANT
    pair._inbox.clear()
    pair.up = False
    pair.until(lambda: pair.link.state is State.WAITING)
    pair.until(lambda: pair.link.state is State.ASKING)
    pair.link.receive(recorded, pair.now_ns)
    assert pair.link.state is State.ASKING


@pytest.mark.parametrize('value', [float('nan'), float('inf'), 1e308])
def test_what_cannot_be_said_is_an_error(value):
    pair = Pair().enabled()
    with pytest.raises(DriverError):
        pair.link.set_point(DriverCommand(BaseVelocity(value)), pair.now_ns)
        pair.flush()


def test_a_set_point_for_an_unknown_joint_or_too_long_is_an_error():
    pair = Pair().enabled()
    with pytest.raises(DriverError, match="no joint 'tail'"):
        pair.link.set_point(DriverCommand(joints={'tail': JointTarget(0, 0)}), pair.now_ns)
    with pytest.raises(DriverError, match='valid_for_s'):
        pair.link.set_point(DriverCommand(BaseVelocity(), valid_for_s=0.3), pair.now_ns)


def test_the_last_words_stop_the_robot_and_free_it():
    pair = Pair().moving()
    for frame in pair.link.farewell():
        pair.robot.session.receive(frame, pair.peer, pair.now_ns)
    pair.link.end()
    assert pair.robot.session.holder == '' and not pair.link.connected
    assert pair.plant.enabled  # until it stands: a moving arm must not drop
    pair.run(0.6)
    assert not pair.plant.enabled and pair.robot.speed() == 0


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(Category), st.randoms(use_true_random=False), st.booleans())
def test_a_replay_of_all_that_was_sent_moves_nothing(category, chance, reconnect):
    pair = Pair().moving()
    pair.link.stop(category)
    pair.run(0.8)
    if reconnect:
        pair.link.lost('cut', pair.now_ns)
        pair.connected()
    recorded = pair.sent[-150:] * 2
    chance.shuffle(recorded)
    for frame in recorded:
        pair.robot.session.receive(frame, pair.peer, pair.now_ns)
        pair.tick()
        assert pair.robot.speed() == 0


wishes = st.one_of(
    st.just(('enable',)),
    st.just(('disable',)),
    st.tuples(st.just('stop'), st.sampled_from(Category)),
    st.tuples(st.just('move'), st.sampled_from([0.0, 0.4])),
    st.tuples(st.just('network'), st.booleans(), st.booleans()),
    st.tuples(st.just('wait'), st.sampled_from([0.02, 0.1, 0.6])),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(wishes, max_size=25))
def test_in_no_order_of_wishes_and_losses_does_a_stopped_robot_move(steps):
    pair = Pair().connected()
    wanted = False  # an enable was asked for after the last stop, disable or loss
    for kind, *rest in steps:
        if kind == 'enable' and pair.link.connected:
            pair.link.enable(pair.now_ns)
            wanted = True
        elif kind in ('disable', 'stop'):
            getattr(pair.link, kind)(*rest)
            wanted = False
        elif kind == 'move':
            pair.run(0.1, DriverCommand(BaseVelocity(rest[0])))
        elif kind == 'network':
            pair.up, pair.down = rest
        else:
            pair.run(rest[0])
        if pair.link.feedback is None:
            wanted = False
        if not wanted:
            pair.up = pair.down = True
            pair.run(1.0, FORWARD)  # whoever still asks for motion gets none
            assert pair.robot.speed() == 0, kind
