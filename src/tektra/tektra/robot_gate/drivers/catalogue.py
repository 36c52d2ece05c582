"""The drivers by the name that a robot's file uses; a driver is imported when it is wanted."""

from __future__ import annotations

from rclpy.node import Node

from tektra.robot_gate.drivers.driver import RobotDriver
from tektra.robots.spec import RobotSpec


def make_driver(robot: RobotSpec, controller_id: str, node: Node) -> RobotDriver:
    """Return the driver of a robot, not connected yet. ``node``: for drivers that speak ROS."""
    kind = robot.driver.type
    if kind == 'sim':
        from tektra.robot_gate.drivers.sim import SimDriver

        return SimDriver(robot, controller_id)
    if kind == 'tcp':
        from tektra.robot_gate.drivers.tcp import TcpDriver

        return TcpDriver(robot, controller_id)
    if kind == 'udp':
        from tektra.robot_gate.drivers.udp import UdpDriver

        return UdpDriver(robot, controller_id)
    from tektra.robot_gate.drivers.ros import RosDriver

    return RosDriver(robot, controller_id, node=node)
