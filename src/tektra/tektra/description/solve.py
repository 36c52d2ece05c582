"""Damped least squares within joint limits: deterministic, and done in a known number of steps."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Problem = Callable[[Array], tuple[Array, Array]]
"""Positions (n,) -> what is still wrong (m,), and how it changes with them (m, n)."""

STEPS = 60
"""Steps a start; from a start that leads anywhere at all 10 to 20 are enough."""
STALLED, PATIENCE = 1e-3, 4
"""A start is given up when so many steps in a row each take less than this part of the rest."""
STARTS = 10
"""Starts: the seed, the middle, the rest random but always the same."""
LONGEST_STEP = 0.5
"""Longest step of a joint, rad or m; a linear model is worth nothing beyond."""
_SPAN = np.pi  # what stands for a range that is infinite


def starts(seed: Array, lower: Array, upper: Array) -> Iterator[Array]:
    """Return where to begin: at the seed, in the middle, then spread over the whole range."""
    lower = np.where(np.isfinite(lower), lower, seed - _SPAN)
    upper = np.where(np.isfinite(upper), upper, seed + _SPAN)
    yield np.clip(seed, lower, upper)
    yield (lower + upper) / 2
    generator = random.Random(1)
    for _ in range(STARTS - 2):
        yield lower + (upper - lower) * np.array([generator.random() for _ in seed])


def descend(
    problem: Problem, start: Array, lower: Array, upper: Array, tolerance: float
) -> tuple[Array, float]:
    """Return the best positions found from one start and how much is wrong there (norm).

    Levenberg-Marquardt; a joint at its limit that would go on is left out of the step.
    """
    q = np.clip(start, lower, upper)
    wrong, jacobian = problem(q)
    size = float(np.linalg.norm(wrong))
    damping, stalls = 1e-2, 0
    for _ in range(STEPS):
        if size <= tolerance or stalls == PATIENCE:
            break
        trial = np.clip(q + _step(wrong, jacobian, q, lower, upper, damping), lower, upper)
        new_wrong, new_jacobian = problem(trial)
        new_size = float(np.linalg.norm(new_wrong))
        stalls = stalls + 1 if new_size > size * (1.0 - STALLED) else 0
        if new_size < size:
            q, wrong, jacobian, size = trial, new_wrong, new_jacobian, new_size
            damping = max(damping / 5, 1e-6)
        else:
            damping *= 4
    return q, size


def _step(
    wrong: Array, jacobian: Array, q: Array, lower: Array, upper: Array, damping: float
) -> Array:
    free = np.ones(len(q), dtype=bool)
    step = np.zeros(len(q))
    for _ in q:
        open_columns = jacobian[:, free]
        square = open_columns @ open_columns.T + damping**2 * np.eye(len(wrong))
        step[:] = 0.0
        step[free] = -open_columns.T @ np.linalg.solve(square, wrong)
        stuck = free & (((q <= lower) & (step < 0)) | ((q >= upper) & (step > 0)))
        if not stuck.any():
            break
        free &= ~stuck
    longest = float(np.max(np.abs(step), initial=0.0))
    return step * min(1.0, LONGEST_STEP / longest) if longest > 0 else step


def solve(
    problem: Problem, seed: Sequence[float], lower: Array, upper: Array, tolerance: float
) -> tuple[Array, float]:
    """Return positions within the limits and what is wrong there (norm); the first good ones.

    Starts at ``seed``, so that a solution near it is preferred.
    """
    best: tuple[Array, float] | None = None
    for start in starts(np.array(seed, dtype=float), lower, upper):
        found = descend(problem, start, lower, upper, tolerance)
        if best is None or found[1] < best[1]:
            best = found
        if best[1] <= tolerance:
            break
    assert best is not None
    return best
