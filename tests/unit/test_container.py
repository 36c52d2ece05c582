"""What a container is asked to hold, who is refused, and the launch argument that asks for it."""

import ast
from dataclasses import dataclass
from pathlib import Path

import launch_support
import pytest

from tektra.container.core import HOSTED, REFUSED, ContainerError, Wanted, parse, typed
from tektra.launching import plan
from tektra.runtime.params import ParameterError, param

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'src/tektra/tektra'


@dataclass(frozen=True)
class Params:
    uri: str = param('', 'a text')
    fast: bool = param(False, 'a switch')
    gain: float = param(1.0, 'a number')
    count: int = param(1, 'a whole number')
    backends: tuple[str, ...] = param(('a',), 'a list')


def test_each_node_has_its_own_name_and_parameters():
    words = '--node vad --node audio_capture --name ear --param uri=a=b --param fast=true'
    assert parse(words.split()) == [
        Wanted('vad', 'vad'),
        Wanted('audio_capture', 'ear', {'uri': 'a=b', 'fast': 'true'}),
    ]


@pytest.mark.parametrize('kind', ['estop', 'robot_gate', 'stop_word'])
def test_the_safety_nodes_are_refused_with_the_reason(kind):
    with pytest.raises(ContainerError, match=f"'{kind}' always has a process.*a stop must work"):
        parse(['--node', 'vad', '--node', kind])


def test_tts_is_refused_because_of_its_gpl_engines():
    with pytest.raises(ContainerError, match='GPL speech engines'):
        parse(['--node', 'tts'])


@pytest.mark.parametrize(
    ('words', 'problem'),
    [
        ('', 'no node is asked for'),
        ('--node', '--node needs a value'),
        ('vad', "'vad' is no option"),
        ('--name x --node vad', "--name 'x' comes before any --node"),
        ('--node vda', "no node 'vda'.*did you mean 'vad'"),
        ('--node zzz', "no node 'zzz'.*there are: audio_capture"),
        ('--node vad --node vad', "two nodes are named 'vad'"),
        ('--node vad --param threshold', "'threshold' of vad is not written NAME=VALUE"),
    ],
)
def test_a_wrong_command_line_is_explained(words, problem):
    with pytest.raises(ContainerError, match=problem):
        parse(words.split())


def test_values_get_the_type_that_the_node_declares():
    given = {'uri': '5', 'fast': 'true', 'gain': '2', 'count': '3', 'backends': '[x, y]'}
    assert typed(Wanted('vad', 'vad', given), Params) == {
        'uri': '5',
        'fast': True,
        'gain': 2.0,
        'count': 3,
        'backends': ['x', 'y'],
    }
    assert typed(Wanted('vad', 'vad', {'uri': ''}), Params) == {'uri': ''}


def test_a_value_of_another_type_is_named():
    with pytest.raises(ParameterError, match="ear: fast = 'maybe' must be of type bool"):
        typed(Wanted('audio_capture', 'ear', {'fast': 'maybe'}), Params)


def test_every_node_is_either_hosted_or_refused_and_every_class_is_there():
    found = {path.parent.name for path in PACKAGE.glob('*/node.py')} - {'container', 'runtime'}
    assert found <= set(HOSTED) | set(REFUSED)
    for module, name in HOSTED.values():
        path = PACKAGE.parent / f'{module.replace(".", "/")}.py'
        if not path.is_file():
            pytest.skip(f'{path} is not there')
        classes = [n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef)]
        assert name in classes


def _bringup(folder, args):
    names = (*HOSTED, 'tts', 'lifecycle_manager', 'container')
    programs = dict.fromkeys(names, '#!/bin/sh\n')
    prefix = launch_support.make_prefix(folder, programs, package='tektra')
    environment = launch_support.environment(prefix)
    return plan.load(ROOT / 'launch/bringup.launch.yaml', args, environment)


def test_composed_leaves_tts_and_the_manager_alone_and_asks_for_what_a_container_can_hold(
    tmp_path,
):
    args = {'composed': 'true', 'input': 'file', 'input_uri': 'my talk.wav', 'speaker': 'none'}
    made = _bringup(tmp_path, {**args, 'namespace': 'site'})
    assert [process.label for process in made.processes] == [
        'tts-1',
        'container-2',
        'lifecycle_manager-3',
    ]
    assert made.warnings == ()
    container = made.processes[1]
    end = container.command.index('--ros-args')
    wanted = {one.kind: one for one in parse(container.command[1:end])}
    assert set(wanted) == set(HOSTED)
    assert wanted['audio_capture'].given == {
        'source': 'file',
        'uri': 'my talk.wav',
        'fast': 'false',
    }
    assert wanted['audio_playback'].given == {'speaker': 'none'}
    assert '__ns:=/site' in container.command
    assert not any('__node' in word for word in container.command)
    assert container.respawn.enabled


def test_an_empty_argument_does_not_swallow_the_next_one(tmp_path):
    container = _bringup(tmp_path, {'composed': 'true'}).processes[1]
    end = container.command.index('--ros-args')
    wanted = {one.kind: one for one in parse(container.command[1:end])}
    assert wanted['audio_capture'].given['uri'] == ''


def test_without_composed_there_is_no_container(tmp_path):
    labels = [process.name for process in _bringup(tmp_path, {}).processes]
    assert 'container' not in labels
    assert len(labels) == len(HOSTED) + 2
