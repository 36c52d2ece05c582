"""The gate's parts, each by itself: shaper, workspace, motion, body, drives, trip."""

import math

import pytest
from gate_room import tek
from hypothesis import given, settings
from hypothesis import strategies as st
from tektra_msgs.msg import StopRequest

from tektra.robot_gate.body import Body
from tektra.robot_gate.drivers.driver import (
    REST,
    BaseVelocity,
    Category,
    DriverCommand,
    Feedback,
    JointTarget,
    Pose2D,
)
from tektra.robot_gate.drives import Drives
from tektra.robot_gate.motion import MotionMonitor
from tektra.robot_gate.owners import Ask
from tektra.robot_gate.shaper import AxisShaper, JointShaper
from tektra.robot_gate.trip import Trip
from tektra.robot_gate.workspace import Workspace
from tektra.robots.spec import BASE, WorkspaceSpec

DT_S = 0.01
MS = 1_000_000
S = 1_000_000_000
LIMITS = st.tuples(
    st.floats(0.05, 3.0),  # velocity
    st.floats(0.2, 10.0),  # acceleration
    st.floats(2.0, 200.0),  # jerk
    st.floats(0.2, 20.0),  # deceleration
)
STEPS = st.lists(
    st.tuples(st.sampled_from(['follow', 'follow', 'brake']), st.floats(-5.0, 5.0)),
    min_size=1,
    max_size=8,
)
FEW = settings(max_examples=60, deadline=None)


@FEW
@given(limits=LIMITS, steps=STEPS)
def test_an_axis_never_goes_beyond_its_limits(limits, steps):
    velocity, acceleration, jerk, deceleration = limits
    axis = AxisShaper(*limits)
    before = rate = 0.0
    for what, target in steps:
        for _ in range(25):
            speed = axis.follow(target, DT_S) if what == 'follow' else axis.brake(DT_S)
            change = (speed - before) / DT_S
            assert abs(speed) <= velocity + 1e-9
            if what == 'follow':
                assert abs(change) <= acceleration + 1e-6
                if abs(change) > abs(rate) and change * rate >= 0:  # growing: the jerk limit
                    assert abs(change) - abs(rate) <= jerk * DT_S + 1e-6
            else:
                assert abs(change) <= deceleration + 1e-6
                assert abs(speed) <= abs(before)
            rate = change if what == 'follow' else 0.0
            before = speed


@FEW
@given(limits=LIMITS, target=st.floats(-5.0, 5.0))
def test_an_axis_reaches_what_is_asked_of_it_and_a_brake_ends(limits, target):
    velocity, acceleration, jerk, deceleration = limits
    axis = AxisShaper(*limits)
    wanted = max(-velocity, min(velocity, target))
    for _ in range(math.ceil((velocity / acceleration + 2 * acceleration / jerk + 1) / DT_S) * 2):
        axis.follow(target, DT_S)
    assert axis.velocity == pytest.approx(wanted, abs=1e-6)
    for _ in range(math.ceil(velocity / deceleration / DT_S) + 1):
        axis.brake(DT_S)
    assert axis.velocity == 0.0


JOINT_STEPS = st.lists(
    st.tuples(
        st.sampled_from(['position', 'position', 'velocity', 'brake']), st.floats(-3.0, 3.0)
    ),
    min_size=1,
    max_size=8,
)


@FEW
@given(limits=LIMITS, start=st.floats(-1.0, 1.0), steps=JOINT_STEPS)
def test_a_joint_never_goes_beyond_speed_and_range(limits, start, steps):
    joint = JointShaper(-1.0, 1.0, *limits)
    joint.start(start)
    before = joint.position
    for what, value in steps:
        for _ in range(25):
            if what == 'position':
                joint.follow(value, math.nan, DT_S)
            elif what == 'velocity':
                joint.follow(math.nan, value, DT_S)
            else:
                joint.brake(DT_S)
            assert -1.0 <= joint.position <= 1.0
            assert abs(joint.velocity) <= limits[0] + 1e-9
            assert abs(joint.position - before) <= limits[0] * DT_S + 1e-9
            before = joint.position


