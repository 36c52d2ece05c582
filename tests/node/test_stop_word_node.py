"""The stop_word node: audio in, a hold out, and a sign of life that never waits."""

import threading

import numpy as np
import pytest
import rclpy
from tektra_msgs.msg import GateState, StopRequest, Transcript
from test_vad_node import chunks

from speech_maker import silence, speak, white_noise
from tektra.runtime.main import StartError
from tektra.runtime.topics import topic
from tektra.stop_word.node import StopWordNode

ENABLED, DISABLED, HELD = (
    GateState.LEVEL_ENABLED,
    GateState.LEVEL_DISABLED,
    GateState.LEVEL_HOLD,
)
START_S = 30.0
LAG_S = 0.2  # of the search, behind what is said: a busy machine gets no gaps


def start(ros, **parameters):
    overrides = [rclpy.Parameter(k, value=v) for k, v in parameters.items()]
    node = StopWordNode(context=ros.context, parameter_overrides=overrides)
    ros.add(node)
    ros.until(lambda: node._core.hearing.backend, START_S)
    return node


class Robot:
    """A gate that shows what it was asked for, and collects it."""

    def __init__(self, ros, name='tek', *, answers=True):
        row = topic('gate_state')
        self.out = ros.peer.create_publisher(row.message_type(), row.of(name), row.qos())
        self.requests, self.level, self.answers = [], ENABLED, answers
        self.name, self.seq = name, 0
        row = topic('estop/stop_request')
        ros.peer.create_subscription(row.message_type(), row.of(name), self._ask, row.qos())
        ros.peer.create_timer(0.05, self._show)

    def _ask(self, request):
        self.requests.append(request)

    def _show(self):
        shown = [r.request_id for r in self.requests][-16:] if self.answers else []
        self.seq += 1
        self.out.publish(
            GateState(
                robot=self.name,
                instance_id='gate-1',
                seq=self.seq,
                level=self.level,
                channels=['base'],
                standstill=[True],
                request_ids=shown,
            )
        )

    def met(self, ros, node):
        """Wait until the node has seen what it shows, and is heard by it."""
        ros.until(lambda: node._core._watch._seen['tek'])
        ros.until(lambda: node._out['tek'].get_subscription_count())

    @property
    def levels(self):
        return [
            level for _, level in dict.fromkeys((r.request_id, r.level) for r in self.requests)
        ]


def sentence(text):
    said = speak(text)
    pcm = np.concatenate((silence(1), said, silence(0.6))).astype(int)
    return (pcm + white_noise(len(pcm) / 16000 + 1, -60)[: len(pcm)]).astype(np.int16)


def say(ros, node, mic, text):
    """Say a sentence at the pace of the listener."""
    core, before = node._core, node._core.hearing.received
    for n, chunk in enumerate(chunks(sentence(text))):
        mic.publish(chunk)
        ros.until(lambda n=n: core.hearing.received >= before + 512 * (n + 1))
        ros.until(lambda: core.lag_s < LAG_S)


def test_a_spoken_stop_holds_the_robot_that_is_enabled(ros):
    robot, health = Robot(ros), ros.collect('/stop_word/health')
    node = start(ros)
    mic = ros.publisher('audio/mic')
    robot.met(ros, node)
    say(ros, node, mic, 'please stop')
    ros.until(lambda: robot.requests)
    request = robot.requests[0]
    assert (request.level, request.source) == (StopRequest.LEVEL_HOLD, 'stop_word')
    assert "'stop'" in request.reason

    def listens():
        mic.publish(next(chunks(white_noise(0.1))))
        return any(h.listening and h.backend == 'pocketsphinx' for h in health)

    ros.until(listens)


def test_a_transcript_confirms_the_hold_as_a_stop(ros):
    robot = Robot(ros)
    node = start(ros)
    mic, stt = ros.publisher('audio/mic'), ros.publisher('speech/transcript')
    robot.met(ros, node)
    say(ros, node, mic, 'please stop')
    ros.until(lambda: robot.requests)
    stt.publish(Transcript(text='please stop', is_final=True, utterance_id='u', backend='stt'))
    ros.until(lambda: StopRequest.LEVEL_STOP in robot.levels)


def test_a_gate_that_does_not_show_the_hold_is_named_in_the_heartbeat(ros):
    robot, beats = Robot(ros, answers=False), ros.collect('heartbeat')
    node = start(ros)
    robot.met(ros, node)
    say(ros, node, ros.publisher('audio/mic'), 'please stop')
    ros.until(lambda: any('tek: NOT CONFIRMED: its robot_gate' in b.last_error for b in beats))
    one = robot.requests[0].request_id
    assert sum(r.request_id == one for r in robot.requests) >= 2  # repeated


def test_without_audio_it_says_that_it_does_not_listen(ros):
    health, beats = ros.collect('/stop_word/health'), ros.collect('heartbeat')
    start(ros)
    mic = ros.publisher('audio/mic')
    ros.until(lambda: any('no audio' in b.status for b in beats))

    def listens():
        mic.publish(next(chunks(white_noise(0.1))))
        return any(h.listening for h in health)

    ros.until(listens)
    ros.until(lambda: not health[-1].listening)


def test_the_beat_goes_on_while_a_search_hangs(ros):
    robot, health = Robot(ros), ros.collect('/stop_word/health')
    node = start(ros)
    robot.met(ros, node)
    stt = ros.publisher('speech/transcript')
    mic, release = ros.publisher('audio/mic'), threading.Event()
    node._worker.submit(release.wait)
    try:
        for chunk in chunks(np.zeros(32_000, np.int16)):
            mic.publish(chunk)
            ros.executor.spin_once(timeout_sec=0.002)
        count = len(health)
        ros.until(lambda: len(health) > count + 3)
        ros.until(lambda: any(h.lag_s > 0.5 for h in health))
        assert not health[-1].listening
        stt.publish(Transcript(text='stop', is_final=True, utterance_id='u', backend='stt'))
        ros.until(lambda: robot.requests)
    finally:
        release.set()
    ros.until(lambda: health[-1].lag_s == 0)


def test_a_robot_that_is_not_known_is_refused_with_those_that_are(ros):
    overrides = [rclpy.Parameter('robots', value=['nobody'])]
    with pytest.raises(StartError, match="no robot 'nobody'"):
        StopWordNode(context=ros.context, parameter_overrides=overrides)


def test_a_simulated_clock_is_refused(ros):
    overrides = [rclpy.Parameter('use_sim_time', value=True)]
    with pytest.raises(StartError, match='use_sim_time'):
        StopWordNode(context=ros.context, parameter_overrides=overrides)
