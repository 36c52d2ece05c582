"""One gate a robot on this host: a lock that the kernel releases when the process dies."""

from __future__ import annotations

from tektra.robots.spec import RobotSpec
from tektra.runtime.host_lock import HostLock, lock_folder
from tektra.runtime.main import StartError


def take_device(robot: RobotSpec, domain_id: int) -> HostLock:
    """Return the lock of whatever the driver reaches: two names for one robot do not help.

    A simulated robot is one of its ROS domain; everything else is one of this host.

    :raises StartError: if another gate has it.
    """
    driver = robot.driver
    device = '|'.join((driver.type, driver.host, str(driver.port), driver.cmd_vel_topic))
    if driver.type == 'sim':
        lock = HostLock(lock_folder(), domain_id, robot.name, what='gate')
    else:
        lock = HostLock(lock_folder(), 0, device, what='gate')
    if not lock.take():
        raise StartError(f'another gate (process {lock.holder}) holds this robot; end it first')
    return lock
