"""Poses, transforms and what reaches, points and looks; of the shipped robot and of a real one."""

import math
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from description_files import LINK, hinge, reachy_file, robot, tek, tek_robot, two_links, write
from hypothesis import given, settings
from hypothesis import strategies as st

from tektra.description.chains import find_arm, find_head
from tektra.description.kinematics import LOOK_RAD, POINT_RAD, REACH_M, Kinematics, Unreachable
from tektra.description.load import load_description
from tektra.description.model import DescriptionError

pytest.importorskip('pinocchio', reason='pinocchio is not installed: ./tektra setup')

ARMS = ('left', 'right')


def roll(a):
    return homogeneous([[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]])


def pitch(a):
    return homogeneous([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])


def yaw(a):
    return homogeneous([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])


def homogeneous(rotation):
    pose = np.eye(4)
    pose[:3, :3] = rotation
    return pose


def move(x, y, z):
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def left_tip_by_hand(at):
    """Return the pose of tek's left tip, written down from urdf/tek/*.xacro."""
    return (
        move(0, 0, 0.175)
        @ move(0, 0.175, 0.645)
        @ pitch(at['left_shoulder_pitch'])
        @ move(0, 0.03, 0)
        @ roll(at['left_shoulder_roll'])
        @ move(0, 0, -0.24)
        @ pitch(at['left_elbow'])
        @ move(0, 0, -0.22)
        @ roll(at['left_wrist'])
        @ move(0, 0, -0.125)
    )


def face_by_hand(at):
    return (
        move(0, 0, 0.175)
        @ move(0, 0, 0.735)
        @ yaw(at['head_pan'])
        @ move(0, 0, 0.04)
        @ pitch(at['head_tilt'])
        @ move(0.098, 0, 0.11)
    )


def positions(kinematics=None):
    """Return a strategy: joint -> a position within its limits."""
    description = (kinematics or tek()).description
    return st.fixed_dictionaries(
        {
            name: st.floats(*joint.bounds)
            for name, joint in description.joints.items()
            if name in description.actuated and joint.type != 'continuous'
        }
    )


def quick(test):
    return settings(max_examples=40, deadline=None, derandomize=True)(test)


def tip(kinematics, arm, at):
    return kinematics.forward(at)[kinematics.arms[arm].tip][:3, 3]


def within_limits(kinematics, found):
    for name, value in found.items():
        lower, upper = kinematics.description.joints[name].bounds
        assert lower <= value <= upper, name


def off(kinematics, ray, at, target):
    """Return the angle (rad) between a ray fixed in a link and the way to a point."""
    pose = kinematics.forward(at)[ray.link]
    ahead = pose[:3, :3] @ np.array(ray.direction)
    to = np.array(target) - pose[:3, 3] - pose[:3, :3] @ np.array(ray.origin)
    return math.atan2(np.linalg.norm(np.cross(ahead, to)), ahead @ to)


@given(positions())
@quick
def test_forward_is_what_one_works_out_by_hand(at):
    poses = tek().forward(at)
    assert np.allclose(poses['left_tip'], left_tip_by_hand(at), atol=1e-9)
    assert np.allclose(poses['face'], face_by_hand(at), atol=1e-9)


