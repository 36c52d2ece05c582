"""What the robot reported, as standard messages."""

from __future__ import annotations

import math

from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState
from std_msgs.msg import Header

from tektra.robot_gate.drivers.driver import Feedback


def joint_state(feedback: Feedback, header: Header) -> JointState:
    """Return the joints, by name; an unknown speed is left out of all."""
    names = sorted(feedback.positions)
    speeds = [feedback.velocities.get(name) for name in names]
    return JointState(
        header=header,
        name=names,
        position=[feedback.positions[name] for name in names],
        velocity=[float(speed) for speed in speeds if speed is not None]
        if None not in speeds
        else [],
    )


def odometry(feedback: Feedback, header: Header, robot: str) -> Odometry:
    """Return pose and velocity of the base; frames carry the robot's prefix."""
    message = Odometry(header=header)
    pose, base = feedback.pose, feedback.base
    message.child_frame_id = f'{robot}/base_link'
    if pose is not None:
        message.header.frame_id = f'{robot}/{pose.frame}'
        message.pose.pose.position.x = pose.x
        message.pose.pose.position.y = pose.y
        message.pose.pose.orientation.z = math.sin(pose.yaw / 2)
        message.pose.pose.orientation.w = math.cos(pose.yaw / 2)
        variance = pose.std_m**2
        message.pose.covariance[0] = message.pose.covariance[7] = variance
    if base is not None:
        message.twist.twist.linear.x = base.x
        message.twist.twist.linear.y = base.y
        message.twist.twist.angular.z = base.yaw
    return message
