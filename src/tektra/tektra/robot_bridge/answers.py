"""What a robot says about itself, and the pace that people set."""

from __future__ import annotations

import math

from tektra.robot_bridge.senses import Sensors

_FASTEST, _SLOWEST, _STEP = 1.5, 0.5, 1.25


class Pace:
    """How fast everything goes: a factor on speeds, kept from goal to goal; 1 is normal."""

    def __init__(self) -> None:
        self.scale = 1.0

    def change(self, faster: bool) -> str:
        """Go faster or slower from now on, within the robot's limits; return what to say."""
        before = self.scale
        wanted = before * _STEP if faster else before / _STEP
        self.scale = min(_FASTEST, max(_SLOWEST, wanted))
        if math.isclose(before, self.scale):
            return 'This is as fast as I go.' if faster else 'This is as slow as I go.'
        return 'Faster from now on.' if faster else 'Slower from now on.'


def battery_sentence(sensors: Sensors) -> str:
    """Return how full the battery is."""
    if sensors.battery is None:
        return 'I cannot measure my battery.'
    return f'My battery is at {math.floor(sensors.battery * 100)} percent.'


def status_sentence(running: str, refusing: str, sensors: Sensors) -> str:
    """Return how the robot is.

    :param running: the command that runs; empty: none does.
    :param refusing: why nothing may move; empty: it may.
    """
    if running:
        first = f'I am busy with {running.replace("_", " ")}.'
    else:
        first = f'I cannot move: {refusing}.' if refusing else 'I am ready.'
    battery = f' {battery_sentence(sensors)}' if sensors.battery is not None else ''
    return first + battery
