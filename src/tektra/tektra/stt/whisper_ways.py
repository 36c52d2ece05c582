"""Which Whisper runs where: as the plan says, or as the user does, and what comes below it."""

from __future__ import annotations

from pathlib import Path

from tektra.resources.catalogue import Variant
from tektra.resources.ladder import Rung
from tektra.resources.plan import Plan
from tektra.resources.survey import of_size
from tektra.runtime.weights import find_weights

CAPABILITY, ENGINE = 'stt', 'faster_whisper'


def rungs(plan: Plan, model: str, device: str, gpu: bool) -> list[Rung]:
    """Return the ways to run Whisper, the first one first.

    Args:
        plan: who gets what.
        model: the user's (a folder, or a name under whisper/); empty: as planned.
        device: the user's: cpu or cuda; auto: as planned.
        gpu: whether there is one.
    """
    planned = _planned(plan)
    if model:
        first = [_named(model, where, planned) for where in _devices(device, gpu)]
        beside = _named(model, 'cpu', planned)
        lower = [v for v in planned if v.model != model and _is_below(v, first[0], beside)]
    elif device == 'auto':
        return [Rung(variant) for variant in planned or [_least(plan)]]
    else:
        first = [variant for variant in planned if variant.device == device]
        first = first or [Variant(ENGINE, '', device)]  # it says itself why it cannot be used
        lower = [variant for variant in planned if variant not in first]
    if device == 'cpu':
        lower = _on_cpu(lower)
    elif device == 'cuda' and model:
        lower = [*(v for v in lower if v.device == 'cuda'), beside, *_on_cpu(lower)]
    return [*(Rung(v) for v in first), *(Rung(v, spare=True) for v in lower)]


def _planned(plan: Plan) -> list[Variant]:
    """Return what is planned, and what else there is room for in its place."""
    choice = plan.choice(CAPABILITY)
    if choice is None:
        return []
    every = [*([choice.variant] if choice.variant is not None else []), *choice.others]
    return [variant for variant in every if variant.engine == ENGINE]


def _devices(device: str, gpu: bool) -> list[str]:
    if device != 'auto':
        return [device]
    return ['cuda', 'cpu'] if gpu else ['cpu']


def _named(model: str, device: str, planned: list[Variant]) -> Variant:
    """Return the user's model; its need is that of the catalogue, or goes by its size."""
    known = [v for v in planned if (v.model, v.device) == (model, device)]
    if known:
        return known[0]
    file = _folder(model) / 'model.bin'
    return of_size(model, file.stat().st_size if file.is_file() else 0, device)


def _folder(model: str) -> Path:
    given = Path(model).expanduser()
    return given if given.is_dir() else find_weights(f'whisper/{model}') or given


def _is_below(variant: Variant, first: Variant, beside: Variant) -> bool:
    """Return whether a variant is smaller than the user's (``beside``: the same on the CPU)."""
    if variant.device == 'cuda':
        return first.device == 'cuda' and variant.gpu_memory_mb < first.gpu_memory_mb
    return variant.memory_mb < beside.memory_mb


def _on_cpu(variants: list[Variant]) -> list[Variant]:
    return [variant for variant in variants if variant.device == 'cpu']


def _least(plan: Plan) -> Variant:
    """Return the smallest that does not fit, for users who want this engine and no other.

    Without any on disk it is one without a name: the engine itself says what is missing.
    """
    choice = plan.choice(CAPABILITY)
    passed = choice.passed if choice is not None else ()
    there = [p.variant for p in passed if p.over_budget and p.variant.engine == ENGINE]
    return min(_on_cpu(there), key=lambda v: v.memory_mb, default=Variant(ENGINE))
