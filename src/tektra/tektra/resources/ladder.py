"""One engine with several ways to run: down to a smaller model or to the CPU, before the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tektra.resources.catalogue import Variant
from tektra.resources.errors import is_gpu_failure, is_out_of_memory
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
    broken: str = ''  # how the GPU failed: nothing on it is to be trusted; empty: out of memory


class Ladder(Generic[B]):
    """Makes the first rung that can be loaded; remembers those that were lost.

    ``rungs`` are asked for each time, so that weights that were put on disk meanwhile count. What
    ran out of memory, or a GPU that failed, is not tried again until the node is configured again:
    each try would take the memory of everything else first. Only the smallest is.
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
        self._runs, self.note = None, ''
        problems: list[str] = []
        for rung in self._rungs():
            if (rung.spare and not self._lost) or not self._may_try(rung.variant):
                continue
            try:
                made = self._make(rung.variant)
            except Exception as error:
                if is_out_of_memory(error):
                    self._lost.append(_Lost(rung.variant))
                else:
                    problems.append(f'{rung.variant}: {error}')
            else:
                self._runs = rung.variant
                self.note = self._told(problems, rung.variant)
                return made
        if not self._lost:
            raise BackendUnavailable(self._told(problems) or 'no model of it is on disk')
        text = self._told(problems)
        if not self._is_anything_left():
            self._lost.pop()  # it may be tried again, when the chain comes back to this engine
        raise BackendFailed(text)

    def step_down(self, error: BaseException) -> bool:
        """Note why what runs was lost; return whether there is something smaller to try."""
        runs = self._runs
        if runs is None:
            return False
        memory = is_out_of_memory(error)
        if not memory and not (runs.device == 'cuda' and is_gpu_failure(error)):
            return False
        self._lost.append(_Lost(runs, '' if memory else str(error) or type(error).__name__))
        if self._is_anything_left():
            return True
        self._lost.pop()
        return False

    def _is_anything_left(self) -> bool:
        return any(self._may_try(rung.variant) for rung in self._rungs())

    def _may_try(self, variant: Variant) -> bool:
        return all(_outlives(variant, lost) for lost in self._lost)

    def _told(self, problems: Sequence[str], now: Variant | None = None) -> str:
        """Say what was lost or cannot be loaded, and what runs instead; empty: nothing was."""
        memory = [str(lost.variant) for lost in self._lost if not lost.broken]
        broken = [f'{lost.variant} ({lost.broken})' for lost in self._lost if lost.broken]
        parts = [f'out of memory with {", ".join(memory)}'] if memory else []
        parts += [f'the GPU failed with {", ".join(broken)}'] if broken else []
        parts += dict.fromkeys(problems)
        return '; '.join([*parts, f'now {now}'] if parts and now is not None else parts)


def _outlives(variant: Variant, lost: _Lost) -> bool:
    """Return whether ``variant`` is smaller than what was lost, or elsewhere."""
    if lost.broken:
        return variant.device == 'cpu'
    if variant.device != lost.variant.device:
        return variant.device == 'cpu'
    if variant.device == 'cuda':
        return variant.gpu_memory_mb < lost.variant.gpu_memory_mb
    return variant.memory_mb < lost.variant.memory_mb
