"""An ordered list of engines for one capability.

The first that works is used, and lost ones are retried.
"""

from __future__ import annotations

import enum
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar, runtime_checkable

from tektra.runtime.clock import nanoseconds
from tektra.runtime.tap import DirectTap, Tap


class BackendUnavailable(Exception):
    """A backend cannot be used here; the text says why and what would make it usable."""


class BackendFailed(Exception):
    """A backend broke while it was in use."""


class Closable(Protocol):
    """What every backend can do besides its work."""

    def close(self) -> None:
        """Release memory, files and devices."""
        ...


@runtime_checkable
class StepsDown(Protocol):
    """A factory whose engine has smaller ways to run, tried before the next engine is."""

    note: str  # what was lost, and what runs instead; empty: what was wanted runs

    def step_down(self, error: BaseException) -> bool:
        """Return whether the next call makes something smaller that may outlive ``error``."""
        ...


class Health(enum.IntEnum):
    """As in ``tektra_msgs/BackendState``."""

    STANDBY = 1
    ACTIVE = 2
    UNAVAILABLE = 3
    FAILED = 4


@dataclass
class Entry:
    """What is known of one backend.

    ``retry_ns`` is local time from which it may be tried again, ``used_ns`` that since which it is
    or was in use.
    """

    name: str
    health: Health = Health.STANDBY
    reason: str = ''
    retry_ns: int = 0
    failures: int = 0
    used_ns: int = 0


@dataclass(frozen=True)
class BackendStatus:
    """A snapshot to publish."""

    capability: str
    active: str
    degraded: bool
    entries: tuple[tuple[str, Health, str], ...]
    event: str


B = TypeVar('B', bound=Closable)
T = TypeVar('T')

RETRY_FIRST_S = 2.0  # after the first failure; doubles up to RETRY_MAX_S
RETRY_MAX_S = 60.0  # a backend that has worked for so long begins anew with its failures
_DOUBLINGS = 16  # far beyond RETRY_MAX_S; a power of a larger count overflows