def chained(transforms):
    """Return frame -> pose (4, 4) in the root's, put together from transforms."""
    poses = {'tek/base_link': np.eye(4)}
    waiting = list(transforms)
    while waiting:
        one = next(t for t in waiting if t.parent in poses)
        waiting.remove(one)
        x, y, z, w = one.rotation
        assert math.hypot(x, y, z, w) == pytest.approx(1.0)
        rotation = [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
        own = homogeneous(rotation)
        own[:3, 3] = one.translation
        poses[one.child] = poses[one.parent] @ own
    return poses


@given(positions())
@quick
def test_tf_and_tf_static_together_say_what_forward_says(at):
    frames = chained([*tek().transforms(at), *tek().fixed_transforms])
    for link, pose in tek().forward(at).items():
        assert np.allclose(frames[f'tek/{link}'], pose, atol=1e-9), link


def test_a_mimic_follows_and_unknown_joints_are_ignored():
    at = {'left_gripper': 0.04, 'no_such_joint': 1.0}
    by_child = {one.child: one for one in tek().transforms(at)}
    assert by_child['tek/left_finger'].translation[1] == pytest.approx(0.04)
    assert by_child['tek/left_thumb'].translation[1] == pytest.approx(-0.04)
    poses = tek().forward(at)
    apart = poses['left_finger'][1, 3] - poses['left_thumb'][1, 3]
    assert apart == pytest.approx(0.08)


def test_a_joint_of_which_nothing_is_known_rests_at_zero_or_the_limit_next_to_it(tmp_path):
    text = two_links(hinge('turn', 'base', 'arm').replace('lower="-1"', 'lower="0.5"'))
    [one] = Kinematics(load_description(write(tmp_path, text))).transforms({})
    assert 2 * math.acos(one.rotation[3]) == pytest.approx(0.5)


def test_a_position_that_is_no_number_is_refused():
    for call in (tek().transforms, tek().forward):
        with pytest.raises(ValueError, match="joint 'head_pan' is at nan"):
            call({'head_pan': math.nan})


@given(positions(), st.sampled_from(ARMS))
@quick
def test_what_an_arm_has_reached_it_reaches_again_from_rest(at, arm):
    target = tip(tek(), arm, at)
    found = tek().reach(arm, target, {})
    assert not isinstance(found, Unreachable), found
    assert set(found) == set(tek().arms[arm].joints)
    within_limits(tek(), found)
    assert np.linalg.norm(tip(tek(), arm, found) - target) <= REACH_M


@given(st.tuples(*[st.floats(-1.5, 1.5)] * 3), positions(), st.sampled_from(ARMS))
@quick
def test_any_point_is_reached_within_the_limits_or_refused_in_a_sentence(target, at, arm):
    found = tek().reach(arm, target, at)
    if isinstance(found, Unreachable):
        assert arm in found.reason and '\n' not in found.reason
    else:
        within_limits(tek(), found)
        assert np.linalg.norm(tip(tek(), arm, {**at, **found}) - target) <= REACH_M


@given(st.tuples(*[st.floats(-3, 3)] * 3), positions(), st.sampled_from(ARMS))
@quick
def test_an_arm_points_at_any_point_within_three_degrees_or_says_why_not(target, at, arm):
    found = tek().point_at(arm, target, at)
    if isinstance(found, Unreachable):
        assert f'the {arm} arm cannot point there' in found.reason
    else:
        within_limits(tek(), found)
        assert off(tek(), tek().arms[arm].pointer, {**at, **found}, target) <= POINT_RAD + 1e-6


@given(st.floats(-1.3, 1.3), st.floats(-0.5, 0.7), st.floats(0.5, 5.0), positions())
@quick
def test_the_head_looks_at_all_that_its_joints_allow(pan, tilt, far, at):
    pose = tek().forward({'head_pan': pan, 'head_tilt': tilt})['face']
    target = pose[:3, 3] + far * pose[:3, 0]
    found = tek().look_at(target, at)
    assert not isinstance(found, Unreachable), found
    within_limits(tek(), found)
    assert off(tek(), tek().head.gaze, found, target) <= LOOK_RAD


def test_far_near_and_behind_are_refused_in_words_that_can_be_said():
    assert tek().reach('left', (3, 0, 1), {}) == Unreachable(
        'the point is 3.0 m from the left shoulder, and the arm is 62 cm long'
    )
    near = tek().reach('right', (0, 0, 0.6), {})
    assert near.reason.startswith('the joints of the right arm bring its hand no nearer to')
    assert 'the head cannot turn there' in tek().look_at((-1, 0, 1), {}).reason


def test_the_same_question_has_the_same_answer_in_bounded_time():
    started = time.perf_counter()
    answers = [tek().reach('left', (0.3, 0.2, 0.9), {}) for _ in range(2)]
    refused = tek().point_at('left', (-2, -1, 0.2), {})
    assert answers[0] == answers[1]
    assert isinstance(refused, Unreachable)
    assert time.perf_counter() - started < 3.0


@pytest.mark.parametrize('target', [(1, 2), (1, 2, math.nan), (1, 2, math.inf)])
def test_what_is_no_point_is_refused(target):
    for call in (lambda: tek().look_at(target, {}), lambda: tek().reach('left', target, {})):
        with pytest.raises(ValueError, match='is no point; give x, y, z in m'):
            call()


def test_what_a_robot_does_not_have_is_named():
    bare = Kinematics(tek().description)
    with pytest.raises(DescriptionError, match="has no arm 'third'; arms: left, right"):
        tek().reach('third', (1, 0, 0), {})
    with pytest.raises(DescriptionError, match="has no arm 'left'; arms: none"):
        bare.point_at('left', (1, 0, 0), {})
    with pytest.raises(DescriptionError, match='has no head; name the link of its face'):
        bare.look_at((1, 0, 0), {})


def test_chains_are_found_from_the_tip_alone():
    description = tek().description
    assert find_head(description, 'face').joints == ('head_pan', 'head_tilt')
    arm = find_arm(description, 'left', 'left_tip')
    assert arm == tek().arms['left']
    assert arm.joints == (
        'left_shoulder_pitch',
        'left_shoulder_roll',
        'left_elbow',
        'left_wrist',
    )
    assert arm.aiming == arm.joints[:3] and arm.pointer.link == 'left_forearm'
    assert arm.length == pytest.approx(0.615)


def test_a_joint_that_carries_both_arms_belongs_to_neither(tmp_path):
    joints = [hinge('lift', 'base', 'torso')]
    for side in ('l', 'r'):
        joints += [hinge(f'{side}1', 'torso', f'{side}1'), hinge(f'{side}2', f'{side}1', side)]
        joints[-1] = joints[-1].replace('<axis', '<origin xyz="0.3 0 0"/><axis')
    links = [LINK.format(name) for name in ('base', 'torso', 'l1', 'r1', 'l', 'r')]
    description = load_description(write(tmp_path, robot(*links, *joints)))
    assert find_arm(description, 'left', 'l').joints == ('l1', 'l2')


def test_a_chain_that_cannot_be_is_refused_with_what_there_is():
    description = tek().description
    with pytest.raises(DescriptionError, match="has no link 'left_tipp'; did you mean 'left_tip'"):
        find_arm(description, 'left', 'left_tipp')
    with pytest.raises(DescriptionError, match="no joint moves the tip 'torso'"):
        find_arm(description, 'left', 'torso')
    with pytest.raises(DescriptionError, match="0 joints turn the head 'torso'"):
        find_head(description, 'torso')
    with pytest.raises(DescriptionError, match="'torso' is no forearm of the arm 'left'; one of"):
        find_arm(description, 'left', 'left_tip', forearm='torso')


def test_transforms_need_no_pinocchio_and_are_cheap_enough_for_50_hz():
    code = (
        'import sys\nfrom description_files import tek\n'
        'tek().transforms({}); tek().fixed_transforms\n'
        "assert 'pinocchio' not in sys.modules and 'scipy' not in sys.modules"
    )
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, '-c', code], env=environment, check=True, timeout=60)
    started = time.process_time()
    for _ in range(50):
        tek().transforms({'head_pan': 0.3})
    assert time.process_time() - started < 0.1  # a tenth of a core at 50 Hz; measured: 0.6 %


