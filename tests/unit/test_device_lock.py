"""One gate a device, whatever the robot is called."""

import dataclasses

import pytest
from gate_room import tek

from tektra.robot_gate import device_lock
from tektra.robots.spec import DriverSpec
from tektra.runtime.main import StartError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(device_lock, 'lock_folder', lambda: tmp_path)


def robot(name, **driver):
    return dataclasses.replace(tek(), name=name, driver=DriverSpec(**driver))


def take(one, domain=7):
    return device_lock.take_device(one, domain, lambda topic: f'/{one.name}/{topic}')


def held(first, second, **more):
    lock = take(first)
    try:
        take(second, **more).release()
    except StartError as error:
        assert 'another gate (process' in str(error)
        return True
    finally:
        lock.release()
    return False


@pytest.mark.parametrize('host', ['127.0.0.1', 'localhost', 'LOCALHOST'])
def test_two_names_for_one_address_are_one_device(host):
    first = robot('tek', type='tcp', host='127.0.0.1', port=9)
    assert held(first, robot('tom', type='tcp', host=host, port=9))
    assert held(first, robot('tom', type='udp', host=host, port=9))
    assert not held(first, robot('tom', type='tcp', host=host, port=10))


def test_a_simulated_robot_is_one_of_its_domain():
    sim = robot('tek', type='sim')
    assert held(sim, sim)
    assert not held(sim, sim, domain=8)
    assert not held(sim, robot('tom', type='sim'))


def test_controllers_of_two_namespaces_are_two_devices_though_their_topics_are_relative():
    topics = {'cmd_vel_topic': 'controller/cmd_vel', 'trajectory_topic': 'controller/joints'}
    first = robot('tek', type='ros', **topics)
    assert held(first, first)
    assert not held(first, robot('tom', type='ros', **topics))


def test_plugins_are_told_apart_by_class_and_robot():
    first = robot('tek', type='plugin', plugin='mine:Driver')
    assert held(first, first)
    assert not held(first, robot('tek', type='plugin', plugin='mine:Other'))
    assert not held(first, robot('tom', type='plugin', plugin='mine:Driver'))
