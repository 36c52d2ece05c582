"""Power of the drives, and the order of a stop: ramp, standstill, power off."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from tektra.robot_gate.drivers.driver import Category, DriverCommand

TELL_AGAIN_S = 0.05  # the robot side is told to stop again and again: a frame may be lost
_S = 1e-9


@dataclass(frozen=True)
class Output:
    """What the driver shall do now, in this order."""

    stop: Category | None = None
    disable: bool = False
    enable: bool = False
    command: DriverCommand | None = None


class _Aim(enum.Enum):
    STOPPED = enum.auto()  # by a stop, and so until motion is enabled
    RESTING = enum.auto()  # motion was taken away by a person
    DRIVING = enum.auto()


@dataclass
class Drives:
    """``max_ramp_s``: power goes off after this at the latest, whatever the robot does."""

    category: Category  # of the stop that is in force; at the start that of the robot's file
    max_ramp_s: float
    powered: bool = False  # as wanted
    _aim: _Aim = _Aim.STOPPED
    _since_ns: int = 0
    _told_ns: int | None = None
    _enable: bool = False

    def stop(self, category: Category, now_ns: int) -> None:
        """Begin a stop, or make the one that is under way more severe."""
        if self._aim is not _Aim.STOPPED:
            self._aim, self._since_ns, self.category = _Aim.STOPPED, now_ns, category
            self._told_ns = None
        elif category < self.category:
            self.category, self._told_ns = category, None

    def rest(self, now_ns: int) -> None:
        """Come to rest and take power away, since nobody may move the robot any more."""
        if self._aim is _Aim.DRIVING:
            self._aim, self._since_ns = _Aim.RESTING, now_ns

    def drive(self) -> None:
        """Take power: motion is enabled."""
        self._aim, self._enable = _Aim.DRIVING, True

    def output(self, now_ns: int, at_rest: bool, command: Callable[[], DriverCommand]) -> Output:
        """Return what the driver shall do; ``at_rest``: commanded and measured."""
        if self._aim is _Aim.DRIVING:
            begin, self._enable, self.powered = self._enable, False, True
            return Output(enable=begin, command=command())
        tell = self._tell(now_ns) if self._aim is _Aim.STOPPED else None
        ramped = at_rest or (now_ns - self._since_ns) * _S > self.max_ramp_s
        off = ramped and not (self._aim is _Aim.STOPPED and self.category is Category.HOLDING)
        if self._aim is _Aim.STOPPED and self.category is Category.IMMEDIATE:
            off = True
        if self.powered and not off:
            return Output(stop=tell, command=command())
        # Told again with every stop: the robot side may have missed it, or may be another one.
        disable = self.powered or tell is not None
        self.powered = False
        return Output(stop=tell, disable=disable)

    def _tell(self, now_ns: int) -> Category | None:
        if self._told_ns is not None and (now_ns - self._told_ns) * _S < TELL_AGAIN_S:
            return None
        self._told_ns = now_ns
        return self.category