@FEW
@given(limits=LIMITS, start=st.floats(-1.0, 1.0), goal=st.floats(-1.0, 1.0))
def test_a_joint_reaches_its_target_without_overshoot(limits, start, goal):
    joint = JointShaper(-1.0, 1.0, *limits)
    joint.start(start)
    side = math.copysign(1.0, goal - start)
    for _ in range(20_000):
        joint.follow(goal, math.nan, DT_S)
        assert (joint.position - goal) * side <= 1e-3
        if joint.position == goal and joint.velocity == 0.0:
            break
    assert joint.position == pytest.approx(goal, abs=1e-3)


def test_a_brake_of_a_joint_ends_wherever_it_is():
    joint = JointShaper(-1.0, 1.0, 2.0, 8.0, 160.0, 16.0)
    joint.start(0.0)
    for _ in range(20):
        joint.follow(math.nan, 2.0, DT_S)
    assert joint.velocity > 0.5
    for _ in range(20):
        joint.brake(DT_S)
    assert joint.velocity == 0.0
    assert joint.position < 1.0


# ---- workspace ----------------------------------------------------------------------------------

SQUARE = WorkspaceSpec('odom', ((-2.0, -2.0), (2.0, -2.0), (2.0, 2.0), (-2.0, 2.0)))


def place(x=0.0, y=0.0, yaw=0.0, frame='odom', std=0.0, space=None, now=0):
    space = space or Workspace(SQUARE, 0.6, 1.5)
    space.on_pose(Pose2D(frame, x, y, yaw, std), 0.0, now)
    return space


def test_nothing_drives_without_a_good_pose():
    assert Workspace(SQUARE, 0.6, 1.5).cap(BaseVelocity(0.5), 0) == 0.0
    for space, now, why in (
        (Workspace(SQUARE, 0.6, 1.5), 0, "no pose in frame 'odom'"),
        (place(frame='map'), 0, "in frame 'map', the workspace in 'odom'"),
        (place(), 300 * MS, '0.30 s old'),
        (place(std=0.5), 0, 'uncertain by 0.50 m'),
        (place(x=math.nan), 0, 'no pose'),
    ):
        assert why in space.problem(now)
        assert space.cap(BaseVelocity(0.5), now) == 0.0


def test_a_pose_that_jumps_is_not_trusted_before_a_person_forgives():
    space = place()
    place(x=1.0, space=space, now=50 * MS)
    assert 'jumped by 1.00 m' in space.problem(50 * MS)
    place(x=1.0, space=space, now=100 * MS)
    assert 'jumped' in space.problem(100 * MS)
    space.forgive()
    assert space.problem(100 * MS) == ''


@settings(max_examples=15, deadline=None)
@given(x=st.floats(-1.9, 1.9), y=st.floats(-1.9, 1.9), yaw=st.floats(-3.2, 3.2))
def test_from_any_place_a_drive_ends_inside(x, y, yaw):
    space = Workspace(SQUARE, 0.6, 1.5)
    for n in range(1500):
        space.on_pose(Pose2D('odom', x, y, yaw), 0.6, n * 10 * MS)
        speed = min(0.6, space.cap(BaseVelocity(0.6), n * 10 * MS))
        x, y = x + speed * DT_S * math.cos(yaw), y + speed * DT_S * math.sin(yaw)
        assert max(abs(x), abs(y)) <= 2.0 + 1e-6


def test_outside_it_only_drives_back_in():
    space = place(x=2.5)
    assert space.cap(BaseVelocity(0.5), 0) == 0.0
    assert space.cap(BaseVelocity(-0.5), 0) == math.inf


# ---- motion -------------------------------------------------------------------------------------


