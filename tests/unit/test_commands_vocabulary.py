"""config/commands.yaml: its checks, the user's own, the tools of a model and the documentation."""

import json
import math

import pytest
from commands_support import ROOT, vocabulary

from tektra.commands.command import Command
from tektra.commands.motions import find_motion, motion_files, read_motion
from tektra.commands.reference import BEGIN, END, markdown
from tektra.commands.schema import command_of_call, tools
from tektra.commands.vocabulary import NAMES, read_vocabulary, vocabulary_file
from tektra.robots.records import RecordError
from tektra.robots.registry import find_robot

SHIPPED = ROOT / 'config' / 'commands.yaml'


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path))
    (tmp_path / 'config' / 'motions').mkdir(parents=True)
    return tmp_path


def changed(home, old, new):
    text = SHIPPED.read_text(encoding='utf-8')
    assert old in text
    path = home / 'config' / 'commands.yaml'
    path.write_text(text.replace(old, new, 1), encoding='utf-8')
    return path


def refusal(path):
    with pytest.raises(RecordError) as caught:
        read_vocabulary(path)
    return str(caught.value)


# ---- the file


def test_the_shipped_vocabulary_has_every_command_and_is_read_by_default():
    assert vocabulary_file() == SHIPPED
    assert tuple(read_vocabulary().commands) == NAMES
    assert read_vocabulary().motions == ('bow', 'dance', 'stretch')


def test_the_users_own_file_is_read_instead(home):
    path = changed(home, 'most_steps: 10', 'most_steps: 3')
    assert vocabulary_file() == path
    assert read_vocabulary().most_steps == 3


@pytest.mark.parametrize(
    ('old', 'new', 'error'),
    [
        ('  move:', '  mvoe:', "'mvoe' is nothing that a robot executes; did you mean 'move'?"),
        ('  battery:', '  status2:', "'status2' is nothing that a robot executes"),
        ('moves: true', 'moves: perhaps', 'moves: must be true or false'),
        ('needs: [x, y]', 'needs: [x, w]', "'w' is neither in values nor in texts"),
        ('low: -20.0, high', 'low: 30.0, high', 'low 30 is not below high 20'),
        ('small: 0.2', 'small: 50', 'small 50 is outside -20..20'),
        ('default: normal', 'default: norml', "default 'norml' is not one of slow, normal, fast"),
        ('unit: m,', 'unit: ft,', "'ft' is not one of m, rad, s, 1"),
        ('channels: [base]', 'chanels: [base]', "unknown key 'chanels'; did you mean 'channels'?"),
        ('one, choices_from: motions', 'one, choices: []', 'needs either choices or choices_from'),
    ],
)
def test_a_wrong_file_is_told_with_file_and_line(home, old, new, error):
    path = changed(home, old, new)
    text = refusal(path)
    assert text.startswith(f'{path}:')
    assert text.removeprefix(f'{path}:').split(':')[0].isdigit()
    assert error in text


def test_a_file_that_lacks_a_command_names_it(home):
    path = home / 'config' / 'commands.yaml'
    path.write_text('commands:\n  nod: {description: d, channels: [], moves: true}\n')
    assert 'battery missing; copy from the shipped file' in refusal(path)


# ---- checks


@pytest.mark.parametrize(
    ('command', 'error'),
    [
        (Command('mvoe'), "there is no command 'mvoe'; did you mean 'move'?"),
        (Command('move'), 'move: needs x or y'),
        (Command('move', {'x': math.nan}), 'move: x = nan m'),
        (Command('move', {'x': math.inf}), 'move: x = inf m'),
        (Command('move', {'x': 20.1}), 'must be within -20..20'),
        (Command('move', {'x': 0.001}), 'at least 0.01 either way'),
        (Command('move', {'x': 1, 'w': 1}), "has no value 'w'"),
        (Command('move', {'x': 1}, {'speed': 'quick'}), "speed 'quick' is not one of slow"),
        (Command('move', {'x': 1}, {'how': 'slow'}), "has no text 'how'"),
        (Command('turn'), "turn: needs 'angle'"),
        (Command('go_to', {'x': 1}), "go_to: needs 'y'"),
        (Command('motion', texts={'name': 'bwo'}), 'not one of bow, dance, stretch; did you'),
        (Command('look_at', texts={'target': 'point'}), "target 'point' needs x and y"),
        (Command('look_at', {'x': 1}, {'target': 'left'}), "x belong to target 'point'"),
        (Command('gripper', texts={'action': 'opn'}), "did you mean 'open'?"),
    ],
)
def test_what_may_not_be_executed_is_told(command, error):
    (text,) = vocabulary().check(command)
    assert error in text


def test_everything_that_is_wrong_is_told_at_once():
    assert len(vocabulary().check(Command('turn', {'angel': 1}, {'speed': 'x'}))) == 3


def test_defaults_complete_a_command_and_pass_its_check():
    complete = vocabulary().complete(Command('wave'))
    assert complete == Command('wave', {'times': 3.0}, {'arm': 'either'})
    assert vocabulary().check(complete) == []
    assert vocabulary().complete(Command('turn', {'angle': 1.0})).values['angle'] == 1.0


@pytest.mark.parametrize(('x', 'asked'), [(10.0, False), (10.1, True), (-10.1, True)])
def test_a_long_way_is_asked_for_first_in_both_directions(x, asked):
    assert vocabulary().needs_confirmation(Command('move', {'x': x})) is asked


# ---- the message


