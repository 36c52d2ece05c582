"""Piper neural voices from disk, one ONNX thread, sentence by sentence.

Licence: piper-tts is GPL-3.0-or-later (it carries espeak-ng for phonemes) and so is a process that
loads it. Nothing else in Tektra imports it. Voices are files ``NAME.onnx`` with ``NAME.onnx.json``
beside them, in the folder ``piper`` of the weights; each has a licence of its own.
"""

from __future__ import annotations

import contextlib
import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from tektra.resources.errors import is_out_of_memory
from tektra.runtime import pcm
from tektra.runtime.backends import BackendFailed, BackendUnavailable
from tektra.runtime.privacy import stay_private
from tektra.runtime.weights import roots
from tektra.tts.backend import (
    Abort,
    Speech,
    SpeechRequest,
    TimedPhoneme,
    Voice,
    VoiceUnknown,
    unknown_voice,
)
from tektra.tts.words import spans, timed

FOLDER = 'piper'
PAUSE_S = 0.15  # after a sentence: the voices end without one
_LOADED = 2  # voices kept in memory; a medium one takes about 150 MB
_FIX = (
    'get one with `tektra weights pull`, or put NAME.onnx and NAME.onnx.json below piper/ '
    'in a folder of TEKTRA_WEIGHTS_PATH'
)
_PEAK = 0.9  # sentences are scaled to this peak, so that resampling does not clip


class _Session:
    """An ONNX session with one thread, whose run can be ended from another thread."""

    def __init__(self, model: str | bytes) -> None:
        stay_private()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._run_options = onnxruntime.RunOptions
        self._session = onnxruntime.InferenceSession(
            model, sess_options=options, providers=['CPUExecutionProvider']
        )
        self._running: Any = None
        self.abort = Abort()

    def outputs(self) -> int:
        """Return how many outputs the model has; the second one is the alignment."""
        return len(self._session.get_outputs())

    def run(self, names: list[str] | None, feed: dict[str, Any]) -> list[Any]:
        """Return the outputs as ``InferenceSession.run`` does; PiperVoice calls it."""
        options = self._run_options()
        self.abort.notify(lambda: setattr(options, 'terminate', True))
        try:
            found: list[Any] = self._session.run(names, feed, options)
        finally:
            self.abort.notify(None)
        return found


class _Model:
    """One loaded voice."""

    def __init__(self, path: Path) -> None:
        from piper import PiperVoice
        from piper.config import PiperConfig

        config = PiperConfig.from_dict(_config(path))
        try:
            self.session = _Session(str(path))
            if self.session.outputs() < 2:
                patched = _with_alignment(path)
                self.session = _Session(patched) if patched else self.session
        except Exception as error:
            if is_out_of_memory(error):
                raise BackendFailed(f'piper: out of memory with {path.name}') from error
            raise BackendUnavailable(
                f'piper: {path} is not an ONNX voice ({_line(error)}); replace it, or {_FIX}'
            ) from error
        self.voice = PiperVoice(session=self.session, config=config)
        self.rate = int(config.sample_rate)
        self.length_scale = float(config.length_scale)


def _line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__


