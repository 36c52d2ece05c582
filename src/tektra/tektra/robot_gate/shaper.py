"""Turns what is asked into what a body can follow: limits of speed, acceleration, jerk, position.

Pure arithmetic on one axis at a time; units are m or rad, and s.
"""

from __future__ import annotations

import math

_STILL = 1e-6  # below this a speed is zero: far below what any encoder shows


class AxisShaper:
    """The speed of one axis."""

    def __init__(
        self, velocity: float, acceleration: float, jerk: float, deceleration: float
    ) -> None:
        """Limits, all positive; ``deceleration`` is that of a stop, which knows no jerk limit."""
        self._top = velocity
        self._acceleration = acceleration
        self._jerk = jerk
        self._deceleration = deceleration
        self.velocity = 0.0
        self._rate = 0.0  # present acceleration

    def reset(self) -> None:
        """Stand still, from one moment to the next: only where nothing has power."""
        self.velocity = self._rate = 0.0

    def follow(self, target: float, dt_s: float) -> float:
        """Go on towards ``target`` (clamped to the limit) for ``dt_s``; return the speed."""
        target = max(-self._top, min(self._top, target))
        error = target - self.velocity
        # Such an acceleration can still be taken back to zero, under the jerk limit, by the time
        # the target is reached: v = a^2 / 2j.
        wanted = math.copysign(
            min(self._acceleration, math.sqrt(2 * self._jerk * abs(error))), error
        )
        step = self._jerk * dt_s
        self._rate += max(-step, min(step, wanted - self._rate))
        self._rate = max(-self._acceleration, min(self._acceleration, self._rate))
        change = self._rate * dt_s
        if abs(error) < _STILL or (change * error > 0 and abs(change) >= abs(error)):
            self.velocity, self._rate = target, 0.0
        else:
            self.velocity = max(-self._top, min(self._top, self.velocity + change))
        return self.velocity

    def brake(self, dt_s: float) -> float:
        """Slow down as a stop does for ``dt_s``; return the speed."""
        self._rate = 0.0
        step = self._deceleration * dt_s
        if abs(self.velocity) <= step:
            self.velocity = 0.0
        else:
            self.velocity -= math.copysign(step, self.velocity)
        return self.velocity

    def cap(self, limit: float) -> float:
        """Be no faster than ``limit`` (not negative) from now on, at once; return the speed."""
        if abs(self.velocity) > limit:
            self.velocity, self._rate = math.copysign(limit, self.velocity), 0.0
        return self.velocity


class JointShaper:
    """Position and speed of one joint; it never leaves ``lower``..``upper``."""

    def __init__(
        self,
        lower: float,
        upper: float,
        velocity: float,
        acceleration: float,
        jerk: float,
        deceleration: float,
    ) -> None:
        """Limits in rad or m, and s."""
        self.lower, self.upper = lower, upper
        self._top = velocity
        # So that it can always stop before a limit and before its target.
        self._slowing = min(acceleration, deceleration)
        self._axis = AxisShaper(velocity, acceleration, jerk, deceleration)
        self.position = 0.0

    @property
    def velocity(self) -> float:
        """Return the speed that is commanded now."""
        return self._axis.velocity

    def start(self, position: float) -> None:
        """Begin at a measured position, standing still."""
        self._axis.reset()
        self.position = max(self.lower, min(self.upper, position))

    def follow(self, position: float, velocity: float, dt_s: float) -> float:
        """Go on for ``dt_s``; return the position.

        ``position`` NaN: only the speed matters; ``velocity`` NaN: as fast as is allowed.
        """
        top = self._top if math.isnan(velocity) else min(self._top, abs(velocity))
        if math.isnan(position):
            wanted = math.copysign(top, velocity)
            goal = self.upper if wanted > 0 else self.lower
        else:
            goal = max(self.lower, min(self.upper, position))
            top = top or self._top  # a target that the joint shall reach and rest at
            wanted = math.copysign(top, goal - self.position)
        reachable = self._speed_to(goal)
        speed = self._axis.follow(math.copysign(min(abs(wanted), reachable), wanted), dt_s)
        way = goal - self.position
        if speed * way > 0 and abs(speed) > reachable + self._slowing * dt_s:
            speed = self._axis.cap(reachable + self._slowing * dt_s)
        if speed * way > 0 and abs(speed) * dt_s >= abs(way):
            self.position = goal
            self._axis.reset()
            return self.position
        return self._go_on(speed, dt_s)

    def brake(self, dt_s: float) -> float:
        """Slow down as a stop does; return the position."""
        return self._go_on(self._axis.brake(dt_s), dt_s)

    def _speed_to(self, goal: float) -> float:
        """Return the speed from which ``goal`` can just be reached at rest."""
        return math.sqrt(2 * self._slowing * abs(goal - self.position))

    def _go_on(self, speed: float, dt_s: float) -> float:
        self.position += speed * dt_s
        if not self.lower <= self.position <= self.upper:
            self.position = max(self.lower, min(self.upper, self.position))
            self._axis.reset()
        return self.position
