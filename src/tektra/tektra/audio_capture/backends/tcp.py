"""Raw PCM over TCP: whoever connects sends s16le, 16 kHz, mono, without any header.

    ffmpeg -re -i speech.mp3 -f s16le -ar 16000 -ac 1 tcp://127.0.0.1:7610
    arecord -f S16_LE -r 16000 -c 1 -t raw | nc 127.0.0.1 7610

One sender at a time, the newest wins: one that reconnects after a crash is not kept waiting for
its own ghost. A sender may be at most ``AHEAD_S`` ahead of real time; then it waits, by TCP's own
flow control.
"""

from __future__ import annotations

import selectors
import socket

from tektra.audio_capture.backends.network import NetworkSource, bind, parse_address
from tektra.audio_capture.framing import RATE
from tektra.runtime.clock import Clock, seconds

DEFAULT_PORT = 7610
AHEAD_S = 0.5
READ_BYTES = 4096  # 128 ms
POLL_S = 0.1


class TcpSource(NetworkSource):
    """Listens on ``uri`` (host:port; port 0 takes a free one, see ``port``).

    :raises BackendUnavailable: if the address is wrong, not allowed or taken.
    """

    def __init__(self, uri: str, clock: Clock, allow_remote: bool = False) -> None:
        host, port, tries = parse_address(uri, DEFAULT_PORT, allow_remote)
        server = bind(socket.SOCK_STREAM, host, port, tries)
        server.listen(4)
        super().__init__('tcp', server, clock)
        self._client: socket.socket | None = None
        self._odd = b''  # the first byte of a sample whose second has not come
        self._frame = 0
        self._credit_ns = 0  # local time up to which audio has been received

    def _receive(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._server, selectors.EVENT_READ)
            while not self._stop.is_set():
                ahead = self._ahead_s()
                if ahead > AHEAD_S:
                    self._stop.wait(min(POLL_S, ahead - AHEAD_S))
                    continue
                for key, _ in selector.select(POLL_S):
                    if key.fileobj is self._server:
                        self._accept(selector)
                    elif key.fileobj is self._client:
                        self._take(selector)
            self._hang_up(selector)

    def _ahead_s(self) -> float:
        return seconds(self._credit_ns - self._clock.now_ns()) if self._client else 0.0

    def _accept(self, selector: selectors.BaseSelector) -> None:
        client, _ = self._server.accept()
        self._hang_up(selector)
        client.setblocking(False)
        selector.register(client, selectors.EVENT_READ)
        self._client, self._odd, self.problem = client, b'', ''
        self._credit_ns = self._clock.now_ns()

    def _take(self, selector: selectors.BaseSelector) -> None:
        assert self._client is not None
        try:
            data = self._client.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b''
        if not data:
            self._hang_up(selector)
            return
        data = self._odd + data
        whole = len(data) & ~1
        self._odd = data[whole:]
        frames = whole // 2
        if frames:
            self._push(data[:whole], self._frame)
            self._frame += frames
            late_ns = max(self._credit_ns, self._clock.now_ns() - 1_000_000_000)
            self._credit_ns = late_ns + frames * 1_000_000_000 // RATE

    def _hang_up(self, selector: selectors.BaseSelector) -> None:
        if self._client is not None:
            selector.unregister(self._client)
            self._client.close()
            self._client = None
            self.problem = self._waiting
