"""One engine with several ways to run: down to a smaller model or to the CPU, before the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tektra.resources.catalogue import Variant
from tektra.resources.errors import is_out_of_memory
from tektra.runtime.backends import BackendFailed, BackendUnavailable, Closable

B = TypeVar('B', bound=Closable)


@dataclass(frozen=True)
class Rung:
    """A way to run. ``spare``: only after memory or the GPU was lost, not for other reasons."""

    variant: Variant
    spare: bool = False


@dataclass(frozen=True)
class _Lost:
    variant: Variant
    whole_gpu: bool  # not for want of memory: nothing on the GPU is to be trusted


class Ladder(Generic[B]):
    """Makes the first rung that can be loaded; remembers those that were lost.

    ``rungs`` are asked for each time, so that weights that were put on disk meanwhile count. What
    ran out of memory is not tried again until the node is configured again: each try would take
    the memory of everything else first.
    """

    def __init__(self, rungs: Callable[[], Sequence[Rung]], make: Callable[[Variant], B]) -> None:
        self.note = ''
        self._rungs = rungs
        self._make = make
        self._lost: list[_Lost] = []
        self._runs: Variant | None = None

    def __call__(self) -> B:
        """Load the first rung that works.

        :raises BackendUnavailable: if none can be used here.
        :raises BackendFailed: if memory does not do for any; the smallest is tried next time.
        """
        self._runs = None
        problems: list[str] = []
        memory = False
        for rung in self._rungs():
            if (rung.spare and not self._lost) or not self._may_try(rung.variant):
                continue
            try:
                made = self._make(rung.variant)
            except Exception as error:
                problems.append(f'{rung.variant}: {error}')
                if is_out_of_memory(error):
                    memory = True
                    self._lost.append(_Lost(rung.variant, False))
            else:
                self._runs = rung.variant
                self.note = self._told(rung.variant)
                return made
        text = '; '.join(dict.fromkeys(problems))
        self.note = ''
        if not self._lost:
            raise BackendUnavailable(text or 'no model of it is on disk')
        lost = self._told(None)
        if memory or not problems:
            self._lost.pop()  # it may be tried again, when the chain comes back to this engine
        raise BackendFailed('; '.join(dict.fromkeys((lost, *problems))))

    def step_down(self, error: BaseException) -> bool:
        """Note why what runs was lost; return whether there is something smaller to try."""
        runs = self._runs
        if runs is None:
            return False
        memory = is_out_of_memory(error)
        if not memory and runs.device != 'cuda':
            return False
        self._lost.append(_Lost(runs, not memory))
        if any(self._may_try(rung.variant) for rung in self._rungs()):
            return True
        self._lost.pop()
        return False

    def _may_try(self, variant: Variant) -> bool:
        return all(_outlives(variant, lost) for lost in self._lost)

    def _told(self, now: Variant | None) -> str:
        """Say what was lost, and what runs instead."""
        if not self._lost:
            return ''
        memory = [str(lost.variant) for lost in self._lost if not lost.whole_gpu]
        broken = [str(lost.variant) for lost in self._lost if lost.whole_gpu]
        parts = [f'out of memory with {", ".join(memory)}'] if memory else []
        parts += [f'the GPU failed with {", ".join(broken)}'] if broken else []
        return '; '.join(parts) + (f'; now {now}' if now is not None else '')


def _outlives(variant: Variant, lost: _Lost) -> bool:
    """Return whether ``variant`` is smaller than what was lost, or elsewhere."""
    if lost.whole_gpu:
        return variant.device == 'cpu'
    if variant.device != lost.variant.device:
        return variant.device == 'cpu'
    if variant.device == 'cuda':
        return variant.gpu_memory_mb < lost.variant.gpu_memory_mb
    return variant.memory_mb < lost.variant.memory_mb