def test_a_real_robot_reaches_points_and_looks_by_configuration_alone(test_data):
    description = load_description(reachy_file(test_data))
    arms = {
        'left': find_arm(description, 'left', 'left_tip'),
        'right': find_arm(description, 'right', 'right_tip'),
    }
    reachy = Kinematics(description, head=find_head(description, 'head'), arms=arms)
    assert reachy.head.joints == ('neck_roll', 'neck_pitch', 'neck_yaw')
    assert len(arms['left'].joints) == 7

    bent = {'r_shoulder_pitch': -0.6, 'r_elbow_pitch': -1.2, 'r_arm_yaw': 0.3}
    target = tip(reachy, 'right', bent)
    found = reachy.reach('right', target, {})
    within_limits(reachy, found)
    assert np.linalg.norm(tip(reachy, 'right', found) - target) <= REACH_M

    ahead = (1.5, 0.4, 0.2)
    looks = reachy.look_at(ahead, {})
    points = reachy.point_at('left', ahead, {})
    within_limits(reachy, {**looks, **points})
    assert off(reachy, reachy.head.gaze, looks, ahead) <= LOOK_RAD
    assert off(reachy, arms['left'].pointer, points, ahead) <= POINT_RAD
    assert isinstance(reachy.reach('left', (2, 0, 0), {}), Unreachable)


def test_limits_of_the_robots_file_hold_where_they_are_narrower():
    robot_joints = tek_robot().joints
    for name, joint in tek().description.joints.items():
        if name in robot_joints:
            assert joint.bounds == (robot_joints[name].lower, robot_joints[name].upper)
