"""How far a base can go in a direction before its workspace ends; asked before anything moves."""

from __future__ import annotations

import math

from tektra.robot_gate.workspace import Polygon, inside_by

KEEP_M = 0.05
"""From the border: there the gate lets a base only creep, and not reach the border itself."""
_STRIDE_M = 0.02
_INWARD = 0.5  # of a stride must lead away from the border to be free of it, as in the gate


def free_way(polygon: Polygon, x: float, y: float, direction: float, most: float) -> float:
    """Return how far (m, at most ``most``) a base can go from ``x``, ``y`` in a straight line.

    Where it is nearer to the border than ``KEEP_M``, or outside, it may go on only inwards.
    """
    strides = max(1, math.ceil(most / _STRIDE_M))
    way, before = 0.0, inside_by(polygon, x, y)
    for n in range(1, strides + 1):
        then = most * n / strides
        here = inside_by(polygon, x + then * math.cos(direction), y + then * math.sin(direction))
        if here < KEEP_M and here - before < _INWARD * (then - way):
            return way
        way, before = then, here
    return way