def test_a_command_survives_the_fields_of_a_message():
    command = Command('go_to', {'x': 1.0, 'y': -2.0}, {'frame': 'map'})
    assert command.flat() == ('go_to', ('x', 'y'), (1.0, -2.0), ('frame',), ('map',))
    assert Command.of_flat(*command.flat()) == command
    assert hash(Command.of_flat(*command.flat())) == hash(command)


def test_fields_that_do_not_pair_up_are_refused():
    with pytest.raises(ValueError, match='move: 2 value_names for 1 values'):
        Command.of_flat('move', ['x', 'y'], [1.0], [], [])
    with pytest.raises(ValueError, match='holds a name twice'):
        Command.of_flat('move', ['x', 'x'], [1.0, 2.0], [], [])


def test_a_command_cannot_be_changed_after_its_check():
    values = {'x': 1.0}
    command = Command('move', values)
    values['x'] = 100.0
    assert command.values['x'] == 1.0
    with pytest.raises(TypeError):
        command.values['x'] = 100.0


# ---- tools of a language model


def test_there_is_one_tool_a_command_and_it_is_json():
    made = json.loads(json.dumps(tools(vocabulary()), allow_nan=False))
    assert [tool['function']['name'] for tool in made] == list(NAMES)
    turn = next(t['function'] for t in made if t['function']['name'] == 'turn')
    assert turn['parameters']['required'] == ['angle']
    assert turn['parameters']['properties']['angle']['minimum'] == -12.5664
    assert turn['parameters']['additionalProperties'] is False
    motion = next(t['function'] for t in made if t['function']['name'] == 'motion')
    assert motion['parameters']['properties']['name']['enum'] == ['bow', 'dance', 'stretch']


def test_a_call_becomes_a_command():
    made = command_of_call(vocabulary(), 'move', {'x': 1, 'speed': 'slow'})
    assert made == Command('move', {'x': 1.0}, {'speed': 'slow'})


@pytest.mark.parametrize(
    ('name', 'arguments', 'error'),
    [
        ('move', {'x': '1'}, "x must be a number, not '1'"),
        ('move', {'x': True}, 'x must be a number, not True'),
        ('move', {'x': 10**400}, 'x = inf m'),
        ('move', {}, 'needs x or y'),
        ('move', {'x': 1, 'speed': ['slow']}, 'speed must be a number or a text'),
        ('fly', {'x': 1}, "there is no command 'fly'"),
        ('wave', {'arm': 'third'}, "arm 'third' is not one of left"),
    ],
)
def test_a_wrong_call_is_told_in_words_that_a_model_can_act_on(name, arguments, error):
    with pytest.raises(ValueError, match=error.replace('[', r'\[')):
        command_of_call(vocabulary(), name, arguments)


# ---- the documentation


def test_the_documentation_tells_of_every_command():
    docs = ROOT / 'docs' / 'commands.md'
    shown = docs.read_text(encoding='utf-8').partition(BEGIN)[2].partition(END)[0]
    made = markdown(vocabulary())
    assert shown == made, f'put this between the two marks of {docs}:\n{made}'


# ---- named motions


def motion(home, text, name='hop'):
    path = home / 'config' / 'motions' / f'{name}.yaml'
    path.write_text(text)
    return path


@pytest.mark.parametrize('name', ['bow', 'dance', 'stretch'])
def test_the_shipped_motions_are_within_the_limits_of_the_shipped_robot(name):
    made = find_motion(name)
    assert made.problems(find_robot('tek')) == ()
    assert made.name == name
    assert made.duration_s > 2.0


def test_a_motion_of_the_users_own_can_be_said(home):
    motion(home, 'description: d\nkeyframes: [{time_s: 1.0, joints: {head_pan: 0.1}}]\n')
    assert 'hop' in motion_files()
    assert read_vocabulary().check(Command('motion', texts={'name': 'hop'})) == []


@pytest.mark.parametrize(
    ('keyframes', 'error'),
    [
        ('[]', 'keyframes is empty'),
        ('[{time_s: 1, joints: {}}]', r'keyframes[0]: joints is empty'),
        ('[{time_s: 2, joints: {a: 1}}, {time_s: 1, joints: {a: 1}}]', 'time_s 1 is not after 2'),
        ('[{time_s: 0, joints: {a: 1}}]', '0 is outside 0.1..60 s'),
        ('[{time_s: 1, joints: {a: x}}]', 'joints.a: must be a number'),
        ('[{time_s: 1}]', "has no 'joints'"),
    ],
)
def test_a_wrong_motion_is_told_with_file_and_line(home, keyframes, error):
    path = motion(home, f'description: d\nkeyframes: {keyframes}\n')
    with pytest.raises(RecordError) as caught:
        read_motion(path)
    assert str(caught.value).startswith(f'{path}:')
    assert error in str(caught.value)


@pytest.mark.parametrize(
    ('joints', 'error'),
    [
        ('{head_pam: 0}', "robot 'tek' has no joint 'head_pam'; did you mean 'head_pan'?"),
        ('{head_pan: 2}', r"keyframes[1].joints.head_pan: 2 is outside -1.4..1.4 of robot 'tek'"),
        ('{head_pan: 1.3}', 'needs 13.00/s, more than the 2/s'),
    ],
)
def test_a_motion_that_a_robot_cannot_play_says_why(home, joints, error):
    first = '{time_s: 1, joints: {head_pan: 0}}'
    path = motion(
        home, f'description: d\nkeyframes: [{first}, {{time_s: 1.1, joints: {joints}}}]\n'
    )
    assert error in read_motion(path).problems(find_robot('tek'))[0]


def test_a_motion_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(RecordError, match="no motion 'bwo'; did you mean 'bow'"):
        find_motion('bwo')
