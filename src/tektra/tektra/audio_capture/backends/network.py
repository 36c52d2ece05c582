"""What the TCP and UDP sources share: address, conversion, and the thread that receives."""

from __future__ import annotations

import ipaddress
import socket
import threading

from tektra.audio_capture.backend import Audio, Block, LiveQueue
from tektra.audio_capture.framing import RATE
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.clock import Clock
from tektra.runtime.pcm import from_bytes, to_float

DEFAULT_HOST = '127.0.0.1'
PORTS_TRIED = 10  # from the default port on; a port that the user names is taken or refused
QUEUE_BLOCKS = 256


def parse_address(uri: str, default_port: int, allow_remote: bool) -> tuple[str, int, int]:
    """Return (IPv4 address, port, how many ports may be tried).

    ``uri`` is 'host:port', ':port', 'port' or ''.

    :raises BackendUnavailable: if it is not one, or not on this machine and ``allow_remote`` is
    false.
    """
    text = uri.strip().removeprefix('tcp://').removeprefix('udp://')
    host, _, port_text = text.rpartition(':')
    host = host or DEFAULT_HOST
    if not text:
        return DEFAULT_HOST, default_port, PORTS_TRIED
    if not port_text.isdigit() or not 0 <= int(port_text) <= 65535:
        raise BackendUnavailable(
            f"'{uri}' is not host:port, such as {DEFAULT_HOST}:{default_port}"
        )
    try:
        address = socket.gethostbyname(host)
    except OSError as error:
        raise BackendUnavailable(f"'{uri}': host '{host}' is not known: {error}") from error
    if not allow_remote and not ipaddress.ip_address(address).is_loopback:
        raise BackendUnavailable(
            f"'{uri}': {address} would be open to the network; use {DEFAULT_HOST}, "
            'or set allow_remote: true if that is meant'
        )
    return address, int(port_text), 1


def bind(kind: socket.SocketKind, host: str, port: int, tries: int) -> socket.socket:
    """Return a socket bound to ``host`` and the first free of ``tries`` ports from ``port`` on.

    :raises BackendUnavailable: naming the port and the reason.
    """
    error: OSError | None = None
    for offset in range(tries):
        made = socket.socket(socket.AF_INET, kind)
        if kind is socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((host, port + offset))
        except (OSError, OverflowError) as failed:
            made.close()
            error = failed if isinstance(failed, OSError) else OSError(str(failed))
        else:
            return made
    raise BackendUnavailable(
        f'{host}:{port} cannot be used: {error}; name another port'
    ) from error


def samples_of(data: bytes | memoryview) -> Audio:
    """Return s16le mono bytes (an even number) as [frames, 1]."""
    return to_float(from_bytes(data)).reshape(-1, 1)


class NetworkSource:
    """A live source; its thread, ``_receive``, turns what a socket gives into blocks."""

    live = True

    def __init__(self, kind: str, server: socket.socket, clock: Clock) -> None:
        self._server = server
        self._clock = clock
        self._blocks = LiveQueue(QUEUE_BLOCKS)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        host, self.port = server.getsockname()[:2]
        self.label = f'{kind} {host}:{self.port} (s16le, {RATE} Hz, mono)'
        self._waiting = f'{kind} {host}:{self.port}: nobody sends'
        self.problem = self._waiting
        self.refused = 0

    @property
    def queue(self) -> tuple[int, int]:
        """Return (blocks that wait, blocks dropped or refused)."""
        return len(self._blocks), self._blocks.dropped + self.refused

    def start(self) -> None:
        """Begin to receive."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._receive, name='audio-network', daemon=True)
        self._thread.start()

    def read(self, timeout_s: float) -> Block | None:
        """Return the next block, or None if none came within ``timeout_s`` (s)."""
        return self._blocks.pop(timeout_s)

    def stop(self) -> None:
        """Stop receiving; whoever is connected is hung up on."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=0.5)
            self._thread = None
        self._blocks.clear()
        self.problem = self._waiting

    def close(self) -> None:
        """Give the port back."""
        self.stop()
        self._server.close()

    def _receive(self) -> None:
        raise NotImplementedError

    def _push(self, data: bytes, first_frame: int) -> None:
        self._blocks.push(Block(samples_of(data), RATE, first_frame, self._clock.now_ns()))
