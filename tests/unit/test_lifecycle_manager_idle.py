"""Optional nodes without work are unloaded, say so, and come back when they are asked for."""

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_graph import Robot, core, optional
from tektra_msgs.msg import SystemState

from tektra.lifecycle_manager.graph import GraphError, load_graph
from tektra.lifecycle_manager.report import diagnostics

IDLE_S = 30.0


def robot():
    return Robot(core('/voice'), optional('/eyes', '/voice', idle_unload_s=IDLE_S)).run(5)


def unloaded():
    made = robot().run(IDLE_S + 5)
    assert made.nodes['/eyes'].state == 1
    return made


def reason(made, name):
    state = made.state
    return state.reasons[state.nodes.index(name)]


def test_a_node_without_work_is_deactivated_and_cleaned_up_after_its_time():
    made = robot()
    made.made.clear()
    made.run(IDLE_S - 10)
    assert made.made == []
    made.run(15)
    assert made.made == ['deactivate /eyes', 'cleanup /eyes']
    assert made.nodes['/voice'].state == 3
    assert made.manager.events()[-1] == (
        '/eyes: unloaded after 30 s without work; tektra manage resume eyes'
    )


def test_an_unloaded_node_is_told_and_degrades_nothing():
    made = unloaded()
    assert (made.state.state, made.state.reason) == (SystemState.STATE_READY, '')
    assert reason(made, '/eyes') == ('unloaded after 30 s without work; tektra manage resume eyes')
    rows = {status.name: status for status in diagnostics(made.manager)}
    assert rows['tektra: /eyes'].level == DiagnosticStatus.OK


def test_work_keeps_a_node_loaded():
    made = robot()
    for _ in range(8):
        made.nodes['/eyes'].more = {'busy': True}
        made.run(1)
        made.nodes['/eyes'].more = {}
        made.run(IDLE_S / 2)
    assert made.nodes['/eyes'].state == 3
    made.run(IDLE_S)
    assert made.nodes['/eyes'].state == 1


@pytest.mark.parametrize('command', ['startup', 'resume'])
@pytest.mark.parametrize('named', [True, False])
def test_it_comes_back_when_it_is_asked_for_and_is_unloaded_again_when_idle(command, named):
    made = unloaded()
    outcome = made.command(command, *(['/eyes'] if named else []))
    assert outcome.success, outcome.message
    assert made.states() == {'/voice': 3, '/eyes': 3}
    assert reason(made, '/eyes') == ''
    made.run(IDLE_S - 5)
    assert made.nodes['/eyes'].state == 3
    made.run(10)
    assert made.nodes['/eyes'].state == 1


def test_a_pause_of_all_does_not_load_it_and_a_resume_brings_all_back():
    made = unloaded()
    assert made.command('pause').success
    assert made.states() == {'/voice': 2, '/eyes': 1}
    assert made.command('resume').success
    assert made.states() == {'/voice': 3, '/eyes': 3}


def test_a_node_that_was_taken_down_by_a_person_is_not_called_idle():
    made = unloaded()
    assert made.command('reset', '/eyes').success
    assert reason(made, '/eyes') == 'taken down'
    assert made.command('shutdown', '/eyes').success
    assert made.nodes['/eyes'].state == 4


def test_a_new_process_of_an_unloaded_node_stays_unloaded():
    made = unloaded()
    made.kill('/eyes')
    made.run(3)
    assert made.state.state == SystemState.STATE_DEGRADED  # no sign of life is no rest
    made.respawn('/eyes')
    made.run(20)
    assert made.nodes['/eyes'].state == 1
    assert made.state.state == SystemState.STATE_READY


def test_a_new_manager_brings_an_unloaded_node_up_whatever_a_person_said_before():
    made = unloaded()
    assert made.command('pause', '/voice').success
    assert made.command('resume', '/voice').success
    assert made.states() == {'/voice': 3, '/eyes': 1}
    made.start_manager(made.manager.memory())
    made.run(10)
    assert made.states() == {'/voice': 3, '/eyes': 3}
    assert made.state.state == SystemState.STATE_READY


def test_under_a_new_manager_an_unloaded_node_waits_with_what_a_person_paused_below_it():
    made = unloaded()
    assert made.command('pause').success
    for _ in range(2):
        made.start_manager(made.manager.memory())
        made.run(10)
        assert made.states() == {'/voice': 2, '/eyes': 2}
        assert made.state.state == SystemState.STATE_STOPPED
    assert made.command('resume').success
    assert made.states() == {'/voice': 3, '/eyes': 3}


def test_a_resume_that_fails_leaves_an_unloaded_node_to_the_next_one():
    made = unloaded()
    assert made.command('pause', '/voice').success
    made.nodes['/voice'].fails = {'activate': 'no device'}
    made.nodes['/voice'].takes = {'activate': 0.3}  # so that the other one is loaded meanwhile
    assert not made.command('resume').success
    assert reason(made, '/eyes').startswith('unloaded after')
    made.nodes['/voice'].fails.clear()
    made.command('configure', '/voice')
    outcome = made.command('resume')
    assert outcome.success, outcome.message
    assert made.states() == {'/voice': 3, '/eyes': 3}


