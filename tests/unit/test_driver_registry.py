"""Which class drives a robot, and what a driver of one's own must have."""

import dataclasses

import pytest

from tektra.robot_gate.drivers.driver import DriverError, RobotDriver
from tektra.robot_gate.drivers.registry import CLASSES, driver_class, make_driver
from tektra.robots.records import RecordError
from tektra.robots.spec import DRIVERS, DriverSpec, read_robot
from tektra.runtime.share import share_dir

TEK = share_dir() / 'config' / 'robots' / 'tek.yaml'


def with_driver(**driver):
    return dataclasses.replace(read_robot(TEK), auto_enable=False, driver=DriverSpec(**driver))


def from_file(tmp_path, driver):
    path = tmp_path / 'tek.yaml'
    path.write_text(TEK.read_text().replace('  type: sim  ', f'  {driver}  '))
    path.chmod(0o600)
    return read_robot(path)


class Lazy:
    """Has a name and nothing else."""

    name = 'lazy'


def test_every_driver_of_the_registry_is_one_of_the_robots_file():
    assert {*CLASSES, 'plugin'} == set(DRIVERS)


@pytest.mark.parametrize('kind', CLASSES)
def test_every_shipped_driver_has_all_members_and_its_own_name(kind):
    place = {'host': '127.0.0.1', 'port': 1} if kind in ('tcp', 'udp') else {}
    topics = {'cmd_vel_topic': 'a', 'trajectory_topic': 'b'} if kind == 'ros' else {}
    found = driver_class(with_driver(type=kind, **place, **topics))
    assert found.name == kind
    assert found.simulated == (kind == 'sim')


def test_a_plugin_is_found_by_module_and_class():
    where = 'tektra.robot_gate.drivers.sim:SimDriver'
    robot = with_driver(type='plugin', plugin=where)
    assert driver_class(robot).name == 'sim'
    made: RobotDriver = make_driver(robot, 'me')
    assert not made.connected


@pytest.mark.parametrize('where', ['no_such_module:Driver', 'math:Driver', 'math', ':', 'math:'])
def test_a_plugin_that_is_not_there_is_named(where):
    with pytest.raises(DriverError, match='PYTHONPATH'):
        driver_class(with_driver(type='plugin', plugin=where))


def test_a_plugin_that_lacks_members_is_told_which():
    with pytest.raises(DriverError, match=r'connect, connected.*timeout_s.*docs/drivers.md'):
        driver_class(with_driver(type='plugin', plugin=f'{__name__}:Lazy'))


def test_a_driver_on_topics_needs_a_node():
    spec = DriverSpec(type='ros', cmd_vel_topic='a', trajectory_topic='b')
    robot = dataclasses.replace(with_driver(type='sim'), driver=spec)
    with pytest.raises(DriverError, match='needs a node'):
        make_driver(robot, 'me')


@pytest.mark.parametrize('driver', ['type: plugin', "type: tcp\n  plugin: 'a:B'"])
def test_a_plugin_and_its_class_are_given_together_or_not_at_all(tmp_path, driver):
    with pytest.raises(RecordError):
        from_file(tmp_path, driver)


def test_a_plugin_is_never_enabled_by_itself_whatever_its_class_says():
    robot = with_driver(type='plugin', plugin='tektra.robot_gate.drivers.sim:SimDriver')
    with pytest.raises(ValueError, match='auto_enable is for simulated drivers only'):
        dataclasses.replace(robot, auto_enable=True)