class BackendChain(Generic[B]):
    """Chooses among backends in configured order.

    Not thread-safe: one thread (the worker) owns it.

    ``factories`` make a loaded backend or raise ``BackendUnavailable``; one that ``StepsDown``
    is asked again after a failure that a smaller model may survive. ``on_change`` is called with
    a snapshot after every change, in the calling thread.
    """

    def __init__(
        self,
        capability: str,
        order: Sequence[str],
        factories: Mapping[str, Callable[[], B]],
        on_change: Callable[[BackendStatus], None],
        tap: Tap | None = None,
    ) -> None:
        unknown = [name for name in order if name not in factories]
        if unknown or not order:
            raise BackendUnavailable(
                f"{capability}: backend '{unknown[0] if unknown else ''}' is not known; "
                f'known: {", ".join(factories)}'
            )
        self.capability = capability
        self._factories = factories
        self._entries = [Entry(name) for name in order]
        self._on_change = on_change
        self._tap = tap or DirectTap()
        self._active: B | None = None
        self._active_name = ''

    @property
    def active(self) -> B:
        """Return the backend in use.

        :raises BackendUnavailable: if there is none.
        """
        if self._active is None:
            raise BackendUnavailable(f'{self.capability}: {self._why_none()}')
        return self._active

    @property
    def active_name(self) -> str:
        """Return the name of the backend in use; empty: none."""
        return self._active_name

    def open(self, now_ns: int) -> None:
        """Load the first backend that works.

        :raises BackendUnavailable: listing every reason, if none works.
        """
        self._pick(now_ns, 'chosen at configure')
        if self._active is None:
            raise BackendUnavailable(f'{self.capability}: {self._why_none()}')

    def call(self, method: str, request: str, run: Callable[[B], T], now_ns: int) -> T:
        """Return ``run(backend)``, passed through the tap.

        Fall over to the next backend when it raises.

        ``request`` identifies the input in a recording: short text, or ``tap.digest`` of binary
        data.

        :raises BackendUnavailable: when no backend is left.
        """
        while True:
            backend = self.active
            try:
                result: T = self._tap.call(
                    self.capability,
                    self._active_name,
                    method,
                    request,
                    partial(run, backend),
                )
            except Exception as error:
                self.fail(error, now_ns)
            else:
                return result

    def fail(self, error: BaseException, now_ns: int) -> None:
        """Note that the backend in use broke, and move to the next one that works."""
        lost = self._active_name
        entry = self._entry(lost)
        # The frames of the failed call keep alive what it had made: others need the room.
        traceback.clear_frames(error.__traceback__)
        closing = self._discard()
        factory = self._factories[lost]
        if isinstance(factory, StepsDown) and factory.step_down(error):
            backend = self._load(entry, now_ns)  # says itself why not, and when again
            if backend is not None:
                self._use(entry, backend, now_ns)
                self._on_change(self.status(f'{lost}: {factory.note}'))
                return
        else:
            self._note_failure(entry, error, now_ns)
        entry.reason += closing
        self._pick(now_ns, f'{lost} failed: {error}{closing}')

    def _note_failure(self, entry: Entry, error: BaseException, now_ns: int) -> None:
        entry.health = Health.FAILED
        entry.reason = f'{type(error).__name__}: {error}'
        if now_ns - entry.used_ns >= nanoseconds(RETRY_MAX_S):
            entry.failures = 0
        wait = min(RETRY_FIRST_S * 2 ** min(entry.failures, _DOUBLINGS), RETRY_MAX_S)
        entry.failures += 1
        entry.retry_ns = now_ns + nanoseconds(wait)

    def maintain(self, now_ns: int) -> None:
        """Try again a better backend that failed or was missing, once its time has come.

        A device may have been plugged in, weights may have been put on disk. Call it when idle.
        """
        for entry in self._entries:
            if entry.name == self._active_name:
                return
            lost = entry.health in (Health.FAILED, Health.UNAVAILABLE)
            if lost and now_ns >= entry.retry_ns:
                self._try_again(entry, now_ns)
                return

    def status(self, event: str = '') -> BackendStatus:
        """Return a snapshot with ``event`` as what just happened."""
        usable = [e for e in self._entries if e.health is not Health.UNAVAILABLE]
        first = self._active is not None and usable[0].name == self._active_name
        degraded = not first or bool(self._note(self._active_name))
        rows = tuple((e.name, e.health, e.reason) for e in self._entries)
        return BackendStatus(self.capability, self._active_name, degraded, rows, event)

    def close(self) -> None:
        """Release the backend in use.

        Whatever its ``close`` raises is raised, but it is out of use all the same.
        """
        if self._active is not None:
            active, self._active, self._active_name = self._active, None, ''
            active.close()

    def _entry(self, name: str) -> Entry:
        return next(e for e in self._entries if e.name == name)

    def _note(self, name: str) -> str:
        factory = self._factories[name]
        return factory.note if isinstance(factory, StepsDown) else ''

    def _why_none(self) -> str:
        return 'no backend works: ' + '; '.join(f'{e.name}: {e.reason}' for e in self._entries)

    def _discard(self) -> str:
        """Close the backend in use to make room for another.

        Return what went wrong with that, to be appended: a broken engine may not even close.
        """
        name = self._active_name
        try:
            self.close()
        except Exception as error:
            return f'; closing {name} failed: {error}'
        return ''

    def _load(self, entry: Entry, now_ns: int) -> B | None:
        try:
            return self._factories[entry.name]()
        except BackendUnavailable as error:
            entry.health, entry.reason = Health.UNAVAILABLE, str(error)
            entry.retry_ns = now_ns + nanoseconds(RETRY_MAX_S)
        except Exception as error:
            entry.health, entry.reason = (
                Health.FAILED,
                f'{type(error).__name__}: {error}',
            )
            entry.failures += 1
            entry.retry_ns = now_ns + nanoseconds(RETRY_MAX_S)
        return None

    def _use(self, entry: Entry, backend: B, now_ns: int) -> None:
        self._active, self._active_name = backend, entry.name
        entry.health, entry.reason = Health.ACTIVE, self._note(entry.name)
        entry.used_ns = now_ns

    def _pick(self, now_ns: int, event: str) -> None:
        for entry in self._entries:
            if entry.health in (Health.UNAVAILABLE, Health.FAILED) and now_ns < entry.retry_ns:
                continue
            backend = self._load(entry, now_ns)
            if backend is not None:
                self._use(entry, backend, now_ns)
                break
        self._on_change(self.status(event))

    def _try_again(self, entry: Entry, now_ns: int) -> None:
        before = (entry.health, entry.reason)
        backend = self._load(entry, now_ns)
        if backend is None and (entry.health, entry.reason) == before:
            return  # nothing new to say
        if backend is None:
            self._on_change(self.status(f'{entry.name} is still not usable: {entry.reason}'))
            return
        if self._active is not None:
            self._entry(self._active_name).health = Health.STANDBY
        closing = self._discard()
        self._use(entry, backend, now_ns)
        self._on_change(self.status(f'{entry.name} is back{closing}'))
