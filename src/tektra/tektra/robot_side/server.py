"""The sockets of a robot: TCP, UDP and Unix datagrams for one ``RobotSession``.

One thread, nothing blocks, every buffer is bounded. What is due is done before what waited in a
socket is read, so that a backlog is judged by the time at which it is read.
"""

from __future__ import annotations

import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tektra.robot_side.motion import MS, TICK_MS
from tektra.robot_side.session import LEASE_MS, Reply, RobotSession
from tektra.wire.frames import LONGEST_FRAME, Frame, FrameError, FrameType, decode, encode
from tektra.wire.stream import FrameStream

IDLE_TICK_MS = 20  # while nothing moves and nobody is connected
MOST_CONNECTIONS = 8
# A connection that says nothing valid for so long is closed: it takes a place.
_SILENT_NS = 2_000 * MS
_READ_BYTES = 16_384
_DATAGRAMS = 64  # that are read from one socket before the others have their turn


@dataclass(frozen=True)
class DatagramPeer:
    """Who sent a datagram, and to which socket."""

    kind: str
    socket: socket.socket
    address: Any

    def __str__(self) -> str:
        return f'{self.kind} {self.address!r}'


class Connection:
    """One TCP connection: a stream in, and at most one frame that waits to go out."""

    def __init__(self, made: socket.socket, address: Any, key: bytes | None, now_ns: int) -> None:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, LEASE_MS)
        self.socket = made
        self.stream = FrameStream(key)
        self.heard_ns = now_ns
        self._address = address
        self._rest = b''

    def __str__(self) -> str:
        return f'tcp {self._address[0]}:{self._address[1]}'

    def send(self, data: bytes) -> None:
        """Send a frame, or drop it if the one before it has not gone out yet.

        :raises OSError: if the connection is broken.
        """
        if self._rest:
            self._rest = self._rest[self._try(self._rest) :]
        if not self._rest:
            self._rest = data[self._try(data) :]

    def _try(self, data: bytes) -> int:
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0


class RobotServer:
    """Brings frames to a session and its answers back. ``boot_ns`` is the boot-time clock."""

    def __init__(
        self, session: RobotSession, key: bytes | None, boot_ns: Callable[[], int]
    ) -> None:
        self._session = session
        self._key = key
        self._boot_ns = boot_ns
        self._selector = selectors.DefaultSelector()
        self._connections: set[Connection] = set()
        self._sockets: list[socket.socket] = []
        self._due_ns = boot_ns()

    def listen(self, listener: socket.socket) -> None:
        """Serve a listening TCP socket."""
        self._add(listener, lambda: self._accept(listener))

    def datagrams(self, bound: socket.socket, kind: str, *, stop_only: bool = False) -> None:
        """Serve a bound datagram socket; ``stop_only``: nothing but STOP is taken from it."""
        self._add(bound, lambda: self._datagrams(bound, kind, stop_only))

    def step(self) -> None:
        """Wait for the next tick at most, and do what there is to do."""
        self._tick()
        wait_s = max(0.0, (self._due_ns - self._boot_ns()) / 1e9)
        for key, _ in self._selector.select(wait_s):
            key.data()

    def close(self, reason: str) -> None:
        """End the session, tell its holder, and close everything."""
        self._send(self._session.end(reason, self._boot_ns()))
        for connection in list(self._connections):
            self._drop(connection)
        for one in self._sockets:
            one.close()
        self._selector.close()

    def _add(self, one: socket.socket, ready: Callable[[], None]) -> None:
        one.setblocking(False)
        self._sockets.append(one)
        self._selector.register(one, selectors.EVENT_READ, ready)

    def _tick(self) -> int:
        """Do what is due and return the time."""
        now_ns = self._boot_ns()
        if now_ns >= self._due_ns:
            tick_ms = IDLE_TICK_MS if self._session.idle else TICK_MS
            self._due_ns = max(self._due_ns + tick_ms * MS, now_ns)
            self._send(self._session.tick(now_ns))
            for silent in [c for c in self._connections if now_ns - c.heard_ns > _SILENT_NS]:
                self._drop(silent)
        return now_ns

    def _deliver(self, frame: Frame, peer: Connection | DatagramPeer) -> None:
        # A freeze may lie between any two lines: the tick sees it before the frame is judged.
        now_ns = self._tick()
        self._send(self._session.receive(frame, peer, now_ns))

    def _accept(self, listener: socket.socket) -> None:
        try:
            made, address = listener.accept()
        except OSError:
            return
        if len(self._connections) >= MOST_CONNECTIONS:
            made.close()
            return
        connection = Connection(made, address, self._key, self._boot_ns())
        self._connections.add(connection)
        self._selector.register(made, selectors.EVENT_READ, lambda: self._stream(connection))

    def _stream(self, connection: Connection) -> None:
        if connection not in self._connections:
            return  # dropped since it became ready
        try:
            data = connection.socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b''
        if not data:
            self._drop(connection)
            return
        try:
            frames = connection.stream.feed(data)
        except FrameError as error:
            self._send(self._session.damaged(error, connection))
            self._drop(connection)
            return
        for frame in frames:
            connection.heard_ns = self._boot_ns()
            self._deliver(frame, connection)

    def _datagrams(self, bound: socket.socket, kind: str, stop_only: bool) -> None:
        for _ in range(_DATAGRAMS):
            try:
                data, address = bound.recvfrom(LONGEST_FRAME + 1)
            except OSError:  # nothing more, or an error of a peer that is gone
                return
            peer = DatagramPeer(kind, bound, address)
            try:
                frame = decode(data, self._key)
            except FrameError as error:
                self._send(self._session.damaged(error, peer))
                continue
            if not stop_only or frame.type is FrameType.STOP:
                self._deliver(frame, peer)

    def _drop(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._session.gone(connection, self._boot_ns())

    def _send(self, replies: list[Reply]) -> None:
        for reply in replies:
            data = encode(reply.frame, self._key)
            peer = reply.peer
            try:
                if isinstance(peer, Connection) and peer in self._connections:
                    peer.send(data)
                elif isinstance(peer, DatagramPeer) and peer.address:
                    peer.socket.sendto(data, peer.address)
            except BlockingIOError:
                continue  # the next report replaces this one
            except OSError:
                # Whether the host is gone is decided by its silence, or by reading its end.
                continue
