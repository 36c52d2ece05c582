"""Makes test speech with espeak-ng: the same words always give the same samples.

The library is GPL and keeps global state, so it is loaded in a process of its own; what it says is
kept in the temporary folder of the machine, and made again when that is gone.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000  # Hz, of everything returned here
DEFAULT_RATE = 150  # words a minute

VOICES = ('en-us', 'en-us+f3', 'en-us+m3', 'en', 'en-gb-x-rp', 'en-us+f2', 'en+m7', 'en-us+m5')

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_RATE, _PITCH = 1, 3


def speak(
    text: str, voice: str = 'en-us', *, rate: int = DEFAULT_RATE, pitch: int = 50
) -> NDArray[np.int16]:
    """Return ``text`` spoken by an espeak-ng ``voice``, mono int16 at 16 kHz.

    ``rate`` is in words a minute (80..450), ``pitch`` 0..99.

    :raises RuntimeError: if espeakng-loader is not installed or does not know the voice.
    """
    key = hashlib.sha1(f'1|{text}|{voice}|{rate}|{pitch}'.encode()).hexdigest()[:20]
    folder = Path(tempfile.gettempdir()) / f'tektra-test-speech-{os.getuid()}'
    kept = folder / f'{key}.npy'
    if not kept.exists():
        folder.mkdir(exist_ok=True)
        partial = folder / f'{key}.{os.getpid()}.npy'
        command = [sys.executable, __file__, str(partial), text, voice, str(rate), str(pitch)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"espeak-ng cannot say '{text}' as {voice}: {done.stderr[-500:]}")
        partial.replace(kept)
    samples: NDArray[np.int16] = np.load(kept)
    return samples


def silence(seconds: float) -> NDArray[np.int16]:
    """Return digital silence of ``seconds`` at 16 kHz."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def white_noise(seconds: float, dbfs: float = -40.0, seed: int = 7) -> NDArray[np.int16]:
    """Return white noise of ``seconds`` with an RMS level of ``dbfs``, the same for one seed."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    scaled = noise * 32768 * 10 ** (dbfs / 20)
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def _render(text: str, voice: str, rate: int, pitch: int) -> NDArray[np.int16]:
    import espeakng_loader
    import soxr

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = str(espeakng_loader.get_data_path()).encode()
    source_rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _DONT_EXIT)
    if source_rate <= 0:
        raise RuntimeError('espeak_Initialize failed')
    parts: list[bytes] = []
    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
    )

    def collect(wave: ctypes._Pointer[ctypes.c_short], count: int, events: int | None) -> int:
        if wave and count > 0:
            parts.append(ctypes.string_at(wave, count * 2))
        return 0

    callback = kind(collect)
    library.espeak_SetSynthCallback(callback)
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise RuntimeError(f"no voice '{voice}'")
    library.espeak_SetParameter(_RATE, rate, 0)
    library.espeak_SetParameter(_PITCH, pitch, 0)
    spoken = text.encode()
    library.espeak_Synth(
        ctypes.c_char_p(spoken), ctypes.c_size_t(len(spoken) + 1), 0, 1, 0, _UTF8, None, None
    )
    library.espeak_Synchronize()
    audio = np.frombuffer(b''.join(parts), np.int16).astype(np.float32) / 32768
    out = soxr.resample(audio, source_rate, SAMPLE_RATE)
    samples: NDArray[np.int16] = np.clip(np.rint(out * 32768), -32768, 32767).astype(np.int16)
    return samples


def main() -> None:
    """Render one text: OUTPUT TEXT VOICE RATE PITCH."""
    output, text, voice, rate, pitch = sys.argv[1:]
    np.save(output, _render(text, voice, int(rate), int(pitch)))


if __name__ == '__main__':
    main()