def _config(path: Path) -> dict[str, Any]:
    """Return a voice's configuration.

    :raises BackendUnavailable: if it is missing or not one of a Piper voice.
    """
    where = path.with_name(f'{path.name}.json')
    try:
        data = json.loads(where.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise BackendUnavailable(
            f'piper: {where} cannot be read ({_line(error)}); {_FIX}'
        ) from error
    missing = [
        key
        for key in ('audio', 'espeak', 'phoneme_id_map', 'num_symbols', 'num_speakers')
        if not isinstance(data, dict) or key not in data
    ]
    if missing:
        raise BackendUnavailable(
            f"piper: {where} has no '{missing[0]}'; it is not of a Piper voice"
        )
    return dict(data)


def _with_alignment(path: Path) -> bytes | None:
    """Return the model with phoneme lengths as an output; None where that cannot be done."""
    try:
        import onnx
        from piper.patch_voice_with_alignment import add_alignment_output
    except ImportError:
        return None
    model = onnx.load(str(path))
    with contextlib.suppress(ValueError):
        add_alignment_output(model)
        return bytes(model.SerializeToString())
    return None


class Piper:
    """The Piper engine.

    ``voice`` is the name of a voice file or a path to one; empty: by ``language``.

    :raises BackendUnavailable: if piper-tts or voices are missing, or the voice is not one.
    :raises BackendFailed: for want of memory.
    """

    def __init__(self, voice: str = '', language: str = 'en-US') -> None:
        try:
            import piper  # noqa: F401 - is it there?
        except ImportError as error:
            raise BackendUnavailable(
                'piper: the package piper-tts is not installed; '
                'install it (pip install piper-tts), it is GPL-3.0-or-later'
            ) from error
        self._files = _voice_files(voice)
        if not self._files:
            raise BackendUnavailable(f'piper: no voice is on disk; {_FIX}')
        self._languages = {name: _language(path) for name, path in self._files.items()}
        self._loaded: OrderedDict[str, _Model] = OrderedDict()
        first = ''
        for wanted in (voice, ''):
            if not first:
                with contextlib.suppress(VoiceUnknown):
                    first = self.resolve_voice(wanted, language)
        if not first:
            known = ', '.join(f'{n} ({tag})' for n, tag in self._languages.items())
            raise BackendUnavailable(
                f"piper: no voice for '{language}' is on disk; there is {known}"
            )
        self._model(first)

    def voices(self) -> list[Voice]:
        """Return the voices on disk."""
        return [
            Voice(name, (self._languages[name],), f'Piper {path.name}')
            for name, path in self._files.items()
        ]

    def resolve_voice(self, voice: str, language: str) -> str:
        """Return the voice that would speak.

        :raises VoiceUnknown: naming close ones.
        """
        if voice:
            name = Path(voice).name.removesuffix('.onnx')
            if name in self._files:
                return name
            raise unknown_voice('piper', voice, self._files, _FIX)
        tag = language.lower().replace('_', '-')
        for whole in (True, False):
            for name, known in sorted(self._languages.items()):
                mine, wanted = known.lower(), tag
                if not whole:
                    mine, wanted = mine.split('-')[0], wanted.split('-')[0]
                if mine == wanted:
                    return name
        raise unknown_voice(
            'piper', language, self._languages.values(), 'no voice of it is on disk'
        )

    def synthesize(self, request: SpeechRequest, abort: Abort) -> Speech:
        """Return the speech of one piece, with phoneme times where the voice tells them.

        The pitch is changed by playing a slower or faster synthesis at another rate.

        :raises VoiceUnknown: see ``resolve_voice``.
        """
        from piper.config import SynthesisConfig

        model = self._model(self.resolve_voice(request.voice, request.language))
        model.session.abort = abort
        scale = model.length_scale / request.rate * request.pitch
        options = SynthesisConfig(length_scale=scale, normalize_audio=True, volume=_PEAK)
        rate = round(model.rate * request.pitch)
        take = _Take(round(PAUSE_S * rate))
        try:
            for chunk in model.voice.synthesize(request.text, options, include_alignments=True):
                take.add(chunk)
                if abort.is_set:
                    break
        except Exception:
            if not abort.is_set:
                raise
        return take.speech(request.text, rate, abort.is_set)

    def close(self) -> None:
        """Drop the loaded voices."""
        self._loaded.clear()

    def _model(self, name: str) -> _Model:
        if name not in self._loaded:
            self._loaded[name] = _Model(self._files[name])
            while len(self._loaded) > _LOADED:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(name)
        return self._loaded[name]


class _Take:
    """Gathers the sentences of one piece."""

    def __init__(self, pause: int) -> None:
        self._pause = pause
        self._pcm: list[bytes] = []
        self._samples = 0
        self._phonemes: list[TimedPhoneme] = []
        self._groups: list[int] = []  # where each phonetic word begins

    def add(self, chunk: Any) -> None:
        """Take one sentence that Piper made."""
        audio = pcm.to_int16(np.asarray(chunk.audio_float_array, np.float32).reshape(-1))
        start, at, word = self._samples, self._samples, True
        for ipa, count in _lengths(chunk, audio.size):
            sounds = ipa.isalpha() or any(c.isalpha() for c in ipa)
            if sounds and word:
                self._groups.append(at)
            word = (word and not sounds) or ipa == ' '
            end = min(at + count, start + audio.size)
            self._phonemes.append(TimedPhoneme(ipa if sounds else '', at, end))
            at = end
        self._pcm += [audio.tobytes(), bytes(2 * self._pause)]
        self._samples += audio.size + self._pause
        self._phonemes.append(TimedPhoneme('', start + audio.size, self._samples))

    def speech(self, text: str, rate: int, aborted: bool) -> Speech:
        """Return all of it."""
        phonemes = tuple(self._phonemes)
        places = spans(text)
        # One phonetic word a written one, unless numbers or symbols are spoken as several.
        same = len(places) == len(self._groups)
        starts = (
            [(place[0], at) for place, at in zip(places, self._groups, strict=True)]
            if same
            else []
        )
        words = timed(text, starts, phonemes, self._samples)
        return Speech(rate, b''.join(self._pcm), phonemes, words, aborted)


def _lengths(chunk: Any, samples: int) -> list[tuple[str, int]]:
    """Return (phoneme, samples) of a sentence: the model's own, or else equal shares."""
    if chunk.phoneme_alignments:
        return [
            ('' if a.phoneme in '^$' else a.phoneme, int(a.num_samples))
            for a in chunk.phoneme_alignments
        ]
    share = samples // max(1, len(chunk.phonemes))
    return [(phoneme, share) for phoneme in chunk.phonemes]


def _voice_files(voice: str) -> dict[str, Path]:
    """Return name -> model file of the voices on disk, and of ``voice`` if it is a path."""
    # The last one of a name stays: the first folder goes last.
    folders = [root / FOLDER for root in reversed(roots())]
    found = [path for folder in folders for path in sorted(folder.glob('**/*.onnx'))]
    if voice.endswith('.onnx'):
        path = Path(voice).expanduser()
        if not path.is_file():
            raise BackendUnavailable(f'piper: voice file {path} does not exist; {_FIX}')
        found.append(path)
    return {path.name.removesuffix('.onnx'): path for path in found}


def _language(path: Path) -> str:
    """Return the BCP 47 tag of a voice, from its configuration or its name (en_US-x-medium)."""
    with contextlib.suppress(BackendUnavailable):
        data = _config(path)
        code = data.get('language', {}).get('code') or data['espeak'].get('voice', '')
        if code:
            return str(code).replace('_', '-')
    return path.name.split('-')[0].replace('_', '-')
