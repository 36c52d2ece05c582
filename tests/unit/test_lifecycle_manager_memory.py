"""A manager that is killed and started again leaves down what a person took down."""

import pytest
from lifecycle_graph import Robot, core, optional
from tektra_msgs.msg import SystemState

from tektra.lifecycle_manager.memory import RECALL_S, Memory, MemoryFile, parse
from tektra.lifecycle_manager.steps import Goal

READY, STOPPED = SystemState.STATE_READY, SystemState.STATE_STOPPED
CHAIN = (core('/a'), core('/b', '/a'), core('/c', '/b'), optional('/face'))


def up():
    robot = Robot(*CHAIN)
    robot.until(lambda: robot.state.state == READY)
    assert robot.manager.memory() is None
    return robot


def kill_manager(robot):
    robot.start_manager(robot.manager.memory())
    robot.made.clear()
    return robot


@pytest.mark.parametrize('command', ['pause', 'reset', 'shutdown'])
def test_what_was_taken_down_stays_down_until_a_person_says_otherwise(command):
    robot = up()
    robot.command(command)
    states = robot.states()
    for _ in range(2):  # the next one remembers as well
        kill_manager(robot).run(RECALL_S + 20.0)
        assert robot.made == []
        assert robot.states() == states
        assert robot.state.state == STOPPED
        assert robot.state.reason == command
    if command == 'shutdown':
        for name in robot.nodes:
            robot.respawn(name)
    assert robot.command('startup').success
    kill_manager(robot).until(lambda: robot.state.state == READY)


def test_new_processes_after_a_shutdown_and_a_kill_can_be_started():
    robot = up()
    robot.command('shutdown')
    kill_manager(robot)
    for name in ('/a', '/b', '/c'):
        robot.respawn(name)
    robot.run(3.0)
    assert robot.states() == {'/a': 1, '/b': 1, '/c': 1, '/face': 4}
    robot.respawn('/face')
    assert robot.command('startup').success


def test_a_pause_that_a_kill_interrupts_is_completed():
    robot = up()
    robot.nodes['/c'].takes['deactivate'] = 2.0
    robot.manager.command(2, [], robot.now)
    robot.run(0.5)
    assert robot.states() == {'/a': 3, '/b': 3, '/c': 3, '/face': 2}
    kill_manager(robot).until(lambda: robot.states()['/a'] == 2)
    assert robot.state.reason == 'pause'


def test_of_a_graph_that_is_paused_in_part_the_rest_is_repaired():
    robot = up()
    robot.command('pause', 'b')
    robot.kill('/a')
    robot.kill('/c')
    kill_manager(robot)
    robot.respawn('/a')
    robot.respawn('/c')
    robot.until(lambda: robot.states() == {'/a': 3, '/b': 2, '/c': 2, '/face': 3}, 20.0)
    assert robot.run(20.0).states() == {'/a': 3, '/b': 2, '/c': 2, '/face': 3}
    assert robot.command('resume').success
    assert robot.state.state == READY


@pytest.mark.parametrize('after', [0.1, 0.5, 1.5])
def test_a_start_that_a_kill_interrupts_goes_on(after):
    robot = Robot(*CHAIN)
    for node in robot.nodes.values():
        node.takes = {'configure': 0.3, 'activate': 0.3}
    robot.run(after)
    assert robot.state.state != READY
    kill_manager(robot).until(lambda: robot.state.state == READY, 10.0)


def test_a_graph_that_is_started_afresh_is_not_held_down_nor_made_to_wait():
    robot = up()
    robot.command('pause')
    memory = robot.manager.memory()
    fresh = Robot(*CHAIN)
    for node in fresh.nodes.values():
        node.instance = 100
    fresh.start_manager(memory)
    fresh.until(lambda: fresh.state.state == READY, 1.0)


def test_a_memory_of_nodes_that_are_not_seen_is_given_up():
    robot = up()
    robot.command('pause')
    robot.kill('/face')
    for name in ('/a', '/b', '/c'):
        robot.respawn(name)
    memory = Memory('pause', {'/a': Goal.INACTIVE}, {'/a': 'old', '/face': 'old'})
    robot.start_manager(memory)
    robot.run(RECALL_S - 0.5)
    assert robot.made[-1] != 'activate /c'
    assert robot.manager.memory() == memory  # should this manager be killed as well
    robot.until(lambda: robot.states()['/c'] == 3, 2.0)


def test_the_file_holds_what_was_saved_and_no_other_text_is_a_memory(tmp_path):
    memory = Memory('pause', {'/a': Goal.INACTIVE}, {'/a': 'a-1', '/b': ''})
    file = MemoryFile(tmp_path / 'manager.json')
    assert file.load() is None
    assert file.save(memory) == ''
    assert MemoryFile(tmp_path / 'manager.json').load() == memory
    assert file.save(None) == ''
    assert list(tmp_path.iterdir()) == []
    for text in ('', '[]', '{"command": ""', memory.text().replace('INACTIVE', 'LOST')):
        assert parse(text) is None
    gone = MemoryFile(tmp_path / 'gone' / 'manager.json')
    assert 'No such file' in gone.save(memory)
