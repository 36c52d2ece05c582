"""Nodes that die in the middle of a conversation."""

import os
import signal
import time

import pytest
from tektra_msgs.msg import DialogueEvent, SystemState, TextInput

from launched import wait_until
from tektra.cli.client import GraphClient
from tektra.runtime.ids import new_id

VOICE = ('audio_capture', 'vad', 'stt', 'turn_taking', 'dialogue', 'tts', 'audio_playback')
UP = (SystemState.STATE_READY, SystemState.STATE_DEGRADED)


class Watched:
    """A running graph seen from a client."""

    def __init__(self, tektra):
        self.process = tektra.start('up', 'input:=silence', 'speaker:=none')
        self.lines = []
        wait_until(self._ready, 'graph not READY')
        self.client = GraphClient(int(os.environ['ROS_DOMAIN_ID']), 'watcher')
        self.beats, self.events, self.system = {}, [], []
        self.client.subscribe('heartbeat', lambda b: self.beats.__setitem__(b.node, b))
        self.client.subscribe('dialogue/event', self.events.append)
        self.client.subscribe('system/state', self.system.append)
        self.lines_out = self.client.publisher('text/input')
        assert self.client.wait_for_reader(self.lines_out)

    def _ready(self):
        self.lines.append(self.process.stdout.readline())
        return 'all nodes are active' in self.lines[-1]

    def ask(self, text, wait_s):
        """Return the answer to a typed line, asking again while turn_taking is away."""
        seen = len(self.events)
        end = time.monotonic() + wait_s

        def answered():
            return [
                e
                for e in self.events[seen:]
                if e.kind == DialogueEvent.KIND_ASSISTANT_TURN and e.text
            ]

        while time.monotonic() < end:
            self.lines_out.publish(TextInput(input_id=new_id(), text=text, source='test'))
            if self.client.wait(lambda: bool(answered()), 2.5):
                return answered()[-1]
        return None


@pytest.fixture
def graph(tektra):
    made = Watched(tektra)
    yield made
    made.client.close()


def test_every_pair_of_publisher_and_subscriber_can_talk(graph):
    """Walk the running graph with the middleware's own compatibility check."""
    from rclpy.qos import QoSCompatibility, qos_check_compatible

    node = graph.client.node
    assert len(graph.client.wait_for_nodes()) == len(VOICE) + 1

    def pairs():
        return [
            (name, sender, reader)
            for name, _ in node.get_topic_names_and_types()
            for sender in node.get_publishers_info_by_topic(name)
            for reader in node.get_subscriptions_info_by_topic(name)
        ]

    assert graph.client.wait(lambda: len(pairs()) > 30, 15)
    for name, sender, reader in pairs():
        verdict, why = qos_check_compatible(sender.qos_profile, reader.qos_profile)
        assert verdict == QoSCompatibility.OK, (
            f'{name}: {sender.node_name} -> {reader.node_name}: {why}'
        )
        assert sender.topic_type == reader.topic_type


@pytest.mark.parametrize('victim', VOICE)
def test_a_killed_node_comes_back_and_the_next_turn_is_answered(graph, victim):
    assert graph.ask('hello', 10) is not None
    wait = graph.client.wait
    assert wait(lambda: f'/{victim}' in graph.beats, 5)
    before = graph.beats[f'/{victim}']
    os.kill(before.pid, signal.SIGKILL)
    assert (
        graph.ask('what is one plus one', 5.0 + 5.0) is not None
    )  # 5 s, and slack for the machine
    assert wait(lambda: graph.beats[f'/{victim}'].instance_id != before.instance_id, 10)

    def ready_again():
        for state in graph.system[-1:]:
            restarts = dict(zip(state.nodes, state.restarts, strict=True))
            return state.state == SystemState.STATE_READY and restarts.get(f'/{victim}') == 1
        return False

    assert wait(ready_again, 15), graph.system[-1:]


def test_the_loss_of_hearing_is_announced(graph):
    assert graph.client.wait(lambda: '/stt' in graph.beats, 5)
    os.kill(graph.beats['/stt'].pid, signal.SIGKILL)
    said = graph.client.wait(
        lambda: any(e.kind == DialogueEvent.KIND_ANNOUNCEMENT for e in graph.events), 20
    )
    assert said, graph.events
