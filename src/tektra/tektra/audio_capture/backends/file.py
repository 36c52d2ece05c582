"""A recording (wav, flac, mp3, ogg) played as if it were spoken now; read block by block."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from tektra.audio_capture.backend import MAX_RATE, MIN_RATE, Block
from tektra.audio_capture.framing import CHUNK_S
from tektra.runtime.backends import BackendFailed, BackendUnavailable

_FIX = 'give a wav, flac, mp3 or ogg file'


def checked_path(uri: str) -> Path:
    """Return the regular, non-empty file that ``uri`` (a path or file://...) names.

    :raises BackendUnavailable: naming the path, what is wrong with it and the fix.
    """
    if not uri.strip():
        raise BackendUnavailable(f'no file named: {_FIX} as uri')
    path = Path(uri.removeprefix('file://')).expanduser()
    try:
        if path.is_dir():
            raise BackendUnavailable(f'{path} is a directory: {_FIX}')
        if not path.exists():
            raise BackendUnavailable(f'{path}: file not found; looked from {Path.cwd()}')
        if not path.is_file():
            raise BackendUnavailable(f'{path} is not a regular file: {_FIX}')
        if path.stat().st_size == 0:
            raise BackendUnavailable(f'{path} is empty (0 bytes): {_FIX}')
    except OSError as error:
        raise BackendUnavailable(f'{path}: {error.strerror}: {_FIX}') from error
    return path


class FileSource:
    """Reads ``uri`` through libsndfile in blocks of 32 ms.

    It reads one block ahead, so that the last one is known as such. A file without samples ends at
    once. ``loop`` starts again at the end.

    :raises BackendUnavailable: if the file cannot be played.
    """

    live = False
    queue = (0, 0)

    def __init__(self, uri: str, loop: bool = False) -> None:
        import soundfile

        class Streamed(soundfile.SoundFile):  # type: ignore[misc]
            """Reads straight on: python-soundfile seeks after each read, which spoils MP3."""

            def seekable(self) -> bool:
                return False

        path = checked_path(uri)
        try:
            self._file = Streamed(str(path))
        except (soundfile.LibsndfileError, OSError, TypeError, ValueError) as error:
            why = getattr(error, 'error_string', str(error)).strip().rstrip('.')
            raise BackendUnavailable(f'{path} is not audio ({why}): {_FIX}') from error
        self._error: type[Exception] = soundfile.LibsndfileError
        rate = self._file.samplerate
        if not MIN_RATE <= rate <= MAX_RATE:
            self._file.close()
            raise BackendUnavailable(
                f'{path}: sample rate {rate} Hz is outside {MIN_RATE}..{MAX_RATE}: convert it'
            )
        self._size = math.ceil(rate * CHUNK_S)
        self._loop = loop
        self._frame = 0
        self._path = path
        self._ended = False
        self._ahead = self._next()
        self.label = f'{path} ({rate} Hz, {self._file.channels} ch, {self._file.subtype})'
        self.problem = '' if self._ahead.size else f'{path} holds no samples'

    def start(self) -> None:
        """Nothing to do: the file is open."""

    def read(self, timeout_s: float) -> Block | None:
        """Return the next 32 ms, None after the end.

        :raises BackendFailed: if the file is damaged from here on.
        """
        if self._ended:
            return None
        samples = self._ahead
        self._ahead = self._next()
        self._ended = not self._ahead.size
        block = Block(samples, self._file.samplerate, self._frame, last=self._ended)
        self._frame += samples.shape[0]
        return block

    def stop(self) -> None:
        """Nothing to do: after the next start the file goes on where it was."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _next(self) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        try:
            samples = self._file.read(self._size, dtype='float32', always_2d=True)
            if not samples.size and self._loop and self._frame:
                self._file.seek(0)
                samples = self._file.read(self._size, dtype='float32', always_2d=True)
        except self._error as error:
            raise BackendFailed(f'{self._path} is damaged: {error}') from error
        return np.asarray(samples, dtype=np.float32)
