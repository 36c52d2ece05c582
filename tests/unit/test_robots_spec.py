"""A robot's safety file: what is wrong is told with file, line, key and fix; and its key."""

import os
import re
import stat

import pytest
from gate_room import TEK

from tektra.robots.proof import RobotKeyError, enable_proof, ensure_key, holds, read_key
from tektra.robots.records import RecordError
from tektra.robots.registry import find_robot, robot_files, site
from tektra.robots.spec import read_robot

SMALL = """\
name: cart
driver: {type: sim}
owners:
  - {source: joystick, priority: 200, input: cmd_vel}
base:
  linear: {velocity: 0.6, acceleration: 0.8, jerk: 8.0, deceleration: 1.5}
  angular: {velocity: 1.5, acceleration: 3.0, jerk: 30.0, deceleration: 6.0}
"""
JOINT = 'channel: arm, lower: 0, upper: 1, velocity: 1, acceleration: 1, jerk: 1, deceleration: 1'


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path / 'home'))
    return tmp_path / 'home'


def write(folder, text, name='cart'):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{name}.yaml'
    path.write_text(text)
    path.chmod(0o644)
    return path


def refusal(path):
    with pytest.raises(RecordError) as caught:
        read_robot(path)
    return str(caught.value)


def test_the_shipped_robot_is_right():
    robot = read_robot(TEK)
    assert robot.channels == ('base', 'head', 'left_arm', 'right_arm')
    assert robot.namespace == '/tek'
    assert re.fullmatch('[0-9a-f]{64}', robot.config_hash)


def test_a_small_robot_has_the_defaults_of_the_documentation(tmp_path):
    robot = read_robot(write(tmp_path, SMALL))
    assert (robot.stop.category, robot.stop.max_ramp_s) == (1, 1.0)
    assert (robot.command_timeout_s, robot.lease_timeout_s) == (0.2, 0.5)
    assert not robot.auto_enable
    assert robot.estop.required_sources == {}


def test_any_change_of_the_file_is_another_hash(tmp_path):
    one = read_robot(write(tmp_path, SMALL)).config_hash
    assert read_robot(write(tmp_path, SMALL + '# a word\n')).config_hash != one


