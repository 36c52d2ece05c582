"""What an output can do: ask for samples at the pace at which they are heard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tektra.runtime.pcm import Samples

# (samples, local ns at which the first one is mixed) -> int16 mono at utterance.OUTPUT_RATE,
# exactly so many; None: there is nothing to play, now and until ``wake``. Called from the output's
# own thread.
Pull = Callable[[int, int], Samples | None]


class PlaybackOutput(Protocol):
    """A place for samples. Its factory raises ``BackendUnavailable`` with reason and fix."""

    latency_s: float
    """s from a call of ``Pull`` to the loudspeaker."""

    def wake(self) -> None:
        """Begin to pull, at once; no effect while pulling. May raise if the device is gone."""
        ...

    def sleep(self) -> None:
        """Stop pulling until ``wake``; nothing is playing."""
        ...

    def check(self) -> None:
        """Raise ``BackendFailed`` if samples are no longer asked for."""
        ...

    def close(self) -> None:
        """Stop and release the device. The caller holds no lock that ``Pull`` takes."""
        ...
