"""The detector of the core: the first backend that works, through the tap."""

from __future__ import annotations

from functools import partial

from tektra.runtime.backends import BackendChain
from tektra.runtime.tap import DirectTap, Tap, digest
from tektra.vad.backend import Frame, VadBackend


class ChainDetector:
    """``tap`` is that of ``chain``: the input is digested only if somebody records or replays."""

    def __init__(self, chain: BackendChain[VadBackend], tap: Tap) -> None:
        self._chain = chain
        self._digest = not isinstance(tap, DirectTap)

    @property
    def name(self) -> str:
        """Return the backend in use."""
        return self._chain.active_name

    def probability(self, frame: Frame, now_ns: int) -> float:
        """Return 0..1; another backend answers when one breaks."""
        request = digest(frame.tobytes()) if self._digest else ''
        ask = partial(_ask, frame)
        return self._chain.call('probability', request, ask, now_ns)

    def reset(self) -> None:
        """Forget earlier frames."""
        self._chain.active.reset()


def _ask(frame: Frame, backend: VadBackend) -> float:
    return backend.probability(frame)
