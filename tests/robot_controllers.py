"""Controllers with a command time-out over a simulated robot, as a robot with ros2_control has.

As a process: ``python tests/robot_controllers.py ROBOT`` (name in the registry); ends on SIGTERM.
"""

import argparse
import math
import time

from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory

from tektra.robot_side.plant import Plant
from tektra.robots.registry import find_robot
from tektra.runtime.main import run_node

PERIOD_S = 0.01
REPORT_EVERY = 2


class RobotControllers(Node):
    """Drives a plant by cmd_vel and joint trajectories, and reports at 50 Hz."""

    def __init__(self, robot, timeout_s=None, **more):
        super().__init__('controllers', namespace=robot.namespace, **more)
        self.robot, self.plant = robot, Plant(robot)
        self.plant.enable()  # plain controllers have no switch
        self.timeout_s = robot.driver.controller_timeout_s if timeout_s is None else timeout_s
        self.twists, self.trajectories = [], []  # what arrived, for tests
        self._heard_s = None
        self._running = None  # trajectory, its start (s), positions at its start
        self._last_s, self._ticks = time.monotonic(), 0
        driver = robot.driver
        kind = TwistStamped if driver.cmd_vel_stamped else Twist
        self.create_subscription(kind, driver.cmd_vel_topic, self._on_twist, 1)
        self.create_subscription(JointTrajectory, driver.trajectory_topic, self._on_trajectory, 1)
        self._odom = self.create_publisher(Odometry, driver.odom_topic, 1)
        self._states = self.create_publisher(JointState, driver.joint_states_topic, 1)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(PERIOD_S, self._tick, clock=steady)

    def shut_down(self):
        self.plant.disable()

    def _on_twist(self, message):
        self.twists.append(message)
        twist = message.twist if self.robot.driver.cmd_vel_stamped else message
        self._heard_s = time.monotonic()
        self.plant.command_base(twist.linear.x, 0.0, twist.angular.z)

    def _on_trajectory(self, message):
        self.trajectories.append(message)
        self._running = message, time.monotonic(), self.plant.positions

    def _tick(self):
        now_s = time.monotonic()
        if self._heard_s is not None and now_s - self._heard_s >= self.timeout_s:
            self._heard_s = None
            self.plant.command_base(0.0, 0.0, 0.0)
        self._follow(now_s)
        self.plant.step(min(1.0, now_s - self._last_s))
        self._last_s = now_s
        self._ticks += 1
        if self._ticks % REPORT_EVERY == 0:
            self._report()

    def _follow(self, now_s):
        """Command the joints along their trajectory, straight from point to point."""
        if self._running is None:
            return
        message, start_s, positions = self._running
        at_s, before_s = now_s - start_s, 0.0
        before = [positions[name] for name in message.joint_names]
        for point in message.points:
            end_s = point.time_from_start.nanosec / 1e9
            if at_s < end_s:
                part = (at_s - before_s) / (end_s - before_s)
                for name, a, b in zip(message.joint_names, before, point.positions, strict=True):
                    speed = (b - a) / (end_s - before_s)
                    self.plant.command_joint(name, a + part * (b - a), speed)
                return
            before_s, before = end_s, point.positions
        for name, position in zip(message.joint_names, before, strict=True):
            self.plant.command_joint(name, position, 0.0)

    def _report(self):
        stamp = self.get_clock().now().to_msg()
        odom, (x, y, yaw) = Odometry(), self.plant.pose
        odom.header.stamp, odom.header.frame_id = stamp, f'{self.robot.name}/odom'
        odom.pose.pose.position.x, odom.pose.pose.position.y = x, y
        odom.pose.pose.orientation.z = math.sin(yaw / 2)
        odom.pose.pose.orientation.w = math.cos(yaw / 2)
        odom.twist.twist.linear.x = self.plant.base.x
        odom.twist.twist.angular.z = self.plant.base.yaw
        self._odom.publish(odom)
        states = JointState(name=list(self.plant.positions))
        states.header.stamp = stamp
        states.position = list(self.plant.positions.values())
        states.velocity = list(self.plant.velocities.values())
        self._states.publish(states)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('robot')
    parser.add_argument('--timeout', type=float, help='s; by default as configured')
    words = parser.parse_args()

    def make():
        made = RobotControllers(find_robot(words.robot), words.timeout)
        print(f'{words.robot}: its controllers listen', flush=True)
        return made

    run_node(make)


if __name__ == '__main__':
    main()
