"""Driver ``udp``: the wire protocol over UDP."""

from __future__ import annotations

import socket
from typing import ClassVar

from tektra.robot_gate.drivers.datagram import DatagramTransport
from tektra.robot_gate.drivers.wired import Transport, WiredDriver, resolve


class UdpDriver(WiredDriver):
    """A robot at a UDP port."""

    name: ClassVar[str] = 'udp'

    def _make_transport(self, key: bytes | None) -> Transport:
        driver = self._robot.driver
        return DatagramTransport(*resolve(driver.host, driver.port, socket.SOCK_DGRAM), key)
