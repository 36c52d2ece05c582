"""A container of real nodes: they work, they fail one by one, and they end together."""

import importlib.util
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest
from lifecycle_msgs.msg import State
from rclpy.executors import SingleThreadedExecutor
from tektra_msgs.msg import TextInput

import tiny_models
from tektra.container.node import MAX_FAILURES, Host
from tektra.dialogue.node import DialogueNode
from tektra.runtime.node import TektraNode
from tektra.turn_taking.node import TurnTakingNode

WAIT_S = 30


@dataclass(frozen=True)
class Params:
    pass


class Clumsy(TektraNode):
    """Fails in a callback that no guard of the node base surrounds."""

    params_class = Params
    worth = 1

    def setup(self, params, loaded):
        self.bare = self.create_timer(0.02, self.stumble)

    def teardown(self):
        raise OSError('does not let go')

    def stumble(self):
        if self.worth == 0:
            return
        self.worth -= 1
        raise RuntimeError('stumbled')


@pytest.fixture
def hosted(ros):
    """Give a host whose executor the waits of `ros` spin."""
    for node in ros.nodes:
        ros.executor.remove_node(node)
    executor = SingleThreadedExecutor(context=ros.context)
    executor.add_node(ros.peer)
    made = {}

    def host(*classes):
        for number, node_class in enumerate(classes):
            name = f'node_{number}'
            made[name] = node_class(name, context=ros.context, use_global_arguments=False)
        result = Host(list(made.values()), executor)
        ros.executor.spin_once = lambda timeout_sec: result.spin_once(timeout_sec)
        return result, list(made.values())

    yield host
    ros.executor.spin_once = lambda timeout_sec: None


def test_a_conversation_works_with_its_nodes_in_one_executor(ros, hosted):
    _, (turn_taking, dialogue) = hosted(TurnTakingNode, DialogueNode)
    ros.bring_up(dialogue)
    ros.bring_up(turn_taking)
    replies = ros.collect('dialogue/reply')
    events = ros.publisher('text/input')
    ros.until(lambda: ros.peer.count_publishers('dialogue/reply') == 1)
    events.publish(TextInput(input_id='1', text='what is two plus three', source='test'))
    ros.until(lambda: any(reply.last for reply in replies))
    assert '5' in ''.join(reply.text for reply in replies)
    for node in (turn_taking, dialogue):
        node.shut_down()
        node.destroy_node()


def test_a_callback_that_fails_is_the_error_of_its_node_and_the_others_go_on(ros, hosted):
    host, (clumsy, turn_taking) = hosted(Clumsy, TurnTakingNode)
    beats = ros.collect('heartbeat')
    ros.bring_up(turn_taking)
    ros.bring_up(clumsy)
    ros.until(lambda: clumsy.worth == 0)
    ros.until(lambda: 'stumbled' in clumsy.last_error)
    assert turn_taking.last_error == ''
    seen = len(beats)
    alive = {'/node_0', '/node_1'}
    ros.until(lambda: {beat.node for beat in beats[seen:]} >= alive)
    assert turn_taking.active
    host.shut_down()  # although clumsy does not let go
    assert not turn_taking.active


def test_failures_without_end_are_not_swallowed(ros, hosted):
    host, (clumsy,) = hosted(Clumsy)
    clumsy.worth = 10 * MAX_FAILURES
    host._now_s = lambda: 5.0  # all within one second
    clumsy.bare = clumsy.create_timer(0.001, clumsy.stumble)
    with pytest.raises(RuntimeError, match='stumbled'):
        ros.until(lambda: False, wait_s=10)
    assert clumsy.worth == 9 * MAX_FAILURES
    clumsy.worth = 0
    host.shut_down()


