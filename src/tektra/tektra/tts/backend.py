"""What a speech engine must do, and the plain data that goes in and out of it."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol


class VoiceUnknown(ValueError):
    """An engine has no voice of that name or language; the text names close ones."""


class Abort:
    """Stops one synthesis from another thread.

    ``set`` may be called from any thread, any number of times.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._on_set: Callable[[], None] | None = None

    @property
    def is_set(self) -> bool:
        """True once the synthesis is to stop."""
        return self._set

    def set(self) -> None:
        """Ask the engine to stop; engines look often or are told by ``notify``."""
        with self._lock:
            if self._set:
                return
            self._set = True
            if self._on_set is not None:
                self._on_set()

    def notify(self, callback: Callable[[], None] | None) -> None:
        """Call ``callback`` (quick and thread-safe) when ``set`` is called, at once if it was."""
        with self._lock:
            self._on_set = callback
            if callback is not None and self._set:
                callback()


@dataclass(frozen=True)
class SpeechRequest:
    """One piece of text (at most a few hundred characters) to be spoken.

    ``language`` is BCP 47; ``voice`` empty means the engine's best one for the language. ``rate``
    (1 = normal speed, 2 = twice as fast) and ``pitch`` (1 = normal, 2 = an octave up or the
    engine's maximum) are factors.
    """

    text: str
    language: str
    voice: str = ''
    rate: float = 1.0
    pitch: float = 1.0

    def describe(self) -> str:
        """Return the line that recognises this request in a recording."""
        return f'{self.language}|{self.voice}|{self.rate:g}|{self.pitch:g}|{self.text}'


@dataclass(frozen=True)
class TimedPhoneme:
    """A phoneme in IPA (empty: pause) and where it begins and ends, in samples of the piece."""

    ipa: str
    start: int
    end: int


@dataclass(frozen=True)
class TimedWord:
    """A word: ``offset`` and ``length`` in characters, ``start`` and ``end`` in samples."""

    offset: int
    length: int
    start: int
    end: int


@dataclass(frozen=True)
class Speech:
    """What an engine made of one request: mono s16le ``pcm`` at ``sample_rate`` (Hz), with times.

    ``phonemes`` and ``words`` may be empty when the engine knows none. ``aborted``: cut short on
    request.
    """

    sample_rate: int
    pcm: bytes
    phonemes: tuple[TimedPhoneme, ...] = ()
    words: tuple[TimedWord, ...] = ()
    aborted: bool = False

    @property
    def samples(self) -> int:
        """Return the number of samples."""
        return len(self.pcm) // 2

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able data for the tap; audio is hex text."""
        return {
            'sample_rate': self.sample_rate,
            'pcm': self.pcm.hex(),
            'phonemes': [[p.ipa, p.start, p.end] for p in self.phonemes],
            'words': [[w.offset, w.length, w.start, w.end] for w in self.words],
            'aborted': self.aborted,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Speech:
        """Return the speech of ``to_json``."""
        return Speech(
            sample_rate=data['sample_rate'],
            pcm=bytes.fromhex(data['pcm']),
            phonemes=tuple(TimedPhoneme(*row) for row in data['phonemes']),
            words=tuple(TimedWord(*row) for row in data['words']),
            aborted=data['aborted'],
        )


@dataclass(frozen=True)
class Voice:
    """A voice that can be used now. ``languages`` are BCP 47 tags, best first."""

    name: str
    languages: tuple[str, ...]
    description: str


class TtsBackend(Protocol):
    """A loaded speech engine, used by one thread; only ``Abort.set`` comes from another."""

    def voices(self) -> list[Voice]:
        """Return the voices that can be used now."""
        ...

    def resolve_voice(self, voice: str, language: str) -> str:
        """Return the name of the voice that would speak.

        :raises VoiceUnknown: naming close ones, if there is no such voice, or none for the
            language.
        """
        ...

    def synthesize(self, request: SpeechRequest, abort: Abort) -> Speech:
        """Return the speech of one piece of text; returns within 10 ms of ``abort`` being set.

        :raises VoiceUnknown: see ``resolve_voice``.
        """
        ...

    def close(self) -> None:
        """Release the engine."""
        ...


def unknown_voice(engine: str, voice: str, known: Iterable[str], fix: str) -> VoiceUnknown:
    """Return the error for a ``voice`` (or language) that ``engine`` does not have."""
    names = sorted(set(known))
    close = difflib.get_close_matches(voice.lower(), names, n=5, cutoff=0.4)
    hint = f'close: {", ".join(close)}' if close else f'it has {len(names)} voices'
    return VoiceUnknown(f"{engine}: voice '{voice}' is not known; {hint}; {fix}")
