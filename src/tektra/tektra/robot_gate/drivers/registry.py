"""Which class drives a robot; imported only when it is used."""

from __future__ import annotations

import importlib
from typing import Any

from tektra.robot_gate.drivers.driver import DriverError, RobotDriver
from tektra.robots.spec import RobotSpec

# driver.type -> where its class is
CLASSES = {
    'sim': 'tektra.robot_gate.drivers.sim:SimDriver',
    'tcp': 'tektra.robot_gate.drivers.tcp:TcpDriver',
    'udp': 'tektra.robot_gate.drivers.udp:UdpDriver',
    'ros': 'tektra.robot_gate.drivers.ros:RosDriver',
}
NEEDS_NODE = ('ros',)  # their constructor takes ``node``, a node that somebody else spins


def driver_class(robot: RobotSpec) -> type[RobotDriver]:
    """Return the class of a robot's driver.

    :raises DriverError: if there is no such class, or it lacks what a driver must have.
    """
    where = robot.driver.plugin or CLASSES[robot.driver.type]
    module, _, name = where.partition(':')
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise DriverError(
            f"{robot.path}: no driver '{where}' ({error}); it is written 'module:Class' and must "
            'be on PYTHONPATH'
        ) from error
    members = {*RobotDriver.__annotations__, *(n for n in vars(RobotDriver) if n[0] != '_')}
    missing = sorted(one for one in members if not hasattr(found, one))
    if missing:
        raise DriverError(f"driver '{where}' has no {', '.join(missing)}; see docs/drivers.md")
    made: type[RobotDriver] = found
    return made


def make_driver(robot: RobotSpec, controller_id: str, node: Any = None) -> RobotDriver:
    """Return a new driver of a robot, not yet connected.

    ``node``: for those in ``NEEDS_NODE``.

    :raises DriverError: as ``driver_class``, and if a node is needed and missing.
    """
    cls: Any = driver_class(robot)
    if robot.driver.type in NEEDS_NODE:
        if node is None:
            raise DriverError(f'driver {robot.driver.type} needs a node')
        made: RobotDriver = cls(robot, controller_id, node=node)
        return made
    made = cls(robot, controller_id)
    return made
