"""The node base: transitions, errors, heartbeat, parameters, simulated time."""

import threading
from dataclasses import dataclass

from lifecycle_msgs.msg import State, Transition
from rosgraph_msgs.msg import Clock
from tektra_msgs.msg import VoiceActivity

from tektra.runtime.node import TektraNode
from tektra.runtime.params import param


@dataclass(frozen=True)
class Params:
    threshold: float = param(0.5, 'a number', low=0.0, high=1.0)


class Example(TektraNode):
    params_class = Params
    fail_in = ''

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.may_load = threading.Event()
        self.may_load.set()
        self.heard, self.torn_down, self.ticks = [], 0, 0
        self.loads = 0

    def load(self, params):
        self.loads += 1
        assert self.may_load.wait(10)
        if self.fail_in == 'load':
            raise OSError('model file is not there; run: tektra weights pull x')
        return params.threshold * 2

    def setup(self, params, loaded):
        self.loaded = loaded
        self.subscribe('audio/vad', self._on_vad)
        self.every(0.05, self._tick)

    def start(self):
        if self.fail_in == 'start':
            raise ValueError('no device')

    def teardown(self):
        self.torn_down += 1

    def _on_vad(self, message):
        if message.utterance_id == 'bad':
            raise RuntimeError('cannot digest this')
        self.heard.append(message.utterance_id)

    def _tick(self):
        self.ticks += 1


def test_what_load_returns_reaches_setup(ros):
    node = ros.make(Example, 'example', {'threshold': 0.25})
    ros.bring_up(node)
    assert node.loaded == 0.5


def test_the_heart_beats_while_a_model_loads(ros):
    node = ros.make(Example, 'example')
    beats = ros.collect('heartbeat')
    node.may_load.clear()
    from lifecycle_msgs.srv import ChangeState

    client = ros.peer.create_client(ChangeState, 'example/change_state')
    ros.until(client.service_is_ready)
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    answer = client.call_async(request)
    second = client.call_async(request)
    configuring = State.TRANSITION_STATE_CONFIGURING
    ros.until(lambda: sum(b.state == configuring for b in beats) >= 3)
    ros.until(second.done)
    assert not second.result().success  # one transition at a time
    assert not answer.done()
    node.may_load.set()
    ros.until(answer.done)
    assert answer.result().success
    ros.until(lambda: beats[-1].state == State.PRIMARY_STATE_INACTIVE)


def test_an_error_in_configure_is_kept_and_the_next_try_works(ros):
    node = ros.make(Example, 'example')
    beats = ros.collect('heartbeat')
    node.fail_in = 'load'
    assert not ros.change(node, Transition.TRANSITION_CONFIGURE)
    ros.until(lambda: any('model file is not there' in b.last_error for b in beats))
    assert beats[-1].state == State.PRIMARY_STATE_UNCONFIGURED
    node.fail_in = ''
    ros.bring_up(node)
    ros.until(lambda: beats[-1].state == State.PRIMARY_STATE_ACTIVE)
    assert beats[-1].last_error == ''


def test_an_error_in_activate_leaves_the_node_ready_to_be_configured(ros):
    node = ros.make(Example, 'example')
    node.fail_in = 'start'
    assert ros.change(node, Transition.TRANSITION_CONFIGURE)
    assert not ros.change(node, Transition.TRANSITION_ACTIVATE)
    assert 'no device' in node.last_error
    assert node.torn_down == 1
    node.fail_in = ''
    ros.bring_up(node)


def test_a_node_that_is_configured_refuses_to_be_configured_before_it_loads_anything(ros):
    node = ros.make(Example, 'example')
    assert ros.change(node, Transition.TRANSITION_CONFIGURE)
    node.fail_in = 'load'
    assert not ros.change(node, Transition.TRANSITION_CONFIGURE)
    assert (node.loads, node.last_error) == (1, '')
    assert ros.change(node, Transition.TRANSITION_ACTIVATE)
    assert not ros.change(node, Transition.TRANSITION_CONFIGURE)
    assert node.loads == 1


def test_a_misspelt_parameter_is_refused_with_a_suggestion(ros):
    node = ros.make(Example, 'example', {'treshold': 0.1})
    assert not ros.change(node, Transition.TRANSITION_CONFIGURE)
    assert "unknown parameter 'treshold'; did you mean 'threshold'?" in node.last_error


def test_a_parameter_out_of_range_is_refused(ros):
    node = ros.make(Example, 'example', {'threshold': 7})
    assert not ros.change(node, Transition.TRANSITION_CONFIGURE)
    assert 'threshold = 7 is outside 0..1' in node.last_error


def test_one_bad_message_does_not_end_the_node(ros):
    node = ros.bring_up(ros.make(Example, 'example'))
    sender = ros.publisher('audio/vad')
    for name in ('one', 'bad', 'two'):
        sender.publish(VoiceActivity(utterance_id=name))
    ros.until(lambda: node.heard == ['one', 'two'])
    assert 'cannot digest this' in node.last_error


def test_an_inactive_node_hears_nothing_and_a_cleaned_one_can_come_back(ros):
    node = ros.bring_up(ros.make(Example, 'example'))
    sender = ros.publisher('audio/vad')
    assert ros.change(node, Transition.TRANSITION_DEACTIVATE)
    sender.publish(VoiceActivity(utterance_id='missed'))
    assert ros.change(node, Transition.TRANSITION_ACTIVATE)
    sender.publish(VoiceActivity(utterance_id='heard'))
    ros.until(lambda: node.heard == ['heard'])
    assert ros.change(node, Transition.TRANSITION_DEACTIVATE)
    assert ros.change(node, Transition.TRANSITION_CLEANUP)
    assert node.torn_down == 1
    ros.bring_up(node)


def test_under_simulated_time_timers_and_progress_follow_the_clock(ros):
    node = ros.bring_up(ros.make(Example, 'example', {'use_sim_time': True}))
    progress = ros.collect('clock/progress')
    clock = ros.publisher('/clock', readers=2)
    ros.until(lambda: ros.peer.count_publishers('clock/progress') == 1)
    message = Clock()
    for step in range(1, 6):
        message.clock.sec = step
        clock.publish(message)
        ros.until(lambda step=step: progress and progress[-1].header.stamp.sec == step)
        assert node.now_ns() == step * 10**9
    assert progress[-1].node == '/example'
    assert not progress[-1].busy
    ros.until(lambda: node.ticks >= 4)


def test_time_stands_still_while_the_worker_is_busy(ros):
    node = ros.bring_up(ros.make(Example, 'example', {'use_sim_time': True}))
    progress = ros.collect('clock/progress')
    clock = ros.publisher('/clock', readers=2)
    ros.until(lambda: ros.peer.count_publishers('clock/progress') == 1)
    go_on, done = threading.Event(), []
    node.in_worker(lambda: go_on.wait(10), done.append)
    message = Clock()
    message.clock.sec = 1
    clock.publish(message)
    ros.until(lambda: bool(progress))
    assert progress[0].busy
    go_on.set()
    ros.until(lambda: not progress[-1].busy)
    assert done == [True]


def test_a_stamp_survives_the_way_to_local_time_and_back(ros):
    node = ros.make(Example, 'example')
    local = node.now_ns()
    stamp = node.to_stamp(local)
    assert abs(node.to_local_ns(stamp) - local) < 5_000_000
