"""Frames out of a TCP stream: put together again, with bounded memory.

A stream has no holes, so whatever is no frame means that the other side is not what it should be:
the stream is refused and must be closed. Nothing is searched for a next frame, since a payload
may contain one.
"""

from __future__ import annotations

from tektra.wire.frames import HEADER, LONGEST_FRAME, Frame, FrameError, decode, frame_length


class FrameStream:
    """Takes bytes as they come and returns whole frames; never holds more than one frame."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key
        self._buffer = bytearray()
        self._refused = ''

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that ``data`` completes.

        :raises FrameError: at the first byte that belongs to none, and ever after. Frames before
            it in the same ``data`` are lost with it: they came from the same untrusted side.
        """
        if self._refused:
            raise FrameError(self._refused)
        frames = []
        self._buffer += data
        try:
            while len(self._buffer) >= HEADER.size:
                length = frame_length(bytes(self._buffer[: HEADER.size]))
                if len(self._buffer) < length:
                    break
                frames.append(decode(bytes(self._buffer[:length]), self._key))
                del self._buffer[:length]
        except FrameError as error:
            self._refused = f'the stream is refused: {error}'
            self._buffer.clear()
            raise
        assert len(self._buffer) < LONGEST_FRAME
        return frames

    @property
    def waiting(self) -> int:
        """Return how many bytes of an unfinished frame are held."""
        return len(self._buffer)
