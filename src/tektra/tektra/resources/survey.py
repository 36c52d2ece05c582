"""What of the catalogue can be used here: packages installed, weights on disk, a GPU."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from tektra.resources.catalogue import AUTO_SHARE, Budget, Catalogue, Variant, load_catalogue
from tektra.resources.machine import MB, Machine, measure
from tektra.resources.plan import Amount, Plan, Wish, make_plan
from tektra.runtime.weights import find_all_weights, roots
from tektra.stt.whisper_files import lacking

WHISPER = 'whisper'  # folder of the weights
# A model that the catalogue does not know: MB, and MB for each MB of its model.bin (float16). On
# the CPU a line through what was measured for tiny, base and small (config/resources.yaml).
CPU_NODE_MB, CPU_FACTOR = 205, 1.36
GPU_NODE_MB, GPU_CONTEXT_MB, GPU_FACTOR = 700, 500, 1.3  # with CUDA's libraries (estimated)


def plan_here() -> Plan:
    """Return the plan for this machine.

    :raises CatalogueError: if config/resources.yaml is wrong.
    """
    return plan_for(load_catalogue(), the_machine())


@cache
def the_machine() -> Machine:
    """Return this machine; measured once a process, since totals do not change."""
    return measure()


def plan_for(catalogue: Catalogue, machine: Machine) -> Plan:
    """Return the plan for a machine, with the weights that are on disk."""
    wishes = {
        name: [Wish(v, missing(v, machine)) for v in with_further(variants)]
        for name, variants in catalogue.capabilities.items()
    }
    return make_plan(wishes, budget_of(catalogue.budget, machine))


def budget_of(budget: Budget, machine: Machine) -> Amount:
    """Return the budget in MB; what is left to the machine is AUTO_SHARE of what it has."""
    memory = budget.memory_mb
    gpu = budget.gpu_memory_mb
    return Amount(
        int(AUTO_SHARE * machine.memory_mb) if memory is None else memory,
        int(AUTO_SHARE * machine.gpu_memory_mb) if gpu is None else gpu,
    )


def missing(variant: Variant, machine: Machine) -> str:
    """Return why a variant cannot be used here; empty: it can."""
    if variant.module and importlib.util.find_spec(variant.module) is None:
        return f'the Python package {variant.module} is not installed'
    if variant.device == 'cuda' and not machine.gpus:
        return 'no GPU'
    found = find_all_weights(variant.weights) if variant.weights else []
    if variant.weights and not any(_is_complete(path, variant) for path in found):
        lacks = ', '.join(lacking(found[0])) if found and _is_whisper(variant) else ''
        why = f'not complete on disk: {lacks} missing' if lacks else 'not on disk'
        return f'{why} (tektra weights list)'
    return ''


def _is_whisper(variant: Variant) -> bool:
    return variant.weights.startswith(f'{WHISPER}/')


def _is_complete(path: Path, variant: Variant) -> bool:
    """Return whether the engine would find what it needs; a download cut short is none."""
    if _is_whisper(variant):
        return not lacking(path)
    files = [path] if path.is_file() else path.rglob('*')
    return any(file.is_file() and file.suffix != '.part' for file in files)


def with_further(known: tuple[Variant, ...]) -> list[Variant]:
    """Return ``known`` with the Whisper models on disk that it does not name after its own."""
    last = max((i for i, v in enumerate(known) if v.engine == 'faster_whisper'), default=None)
    if last is None:
        return list(known)
    return [*known[: last + 1], *_further(known), *known[last + 1 :]]


def _further(known: tuple[Variant, ...]) -> list[Variant]:
    names = {variant.model for variant in known}
    found = {}
    for root in reversed(roots()):  # the first folder goes last, and counts
        for file in sorted((root / WHISPER).glob('*/model.bin')):
            if not lacking(file.parent):
                found[file.parent.name] = file
    sizes = {name: file.stat().st_size for name, file in found.items() if name not in names}
    on_gpu = [of_size(name, size, 'cuda') for name, size in sorted(sizes.items())]
    return on_gpu + [of_size(name, size, 'cpu') for name, size in sorted(sizes.items())]


def of_size(model: str, size: int, device: str) -> Variant:
    """Return a Whisper model whose need is estimated from the bytes of its model.bin."""
    mb = size / MB
    on_gpu = device == 'cuda'
    return Variant(
        engine='faster_whisper',
        model=model,
        device=device,
        memory_mb=GPU_NODE_MB if on_gpu else round(CPU_NODE_MB + CPU_FACTOR * mb),
        gpu_memory_mb=round(GPU_CONTEXT_MB + GPU_FACTOR * mb) if on_gpu else 0,
        module='faster_whisper',
        weights=f'{WHISPER}/{model}',
    )
