"""Raw PCM over UDP: a datagram holds s16le samples, 16 kHz, mono (320 = 20 ms is usual).

Losses cannot be seen in bare samples, so a datagram may begin with a header of 12 bytes:

    offset 0   4 bytes   'TKP1'
    offset 4   uint64    little-endian, index of the first sample of this datagram in its stream

Then what is lost becomes a gap of exactly its length, and what comes twice or too late is dropped.
A sender uses the header for all of its datagrams or for none: its first one tells. One sender at a
time; another one is heard after the first has been silent for ``SENDER_S``.
"""

from __future__ import annotations

import contextlib
import socket
import struct

from tektra.audio_capture.backend import Rebase
from tektra.audio_capture.backends.network import NetworkSource, bind, parse_address
from tektra.audio_capture.framing import RATE
from tektra.runtime.clock import Clock, nanoseconds

DEFAULT_PORT = 7611
MAGIC = b'TKP1'
HEADER = struct.Struct('<4sQ')
SENDER_S = 1.0
MAX_JUMP = 10 * RATE  # samples; a sender's index that moves further has been restarted
POLL_S = 0.1


def datagram(pcm: bytes, first_sample: int) -> bytes:
    """Return ``pcm`` (s16le) with a header, ready to be sent."""
    return HEADER.pack(MAGIC, first_sample) + pcm


class UdpSource(NetworkSource):
    """Receives on ``uri`` (host:port; port 0 takes a free one, see ``port``).

    :raises BackendUnavailable: if the address is wrong, not allowed or taken.
    """

    def __init__(self, uri: str, clock: Clock, allow_remote: bool = False) -> None:
        host, port, tries = parse_address(uri, DEFAULT_PORT, allow_remote)
        server = bind(socket.SOCK_DGRAM, host, port, tries)
        server.settimeout(POLL_S)
        super().__init__('udp', server, clock)
        self._sender: object = None
        self._heard_ns = 0
        self._headed = False
        self._place = Rebase(MAX_JUMP)
        self._index = 0  # of a sender without header

    def _receive(self) -> None:
        while not self._stop.is_set():
            data, sender = b'', None
            with contextlib.suppress(TimeoutError, ConnectionError):
                data, sender = self._server.recvfrom(65536)
            now = self._clock.now_ns()
            if now - self._heard_ns > nanoseconds(SENDER_S):
                self._sender, self.problem = None, self._waiting
            if not data:
                continue
            if self._sender is None:
                self._adopt(sender, data)
            if sender == self._sender:
                self._heard_ns, self.problem = now, ''
                self._take(data)
            else:
                self.refused += 1

    def _adopt(self, sender: object, data: bytes) -> None:
        self._sender = sender
        self._headed = data.startswith(MAGIC)
        self._place.restart()

    def _take(self, data: bytes) -> None:
        if self._headed:
            if len(data) < HEADER.size or not data.startswith(MAGIC):
                self.refused += 1
                return
            _, index = HEADER.unpack_from(data)
            data = data[HEADER.size :]
        else:
            index = self._index
        data = data[: len(data) & ~1]
        frames = len(data) // 2
        self._index = index + frames
        first = self._place.place(index, frames) if frames else None
        if first is None:
            self.refused += 1
        else:
            self._push(data, first)
