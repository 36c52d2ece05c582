"""Writes what was really played to a WAV file while it is played, in bounded memory."""

from __future__ import annotations

import contextlib
import wave
from pathlib import Path

from tektra_msgs.msg import AudioChunk


class WavSink:
    """Appends audio/reference chunks to ``path``.

    A write error ends the file, not the conversation.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error = ''
        self._file: wave.Wave_write | None = None
        self._rate = 0

    def write(self, chunk: AudioChunk) -> None:
        """Append one chunk (s16le).

        Chunks of another rate than the first are refused.
        """
        if self.error or not chunk.data:
            return
        try:
            if self._file is None:
                self._open(chunk.sample_rate, chunk.channels)
            if chunk.sample_rate != self._rate:
                raise OSError(f'rate changed from {self._rate} to {chunk.sample_rate} Hz')
            assert self._file is not None
            self._file.writeframesraw(bytes(chunk.data))
        except OSError as error:
            self._fail(error)

    def close(self) -> None:
        """Finish the file; without any audio it is a valid empty WAV."""
        try:
            if self._file is None and not self.error:
                self._open(24000, 1)
            if self._file is not None:
                self._file.close()
        except OSError as error:
            self._fail(error)
        self._file = None

    def _open(self, rate: int, channels: int) -> None:
        self._rate = rate
        opened = wave.open(str(self.path), 'wb')
        opened.setnchannels(channels)
        opened.setsampwidth(2)
        opened.setframerate(rate)
        self._file = opened

    def _fail(self, error: OSError) -> None:
        self.error = f'{self.path}: {error.strerror or error}'
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = None