WRONG = [
    # what is changed in the file, its line, what is said
    (('type: sim', 'type: simm'), 2, "driver.type: 'simm' is not one of"),
    (('name: cart', 'nam: cart'), 1, "unknown key 'nam'; did you mean 'name'?"),
    (('name: cart\n', ''), 1, "has no 'name'; add it: its name, also its namespace"),
    (('velocity: 0.6, ', ''), 6, "base.linear: has no 'velocity' (m/s or rad/s); add it"),
    (('velocity: 0.6', 'velocity: fast'), 6, 'base.linear.velocity: must be a number'),
    (('velocity: 0.6', 'velocity: true'), 6, 'base.linear.velocity: must be a number'),
    (('velocity: 0.6', 'velocity: 200'), 6, '200 is outside 0.001..20 m/s or rad/s'),
    (('velocity: 0.6', 'velocity: .nan'), 6, 'nan is outside'),
    (('velocity: 0.6', 'velocity: .inf'), 6, 'inf is outside'),
    (('priority: 200', 'priority: 2.5'), 4, 'owners[0].priority: must be a whole number'),
    (('priority: 200', 'priority: 256'), 4, 'owners[0].priority: 256 is outside 0..255'),
    (('source: joystick', 'source: Joy/stick'), 4, "source 'Joy/stick' must match"),
    (('{type: sim}', 'sim'), 2, 'driver: must be a mapping'),
    (('{type: sim}', '{type: sim, port: 1}'), 1, 'driver sim takes neither host nor port'),
    (('{type: sim}', '{type: tcp, host: h}'), 1, 'driver tcp needs host and port'),
    (('{type: sim}', '{type: ros}'), 1, 'driver ros with a base needs cmd_vel_topic'),
    (('{type: sim}', '{type: plugin}'), 1, "driver plugin needs plugin: 'module:Class'"),
]
ADDED = [
    ('stop: {category: 3}', 8, 'stop.category: 3 is outside 0..2'),
    ('estop: {fleet: perhaps}', 8, "estop.fleet: 'perhaps' is not one of"),
    ('estop: {required_sources: {button: 9}}', 8, 'button: 9 is outside 0.05..5 s'),
    ('spoken_names: cart', 8, 'spoken_names: must be a list'),
    ('command_timeout_s: 0.3', 8, 'command_timeout_s: 0.3 is outside 0.05..0.2 s'),
    ('auto_enable: maybe', 8, 'auto_enable: must be true or false'),
    (
        'workspace: {frame: moon, polygon: [[0, 0], [1, 0], [1, 1]]}',
        8,
        "workspace.frame: 'moon' is not one of",
    ),
    ('workspace: {frame: map, polygon: [[0, 0], [1, 0]]}', 8, 'at least three corners'),
    ('workspace: {frame: map, polygon: [[0, 0], [1, 0], [0, 0]]}', 8, 'names a corner twice'),
    (
        'workspace: {frame: map, polygon: [[0, 0], [1, 1], [1, 0], [0, 1]]}',
        8,
        'polygon: sides 0 and 2 cross',
    ),
    ('workspace: {frame: map, polygon: [[0, 0, 0]]}', 8, 'must be a list of 2'),
    ('joints: {elbow: {' + JOINT.replace('upper: 1', 'upper: 0') + '}}', 8, 'lower 0 must be'),
    ('joints: {elbow: {' + JOINT.replace('arm', 'base') + '}}', 8, "'base' is no name of a joint"),
]


@pytest.mark.parametrize('change, line, said', WRONG)
def test_a_wrong_value_is_named_with_its_line(tmp_path, change, line, said):
    path = write(tmp_path, SMALL.replace(*change))
    text = refusal(path)
    assert text.startswith(f'{path}:{line}: '), text
    assert said in text


@pytest.mark.parametrize('added, line, said', ADDED)
def test_a_wrong_addition_is_named_with_its_line(tmp_path, added, line, said):
    path = write(tmp_path, SMALL + added + '\n')
    text = refusal(path)
    assert text.startswith(f'{path}:{line}: '), text
    assert said in text


def test_what_must_fit_together_is_told(tmp_path):
    head = SMALL[: SMALL.index('base:')]
    assert 'neither base nor joints' in refusal(write(tmp_path, head))
    joints = f'joints: {{elbow: {{{JOINT}}}}}\n'
    square = 'workspace: {frame: odom, polygon: [[0, 0], [1, 0], [1, 1]]}\n'
    assert 'for robots with a base' in refusal(write(tmp_path, head + joints + square))
    twice = SMALL.replace('base:', '  - {source: joystick, priority: 1, input: cmd_vel}\nbase:')
    assert "owners: 'joystick' is named twice" in refusal(write(tmp_path, twice))
    owners = ''.join(f'  - {{source: {n}, priority: 1, input: setpoint}}\n' for n in ('a', 'b'))
    two = SMALL.replace('base:', f'{owners}base:')
    assert 'only one may use input setpoint' in refusal(write(tmp_path, two))


def test_auto_enable_is_refused_for_every_driver_but_sim(tmp_path):
    for driver in (
        '{type: tcp, host: localhost, port: 1}',
        '{type: udp, host: localhost, port: 1}',
        '{type: ros, cmd_vel_topic: x}',
        "{type: plugin, plugin: 'a:B'}",
    ):
        text = SMALL.replace('{type: sim}', driver) + 'auto_enable: true\n'
        said = refusal(write(tmp_path, text))
        assert 'auto_enable is for simulated drivers only' in said
        assert 'tektra enable' in said