def test_the_time_in_which_nobody_listened_is_no_idle_time():
    made = robot()
    made.nodes['/eyes'].more = {'busy': True}
    made.run(5)
    made.clock.advance(2 * IDLE_S)  # the machine was suspended; beats wait to be read
    made.tick()
    assert made.nodes['/eyes'].state == 3
    made.run(IDLE_S + 5)
    assert made.nodes['/eyes'].state == 3
    made.nodes['/eyes'].more = {}
    made.run(IDLE_S + 5)
    assert made.nodes['/eyes'].state == 1


def test_a_node_that_others_use_is_unloaded_only_after_them():
    made = Robot(
        core('/voice'),
        optional('/eyes', idle_unload_s=IDLE_S),
        optional('/mind', '/eyes', idle_unload_s=2 * IDLE_S),
        optional('/ears', idle_unload_s=IDLE_S),
        optional('/hands', '/ears'),
    ).run(5)
    made.run(IDLE_S + 5)
    assert made.states() == {'/voice': 3, '/eyes': 3, '/mind': 3, '/ears': 3, '/hands': 3}
    made.made.clear()
    made.run(IDLE_S + 5)
    assert made.states() == {'/voice': 3, '/eyes': 1, '/mind': 1, '/ears': 3, '/hands': 3}
    assert made.made[0] == 'deactivate /mind'


def test_a_node_that_cannot_be_unloaded_is_an_error_that_is_seen():
    made = robot()
    made.nodes['/eyes'].fails = {'deactivate': 'camera is stuck'}
    seen = []

    def is_told():
        rows = {status.name: status for status in diagnostics(made.manager)}
        seen.append((rows['tektra: /eyes'].level, reason(made, '/eyes'), made.state.state))
        return seen[-1][0] == DiagnosticStatus.ERROR

    made.until(is_told, IDLE_S + 2)
    assert seen[-1][1:] == ('deactivate: camera is stuck', SystemState.STATE_DEGRADED)
    made.until(lambda: made.nodes['/eyes'].state == 1, 1)  # as TektraNode.on_error leaves it
    assert any('camera is stuck' in event for event in made.manager.events())


def test_a_node_is_not_idle_while_it_is_paused_or_a_command_is_under_way():
    made = robot()
    assert made.command('pause', '/eyes').success
    made.run(2 * IDLE_S)
    assert made.nodes['/eyes'].state == 2
    assert made.command('resume', '/eyes').success
    made.run(IDLE_S - 5)
    assert made.nodes['/eyes'].state == 3


def test_diagnostics_tell_planned_and_held_memory_side_by_side():
    made = robot()
    rows = {s.name: s for s in diagnostics(made.manager, {'eyes': 420})}
    values = {v.key: v.value for v in rows['tektra: /eyes'].values}
    assert values['memory planned (MB)'] == '420'
    assert values['memory held (MB)'] == '100'
    assert values['memory held by'] == 'its process, with 2 nodes'
    values = {v.key: v.value for v in rows['tektra: /voice'].values}
    assert 'memory planned (MB)' not in values


@pytest.fixture
def load(tmp_path):
    def read(text):
        path = tmp_path / 'lifecycle.yaml'
        path.write_text(text)
        return load_graph(path)

    return read


def test_the_time_is_read_and_no_node_is_unloaded_unless_it_is_given(load):
    graph = load('nodes: {a: {tier: optional, idle_unload_s: 7200}, b: {tier: optional}}')
    assert graph['/a'].idle_unload_s == 7200.0
    assert graph['/b'].idle_unload_s is None


@pytest.mark.parametrize(
    ('text', 'wrong'),
    [
        ('nodes: {a: {idle_unload_s: 60}}', 'a core node is never unloaded; remove the key'),
        (
            'nodes: {a: {tier: safety, idle_unload_s: 60}}',
            'lifecycle.yaml:1: nodes.a.idle_unload_s: a safety node is never unloaded',
        ),
        (
            'nodes: {a: {tier: optional, idle_unload_s: 0}}',
            'nodes.a.idle_unload_s: the integer 0 must be a number of at least 5, at most 604800',
        ),
        (
            'nodes: {a: {tier: optional, idle_unload_s: 0.5}}',
            'nodes.a.idle_unload_s: the float 0.5 must be a number of at least 5, at most 604800',
        ),
        ('nodes: {a: {tier: optional, idle_unload: 6}}', "did you mean 'idle_unload_s'?"),
    ],
)
def test_core_and_safety_nodes_and_odd_times_are_refused(load, text, wrong):
    with pytest.raises(GraphError) as caught:
        load(text)
    assert wrong in str(caught.value)
