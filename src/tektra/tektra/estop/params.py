"""Parameters of estop: all rules are in the robot's file."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.params import param


@dataclass(frozen=True)
class EstopParams:
    """Parameters of the estop node."""

    robot: str = param('', 'the robot: name of a file in config/robots')
