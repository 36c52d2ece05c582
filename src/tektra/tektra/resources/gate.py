"""Keeps the engines out that the plan has no memory for, and the planned one in front."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NoReturn, TypeVar

from tektra.resources.plan import Choice, Plan, need_of
from tektra.runtime.backends import BackendUnavailable

B = TypeVar('B')


def within_plan(
    plan: Plan,
    capability: str,
    order: Sequence[str],
    factories: Mapping[str, Callable[[], B]],
    wanted: Collection[str] = (),
) -> tuple[list[str], dict[str, Callable[[], B]]]:
    """Return the order to try engines in, and ``factories`` whose larger ones refuse.

    What is preferred to the planned engine and needs more comes after it: it would fit in its
    place, but perhaps not beside what the others prefer as well. An engine that does not fit the
    budget at all refuses. One that the user has set a model or device for (``wanted``) neither
    refuses nor moves, nor does any if no other would be left of ``order``.
    """
    choice = plan.choice(capability)
    refused = choice.refused - set(wanted) if choice is not None else frozenset()
    if choice is None or not any(engine not in refused for engine in order):
        return list(order), dict(factories)
    reasons = {p.variant.engine: f'{p.variant} {p.reason}' for p in choice.passed if p.over_budget}
    made = {
        engine: _refusal(reasons[engine]) if engine in refused else factory
        for engine, factory in factories.items()
    }
    return _planned_first(choice, order, wanted), made


def _planned_first(choice: Choice, order: Sequence[str], wanted: Collection[str]) -> list[str]:
    if choice.variant is None or choice.variant.engine not in order:
        return list(order)
    engine, room = choice.variant.engine, need_of(choice.variant)
    needs = {v.engine: need_of(v) for v in reversed(choice.others)}  # the preferred one counts
    before = order[: order.index(engine)]
    late = [e for e in before if e in needs and e not in wanted and not room.holds(needs[e])]
    front = [e for e in before if e not in late]
    return [*front, engine, *late, *order[len(before) + 1 :]]


def _refusal(reason: str) -> Callable[[], NoReturn]:
    def refuse() -> NoReturn:
        raise BackendUnavailable(f'{reason}; see: tektra resources')

    return refuse
