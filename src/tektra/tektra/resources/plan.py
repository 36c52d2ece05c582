"""Who gets what: one variant for each capability, within the budget. Pure and deterministic.

Every process computes the same plan from the same file, machine and weights: nobody negotiates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tektra.resources.catalogue import Variant

_LATE = 'there was no room for it before the others had chosen'


@dataclass(frozen=True)
class Amount:
    """MB of memory and of GPU memory."""

    memory_mb: int = 0
    gpu_memory_mb: int = 0

    def __add__(self, other: Amount) -> Amount:
        """Return both together."""
        return Amount(self.memory_mb + other.memory_mb, self.gpu_memory_mb + other.gpu_memory_mb)

    def __sub__(self, other: Amount) -> Amount:
        """Return what is left without ``other``; may be below zero."""
        return Amount(self.memory_mb - other.memory_mb, self.gpu_memory_mb - other.gpu_memory_mb)

    def holds(self, other: Amount) -> bool:
        """Return whether ``other`` fits into this."""
        return other.memory_mb <= self.memory_mb and other.gpu_memory_mb <= self.gpu_memory_mb


def needs(plan: Plan) -> dict[str, int]:
    """Return the MB of memory that each capability is planned to need."""
    return {c.capability: c.variant.memory_mb for c in plan.choices if c.variant is not None}


def need_of(variant: Variant) -> Amount:
    """Return what a variant needs."""
    return Amount(variant.memory_mb, variant.gpu_memory_mb)


@dataclass(frozen=True)
class Wish:
    """A variant of a capability; ``missing`` says why it cannot be used here, empty: it can."""

    variant: Variant
    missing: str = ''


@dataclass(frozen=True)
class Passed:
    """A variant that was preferred and not taken; ``over_budget``: it would work but not fit."""

    variant: Variant
    reason: str
    over_budget: bool


@dataclass(frozen=True)
class Choice:
    """What one capability gets. ``variant`` None: nothing of it can be used here.

    ``others``: usable variants that would fit in its place, the preferred one first.
    """

    capability: str
    variant: Variant | None
    passed: tuple[Passed, ...] = ()
    others: tuple[Variant, ...] = ()

    @property
    def why(self) -> str:
        """Return in words why it is not the first choice, or that it is."""
        return '; '.join(self.reasons) or 'first choice'

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return a line for each reason that something preferred was not taken."""
        rows: dict[str, list[Variant]] = {}
        for each in self.passed:
            rows.setdefault(each.reason, []).append(each.variant)
        return tuple(f'{_names(variants)}: {reason}' for reason, variants in rows.items())

    @property
    def refused(self) -> frozenset[str]:
        """Return the engines that would work and do not fit the budget at all."""
        fits = {v.engine for v in (self.variant, *self.others) if v is not None}
        return frozenset(p.variant.engine for p in self.passed if p.over_budget) - fits


@dataclass(frozen=True)
class Plan:
    """``choices`` are in the order of the file."""

    budget: Amount
    choices: tuple[Choice, ...]

    @property
    def total(self) -> Amount:
        """Return what all choices need together."""
        whole = Amount()
        for choice in self.choices:
            if choice.variant is not None:
                whole += need_of(choice.variant)
        return whole

    @property
    def fits(self) -> bool:
        """Return whether it is within the budget: False if even the smallest variants are not."""
        return self.budget.holds(self.total)

    @property
    def problem(self) -> str:
        """Return in words that it does not fit; empty: it does."""
        if self.fits:
            return ''
        total, budget = self.total, self.budget
        return (
            f'even the smallest engines need {total.memory_mb} MB of memory and '
            f'{total.gpu_memory_mb} MB of GPU memory; the budget is {budget.memory_mb} and '
            f'{budget.gpu_memory_mb} MB'
        )

    def choice(self, capability: str) -> Choice | None:
        """Return what a capability gets; None: the file does not name it."""
        return next((c for c in self.choices if c.capability == capability), None)


def make_plan(wishes: Mapping[str, Sequence[Wish]], budget: Amount) -> Plan:
    """Choose one variant for each capability; ``wishes`` are in order of preference.

    Each capability is assured its smallest usable variant, even beyond the budget. Then the one
    whose first usable wish is largest chooses first: the most preferred variant that leaves the
    others what they are assured. So a larger budget never makes the choice of the first one
    worse, nor that of a later one as long as those before it choose the same; one before it may
    take what a larger budget adds, and more.
    """
    usable = {name: [w.variant for w in rows if not w.missing] for name, rows in wishes.items()}
    given = {name: min(rows, key=_size) for name, rows in usable.items() if rows}
    order = sorted(given, key=lambda name: (_negative(_size(usable[name][0])), name))
    for name in order:
        room = budget - _needed(given, name)
        given[name] = next((v for v in usable[name] if room.holds(need_of(v))), given[name])
    choices = []
    for name, rows in wishes.items():
        room = budget - _needed(given, name)
        choices.append(_choice(name, rows, given.get(name), room))
    return Plan(budget, tuple(choices))


def _names(variants: Sequence[Variant]) -> str:
    """Name variants for people, those of one engine and device together."""
    rows: dict[tuple[str, str], list[str]] = {}
    for variant in variants:
        rows.setdefault((variant.engine, variant.device), []).append(variant.model)
    return ', '.join(
        str(Variant(engine, ', '.join(models), device))
        for (engine, device), models in rows.items()
    )


def _size(variant: Variant) -> tuple[int, int]:
    """Order by GPU memory first: what is assured takes none of it where that can be."""
    return variant.gpu_memory_mb, variant.memory_mb


def _negative(size: tuple[int, int]) -> tuple[int, int]:
    return -(size[0] + size[1]), -size[0]


def _needed(given: Mapping[str, Variant], without: str) -> Amount:
    whole = Amount()
    for name, variant in given.items():
        if name != without:
            whole += need_of(variant)
    return whole


def _choice(name: str, rows: Sequence[Wish], taken: Variant | None, room: Amount) -> Choice:
    passed: list[Passed] = []
    others: list[Variant] = []
    found = False
    for wish in rows:
        if wish.variant == taken:
            found = True
        elif wish.missing:
            if not found:
                passed.append(Passed(wish.variant, wish.missing, False))
        elif room.holds(need_of(wish.variant)):
            others.append(wish.variant)
            if not found:
                passed.append(Passed(wish.variant, _LATE, True))
        elif not found:
            passed.append(Passed(wish.variant, _too_much(wish.variant, room), True))
    return Choice(name, taken, tuple(passed), tuple(others))


def _too_much(variant: Variant, room: Amount) -> str:
    left = f'{max(0, room.memory_mb)} MB'
    if variant.gpu_memory_mb:
        left += f' and {max(0, room.gpu_memory_mb)} MB'
    return f'needs {variant.need()}; the budget leaves {left}'
