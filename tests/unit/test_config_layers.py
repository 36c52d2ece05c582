"""The layers of the configuration: which one wins, and what is said about what is wrong."""

import importlib
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tektra.config.launch_arguments import owned, with_configured
from tektra.config.layers import load, write
from tektra.config.merge import literal, merge, parameter_text
from tektra.config.schema import schemas
from tektra.config.setting import Layer, Setting
from tektra.launching import parameter_file
from tektra.launching.errors import LaunchError

ROOT = Path(__file__).resolve().parents[2]


class Machine:
    """A shipped folder, a home and an environment of a test's own."""

    def __init__(self, folder):
        self.shipped, self.home = folder / 'shipped', folder / 'home'
        self.shipped.mkdir()
        (self.home / 'config').mkdir(parents=True)
        self.environment = {'TEKTRA_HOME': str(self.home)}

    def ship(self, text, name='voice.yaml'):
        (self.shipped / name).write_text(text)

    def own(self, text, name='voice.yaml'):
        path = self.home / 'config' / name
        path.write_text(text)
        return path

    def load(self, *options):
        return load(options, self.environment, self.shipped)

    def problems(self, *options):
        return [problem.text for problem in self.load(*options).problems]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def section(node, *lines):
    rows = ''.join(f'    {line}\n' for line in lines)
    return f'/**/{node}:\n  ros__parameters:\n{rows}'


def value(made, node, name):
    (found,) = [s for s in made.of(f'/**/{node}') if s.name == name]
    return found


def test_every_node_that_launch_starts_has_a_parameter_class():
    assert {'audio_capture', 'vad', 'turn_taking', 'dialogue', 'tts', 'audio_playback'} <= set(
        schemas()
    )
    assert 'runtime' not in schemas()


@pytest.mark.parametrize('node', sorted(schemas()))
def test_what_is_checked_is_what_the_node_takes(node):
    module = importlib.import_module(f'tektra.{node}.node')
    taken = {getattr(made, 'params_class', None) for made in vars(module).values()}
    assert schemas()[node] in taken


def test_each_layer_beats_those_below_it_and_is_named_as_the_origin(machine):
    assert value(machine.load(), 'tts', 'rate').layer is Layer.DEFAULT
    machine.ship(section('tts', 'rate: 1.1'))
    assert value(machine.load(), 'tts', 'rate').where.endswith('shipped/voice.yaml:3')
    machine.own(section('tts', 'rate: 1.2'))
    assert value(machine.load(), 'tts', 'rate').where.endswith('home/config/voice.yaml:3')
    machine.environment['TEKTRA__TTS__RATE'] = '1.3'
    assert value(machine.load(), 'tts', 'rate').where == 'TEKTRA__TTS__RATE'
    made = machine.load('tts.rate=1.4')
    assert value(made, 'tts', 'rate').value == 1.4
    beaten = made.beaten[('/**/tts', 'rate')]
    assert [s.value for s in beaten] == [1.1, 1.2, 1.3]


def test_no_home_folder_is_no_problem(machine):
    machine.environment['TEKTRA_HOME'] = '/nowhere/at/all'
    assert machine.problems() == []


def test_a_misspelt_parameter_is_named_with_its_file_line_and_the_right_spelling(machine):
    path = machine.own(section('vad', 'treshold: 0.6'))
    assert machine.problems() == [
        f"{path}:3: vad: unknown parameter 'treshold'; did you mean 'threshold'?"
    ]


@pytest.mark.parametrize(
    ('line', 'said'),
    [
        ('threshold: 2.0', 'threshold = 2 is outside 0.05..0.95'),
        ('threshold: high', "threshold = 'high' must be a number"),
        ('threshold: yes', 'threshold = True must be a number'),
        ('backends: [silero, webrtc]', "backends = 'webrtc' is not one of silero, energy"),
        ('backends: silero', "backends = 'silero' must be a list of strings"),
        ('threshold:', "parameter 'threshold' has no value"),
        ('use_sim_time: true', 'start with use_sim_time:=true'),
    ],
)
def test_a_wrong_value_is_named_with_file_and_line(machine, line, said):
    path = machine.own(section('vad', line))
    (text,) = machine.problems()
    assert text.startswith(f'{path}:3: ')
    assert said in text