def start(*words):
    return subprocess.Popen(
        [sys.executable, '-m', 'tektra.container.node', *words],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_one_process_holds_the_nodes_under_their_names_and_ends_on_a_signal(ros):
    beats = ros.collect('heartbeat')
    process = start('--node', 'vad', '--name', 'left', '--node', 'vad', '--node', 'dialogue')
    try:
        wanted = {'/left', '/vad', '/dialogue'}
        ros.until(lambda: {beat.node for beat in beats} >= wanted, wait_s=WAIT_S)
        assert {beat.pid for beat in beats} == {process.pid}
        assert len({beat.instance_id for beat in beats}) == 3
        assert {beat.state for beat in beats} == {State.PRIMARY_STATE_UNCONFIGURED}
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, output


def test_parameters_and_remaps_reach_only_the_node_that_is_meant(ros, tmp_path):
    params = tmp_path / 'params.yaml'
    params.write_text('/**/vad:\n  ros__parameters: {threshold: 0.75}\n')
    process = start(
        *'--node vad --node vad --name left --param threshold=0.25 --ros-args'.split(),
        *f'--params-file {params} -r left:heartbeat:=left/heartbeat -r __ns:=/site'.split(),
    )
    try:
        from rcl_interfaces.srv import GetParameters

        for name, threshold in (('vad', 0.75), ('left', 0.25)):
            client = ros.peer.create_client(GetParameters, f'/site/{name}/get_parameters')
            ros.until(client.service_is_ready, wait_s=WAIT_S)
            answers = []

            def asked(client=client, answers=answers):
                # Again and again: what is answered before this client is known is lost.
                request = client.call_async(GetParameters.Request(names=['threshold']))
                request.add_done_callback(lambda done: answers.append(done.result()))
                ros.executor.spin_once(timeout_sec=0.5)
                return answers

            ros.until(asked, wait_s=WAIT_S)
            assert answers[0].values[0].double_value == threshold
        for name in ('/site/left/heartbeat', '/site/heartbeat'):
            ros.until(lambda name=name: ros.peer.count_publishers(name) == 1)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WAIT_S)


@pytest.mark.parametrize(
    ('words', 'problem'),
    [
        (['--node', 'estop'], "'estop' always has a process of its own: a stop must work"),
        (['--node', 'robot_gate'], "'robot_gate' always has a process of its own"),
        (['--node', 'tts'], 'GPL speech engines'),
        (['--node', 'vad', '--param', 'threshold=high'], "vad: threshold = 'high' must be"),
        (['--node', 'vadd'], "did you mean 'vad'?"),
    ],
)
def test_what_cannot_be_held_is_one_line_and_exit_code_2(words, problem):
    process = start(*words)
    output, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 2
    assert problem in output
    assert 'Traceback' not in output


LOADED = """
import importlib, sys
from pathlib import Path

from tektra.container.core import HOSTED
from tektra.runtime.backends import BackendUnavailable
from tektra.stt.factories import EngineOptions
from tektra.stt.factories import factories as of_stt
from tektra.vad.backend import factories as of_vad

for module, _ in HOSTED.values():
    importlib.import_module(module)
makers = {**of_vad(), **of_stt(EngineOptions(whisper_model=sys.argv[1], whisper_device='cpu'))}
kept = {}
for name, make in makers.items():
    try:
        kept[name] = make()
    except BackendUnavailable as error:
        print(f'{name}: {error}')
assert {'silero', 'pocketsphinx', sys.argv[2]} <= set(kept), set(kept)
bad = {'av', 'piper', 'espeakng_loader', 'torch'} & set(sys.modules)
assert not bad, bad
maps = Path('/proc/self/maps').read_text()
bad = [name for name in ('libav', 'x264', 'x265', 'espeak') if name in maps]
assert not bad, bad
"""


def test_gpl_code_is_not_in_the_process_when_the_engines_of_hosted_nodes_are_loaded(tmp_path):
    folder, engine = tmp_path / 'whisper', 'pocketsphinx'
    if importlib.util.find_spec('faster_whisper') is not None:
        tiny_models.write_whisper(folder)
        engine = 'faster_whisper'
    subprocess.run([sys.executable, '-c', LOADED, folder, engine], check=True, timeout=WAIT_S)
