"""Set-points as messages: short-lived, numbered, bound to an epoch and a lease."""

from __future__ import annotations

from collections.abc import Iterable

from geometry_msgs.msg import Twist
from tektra_msgs.msg import Setpoint

from tektra.robot_bridge.joint_steps import AHEAD_S
from tektra.robot_bridge.step import Drive
from tektra.robot_gate.owners import Epoch
from tektra.robots.spec import BASE, RobotSpec

VALID_S = AHEAD_S


class Writer:
    """Numbers the set-points of one source."""

    def __init__(self, robot: RobotSpec, source: str) -> None:
        self._robot = robot
        self._source = source
        self._seq = 0

    def points(
        self, channels: Iterable[str], drive: Drive, epoch: Epoch, lease_id: str
    ) -> list[Setpoint]:
        """Return one set-point a channel; a channel of which ``drive`` says nothing shall rest."""
        return [self._point(channel, drive, epoch, lease_id) for channel in channels]

    def neutral(self, channels: Iterable[str], epoch: Epoch, lease_id: str) -> list[Setpoint]:
        """Return set-points that ask for rest."""
        return self.points(channels, Drive(), epoch, lease_id)

    def _point(self, channel: str, drive: Drive, epoch: Epoch, lease_id: str) -> Setpoint:
        self._seq += 1
        point = Setpoint(
            robot=self._robot.name,
            estop_instance_id=epoch.estop_instance_id,
            stop_id=epoch.stop_id,
            gate_instance_id=epoch.gate_instance_id,
            gate_epoch=epoch.gate_epoch,
            source=self._source,
            lease_id=lease_id,
            seq=self._seq,
            valid_for_s=VALID_S,
            channel=channel,
        )
        if channel == BASE:
            point.twist = Twist()
            if drive.base is not None:
                point.twist.linear.x = float(drive.base.x)
                point.twist.linear.y = float(drive.base.y)
                point.twist.angular.z = float(drive.base.yaw)
            return point
        own = [name for name in self._robot.joints_of(channel) if name in drive.joints]
        point.joint_names = own
        point.positions = [float(drive.joints[name].position) for name in own]
        point.velocities = [float(drive.joints[name].velocity) for name in own]
        return point
