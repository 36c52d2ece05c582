"""Nodes within a budget, and an idle node that is really unloaded and comes back."""

import pytest
from lifecycle_msgs.msg import Transition
from tektra_msgs.srv import ManageNodes

from speech_maker import speak
from tektra.lifecycle_manager.node import LifecycleManagerNode
from tektra.runtime.backends import Health
from tektra.vad.node import VadNode

FILE = """
budget: {{memory_mb: {budget}, gpu_memory_mb: 0}}
capabilities:
  vad:
  - {{engine: silero, memory_mb: 110, figure: measured, module: silero_vad}}
  - {{engine: energy, memory_mb: 75, figure: measured}}
"""


@pytest.fixture
def resources(tmp_path, monkeypatch):
    """Return what writes config/resources.yaml of the test's own."""
    path = tmp_path / 'resources.yaml'
    monkeypatch.setenv('TEKTRA_RESOURCES_CONFIG', str(path))

    def write(budget):
        path.write_text(FILE.format(budget=budget))
        return path

    return write


def test_a_node_takes_the_engine_that_fits_and_says_why_not_the_better_one(ros, resources):
    resources(budget=100)
    states = ros.collect('system/backends')
    node = ros.bring_up(ros.make(VadNode, 'vad'))
    ros.until(lambda: states)
    assert states[-1].active == 'energy'
    assert list(states[-1].states) == [Health.UNAVAILABLE, Health.ACTIVE]
    assert states[-1].reasons[0] == (
        'silero needs 110 MB; the budget leaves 100 MB; see: tektra resources'
    )
    assert ros.change(node, Transition.TRANSITION_DEACTIVATE)
    assert ros.change(node, Transition.TRANSITION_CLEANUP)
    resources(budget=200)
    ros.bring_up(node)
    ros.until(lambda: states[-1].active == 'silero')


def test_a_mistake_in_the_file_stops_configure_with_its_place(ros, resources):
    path = resources(budget='much')
    node = ros.make(VadNode, 'vad')
    assert not ros.change(node, Transition.TRANSITION_CONFIGURE)
    assert f"{path}:2: budget.memory_mb: the string 'much' must be" in node.last_error
    resources(budget='auto')
    ros.bring_up(node)


def test_an_idle_node_lets_go_of_its_model_and_comes_back_when_it_is_asked_for(
    ros, resources, tmp_path
):
    resources(budget=200)
    graph = tmp_path / 'lifecycle.yaml'
    graph.write_text('nodes: {vad: {tier: optional, idle_unload_s: 5}}\n')
    states, told = ros.collect('system/state'), ros.collect('/diagnostics')
    node = ros.make(VadNode, 'vad')
    manager = ros.make(LifecycleManagerNode, 'lifecycle_manager', {'graph_file': str(graph)})
    manager.trigger_configure()
    manager.trigger_activate()

    def state():
        return (states[-1].state, states[-1].node_states[0]) if states else (0, 0)

    ros.until(lambda: state() == (2, 3))
    assert node._chain is not None
    ros.until(lambda: state() == (2, 1))  # READY although it is unconfigured
    assert node._chain is None
    assert states[-1].reasons[0] == ('unloaded after 5 s without work; tektra manage resume vad')
    resources(budget=100)
    client = ros.peer.create_client(ManageNodes, 'manage')
    ros.until(client.service_is_ready)
    request = ManageNodes.Request(command=ManageNodes.Request.COMMAND_RESUME, nodes=['vad'])
    future = client.call_async(request)
    ros.until(future.done)
    assert future.result().success, future.result().message
    ros.until(lambda: node.active and node._chain is not None)
    assert node._chain.active_name == 'energy'

    def values():
        return {v.key: v.value for v in told[-1].status[1].values}

    ros.until(lambda: values()['memory planned (MB)'] == '75')  # as the node itself has read it
    assert float(values()['memory held (MB)']) > 30


def test_speech_is_heard_by_what_fits(ros, resources):
    from test_vad_node import events, feed

    resources(budget=100)
    ros.bring_up(ros.make(VadNode, 'vad'))
    heard = ros.collect('audio/vad')
    feed(ros, ros.publisher('audio/mic'), speak('go forward ten meters'))
    ros.until(lambda: events(heard))
    assert heard[-1].backend == 'energy'
