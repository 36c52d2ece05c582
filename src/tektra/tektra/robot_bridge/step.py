"""What the executor needs of one command that moves something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tektra.commands.command import Command
from tektra.robot_bridge.senses import Senses
from tektra.robot_gate.drivers.driver import BaseVelocity, JointTarget


@dataclass(frozen=True)
class Drive:
    """What is asked of the robot until the next tick; None or a joint not named: nothing."""

    base: BaseVelocity | None = None
    joints: Mapping[str, JointTarget] = field(default_factory=dict)


class Step(Protocol):
    """One command on its way. ``begin`` once, at standstill and with fresh senses; then ticks."""

    channels: tuple[str, ...]
    unit: str  # of ``left``: m or rad
    ends_at_a_stop: bool  # being blocked is an end and no failure: fingers that close on a thing

    def begin(self, senses: Senses, now_ns: int) -> None:
        """Take where the robot is as the start."""

    def tick(self, senses: Senses, pace: float, now_ns: int) -> Drive:
        """Return what to ask for now; ``pace`` scales the speed (1: normal)."""

    @property
    def done(self) -> bool:
        """Return whether the end is measured: within tolerance, at standstill."""

    @property
    def asks(self) -> bool:
        """Return whether the newest tick asked for motion; else standing still is as it must."""

    @property
    def stage(self) -> int:
        """Return the number of the part that is under way; ``left`` may jump between parts."""

    @property
    def left(self) -> float:
        """Return what is left of the present way, never negative."""

    @property
    def progress(self) -> float:
        """Return the part that is done, 0..1."""

    def remaining(self, senses: Senses) -> Command | None:
        """Return the command that does what is left from here; None: nothing is."""