def test_a_log_level_that_there_is_not_is_refused_before_a_node_starts(machine):
    machine.environment['TEKTRA__VAD__LOG_LEVEL'] = 'verbose'
    (problem,) = machine.load().problems
    assert "log_level = 'verbose' is not one of debug" in problem.text
    machine.environment['TEKTRA__VAD__LOG_LEVEL'] = 'debug'
    assert machine.load().problems == []


def test_a_text_that_yaml_reads_as_a_boolean_is_to_be_quoted(machine):
    machine.own(section('tts', 'language: no'))
    (text,) = machine.problems()
    assert 'language = False must be a text; put it in quotes' in text


def test_all_that_is_wrong_is_said_at_once(machine):
    machine.own(section('vad', 'treshold: 0.6', 'threshold: 2.0') + section('sst', 'a: 1'))
    machine.environment['TEKTRA__TTS'] = '1'
    texts = machine.problems('tts.rate', 'tts.rate=fast')
    assert len(texts) == 6
    assert any("unknown node 'sst'" in text for text in texts)
    assert any('write TEKTRA__<NODE>__<PARAMETER>=value' in text for text in texts)
    assert any('write --set node.parameter=value' in text for text in texts)
    assert any("rate = 'fast' must be a number" in text for text in texts)


def test_an_empty_section_of_a_node_that_there_is_not_is_refused(machine):
    path = machine.own('/**/tss:\n  ros__parameters: {}\n')
    (text,) = machine.problems()
    assert text.startswith(f"{path}:1: unknown node 'tss'; did you mean 'tts'?")


def test_broken_yaml_is_named_with_its_line(machine):
    path = machine.own('/**/tts:\n  ros__parameters:\n    rate: [1\n')
    (text,) = machine.problems()
    assert text.startswith(f'{path}:')
    assert 'not valid YAML' in text


def test_two_files_of_one_layer_that_set_the_same_are_refused(machine):
    machine.own(section('tts', 'rate: 1.2'), 'a.yaml')
    machine.own(section('tts', 'rate: 1.3'), 'b.yaml')
    (text,) = machine.problems()
    assert 'b.yaml:3: tts: rate is already set in' in text
    assert text.endswith('a.yaml:3')


def test_a_list_of_weights_in_the_home_layer_is_not_taken_for_parameters(machine):
    machine.ship('weights:\n  - name: x\n', 'weights.yaml')
    assert machine.problems() == []
    path = machine.own('weights: []\n', 'weights.yaml')
    (text,) = machine.problems()
    assert text.startswith(f"{path}: 'weights.yaml' is no parameter file")


@pytest.mark.parametrize('name', ['commands.yaml', 'stop_words.yaml'])
def test_a_list_that_is_read_from_the_home_layer_is_no_problem_there(machine, name):
    machine.ship('list:\n  - name: x\n', name)
    machine.own('list: []\n', name)
    assert machine.problems() == []


def test_words_are_read_by_the_type_of_the_parameter(machine):
    machine.environment |= {
        'TEKTRA__AUDIO_CAPTURE__CHANNEL': '2',
        'TEKTRA__AUDIO_CAPTURE__LOOP': 'True',
        'TEKTRA__DIALOGUE__NAME': '007',
        'TEKTRA__VAD__BACKENDS': 'energy, silero',
    }
    made = machine.load()
    assert made.problems == []
    assert value(made, 'audio_capture', 'channel').value == 2
    assert value(made, 'audio_capture', 'loop').value is True
    assert value(made, 'dialogue', 'name').value == '007'
    assert value(made, 'vad', 'backends').value == ('energy', 'silero')


