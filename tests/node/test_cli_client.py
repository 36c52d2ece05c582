"""What the commands say to a running graph, and what they hear of it."""

import pytest
from tektra_msgs.msg import NodeHeartbeat, SystemState, TurnState

from tektra.cli.client import GraphClient
from tektra.cli.typist import Typist
from tektra.runtime.topics import open_publisher, open_subscription


@pytest.fixture
def client(ros_domain_id):
    made = GraphClient(ros_domain_id, 'client', 'site')
    yield made
    made.close()


@pytest.fixture
def graph(ros_domain_id):
    """The other end, in the same namespace."""
    made = GraphClient(ros_domain_id, 'graph', 'site')
    yield made
    made.close()


def test_all_nodes_that_are_up_are_waited_for_in_the_namespace_of_the_graph(client, graph):
    beats = open_publisher(graph.node, 'heartbeat')
    state = SystemState(nodes=['/site/vad', '/site/stt'], node_states=[3, 0])
    open_publisher(graph.node, 'system/state').publish(state)

    def beat():
        for name in ('/site/vad', '/site/lifecycle_manager'):
            beats.publish(NodeHeartbeat(node=name))

    timer = graph.node.create_timer(0.02, beat)
    spinning = client.spin
    client.spin = lambda seconds: (graph.spin(0.02), spinning(seconds))
    heard = client.wait_for_nodes()
    timer.cancel()
    assert sorted(heard) == ['/site/lifecycle_manager', '/site/vad']  # stt is missing


def test_a_line_whose_turn_was_lost_is_typed_again(client, graph, monkeypatch):
    monkeypatch.setattr('tektra.cli.typist.REPEAT_S', 0.0)
    typed = []
    open_subscription(graph.node, 'text/input', typed.append)
    typist = Typist(client, ['hello'])

    def turn(session, phase):
        source, text = TurnState.SOURCE_TEXT, 'hello'
        ids = {'session_id': session, 'turn_id': f'{session}-1'}
        typist.on_turn(TurnState(phase=phase, source=source, text=text, **ids))

    def typed_lines(count):
        def done():
            typist.work()
            graph.spin(0.02)
            return len(typed) >= count

        assert client.wait(done, 10.0)

    typed_lines(1)
    turn('first', TurnState.PHASE_COMMITTED)
    turn('second', TurnState.PHASE_LISTENING)  # turn_taking was started again
    typed_lines(len(typed) + 1)
    assert {line.text for line in typed} == {'hello'}
    assert not typist.done
    turn('second', TurnState.PHASE_COMMITTED)
    turn('second', TurnState.PHASE_REPLIED)
    assert typist.done
