"""espeak-ng through ctypes, from the library that the espeakng-loader package carries.

Licence: espeak-ng is GPL-3.0-or-later and so is a process that loads it. Nothing else in Tektra
imports this module or that library: the core is Apache-2.0 and works without it (captions only).
Other processes that want a spoken file run ``python -m tektra.tts.render``.

The library has global state: one synthesis at a time in a process (a lock here sees to it).
"""

from __future__ import annotations

import ctypes
import re
import threading
from pathlib import Path
from typing import Any

from tektra.runtime.backends import BackendFailed, BackendUnavailable
from tektra.tts.backend import (
    Abort,
    Speech,
    SpeechRequest,
    TimedPhoneme,
    Voice,
    unknown_voice,
)
from tektra.tts.words import timed

# speak_lib.h of espeak-ng 1.52
_OUTPUT_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 0x1, 0x2, 0x8000
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_PARAM_RATE, _PARAM_PITCH = 1, 3
_EVENT_END_OF_LIST, _EVENT_WORD, _EVENT_PHONEME = 0, 1, 7
_BUFFER_MS = 20  # asked for; the library never calls back with less than 60 ms of audio (measured)

NORMAL_WPM = 175  # espeakRATE default
LOWEST_WPM, HIGHEST_WPM = 80, 450  # range of espeakRATE
NORMAL_PITCH = 50  # espeakPITCH default, range 0..100

_VARIANT_MARK = '!v/'
# BCP 47 tags that the library spells otherwise, or shares between voices (then the usual one).
_ALIASES = {
    'en': 'en-us',
    'fr': 'fr-fr',
    'zh': 'cmn',
    'zh-cn': 'cmn',
    'zh-tw': 'cmn',
    'zh-hk': 'yue',
    'no': 'nb',
    'iw': 'he',
}


