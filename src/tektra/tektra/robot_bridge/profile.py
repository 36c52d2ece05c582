"""Speeds and paths that a body can follow. Pure arithmetic; units are m or rad, and s."""

from __future__ import annotations

import math

from tektra.robots.spec import AxisSpec, JointSpec

BRAKES = 0.8
"""Of the acceleration in the robot's file is used to brake, so that the gate keeps up."""
REACTION_S = 0.2
"""Set-point period, transport, jerk limit, drive lag and odometry together, generously."""

# Of the minimum-jerk path over a way D in a time T: peaks of its first three derivatives are
# these times D/T, D/T^2 and D/T^3 (Flash and Hogan, J. Neuroscience 5(7), 1985).
_PEAK_SPEED, _PEAK_ACCELERATION, _PEAK_JERK = 1.875, 5.7735, 60.0


def wrapped(angle: float) -> float:
    """Return the same direction within -pi..pi."""
    return math.remainder(angle, math.tau)


def approach(left: float, limits: AxisSpec, share: float, creep: float) -> float:
    """Return the signed speed with which ``left`` is driven down to zero without overshoot.

    It is the speed from which a brake that begins to act after a reaction time T ends at the
    target: ``left = v T + v^2 / 2a``. Far off that is the square root of a trapezoidal profile;
    near by it is ``left / T``, a slow approach in which no limit of the gate counts any more.

    :param share: of the highest speed, 0..1.
    :param creep: no slower than this, so that friction is overcome and the approach has an end.
    """
    brake = BRAKES * limits.acceleration
    reaction = REACTION_S + limits.acceleration / (2 * limits.jerk)
    speed = brake * (math.sqrt(reaction**2 + 2 * abs(left) / brake) - reaction)
    top = share * limits.velocity
    return math.copysign(min(max(speed, creep), top), left)


def minimum_jerk(part: float) -> float:
    """Return the part of the way (0..1) that is done after ``part`` of the time."""
    t = min(max(part, 0.0), 1.0)
    return t**3 * (10.0 - 15.0 * t + 6.0 * t * t)


def shortest_s(way: float, limits: JointSpec, share: float) -> float:
    """Return the least time of a minimum-jerk path over ``way`` within a joint's limits.

    :param share: of the highest speed, 0..1.
    """
    way = abs(way)
    return max(
        _PEAK_SPEED * way / (share * limits.velocity),
        math.sqrt(_PEAK_ACCELERATION * way / (BRAKES * limits.acceleration)),
        math.pow(_PEAK_JERK * way / (BRAKES * limits.jerk), 1 / 3),
    )
