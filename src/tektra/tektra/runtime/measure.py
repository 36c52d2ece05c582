"""The record that every benchmark prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Record:
    """One figure.

    ``reference`` is a peer or a limit measured in the same run.     ``budget`` is from the design.

    ``ok`` is None where there is no budget.
    """

    name: str
    value: float
    unit: str
    reference: float | None = None
    budget: float | None = None

    @property
    def ratio(self) -> float | None:
        """Return value / reference."""
        return self.value / self.reference if self.reference else None

    @property
    def ok(self) -> bool | None:
        """Return whether the budget is kept."""
        return None if self.budget is None else self.value <= self.budget

    def as_dict(self) -> dict[str, object]:
        """Return the record with its ratio and verdict."""
        return {
            'name': self.name,
            'value': self.value,
            'unit': self.unit,
            'reference': self.reference,
            'ratio': self.ratio,
            'budget': self.budget,
            'ok': self.ok,
        }


def percentile(values: Sequence[float], fraction: float) -> float:
    """Return the nearest-rank percentile (``fraction`` 0..1) of ``values``.

    :raises ValueError: if there are no values.
    """
    if not values:
        raise ValueError('no values')
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(fraction * len(ordered)) - 1)]
