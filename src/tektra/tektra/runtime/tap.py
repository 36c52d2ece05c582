"""The one tap through which every backend call passes, so that it can be recorded and replayed."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol


class TapError(Exception):
    """A replayed call does not match the recording."""


@dataclass(frozen=True)
class BackendCall:
    """One call of a backend.

    ``request`` is a digest or a short text, ``response`` is JSON-able data.
    """

    seq: int
    capability: str
    backend: str
    method: str
    request: str
    response: Any
    error: str
    duration_s: float

    def to_json(self) -> str:
        """Return one line of the recording (JSONL)."""
        return json.dumps(self.__dict__, ensure_ascii=False, sort_keys=True)

    @staticmethod
    def from_json(line: str) -> BackendCall:
        """Return the call of one line.

        :raises TapError: if the line is not one.
        """
        try:
            return BackendCall(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise TapError(f'not a recorded backend call: {line[:80]!r} ({error})') from error


def digest(data: bytes | memoryview) -> str:
    """Return a short digest of binary input, to recognise it again without keeping it."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


class Tap(Protocol):
    """Every backend call goes through ``call``."""

    def call(
        self,
        capability: str,
        backend: str,
        method: str,
        request: str,
        run: Callable[[], Any],
    ) -> Any:
        """Return what ``run()`` returns, or what was recorded for this call.

        Results must be JSON-able (dict, list, str, float, ...): audio goes as hex text.
        """
        ...


class DirectTap:
    """Passes calls through and keeps nothing: the default."""

    def call(
        self,
        capability: str,
        backend: str,
        method: str,
        request: str,
        run: Callable[[], Any],
    ) -> Any:
        """Return ``run()``."""
        return run()


class RecordingTap:
    """Passes calls through and writes one JSON line for each."""

    def __init__(self, sink: IO[str], clock: Callable[[], int]) -> None:
        self._sink = sink
        self._clock = clock
        self._seq = 0
        self._lock = threading.Lock()

    def call(
        self,
        capability: str,
        backend: str,
        method: str,
        request: str,
        run: Callable[[], Any],
    ) -> Any:
        """Return ``run()`` after writing it down, errors included."""
        start = self._clock()
        response, failure, text = None, None, ''
        try:
            response = run()
        except Exception as error:
            failure, text = error, f'{type(error).__name__}: {error}'
        took = (self._clock() - start) / 1e9
        with self._lock:
            call = BackendCall(
                self._seq, capability, backend, method, request, response, text, took
            )
            self._seq += 1
            self._sink.write(call.to_json() + '\n')
            self._sink.flush()
        if failure is not None:
            raise failure
        return response


class ReplayTap:
    """Answers calls from a recording, in order, without running the backend."""

    def __init__(self, calls: Iterable[BackendCall]) -> None:
        self._calls = deque(calls)
        self._lock = threading.Lock()

    @staticmethod
    def from_file(path: Path) -> ReplayTap:
        """Read a recording (JSONL).

        :raises TapError: if a line is not a recorded call.
        """
        with path.open(encoding='utf-8') as lines:
            return ReplayTap([BackendCall.from_json(line) for line in lines if line.strip()])

    def call(
        self,
        capability: str,
        backend: str,
        method: str,
        request: str,
        run: Callable[[], Any],
    ) -> Any:
        """Return the recorded response of the next call of ``capability``.

        :raises TapError: if the next recorded call is another one.
        :raises RuntimeError: with the recorded text, if the call failed then.
        """
        with self._lock:
            index = next(
                (i for i, call in enumerate(self._calls) if call.capability == capability),
                None,
            )
            if index is None:
                raise TapError(f'{capability}: the recording has no further call, got {method}')
            call = self._calls[index]
            if (call.backend, call.method, call.request) != (backend, method, request):
                recorded = f'{call.backend}.{call.method}({call.request})'
                raise TapError(
                    f'{capability}: the recording has {recorded}, '
                    f'got {backend}.{method}({request})'
                )
            del self._calls[index]
        if call.error:
            raise RuntimeError(call.error)
        return call.response