def report(ms, base=REST, **more):
    return Feedback(received_ns=ms * MS, seq=ms, enabled=True, base=base, **more)


def test_standstill_is_measured_and_for_long_enough():
    monitor = MotionMonitor(tek(), BASE)
    assert not monitor.standstill(0)
    monitor.on_feedback(report(0))
    assert not monitor.standstill(0)
    monitor.on_feedback(report(100))
    assert monitor.standstill(100 * MS)
    assert not monitor.standstill(500 * MS)  # the report is old
    monitor.on_feedback(report(510, BaseVelocity(0.1)))
    assert not monitor.standstill(510 * MS)
    monitor.on_feedback(report(700, BaseVelocity(math.nan)))
    assert not monitor.standstill(700 * MS)


def test_motion_after_zero_is_uncontrolled_only_after_what_inertia_may_take():
    monitor = MotionMonitor(tek(), BASE)
    monitor.commanded(True, 0)
    seen = [ms for ms in range(0, 1000, 20) if _moves(monitor, ms)]
    assert 500 < seen[0] <= 640
    monitor.commanded(False, S)
    assert not monitor.uncontrolled(2 * S)


def _moves(monitor, ms):
    monitor.on_feedback(report(ms, BaseVelocity(0.3)))
    return monitor.uncontrolled(ms * MS)


def test_overspeed_and_a_joint_out_of_range_are_named_once_they_last():
    base, head = MotionMonitor(tek(), BASE), MotionMonitor(tek(), 'head')
    names = tek().joints_of('head')
    for ms in (0, 100):
        base.on_feedback(report(ms, BaseVelocity(2.0)))
        head.on_feedback(
            report(ms, positions=dict.fromkeys(names, 2.0), velocities=dict.fromkeys(names, 0.0))
        )
        if ms == 0:
            assert base.violation(0) == head.violation(0) == ''
    assert base.violation(100 * MS) == 'the base goes at 2.00 along x: limit 0.6'
    assert head.violation(100 * MS) == 'head_pan is at 2.00: limits -1.4..1.4'


# ---- body ---------------------------------------------------------------------------------------


def at(**positions):
    robot = tek()
    return report(0, positions=dict.fromkeys(robot.joints, 0.0) | positions)


def test_a_body_begins_where_it_is_and_names_what_is_not_measured():
    body = Body(tek())
    body.start('head', at(head_pan=0.3))
    command = body.command(('head',), 0.2)
    assert command.base is None
    assert command.joints['head_pan'] == JointTarget(0.3, 0.0)
    assert body.missing('head', at(head_tilt=math.nan)) == 'head_tilt'
    assert body.missing('base', report(0)) == ''


def test_every_channel_of_a_body_comes_to_rest():
    body, robot = Body(tek()), tek()
    for channel in robot.channels:
        body.start(channel, at())
    joints = {name: JointTarget(math.nan, 1.0) for name in robot.joints}
    for _ in range(20):
        body.follow(BASE, Ask(0, base=BaseVelocity(0.6, 0.0, 1.5)), math.inf, math.inf, DT_S)
        for channel in robot.channels[1:]:
            mine = {name: joints[name] for name in robot.joints_of(channel)}
            body.follow(channel, Ask(0, joints=mine), math.inf, math.inf, DT_S)
    assert not body.at_rest(BASE)
    for _ in range(100):
        for channel in robot.channels:
            body.brake(channel, DT_S)
    assert all(body.at_rest(channel) for channel in robot.channels)
    assert body.base() == REST


def test_a_cap_slows_the_base_down_at_once_and_keeps_its_direction():
    body = Body(tek())
    for _ in range(200):
        body.follow(BASE, Ask(0, base=BaseVelocity(0.6)), math.inf, math.inf, DT_S)
    body.follow(BASE, Ask(0, base=BaseVelocity(0.6)), 0.1, 0.1, DT_S)
    assert body.base().x == pytest.approx(0.6 - 1.5 * DT_S)
    for _ in range(100):
        body.follow(BASE, Ask(0, base=BaseVelocity(0.6)), 0.1, 0.1, DT_S)
    assert body.base().x == pytest.approx(0.1)


