"""The worker's side of tts: speaks one piece at a time with the best engine that works."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tektra.runtime.backends import BackendChain, BackendStatus, BackendUnavailable
from tektra.runtime.tap import DirectTap, Tap
from tektra.tts.backend import (
    Abort,
    Speech,
    SpeechRequest,
    TtsBackend,
    Voice,
    VoiceUnknown,
)

Factories = Mapping[str, Callable[[], TtsBackend]]


@dataclass(frozen=True)
class Spoken:
    """Speech, its engine, and what was done instead of what was asked (empty: nothing)."""

    speech: Speech
    backend: str
    note: str


class Engine:
    """Owns the engines.

    All methods belong to one thread (the worker). ``language`` (BCP 47) is spoken when nobody
    knows the one that was asked for.

    :raises BackendUnavailable: if an engine of ``order`` is not known, or none works.
    """

    def __init__(
        self,
        order: Sequence[str],
        factories: Factories,
        on_change: Callable[[BackendStatus], None],
        now_ns: int,
        language: str,
        tap: Tap | None = None,
    ) -> None:
        self._language = language
        self._order = tuple(order)
        self._factories = factories
        self._tap = tap or DirectTap()
        self._chain: BackendChain[TtsBackend] = BackendChain(
            'tts', order, factories, on_change, self._tap
        )
        self._chain.open(now_ns)
        self._substitutes: dict[str, TtsBackend | None] = {}
        self._not_made: dict[str, str] = {}  # substitutes that broke while they were loaded

    @property
    def active_name(self) -> str:
        """Return the engine in use; empty: none."""
        return self._chain.active_name

    def status(self) -> BackendStatus:
        """Return which engine is in use and why."""
        return self._chain.status()

    def maintain(self, now_ns: int) -> None:
        """Try a better engine again that failed, when its time has come."""
        self._chain.maintain(now_ns)

    def speak(self, request: SpeechRequest, abort: Abort, now_ns: int) -> Spoken:
        """Return the speech of one piece.

        An engine that breaks is replaced and the piece spoken by the next.

        An unknown voice is spoken by the usual one of the language; a language that the engine has
        no voice for by the next engine that has one.

        :raises BackendUnavailable: if no engine is left.
        """
        request, note, other = self._suited(request)
        if other:
            substitute = self._substitutes[other]
            assert substitute is not None
            try:
                data = self._tap.call(
                    'tts',
                    other,
                    'synthesize',
                    request.describe(),
                    lambda: substitute.synthesize(request, abort).to_json(),
                )
            except Exception as error:
                self._substitutes[other] = None
                note = f'{other} failed: {error}'
            else:
                return Spoken(Speech.from_json(data), other, note)
        data = self._chain.call(
            'synthesize',
            request.describe(),
            lambda b: self._speak(b, request, abort),
            now_ns,
        )
        return Spoken(Speech.from_json(data), self._chain.active_name, note)

    def voices(self) -> list[Voice]:
        """Return the voices of the engine in use."""
        return self._chain.active.voices() if self._chain.active_name else []

    def check(self, voice: str, language: str) -> str:
        """Return why ``voice`` and ``language`` will not sound as asked; empty: they will."""
        return self._suited(SpeechRequest('', language, voice))[1]

    def close(self) -> None:
        """Release all engines."""
        self._chain.close()
        for backend in self._substitutes.values():
            if backend is not None:
                backend.close()
        self._substitutes.clear()

    def _suited(self, request: SpeechRequest) -> tuple[SpeechRequest, str, str]:
        """Return a request that can be met, how it differs, and a substitute engine or ''."""
        if not self._chain.active_name:
            return request, '', ''
        fitted, why = _fit(self._chain.active, request)
        if fitted is not None:
            return fitted, why, ''
        other = self._other_for(request.language)
        if other:
            return replace(request, voice=''), f'{why}; {other} speaks it', other
        plain = replace(request, voice='', language=self._language)
        broken = [f'{name}: {reason}' for name, reason in self._not_made.items()]
        return plain, '; '.join([why, *broken, f"speaking as '{self._language}'"]), ''

    def _other_for(self, language: str) -> str:
        """Return an engine after the one in use that speaks ``language``; '' if none does."""
        for name in self._order[self._order.index(self._chain.active_name) + 1 :]:
            if name not in self._substitutes:
                self._substitutes[name] = self._made(name)
            backend = self._substitutes[name]
            with contextlib.suppress(VoiceUnknown):
                if backend is not None and backend.resolve_voice('', language):
                    return name
        return ''

    def _made(self, name: str) -> TtsBackend | None:
        """Return a substitute, or None: speech goes on with the engine in use."""
        try:
            return self._factories[name]()
        except BackendUnavailable:
            return None
        except Exception as error:
            self._not_made[name] = str(error) or type(error).__name__
            return None

    def _speak(
        self, backend: TtsBackend, request: SpeechRequest, abort: Abort
    ) -> dict[str, object]:
        """Speak with an engine that may have come in meanwhile, whatever it calls its voices."""
        fitted, _ = _fit(backend, request)
        if fitted is None:
            fitted = replace(request, voice='', language=self._language)
        return backend.synthesize(fitted, abort).to_json()


def _fit(backend: TtsBackend, request: SpeechRequest) -> tuple[SpeechRequest | None, str]:
    """Return what ``backend`` can speak of ``request``, and why that differs.

    None: not this language.
    """
    try:
        backend.resolve_voice(request.voice, request.language)
    except VoiceUnknown as error:
        why = str(error)
    else:
        return request, ''
    if not request.voice:
        return None, why
    try:
        used = backend.resolve_voice('', request.language)
    except VoiceUnknown as error:
        return None, str(error)
    return replace(request, voice=''), f"{why}; speaking with '{used}'"