def test_the_command_line_also_beats_a_value_for_one_namespace(machine):
    machine.own('/left/tts:\n  ros__parameters:\n    rate: 1.2\n')
    made = machine.load()
    assert value(made, 'tts', 'rate').value == 1.0
    assert made.settings[('/left/tts', 'rate')].value == 1.2
    made = machine.load('tts.rate=2.0')
    assert set(made.settings) == {('/**/tts', 'rate')}


def test_the_merged_file_is_a_parameter_file_and_reads_back_the_same(machine, tmp_path):
    machine.ship(section('tts', "voice: '1e3'", 'rate: 1'))
    machine.environment['TEKTRA__TURN_TAKING__STOP_PHRASES'] = 'hör auf,"stop"'
    made = machine.load('vad.threshold=1e-1')
    path = write(made, tmp_path / 'state')
    parameter_file.check(path)
    (tmp_path / 'again').mkdir()
    again = load((), {'TEKTRA_HOME': '/nowhere'}, path.parent)
    assert again.problems == []
    pairs = {key: s.value for key, s in made.settings.items()}
    assert pairs == {key: s.value for key, s in again.settings.items()}
    assert value(again, 'tts', 'voice').value == '1e3'


def test_another_configuration_gets_another_file(machine, tmp_path):
    first = write(machine.load('tts.rate=1.5'), tmp_path)
    text = first.read_text()
    second = write(machine.load('tts.rate=1.6'), tmp_path)
    assert first != second
    assert first.read_text() == text
    assert write(machine.load('tts.rate=1.5'), tmp_path) == first


def test_nothing_set_makes_a_file_that_launch_accepts(machine, tmp_path):
    path = write(machine.load(), tmp_path)
    assert parameter_file.check(path) == []


BRINGUP = ROOT / 'launch' / 'bringup.launch.yaml'


def test_what_launch_sets_from_arguments_is_found_in_the_launch_files():
    found = owned(BRINGUP)
    assert found[('audio_playback', 'speaker')] == 'speaker'
    assert found[('audio_capture', 'source')] == 'input'
    assert found[('audio_capture', 'uri')] == 'input_uri'


def test_a_configured_speaker_becomes_the_default_of_the_launch_argument(machine):
    machine.own(section('audio_playback', 'speaker: none'))
    made = machine.load()
    assert with_configured(BRINGUP, {}, made) == {'speaker': 'none'}
    assert with_configured(BRINGUP, {'speaker': 'USB'}, made) == {'speaker': 'USB'}


def test_a_launch_argument_that_contradicts_the_command_line_is_refused(machine):
    made = machine.load('audio_playback.speaker=none')
    with pytest.raises(LaunchError, match=r'speaker:=USB; leave one of them out'):
        with_configured(BRINGUP, {'speaker': 'USB'}, made)


# How long hypothesis takes says something about the machine, nothing about the layers.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
LAYERS = st.sampled_from([Layer.SHIPPED, Layer.HOME, Layer.ENVIRONMENT, Layer.COMMAND_LINE])


@PATIENT
@given(st.lists(st.tuples(LAYERS, st.floats(0.5, 2.5)), min_size=1, max_size=8))
def test_whatever_is_set_the_highest_layer_that_sets_it_wins(words):
    found = [
        Setting('/**/tts', 'rate', number, layer, f'{layer}') for layer, number in sorted(words)
    ]
    made = merge(found)
    top = max(layer for layer, _ in words)
    assert value(made, 'tts', 'rate').value == [s.value for s in found if s.layer is top][-1]
    assert len(made.settings) == 1
    assert 'rate' in parameter_text(made, '')


@PATIENT
@given(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.just(1e-05)))
def test_a_number_that_is_written_is_the_value_that_yaml_reads(written):
    assert yaml.safe_load(literal(written)) == written
    assert type(yaml.safe_load(literal(written))) is type(written)
