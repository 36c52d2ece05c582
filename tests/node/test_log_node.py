"""Logs of real nodes: level at run time, ids, words kept out, services that fail."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest
from lifecycle_msgs.msg import Transition
from rcl_interfaces.msg import Log, Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy.qos import QoSDurabilityPolicy, QoSProfile
from std_srvs.srv import Trigger
from tektra_msgs.msg import TextInput, TurnState

from tektra.runtime.log import HIDDEN
from tektra.runtime.node import TektraNode
from tektra.turn_taking.node import TurnTakingNode

LATCHED = QoSProfile(depth=1000, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)


@dataclass(frozen=True)
class Params:
    pass


class Clumsy(TektraNode):
    """Fails on every line, and quotes it.

    Each test names it anew: rosout goes by the name, also while an older one is being collected.
    """

    params_class = Params

    def setup(self, params, loaded):
        self.subscribe('turn/state', lambda message: None)
        self.subscribe('text/input', self._on_text)
        self.made = self.create_service(Trigger, 'clumsy/ask', self._ask)

    def teardown(self):
        self.destroy_service(self.made)

    def _on_text(self, message):
        raise ValueError(f'cannot digest {message.text!r}')

    def _ask(self, request, response):
        raise RuntimeError('the drawer is stuck')


@pytest.fixture
def rosout(ros):
    kept = []
    ros.peer.create_subscription(Log, '/rosout', kept.append, LATCHED)
    return kept


def set_level(ros, node, level):
    client = ros.peer.create_client(SetParameters, f'{node.get_name()}/set_parameters')
    ros.until(client.service_is_ready)
    value = ParameterValue(type=4, string_value=level)
    request = SetParameters.Request(parameters=[Parameter(name='log_level', value=value)])
    future = client.call_async(request)
    ros.until(future.done)
    return future.result().results[0]


def lines(rosout, node):
    return [entry.msg for entry in rosout if entry.name == node.get_logger().name]


def test_the_level_can_be_changed_while_the_node_runs(ros, rosout):
    node = ros.bring_up(ros.make(TurnTakingNode, 'turn_taking'))
    node.log.debug('too fine')
    node.log.info('first')
    ros.until(lambda: 'first' in lines(rosout, node))
    assert 'too fine' not in lines(rosout, node)
    assert set_level(ros, node, 'debug').successful
    node.log.debug('fine')
    ros.until(lambda: 'fine' in lines(rosout, node))
    assert set_level(ros, node, 'error').successful
    assert node.log_level() == 'error'
    node.log.warning('not so bad')
    node.log.error('bad')
    ros.until(lambda: 'bad' in lines(rosout, node))
    assert 'not so bad' not in lines(rosout, node)
    assert set_level(ros, node, 'info').successful


def test_the_level_of_one_node_is_not_that_of_another_in_the_same_process(ros):
    first = ros.make(Clumsy, 'first')
    second = ros.make(Clumsy, 'second', {'log_level': 'error'})
    assert (first.log_level(), second.log_level()) == ('info', 'error')


@pytest.mark.parametrize('level', ['verbose', 3])
def test_a_node_that_is_started_with_a_level_that_does_not_exist_says_so_and_lives(ros, level):
    node = ros.bring_up(ros.make(Clumsy, 'clumsy_3', {'log_level': level}))
    assert node.log_level() == 'info'


def test_a_level_that_does_not_exist_is_refused_with_those_that_do(ros):
    node = ros.make(Clumsy, 'clumsy_2')
    result = set_level(ros, node, 'loud')
    assert not result.successful
    assert "log_level = 'loud' is not one of debug, info, warn, error, fatal" in result.reason
    assert node.log_level() == 'info'


def test_records_are_json_with_the_ids_of_what_was_received(ros, rosout, monkeypatch):
    monkeypatch.setenv('TEKTRA_LOG_FORMAT', 'json')
    node = ros.bring_up(ros.make(Clumsy, 'clumsy_3'))
    states = ros.publisher('turn/state')
    states.publish(TurnState(session_id='s-1', turn_seq=4, text='let us go to the beach'))
    texts = ros.publisher('text/input')
    texts.publish(TextInput(text='let us go to the beach'))
    ros.until(lambda: node.last_error)
    ros.until(lambda: any('cannot digest' in line for line in lines(rosout, node)))
    line = next(line for line in lines(rosout, node) if 'cannot digest' in line)
    record = json.loads(line)
    assert (record['session_id'], record['turn_seq']) == ('s-1', 4)
    assert (record['node'], record['instance']) == ('/clumsy_3', node.instance_id)
    assert record['level'] == 'error'


def test_an_error_that_quotes_the_line_does_not_tell_it(ros, rosout):
    node = ros.bring_up(ros.make(Clumsy, 'clumsy_4'))
    beats = ros.collect('heartbeat')
    sender = ros.publisher('text/input')
    sender.publish(TextInput(text='my secret is blue'))
    ros.until(lambda: any('cannot digest' in line for line in lines(rosout, node)))
    ros.until(lambda: any(HIDDEN in beat.last_error for beat in beats))
    assert not any('blue' in line for line in lines(rosout, node))
    assert not any('blue' in beat.last_error for beat in beats)


def test_a_service_that_fails_answers_and_the_node_lives_on(ros):
    node = ros.bring_up(ros.make(Clumsy, 'clumsy_5'))
    client = ros.peer.create_client(Trigger, 'clumsy/ask')
    ros.until(client.service_is_ready)
    for _ in range(2):
        future = client.call_async(Trigger.Request())
        ros.until(future.done)
        assert not future.result().success
        assert 'the drawer is stuck' in future.result().message
    assert node.active
    assert ros.change(node, Transition.TRANSITION_DEACTIVATE)


def test_a_wrong_log_setting_ends_the_program_with_one_line():
    done = subprocess.run(
        [sys.executable, '-m', 'tektra.vad.node'],
        env={**os.environ, 'TEKTRA_LOG_FORMAT': 'xml'},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "tektra: error: TEKTRA_LOG_FORMAT='xml' is not one of text, json\n"
