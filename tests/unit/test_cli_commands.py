"""`tektra commands` and `tektra robots`, as a person runs them."""

import json
import stat

import pytest
from click.testing import CliRunner

from tektra.cli.commands import commands
from tektra.cli.errors import UserError
from tektra.cli.robots import robots
from tektra.robots.registry import find_robot

ARM = """\
<robot name="arm">
  <link name="base"/><link name="upper"/><link name="tip"/>
  <joint name="shoulder" type="revolute"><parent link="base"/><child link="upper"/>
    <axis xyz="0 0 1"/><limit lower="-1" upper="1" velocity="2" effort="1"/></joint>
  <joint name="elbow" type="revolute"><parent link="upper"/><child link="tip"/>
    <axis xyz="0 1 0"/><limit lower="-1" upper="1" velocity="2" effort="1"/></joint>
</robot>
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path / 'home'))
    return tmp_path / 'home'


def run(command, *words):
    done = CliRunner().invoke(command, words, standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.return_value, done.output


def test_every_command_of_the_vocabulary_is_listed():
    code, text = run(commands)
    assert code == 0
    assert all(name in text for name in ('move', 'shake_head', 'go_to', 'battery'))
    tools = json.loads(run(commands, '--json')[1])
    assert len(tools) >= 15


def test_a_sentence_is_shown_as_the_plan_that_it_is():
    code, text = run(commands, 'turn left and then go forward two metres')
    assert code == 0
    assert '1. turn (angle 1.571' in text and '2. move (x 2' in text
    facts = json.loads(run(commands, 'tek,', 'wave', '--json')[1])
    assert (facts['result'], facts['robots'], facts['steps'][0]['name']) == (
        'plan', ['tek'], 'wave',
    )  # fmt: skip


@pytest.mark.parametrize(
    'sentence, begins',
    [
        ('go forward', 'asked back: '),
        ("don't move", 'refused: '),
        ('what time is it', 'no command'),
    ],
)
def test_what_is_no_plan_says_so_with_its_exit_code(sentence, begins):
    code, text = run(commands, sentence)
    assert code == 1
    assert text.startswith(begins)


def test_robots_are_listed_and_a_broken_file_is_named(home):
    code, text = run(robots)
    assert code == 0 and 'tek' in text and 'left_arm' in text
    folder = home / 'config' / 'robots'
    folder.mkdir(parents=True)
    (folder / 'bad.yaml').write_text('name: bad\n')
    with pytest.raises(UserError, match=r'bad\.yaml'):
        run(robots)


def test_a_robot_of_ones_own_is_made_from_its_urdf_and_never_written_over(home, tmp_path):
    urdf = tmp_path / 'arm.urdf'
    urdf.write_text(ARM)
    code, text = run(robots, 'new', 'armin', '--urdf', str(urdf))
    assert code == 0 and 'read it through' in text
    robot = find_robot('armin')
    assert set(robot.joints) == {'shoulder', 'elbow'}
    assert robot.description.file == 'arm.urdf'
    assert stat.S_IMODE(robot.path.stat().st_mode) == 0o644
    with pytest.raises(UserError, match='exists; remove it first'):
        run(robots, 'new', 'armin', '--urdf', str(urdf))
    with pytest.raises(UserError, match="'My Arm' is no name of a robot"):
        run(robots, 'new', 'My Arm', '--urdf', str(urdf))


def test_what_is_no_urdf_makes_no_file(home, tmp_path):
    text = tmp_path / 'notes.urdf'
    text.write_text('hello')
    with pytest.raises(UserError, match=r'notes\.urdf'):
        run(robots, 'new', 'armin', '--urdf', str(text))
    assert not (home / 'config' / 'robots' / 'armin.yaml').exists()