# ---- drives -------------------------------------------------------------------------------------


def drives(category=Category.CONTROLLED):
    made = Drives(category, 1.0)
    made.drive()
    assert made.output(0, False, DriverCommand).enable
    assert not made.output(0, False, DriverCommand).enable
    return made


def test_category_1_ramps_and_takes_power_at_rest_or_after_the_longest_ramp():
    made = drives()
    made.stop(Category.CONTROLLED, 0)
    first = made.output(0, False, DriverCommand)
    assert (first.stop, first.disable, first.command) == (1, False, DriverCommand())
    assert made.output(500 * MS, True, DriverCommand).disable
    assert not made.powered
    made = drives()
    made.stop(Category.CONTROLLED, 0)
    assert not made.output(1000 * MS, False, DriverCommand).disable
    assert made.output(1001 * MS, False, DriverCommand).disable


def test_category_0_takes_power_at_once_and_category_2_keeps_it():
    made = drives()
    made.stop(Category.IMMEDIATE, 0)
    assert made.output(0, False, DriverCommand).disable
    made = drives()
    made.stop(Category.HOLDING, 0)
    assert not made.output(5 * S, True, DriverCommand).disable
    assert made.powered


def test_a_stop_only_becomes_more_severe_and_is_told_again():
    made = drives()
    made.stop(Category.CONTROLLED, 0)
    made.output(0, False, DriverCommand)
    made.stop(Category.HOLDING, 0)
    assert made.category is Category.CONTROLLED
    made.stop(Category.IMMEDIATE, 0)
    assert made.output(1, False, DriverCommand).stop is Category.IMMEDIATE
    assert made.output(10 * MS, False, DriverCommand).stop is None
    assert made.output(60 * MS, False, DriverCommand).disable


# ---- trip ---------------------------------------------------------------------------------------


def test_a_trip_asks_until_estop_has_latched_and_ends_only_after_that():
    trip = Trip('gate-1')
    assert not trip
    trip.set('the wheel fell off', None, latched=False, worst=False)
    request = trip.request(0)
    assert (request.request_id, request.reason) == ('gate-1-1', 'the wheel fell off')
    assert request.category == StopRequest.CATEGORY_UNSET
    assert trip.request(40 * MS) is None
    assert trip.request(50 * MS).request_id == 'gate-1-1'
    trip.try_clear('')
    assert trip
    trip.on_latched()
    assert trip.request(S) is None
    trip.try_clear('')
    assert not trip


def test_a_trip_whose_cause_is_still_there_makes_estop_latch_again():
    trip = Trip('gate-1')
    trip.set('no report', None, latched=True, worst=False)
    trip.try_clear('no report still')
    assert trip.why == 'no report still'
    assert trip.request(0).request_id == 'gate-1-2'


def test_a_trip_keeps_its_first_reason_except_for_the_worst_one():
    trip = Trip('gate-1')
    trip.set('first', Category.CONTROLLED, latched=True, worst=False)
    trip.set('second', Category.HOLDING, latched=True, worst=False)
    assert trip.why == 'first'
    trip.set('UNCONTROLLED_MOTION', Category.IMMEDIATE, latched=False, worst=True)
    trip.set('third', None, latched=True, worst=True)
    assert trip.why == 'UNCONTROLLED_MOTION'
    assert trip.request(0).category == StopRequest.CATEGORY_0


def test_the_text_of_a_trip_is_cut():
    trip = Trip('gate-1')
    trip.set('x' * 10**6, None, latched=True, worst=False)
    assert len(trip.why) == 256
    trip = Trip('gate-1')
    trip.set('', None, latched=True, worst=False)
    assert trip.why == 'no reason given'
