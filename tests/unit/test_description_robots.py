"""From a robot's file to its description and back: what they share, and what is told if not."""

import dataclasses
import re

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from description_files import (
    LINK,
    ROOT,
    TEK_FILE,
    TEK_XACRO,
    hinge,
    reachy_file,
    robot,
    tek,
    tek_plain,
    tek_robot,
    two_links,
    write,
)

from tektra.cli.robots import robots
from tektra.description.described import describe, kinematics_of
from tektra.description.load import load_description
from tektra.description.model import DescriptionError
from tektra.description.robot_file import limbs, robot_file_for
from tektra.robots.described import ArmSpec, DescriptionSpec
from tektra.robots.records import RecordError
from tektra.robots.spec import read_robot

SMALL = """\
name: small
driver: {type: sim}
owners: [{source: robot_bridge, priority: 100, input: setpoint}]
joints:
  turn: {channel: arm, lower: -1, upper: 1, velocity: 1, acceleration: 4, jerk: 9, deceleration: 8}
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path / 'home'))


def small(folder, description, text=SMALL):
    path = write(folder, f'{text}{description}\n', 'small.yaml')
    path.chmod(0o644)
    return path


def refused(path):
    with pytest.raises((RecordError, DescriptionError)) as caught:
        kinematics_of(read_robot(path))
    return str(caught.value)


# The shipped robot


def test_joints_limits_and_velocities_of_the_shipped_robot_are_those_of_its_file():
    joints = tek_plain().joints
    for name, own in tek_robot().joints.items():
        limits = joints[name].limits
        assert (limits.lower, limits.upper, limits.velocity) == (
            own.lower,
            own.upper,
            own.velocity,
        ), name
    wheels = {'left_wheel', 'right_wheel'}
    assert set(tek_plain().actuated) == set(tek_robot().joints) | wheels
    assert all(joints[wheel].type == 'continuous' for wheel in wheels)


def test_the_limits_are_written_in_one_place(tmp_path):
    text = TEK_FILE.read_text().replace('lower: -1.4, upper: 1.4', 'lower: -0.9, upper: 0.9')
    own = write(tmp_path, text, 'tek.yaml')
    own.chmod(0o644)
    found = describe(read_robot(own))
    assert found.joints['head_pan'].bounds == (-0.9, 0.9)
    assert 'lower="-0.9"' in found.urdf and found.problems == ()


def test_frames_of_a_robot_carry_its_name():
    description = describe(tek_robot())
    assert description.frame('face') == 'tek/face'
    again = re.findall(r'<link name="([^"]+)"', description.urdf)
    assert again == [f'tek/{link}' for link in description.links]


def test_the_shipped_robot_is_made_of_primitives_with_weight_and_collision_shapes():
    assert tek_plain().meshes == ()
    assert '<mesh' not in tek_plain().urdf
    links = re.split('<link ', tek_plain().urdf)[1:]
    shown = [link for link in links if '<visual>' in link]
    bare = [re.match('name="([^"]+)', link)[1] for link in shown if '<inertial>' not in link]
    assert bare == ['face', 'camera']  # weighed with the head
    for link in links:
        assert ('<inertial>' in link) == ('<collision>' in link)


def test_the_shipped_robot_stands_on_the_ground_and_its_arms_hang_beside_it():
    pytest.importorskip('pinocchio', reason='pinocchio is not installed: ./tektra setup')
    poses = tek().forward({})
    assert poses['left_wheel'][2, 3] == pytest.approx(0.085)
    assert 0.9 < poses['face'][2, 3] < 1.2
    assert np.allclose(poses['left_tip'][:3, 3] * (1, -1, 1), poses['right_tip'][:3, 3])
    assert np.allclose(poses['face'][:3, 0], (1, 0, 0))
    assert np.allclose(poses['camera_optical'][:3, 2], (1, 0, 0))  # z into the picture


# The file of a robot


def test_a_robot_needs_no_description_and_is_told_so_when_one_is_asked_for(tmp_path):
    path = small(tmp_path, '')
    assert read_robot(path).description is None
    assert 'has no description; add description: {file: ROBOT.urdf}' in refused(path)


def test_a_description_lies_beside_the_robots_file_and_finds_its_parts(tmp_path):
    write(tmp_path, two_links(hinge('turn', 'base', 'arm')))
    found = describe(read_robot(small(tmp_path, 'description: {file: small.urdf}')))
    assert found.prefix == 'small/'
    assert found.joints['turn'].limits.velocity == 1.0  # the file allows less than the URDF


@pytest.mark.parametrize(
    'description, said',
    [
        ('description: {file: no.urdf}', 'small.yaml: description.file is not there; tried /'),
        ('description: {file: "package://no_such/a.urdf"}', 'install the package or source its'),
        ("description: {file: ''}", 'small.yaml:7: description: file is empty'),
        ('description: {}', "small.yaml:7: description: has no 'file'"),
        (
            'description: {file: a, haed: b}',
            "description: unknown key 'haed'; did you mean 'head'",
        ),
        (
            'description: {file: a, arms: {left: {tip: arm, joints: amr}}}',
            "description.arms.left: 'amr' is no channel of a joint; did you mean 'arm'?",
        ),
        (
            'description: {file: a, arms: {left: {tip: arm, joints: arm, gripper: grip}}}',
            "description.arms.left: gripper 'grip' is not in arm; its joints: turn",
        ),
        ('description: {file: small.urdf, head: arm}', "1 joints turn the head 'arm' (turn)"),
        (
            'description: {file: small.urdf, arms: {left: {tip: hand, joints: arm}}}',
            "has no link 'hand'; links: base, arm",
        ),
        ('description: {file: small.urdf, arguments: {a: b}}', 'is plain URDF and takes no'),
        ('description: {file: small.urdf, arguments: {a: 1}}', 'arguments.a: must be a text'),
    ],
)
def test_a_wrong_description_is_told_with_its_place_and_fix(tmp_path, description, said):
    write(tmp_path, two_links(hinge('turn', 'base', 'arm')))
    text = refused(small(tmp_path, description.replace('description:', '\ndescription:', 1)))
    assert said in text


def test_a_joint_that_the_description_lacks_is_refused(tmp_path):
    write(tmp_path, two_links(hinge('trun', 'base', 'arm')))
    text = refused(small(tmp_path, 'description: {file: small.urdf}'))
    assert "small.yaml: joint 'turn' is no movable joint of" in text
    assert "did you mean 'trun'?" in text


def test_limits_wider_than_those_of_the_description_are_said_and_do_not_hold(tmp_path):
    write(tmp_path, two_links(hinge('turn', 'base', 'arm').replace('upper="1"', 'upper="0.5"')))
    found = describe(read_robot(small(tmp_path, 'description: {file: small.urdf}')))
    assert found.joints['turn'].bounds == (-1.0, 0.5)
    [said] = found.problems
    assert (
        "joint 'turn' may go from -1 to 1, in small.urdf from -1 to 0.5; make them equal" in said
    )


def test_limits_that_share_nothing_are_refused(tmp_path):
    element = hinge('turn', 'base', 'arm').replace('"-1"', '"2"').replace('upper="1"', 'upper="3"')
    write(tmp_path, two_links(element))
    text = refused(small(tmp_path, 'description: {file: small.urdf}'))
    assert 'its description allows nothing of that; correct lower and upper' in text


# The page, and a file for a robot of which there is only a description


def test_the_steps_of_the_page_make_a_robot_that_works(tmp_path, monkeypatch):
    page = (ROOT / 'docs/robot_description.md').read_text()
    [words] = re.findall(r'`./tektra robots (new [^`]*)`', page)
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.delenv('TEKTRA_HOME', raising=False)
    folder = tmp_path / '.tektra/config/robots'
    write(folder, two_links(hinge('turn', 'base', 'arm')), 'my_robot.urdf')
    monkeypatch.chdir(folder)
    assert CliRunner().invoke(robots, words.split(), standalone_mode=False).return_value == 0
    assert describe(read_robot(folder / 'my_robot.yaml')).frame('arm') == 'my_robot/arm'
    [block] = re.findall(r'```yaml\n(.*?)```', page, re.DOTALL)
    told = yaml.safe_load(block)['description']
    keys = {field.name for field in dataclasses.fields(DescriptionSpec)}
    assert set(told) == keys
    assert set(told['arms']['left']) < {field.name for field in dataclasses.fields(ArmSpec)}


def written(folder, description, **words):
    text = robot_file_for(description, **words)
    path = write(folder, text, f'{yaml.safe_load(text)["name"]}.yaml')
    path.chmod(0o644)
    return read_robot(path)


def test_the_file_written_for_the_shipped_robot_is_like_the_shipped_one(tmp_path):
    found = written(tmp_path, load_description(TEK_XACRO))
    assert found.base is None
    assert found.channels == ('head', 'left_arm', 'right_arm')
    for name, own in tek_robot().joints.items():
        joint = found.joints[name]
        assert (joint.channel, joint.lower, joint.upper, joint.velocity) == (
            own.channel,
            own.lower,
            own.upper,
            own.velocity,
        )
    assert found.description.head == tek_robot().description.head
    assert found.description.arms == tek_robot().description.arms
    assert kinematics_of(found).arms == tek().arms
    assert 'left_wheel, right_wheel: wheels' in robot_file_for(load_description(TEK_XACRO))


def test_a_real_robot_gets_a_file_with_which_it_works(tmp_path, test_data):
    found = written(tmp_path, load_description(reachy_file(test_data)))
    assert (found.name, found.base) == ('reachy', None)
    assert found.channels == ('right_arm', 'left_arm', 'head')
    assert len(found.joints) == 21
    assert found.joints['l_gripper'].channel == 'left_arm'
    assert found.description.head == 'head'
    arms = found.description.arms
    assert {name: (arm.tip, arm.gripper) for name, arm in arms.items()} == {
        'right': ('right_tip', 'r_gripper'),
        'left': ('left_tip', 'l_gripper'),
    }
    kinematics = kinematics_of(found)
    assert kinematics.head.joints == ('neck_roll', 'neck_pitch', 'neck_yaw')
    assert 'velocity: 1.0' in robot_file_for(kinematics.description)


def test_names_and_numbers_that_yaml_would_misread_survive(tmp_path):
    odd = hinge('on', 'base', 'arm').replace('lower="-1"', 'lower="-1e9"')
    description = load_description(write(tmp_path, two_links(odd.replace('"2"', '"1e-5"'))))
    found = written(tmp_path, description, name='9 Lives!', file='a: b.urdf')
    assert found.name == 'robot_9_lives'
    assert found.description.file == 'a: b.urdf'
    joint = found.joints['on']
    assert (joint.lower, joint.velocity) == (-1000.0, 0.001)  # what a file may say at most


def test_a_trunk_that_carries_limbs_is_a_channel_of_its_own(tmp_path):
    joints = [hinge('lift', 'base', 'torso')]
    names = [('l_arm_1', 'l_arm_2'), ('r_arm_1', 'r_arm_2'), ('head_pan', 'head_tilt')]
    for first, second in names:
        joints += [hinge(first, 'torso', first), hinge(second, first, second)]
    links = [LINK.format(x) for x in ('base', 'torso', *(n for pair in names for n in pair))]
    found = limbs(load_description(write(tmp_path, robot(*links, *joints))))
    assert [(limb.channel, limb.joints) for limb in found] == [
        ('lift', ('lift',)),
        ('left_arm', names[0]),
        ('right_arm', names[1]),
        ('head', names[2]),
    ]


def test_a_description_without_a_joint_gets_no_file(tmp_path):
    description = load_description(write(tmp_path, robot(LINK.format('base'))))
    with pytest.raises(DescriptionError, match='has no joint with limits; a robot that is only'):
        robot_file_for(description)
