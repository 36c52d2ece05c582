"""Keeps the engines out that the plan has no memory for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NoReturn, TypeVar

from tektra.resources.plan import Plan
from tektra.runtime.backends import BackendUnavailable

B = TypeVar('B')


def within_plan(
    plan: Plan,
    capability: str,
    order: Sequence[str],
    factories: Mapping[str, Callable[[], B]],
    wanted: Collection[str] = (),
) -> dict[str, Callable[[], B]]:
    """Return ``factories``, with those of engines that do not fit the budget refusing.

    An engine that the user has set a model or device for (``wanted``) is never refused, nor is
    any if no other would be left of ``order``.
    """
    choice = plan.choice(capability)
    refused = choice.refused - set(wanted) if choice is not None else frozenset()
    if choice is None or not any(engine not in refused for engine in order):
        return dict(factories)
    reasons = {p.variant.engine: f'{p.variant} {p.reason}' for p in choice.passed if p.over_budget}
    return {
        engine: _refusal(reasons[engine]) if engine in refused else factory
        for engine, factory in factories.items()
    }


def _refusal(reason: str) -> Callable[[], NoReturn]:
    def refuse() -> NoReturn:
        raise BackendUnavailable(f'{reason}; see: tektra resources')

    return refuse
