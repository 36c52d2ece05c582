"""Driver ``tcp``: the wire protocol over TCP; a STOP goes by UDP too, past what waits."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any, ClassVar

from tektra.robot_gate.drivers.wired import Transport, WiredDriver, resolve
from tektra.wire.frames import Frame
from tektra.wire.stream import FrameStream

# Linux: how much of a TCP socket's data has not been sent yet (bytes), linux/sockios.h.
_SIOCOUTQNSD = 0x894B
# Data that is not acknowledged for so long breaks the connection (RFC 5482).
USER_TIMEOUT_MS = 500
_READ_BYTES = 65_536


class TcpTransport:
    """A ``Transport`` over one connection. At most one frame waits here, cut off by the kernel."""

    def __init__(self, family: socket.AddressFamily, address: Any, key: bytes | None) -> None:
        self.where = f'{address[0]}:{address[1]}'
        self._family = family
        self._address = address
        self._key = key
        self._socket: socket.socket | None = None
        self._second: socket.socket | None = None
        self._stream = FrameStream(key)
        self._rest = b''
        self._open = False

    def open(self) -> None:
        """Begin to connect."""
        made = socket.socket(self._family, socket.SOCK_STREAM)
        self._socket = made
        self._stream, self._rest, self._open = FrameStream(self._key), b'', False
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        code = made.connect_ex(self._address)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
        self._second = socket.socket(self._family, socket.SOCK_DGRAM)
        self._second.setblocking(False)
        self._second.connect(self._address)

    def ready(self) -> bool:
        """Return whether the robot has accepted.

        :raises OSError: if it has refused.
        """
        if self._socket is None or self._open:
            return self._open
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))
        try:
            self._socket.getpeername()
        except OSError:
            return False  # not yet
        self._open = True
        return True

    def receive(self) -> Iterator[Frame]:
        """Return what has come.

        :raises OSError: if the robot has closed the connection.
        :raises FrameError: if what came is no stream of frames.
        """
        if self._socket is None:
            return
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            raise OSError(errno.ECONNRESET, 'the robot closed the connection')
        yield from self._stream.feed(data)

    def free(self) -> bool:
        """Return whether nothing waits here; what does is tried first."""
        if self._rest:
            self._rest = self._rest[self._try(self._rest) :]
        return self._socket is not None and not self._rest

    def roomy(self) -> bool:
        """Return whether the kernel has sent all that it was given."""
        if self._socket is None:
            return False
        waiting = fcntl.ioctl(self._socket.fileno(), _SIOCOUTQNSD, bytes(4))
        return not struct.unpack('i', waiting)[0]

    def send(self, data: bytes) -> None:
        """Send a frame; what the kernel does not take waits here."""
        self._rest = data[self._try(data) :]

    def overtake(self, data: bytes) -> None:
        """Send a frame by UDP to the same port. A robot that does not listen there is no error."""
        if self._second is not None:
            try:
                self._second.send(data)
            except OSError:
                pass

    def close(self) -> None:
        """Close both sockets."""
        for one in (self._socket, self._second):
            if one is not None:
                one.close()
        self._socket = self._second = None

    def _try(self, data: bytes) -> int:
        if self._socket is None:
            return 0
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0


class TcpDriver(WiredDriver):
    """A robot at a TCP port, that hears a STOP at the UDP port of the same number too."""

    name: ClassVar[str] = 'tcp'

    def _make_transport(self, key: bytes | None) -> Transport:
        driver = self._robot.driver
        return TcpTransport(*resolve(driver.host, driver.port, socket.SOCK_STREAM), key)
