"""Driver ``ros``: private controller topics, as those of ros2_control.

Base set-points go out as Twist or TwistStamped, joint set-points as trajectories that end within
``spec.HORIZON_S`` at rest, so that joints stop by themselves when no more of them come. The base
depends on the controller's own command time-out (``controller_timeout_s``).

Plain controllers have no switch for their power. So ``disable`` and the stop categories 0 and 1
end in a controlled stop after which nothing but zero is sent; whoever needs the power to go off
has to switch it elsewhere.

This is the one driver that needs ROS: the gate hands it a node that somebody else spins.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from tektra.robot_gate.drivers.driver import (
    BaseVelocity,
    Category,
    DriverCommand,
    DriverError,
    Feedback,
    JointTarget,
    Pose2D,
)
from tektra.robots.spec import HORIZON_S, RobotSpec
from tektra.runtime.clock import NS_PER_S, BootClock
from tektra.runtime.topics import QueuePolicy, Topic

# Controllers report 50 times a second or faster; what is older than this is not live.
FRESH_NS = round(0.3 * NS_PER_S)
# A joint set-point is due after this; then the trajectory ramps to rest. Two ticks of the gate,
# so that the next set-point replaces it before the ramp begins.
_REACH_S = 0.02
# Feedback may arrive before the endpoints of a rival are discovered.
DISCOVERY_NS = NS_PER_S
# Looking at the graph for rivals takes up to a millisecond, too long for every tick.
_RIVAL_NS = round(0.1 * NS_PER_S)


@dataclass(frozen=True)
class _Odom:
    count: int
    received_ns: int
    base: BaseVelocity
    pose: Pose2D


@dataclass(frozen=True)
class _Joint:
    count: int
    received_ns: int
    position: float
    velocity: float | None


class RosDriver:
    """One robot behind controllers that speak ROS.

    :raises DriverError: if a feedback topic is one that the gate itself publishes.
    """

    name: ClassVar[str] = 'ros'
    simulated: ClassVar[bool] = False
    # Read by the conformance suite: nothing here can take the power off the drives.
    power_control: ClassVar[bool] = False

    def __init__(self, robot: RobotSpec, controller_id: str, *, node: Node) -> None:
        del controller_id  # topics have no sessions: a rival is seen by its endpoint
        self._robot = robot
        self._node = node
        self._clock = BootClock()
        self._joining = self._enabled = self._holding = False
        self._since_ns = 0  # when the search for controllers and rivals began
        self._odom: _Odom | None = None
        self._joints: dict[str, _Joint] = {}
        self._bad = ''  # what a report had that no report may have
        self._rival = ''
        self._rival_at_ns: int | None = None
        self._outputs: list[Publisher] = []
        self._inputs: list[Any] = []
        self._base = self._arms = None
        # Opened here, where no executor waits for this node yet, and long before the first use.
        spec = robot.driver
        if robot.base:
            twist = 'TwistStamped' if spec.cmd_vel_stamped else 'Twist'
            self._base = self._publish(spec.cmd_vel_topic, f'geometry_msgs/msg/{twist}')
            self._hear(spec.odom_topic, 'nav_msgs/msg/Odometry', self._on_odom)
        if robot.joints:
            trajectory = 'trajectory_msgs/msg/JointTrajectory'
            self._arms = self._publish(spec.trajectory_topic, trajectory)
            self._hear(spec.joint_states_topic, 'sensor_msgs/msg/JointState', self._on_joints)

    def connect(self, now_ns: int) -> None:
        """Begin to look for the controllers, and for rivals."""
        if not self._joining:
            self._joining, self._since_ns = True, self._clock.now_ns()

    @property
    def connected(self) -> bool:
        """Return whether controllers listen to every output and all feedback is fresh.

        Not before a rival would have been discovered.
        """
        return self._joining and not self._missing()

    @property
    def timeout_s(self) -> float:
        """Return the controllers' command time-out, as configured: topics cannot state it."""
        return self._robot.driver.controller_timeout_s

    def read(self, now_ns: int) -> Feedback | None:
        """Return what odometry and joint states said last.

        ``received_ns`` and ``seq`` are those of the part that is oldest: a report is new only
        when all of it is.

        :raises DriverError: if a report contained what is not a number.
        """
        bad, self._bad = self._bad, ''
        if bad:
            raise DriverError(bad)
        odom, joints = self._odom, self._joints
        parts: list[_Odom | _Joint] = [*joints.values(), *([odom] if odom else [])]
        if (self._robot.base and odom is None) or len(joints) < len(self._robot.joints):
            return None
        received_ns = min(part.received_ns for part in parts)
        return Feedback(
            received_ns=received_ns,
            seq=min(part.count for part in parts),
            enabled=self._enabled and now_ns - received_ns < FRESH_NS,
            base=odom.base if odom else None,
            pose=odom.pose if odom else None,
            positions={name: joint.position for name, joint in joints.items()},
            velocities={
                name: joint.velocity
                for name, joint in joints.items()
                if joint.velocity is not None
            },
        )

    def enable(self, now_ns: int) -> None:
        """Let set-points through; there is no power to switch.

        :raises DriverError: if a controller is missing, or somebody else publishes to it.
        """
        missing = self._missing()
        if missing:
            raise DriverError(f'{self._robot.name}: {missing}')
        self._rival_at_ns = None
        rival = self.rival()
        if rival:
            raise DriverError(
                f'{self._robot.name}: {rival}; end it, or let it send to '
                'robot/cmd/<source>/cmd_vel of the gate instead'
            )
        self._enabled, self._holding = True, False

    def write(self, command: DriverCommand, now_ns: int) -> None:
        """Publish one set-point; while not enabled it goes nowhere, as without power.

        :raises DriverError: if it is not finite, valid for too long, or names an unknown joint.
        """
        self._check(command)
        if not self._enabled or self._holding:
            return
        if command.base is not None:
            self._send_base(command.base)
        if command.joints:
            self._send_joints(command.joints, min(command.valid_for_s, HORIZON_S))

    def stop(self, category: Category, now_ns: int) -> None:
        """Send zero, and let the joints ramp to rest where that takes them.

        Nothing but zero is sent after it until ``enable``.
        """
        if self._base is not None:
            self._send_base(BaseVelocity())
        if self._arms is not None and not self._holding:
            # Once: repeated, each new trajectory would begin the ramp anew.
            held = {
                name: JointTarget(joint.position, joint.velocity or 0.0)
                for name, joint in self._joints.items()
            }
            if held:
                self._send_joints(held, HORIZON_S, reach_s=0.0)
        self._holding = True
        if category is not Category.HOLDING:
            self._enabled = False

    def disable(self, now_ns: int) -> None:
        """Stop, and let nothing but zero through."""
        self.stop(Category.CONTROLLED, now_ns)

    def rival(self) -> str:
        """Return which other endpoint publishes on an output topic; empty: none.

        Discovery forgets an endpoint whose process was killed only after 20 s.
        """
        now_ns = self._clock.now_ns()
        if self._rival_at_ns is None or now_ns - self._rival_at_ns >= _RIVAL_NS:
            self._rival_at_ns = now_ns
            self._rival = self._look_for_rival()
        return self._rival

    def close(self) -> None:
        """Stop and destroy what was opened on the node. Never raises."""
        try:
            self.disable(self._clock.now_ns())
        except Exception as error:
            self._node.get_logger().error(f'{self._robot.name}: the last stop failed: {error}')
        self._joining = False
        for publisher in self._outputs:
            self._node.destroy_publisher(publisher)
        for subscription in self._inputs:
            self._node.destroy_subscription(subscription)
        self._outputs, self._inputs = [], []
        self._base = self._arms = None

    def _publish(self, name: str, type_name: str) -> Publisher:
        # Depth 1: a newer set-point replaces one that waits. The life span keeps one that was
        # held up from moving the robot later.
        row = Topic(name, type_name, 1, QueuePolicy.DROP_OLDEST, lifespan_s=HORIZON_S)
        made = self._node.create_publisher(row.message_type(), row.name, row.qos())
        self._outputs.append(made)
        return made

    def _hear(self, name: str, type_name: str, callback: Any) -> None:
        # Best effort hears reliable and best-effort publishers.
        row = Topic(name, type_name, 1, QueuePolicy.DROP_OLDEST, reliable=False)
        made = self._node.create_subscription(row.message_type(), row.name, callback, row.qos())
        self._inputs.append(made)
        for own in ('odom', 'joint_states'):
            if made.topic_name == self._node.resolve_topic_name(own):
                raise DriverError(
                    f'{self._robot.path}: driver.{own}_topic is {made.topic_name}, which the gate '
                    f"itself publishes; remap the controller's, for example to controller/{own}"
                )

    def _on_odom(self, message: Odometry) -> None:
        twist, pose = message.twist.twist, message.pose.pose
        covariance = max(message.pose.covariance[0], message.pose.covariance[7])
        turn = pose.orientation
        yaw = math.atan2(2 * (turn.w * turn.z + turn.x * turn.y), 1 - 2 * (turn.y**2 + turn.z**2))
        values = (twist.linear.x, twist.linear.y, twist.angular.z, pose.position.x)
        if not all(map(math.isfinite, (*values, pose.position.y, yaw, covariance))):
            self._bad = f'{self._robot.name}: odometry has a value that is not finite'
            return
        self._odom = _Odom(
            self._odom.count + 1 if self._odom else 1,
            self._clock.now_ns(),
            BaseVelocity(twist.linear.x, twist.linear.y, twist.angular.z),
            Pose2D(
                message.header.frame_id.rsplit('/', 1)[-1],  # without the robot's prefix
                pose.position.x,
                pose.position.y,
                yaw,
                math.sqrt(covariance) if covariance >= 0 else math.inf,
            ),
        )

    def _on_joints(self, message: JointState) -> None:
        now_ns, joints = self._clock.now_ns(), dict(self._joints)
        speeds = message.velocity if len(message.velocity) == len(message.name) else None
        for n, (name, position) in enumerate(zip(message.name, message.position, strict=False)):
            if name not in self._robot.joints:
                continue
            velocity = None if speeds is None else speeds[n]
            if not (math.isfinite(position) and math.isfinite(velocity or 0.0)):
                self._bad = f"{self._robot.name}: state of joint '{name}' is not finite"
                return
            before = joints.get(name)
            count = before.count + 1 if before else 1
            joints[name] = _Joint(count, now_ns, position, velocity)
        self._joints = joints  # at once, since the gate reads it from its thread

    def _missing(self) -> str:
        """Return what is not there yet; empty: everything is."""
        for output in self._outputs:
            if not output.get_subscription_count():
                return (
                    f'nobody listens to {output.topic_name} with this type; start the controller, '
                    'or correct cmd_vel_topic, cmd_vel_stamped or trajectory_topic'
                )
        now_ns, odom = self._clock.now_ns(), self._odom
        if self._robot.base and (odom is None or now_ns - odom.received_ns >= FRESH_NS):
            return f'no odometry on {self._robot.driver.odom_topic} within {FRESH_NS / 1e9:g} s'
        joints = self._joints
        for name in self._robot.joints:
            if name not in joints or now_ns - joints[name].received_ns >= FRESH_NS:
                topic = self._robot.driver.joint_states_topic
                return f"no state of joint '{name}' on {topic} within {FRESH_NS / 1e9:g} s"
        if not (self._outputs and self._joining):
            return 'the driver is not connected'
        if now_ns - self._since_ns < DISCOVERY_NS:
            return f'rivals are looked for until {DISCOVERY_NS / 1e9:g} s after connecting; wait'
        return ''

    def _look_for_rival(self) -> str:
        own = (self._node.get_name(), self._node.get_namespace())
        for output in self._outputs:
            found = self._node.get_publishers_info_by_topic(output.topic_name)
            names = [(one.node_name, one.node_namespace) for one in found]
            others = {
                f'{where.rstrip("/")}/{name}' for name, where in names if (name, where) != own
            }
            if others:
                return f'{", ".join(sorted(others))} also publishes on {output.topic_name}'
            if names.count(own) > 1:  # one of them is ours
                return f'another node named as this one also publishes on {output.topic_name}'
        return ''

    def _check(self, command: DriverCommand) -> None:
        base = command.base or BaseVelocity()
        targets = command.joints.values()
        numbers = [base.x, base.y, base.yaw, command.valid_for_s]
        numbers += [number for one in targets for number in (one.position, one.velocity)]
        if not all(map(math.isfinite, numbers)):
            raise DriverError(f'{self._robot.name}: refused a set-point that is not finite')
        if not 0 < command.valid_for_s <= HORIZON_S:
            raise DriverError(
                f'{self._robot.name}: refused a set-point that is valid for '
                f'{command.valid_for_s:g} s; at most {HORIZON_S:g} s'
            )
        unknown = command.joints.keys() - self._robot.joints.keys()
        if unknown:
            raise DriverError(f'{self._robot.name}: no joint {", ".join(sorted(unknown))}')

    def _send_base(self, base: BaseVelocity) -> None:
        if self._base is None:
            raise DriverError(f'{self._robot.name}: has no base, or the driver is closed')
        stamped = self._robot.driver.cmd_vel_stamped
        message = TwistStamped() if stamped else Twist()
        twist = message.twist if stamped else message
        twist.linear.x, twist.linear.y = float(base.x), float(base.y)
        twist.angular.z = float(base.yaw)
        if stamped:  # controllers drop one that is older than their time-out
            message.header.stamp = self._node.get_clock().now().to_msg()
            message.header.frame_id = 'base_link'
        self._base.publish(message)

    def _send_joints(
        self, targets: dict[str, JointTarget], valid_s: float, reach_s: float = _REACH_S
    ) -> None:
        """Publish a trajectory that goes through ``targets`` and comes to rest in time."""
        if self._arms is None:
            raise DriverError(f'{self._robot.name}: the driver is closed')
        reach_s = min(reach_s, valid_s / 2)
        ramps = [abs(t.velocity) / self._robot.joints[n].deceleration for n, t in targets.items()]
        ramp_s = min(valid_s - reach_s, max(0.01, *ramps))
        message = JointTrajectory(joint_names=list(targets))
        if reach_s > 0:
            message.points.append(
                JointTrajectoryPoint(
                    positions=[float(one.position) for one in targets.values()],
                    velocities=[float(one.velocity) for one in targets.values()],
                    time_from_start=_duration(reach_s),
                )
            )
        message.points.append(
            JointTrajectoryPoint(
                positions=[self._rest(n, t, ramp_s) for n, t in targets.items()],
                velocities=[0.0] * len(targets),
                time_from_start=_duration(reach_s + ramp_s),
            )
        )
        self._arms.publish(message)

    def _rest(self, name: str, target: JointTarget, ramp_s: float) -> float:
        joint = self._robot.joints[name]
        return max(joint.lower, min(joint.upper, target.position + target.velocity * ramp_s / 2))


def _duration(seconds: float) -> Duration:
    return Duration(sec=0, nanosec=round(seconds * NS_PER_S))
