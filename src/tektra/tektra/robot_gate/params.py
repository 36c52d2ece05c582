"""Parameters of robot_gate."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.params import param


@dataclass(frozen=True)
class RobotGateParams:
    """Everything else is in the robot's safety file."""

    robot: str = param('', 'name of the robot: that of its file in config/robots')
