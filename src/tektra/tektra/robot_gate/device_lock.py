"""One gate a robot on this host: a lock on whatever its driver reaches."""

from __future__ import annotations

import socket
from collections.abc import Callable

from tektra.robots.spec import RobotSpec
from tektra.runtime.host_lock import HostLock, lock_folder
from tektra.runtime.main import StartError

_HOST = 0  # for what is one of the host, and not of a ROS domain


def take_device(robot: RobotSpec, domain_id: int, resolve_topic: Callable[[str], str]) -> HostLock:
    """Return the lock of a robot's device: two names for one robot do not help.

    ``resolve_topic``: gives the full name of a topic, as the driver's node would use it.

    :raises StartError: if another gate has it.
    """
    domain, device = _device(robot, domain_id, resolve_topic)
    lock = HostLock(lock_folder(), domain, device, what='gate')
    if not lock.take():
        raise StartError(f'another gate (process {lock.holder}) holds this robot; end it first')
    return lock


def _device(
    robot: RobotSpec, domain_id: int, resolve_topic: Callable[[str], str]
) -> tuple[int, str]:
    driver = robot.driver
    if driver.type == 'sim':
        return domain_id, robot.name
    if driver.type == 'ros':
        topic = driver.cmd_vel_topic if robot.base else driver.trajectory_topic
        return domain_id, f'ros|{resolve_topic(topic)}'
    if driver.type == 'plugin':  # nobody but the plugin knows what it reaches
        return _HOST, f'plugin|{driver.plugin}|{driver.host}|{driver.port}|{robot.name}'
    return _HOST, f'{_address(driver.host)}|{driver.port}'


def _address(host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:  # not known now: the name must do
        return host.lower()