class _EventId(ctypes.Union):
    _fields_ = (
        ('number', ctypes.c_int),
        ('name', ctypes.c_char_p),
        ('string', ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    _fields_ = (
        ('type', ctypes.c_int),
        ('unique_identifier', ctypes.c_uint),
        ('text_position', ctypes.c_int),
        ('length', ctypes.c_int),
        ('audio_position_ms', ctypes.c_int),
        ('sample', ctypes.c_int),
        ('user_data', ctypes.c_void_p),
        ('id', _EventId),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ('name', ctypes.c_char_p),
        ('languages', ctypes.c_void_p),  # (priority byte, C string)*, 0
        ('identifier', ctypes.c_char_p),
        ('gender', ctypes.c_ubyte),
        ('age', ctypes.c_ubyte),
        ('variant', ctypes.c_ubyte),
        ('xx1', ctypes.c_ubyte),
        ('score', ctypes.c_int),
        ('spare', ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


class Take:
    """Collects what the library says during one synthesis."""

    def __init__(self, abort: Abort) -> None:
        self.abort = abort
        self.pcm = bytearray()
        self.phonemes: list[tuple[str, int]] = []
        self.words: list[tuple[int, int]] = []

    def hear(self, wave: Any, count: int, events: Any) -> int:
        """Take one buffer; return 1 to make the library stop."""
        if self.abort.is_set:
            return 1
        index = 0
        while events[index].type != _EVENT_END_OF_LIST:
            event = events[index]
            if event.type == _EVENT_PHONEME:
                raw = ctypes.string_at(ctypes.addressof(event.id), 8).split(b'\0')[0]
                self.phonemes.append((raw.decode('utf-8', 'ignore'), event.sample))
            elif event.type == _EVENT_WORD:
                self.words.append((event.text_position - 1, event.sample))
            index += 1
        if count > 0:
            self.pcm += ctypes.string_at(wave, 2 * count)
        return 0


class Library:
    """The one copy of the library in this process."""

    _lock = threading.Lock()
    _one: Library | None = None

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError as error:
            raise BackendUnavailable(
                'espeak_ng: the package espeakng-loader is not installed; '
                'install it (pip install espeakng-loader), it is GPL-3.0-or-later'
            ) from error
        path, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
        try:
            self.lib = ctypes.CDLL(path)
        except OSError as error:
            raise BackendUnavailable(f'espeak_ng: {path} does not load: {error}') from error
        options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        rate = self.lib.espeak_Initialize(
            _OUTPUT_SYNCHRONOUS, _BUFFER_MS, str(data).encode(), options
        )
        if rate <= 0:
            raise BackendUnavailable(
                f'espeak_ng: espeak_Initialize returned {rate} with data in {data}; '
                'reinstall espeakng-loader'
            )
        self.sample_rate = int(rate)
        self.data = Path(data)
        self.busy = threading.Lock()
        self._voice = ''
        self._take: Take | None = None
        self._callback = _Callback(self._on_audio)  # kept: the library holds only the pointer
        self.lib.espeak_SetSynthCallback(self._callback)
        self.lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        self.lib.espeak_ListVoices.argtypes = [ctypes.c_void_p]

    @classmethod
    def get(cls) -> Library:
        with cls._lock:
            if cls._one is None:
                cls._one = cls()
            return cls._one

    def _on_audio(self, wave: Any, count: int, events: Any) -> int:
        return self._take.hear(wave, count, events) if self._take is not None else 1

    def list_voices(self, kind: str = '') -> list[tuple[str, list[str], str]]:
        """Return (name, languages, identifier) of all voices, or of one ``kind`` ('variant')."""
        spec = _Voice()
        wanted = ctypes.create_string_buffer(kind.encode())
        spec.languages = ctypes.addressof(wanted)
        with self.busy:
            found = self.lib.espeak_ListVoices(ctypes.byref(spec) if kind else None)
            rows, index = [], 0
            while found[index]:
                row = found[index].contents
                languages = _languages(row.languages)
                rows.append((row.name.decode(), languages, row.identifier.decode()))
                index += 1
        return rows

    def speak(self, text: str, voice: str, wpm: int, pitch: int, take: Take) -> None:
        """Synthesise into ``take``; returns when all is done or the take asked to stop."""
        data = text.replace('\0', ' ').encode('utf-8', 'replace') + b'\0'
        with self.busy:
            if voice != self._voice:
                status = self.lib.espeak_SetVoiceByName(voice.encode())
                if status != 0:
                    raise BackendFailed(
                        f"espeak_ng: voice '{voice}' was refused (status {status})"
                    )
                self._voice = voice
            self.lib.espeak_SetParameter(_PARAM_RATE, wpm, 0)
            self.lib.espeak_SetParameter(_PARAM_PITCH, pitch, 0)
            self.lib.espeak_ng_SetRandSeed(ctypes.c_long(1))  # the same text sounds the same
            self._take = take
            try:
                status = self.lib.espeak_Synth(
                    data,
                    ctypes.c_size_t(len(data)),
                    0,
                    _POS_CHARACTER,
                    0,
                    _CHARS_UTF8,
                    None,
                    None,
                )
            finally:
                self._take = None
        if status != 0:
            raise BackendFailed(f'espeak_ng: espeak_Synth returned {status} for {text[:60]!r}')


def _has_dictionary(data: Path, identifier: str, language: str) -> bool:
    """Return whether the package carries the dictionary of a voice (it lacks three of them)."""
    text = (data / 'lang' / identifier).read_text(encoding='utf-8', errors='replace')
    named = re.search(r'^dictionary\s+(\S+)', text, re.MULTILINE)
    name = named.group(1) if named else language.split('-')[0]
    return (data / f'{name}_dict').is_file()


def _languages(address: int | None) -> list[str]:
    """Return the language tags of a voice, best (lowest priority number) first."""
    found, at = [], address or 0
    while at and ctypes.string_at(at, 1) != b'\0':
        tag = ctypes.string_at(at + 1)
        found.append((ctypes.string_at(at, 1)[0], tag.decode()))
        at += len(tag) + 2
    return [tag for _, tag in sorted(found, key=lambda pair: pair[0])]


class EspeakNg:
    """The espeak-ng engine: 22,050 Hz, about a thousand times faster than real time.

    :raises BackendUnavailable: if the library is not installed or does not start.
    """

    def __init__(self) -> None:
        self._library = Library.get()
        marks = (identifier for _, _, identifier in self._library.list_voices('variant'))
        self._variants = {m.removeprefix(_VARIANT_MARK) for m in marks}
        self._by_language: dict[str, str] = {}
        self._by_name: dict[str, str] = {}
        self._files: dict[str, str] = {}  # the library finds every voice by its file only
        self._voices: list[Voice] = []
        for name, languages, identifier in self._library.list_voices():
            if not _has_dictionary(self._library.data, identifier, languages[0]):
                continue  # it would be silent
            own = languages[0] if languages[0] not in self._files else identifier
            self._files[own] = identifier
            self._voices.append(Voice(own, tuple(languages), f'espeak-ng {name}'))
            self._by_name[name.lower()] = own
            for tag in languages:
                self._by_language.setdefault(tag.lower(), own)

    @property
    def sample_rate(self) -> int:
        """Return the rate of all speech, in Hz."""
        return self._library.sample_rate

    def voices(self) -> list[Voice]:
        """Return all voices; ``name+variant`` (such as ``en-us+f3``) changes their timbre."""
        return list(self._voices)

    def resolve_voice(self, voice: str, language: str) -> str:
        """Return the voice that would speak: ``voice``, or the one of ``language`` if it is empty.

        :raises VoiceUnknown: naming close ones.
        """
        base, mark, variant = voice.partition('+')
        found: str | None
        if not base:
            found = self._of_language(language)
        else:
            key = base.lower().replace('_', '-')
            key = _ALIASES.get(key, key)
            found = self._by_language.get(key) or self._by_name.get(base.lower())
            if base in self._files:
                found = base
            if found is None:
                known = [*self._by_language, *self._by_name]
                raise unknown_voice('espeak_ng', voice, known, 'see the service list_voices')
        if mark and variant not in self._variants:
            raise unknown_voice('espeak_ng', variant, self._variants, 'these are the variants')
        return f'{found}{mark}{variant}'

    def _of_language(self, language: str) -> str:
        tag = language.lower().replace('_', '-')
        while tag:
            tag = _ALIASES.get(tag, tag)
            if tag in self._by_language:
                return self._by_language[tag]
            if '-' not in tag:
                break
            tag = tag.rpartition('-')[0]
        for known, voice in sorted(self._by_language.items()):
            if tag and known.startswith(f'{tag}-'):
                return voice
        raise unknown_voice('espeak_ng', language, self._by_language, 'language is a BCP 47 tag')

    def synthesize(self, request: SpeechRequest, abort: Abort) -> Speech:
        """Return the speech of one piece of text, with phoneme and word times.

        :raises VoiceUnknown: if there is no such voice or language.
        :raises BackendFailed: if the library refuses.
        """
        voice = self.resolve_voice(request.voice, request.language)
        wpm = min(max(round(NORMAL_WPM * request.rate), LOWEST_WPM), HIGHEST_WPM)
        pitch = min(max(round(NORMAL_PITCH * request.pitch), 0), 100)
        take = Take(abort)
        base, mark, variant = voice.partition('+')
        file = f'{self._files[base]}{mark}{variant}'
        self._library.speak(request.text, file, wpm, pitch, take)
        if abort.is_set:
            return Speech(self.sample_rate, bytes(take.pcm), aborted=True)
        samples = len(take.pcm) // 2
        phonemes = _phonemes(take.phonemes, samples)
        return Speech(
            sample_rate=self.sample_rate,
            pcm=bytes(take.pcm),
            phonemes=phonemes,
            words=timed(request.text, take.words, phonemes, samples),
        )

    def close(self) -> None:
        """Keep the library: it is global and costs 3 MB; another instance goes on with it."""


def _phonemes(events: list[tuple[str, int]], samples: int) -> tuple[TimedPhoneme, ...]:
    """Return phonemes that end where the next begins.

    Several at one sample keep the last that sounds.
    """
    rows: list[tuple[str, int]] = []
    for name, start in events:
        begin = min(start, samples)
        ipa = re.sub(r'[\s_:]', '', name)
        if rows and rows[-1][1] >= begin:
            if ipa:
                rows[-1] = (ipa, rows[-1][1])
            continue
        rows.append((ipa, begin))
    ends = [*(start for _, start in rows[1:]), samples][: len(rows)]
    return tuple(
        TimedPhoneme(ipa, start, end) for (ipa, start), end in zip(rows, ends, strict=True)
    )