@pytest.mark.parametrize('mode', [0o664, 0o646, 0o666])
def test_a_file_that_others_may_change_is_refused(tmp_path, mode):
    path = write(tmp_path, SMALL)
    path.chmod(mode)
    assert refusal(path) == (
        f'{path}: others may change this safety file (mode {mode:o}); chmod go-w {path}'
    )


def test_no_file_an_empty_file_and_no_yaml_are_told(tmp_path):
    path = tmp_path / 'cart.yaml'
    assert refusal(path) == f'{path}: No such file or directory'
    assert refusal(write(tmp_path, '')) == f'{path}:1: the file is empty'
    assert refusal(write(tmp_path, 'name: [\n')).startswith(f'{path}:')


def test_the_name_is_that_of_the_file(tmp_path):
    path = write(tmp_path, SMALL, 'other')
    assert refusal(path) == f"{path}: name 'cart' must be that of the file, 'other'"
    bad = write(tmp_path, SMALL.replace('cart', 'Cart-1'), 'Cart-1')
    assert "name 'Cart-1' must match" in refusal(bad)


# ---- registry -----------------------------------------------------------------------------------


def test_the_robots_of_a_user_come_before_the_shipped_ones(home):
    mine = write(home / 'config/robots', SMALL.replace('cart', 'tek'), 'tek')
    write(home / 'config/robots', SMALL)
    assert robot_files()['tek'] == mine
    assert find_robot('tek').path == mine
    assert find_robot('cart').base


def test_an_unknown_robot_is_told_with_what_there_is(home):
    with pytest.raises(RecordError, match="no robot 'tok'; did you mean 'tek'"):
        find_robot('tok')
    with pytest.raises(RecordError, match=f"no robot 'zzz'; known: .*tek.*{home}"):
        find_robot('zzz')


def test_a_spoken_name_is_for_one_robot(home):
    write(home / 'config/robots', SMALL + 'spoken_names: [Tek]\n')
    with pytest.raises(RecordError, match="'tek' is also a name of robot 'tek'"):
        site(['tek', 'cart'])
    assert [robot.name for robot in site(['cart'])] == ['cart']


# ---- the key ------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / 'keys/cart.key'
    key = ensure_key(path)
    assert len(key) == 32
    assert ensure_key(path) == key == read_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize('mode', [0o640, 0o604, 0o610, 0o660])
def test_a_key_that_others_may_use_is_refused(tmp_path, mode):
    path = tmp_path / 'cart.key'
    ensure_key(path)
    path.chmod(mode)
    with pytest.raises(RobotKeyError, match=f'others may read this key; chmod 600 {path}'):
        ensure_key(path)


def test_a_key_that_is_missing_or_too_short_is_told(tmp_path):
    path = tmp_path / 'cart.key'
    with pytest.raises(RobotKeyError, match=r'No such file.*estop makes it at its first start'):
        read_key(path)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with pytest.raises(RobotKeyError, match='too short for a key; remove it'):
        read_key(path)


def test_a_key_whose_folder_cannot_be_made_is_told(tmp_path):
    (tmp_path / 'keys').write_text('in the way')
    with pytest.raises(RobotKeyError, match=r'keys/cart\.key: '):
        ensure_key(tmp_path / 'keys/cart.key')


def test_a_proof_is_for_one_epoch_and_one_key():
    proof = enable_proof(b'k' * 32, 'e', 1, 'g', 2)
    assert holds(proof, enable_proof(b'k' * 32, 'e', 1, 'g', 2))
    others = [
        enable_proof(b'x' * 32, 'e', 1, 'g', 2),
        enable_proof(b'k' * 32, 'f', 1, 'g', 2),
        enable_proof(b'k' * 32, 'e', 2, 'g', 2),
        enable_proof(b'k' * 32, 'e', 1, 'h', 2),
        enable_proof(b'k' * 32, 'e', 1, 'g', 3),
        '',
    ]
    assert not any(holds(proof, other) for other in others)
