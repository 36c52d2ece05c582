"""Frames as datagrams, one each, over a connected UDP or Unix socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

from tektra.wire.frames import LONGEST_FRAME, Frame, FrameError, decode

# One second and more of a robot's reports: what waits after a freeze is read at once.
_MOST = 256


class DatagramTransport:
    """A ``Transport`` for datagrams; what is damaged is as if it had not come."""

    def __init__(self, family: socket.AddressFamily, address: Any, key: bytes | None) -> None:
        self.where = str(address) if isinstance(address, str) else f'{address[0]}:{address[1]}'
        self._family = family
        self._address = address
        self._key = key
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Make the socket; only the robot's address can send to it."""
        made = socket.socket(self._family, socket.SOCK_DGRAM)
        self._socket = made
        made.setblocking(False)
        if self._family == socket.AF_UNIX:
            made.bind('')  # a name of the kernel's own, so that the robot can answer
        made.connect(self._address)

    def ready(self) -> bool:
        """Return whether there is a socket."""
        return self._socket is not None

    def receive(self) -> Iterator[Frame]:
        """Return what has come."""
        for _ in range(_MOST):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(LONGEST_FRAME + 1)
            except BlockingIOError:
                return
            try:
                yield decode(data, self._key)
            except FrameError:
                continue

    def free(self) -> bool:
        """Return whether there is a socket: what does not fit is dropped, and sent again."""
        return self._socket is not None

    def roomy(self) -> bool:
        """Return true: a datagram leaves at once or not at all."""
        return True

    def send(self, data: bytes) -> None:
        """Send one datagram."""
        if self._socket is not None:
            try:
                self._socket.send(data)
            except BlockingIOError:
                pass

    def overtake(self, data: bytes) -> None:
        """Do nothing: nothing waits that could be overtaken."""

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
