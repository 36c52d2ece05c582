"""Driver ``sim``: the wire protocol to a simulated plant of this user, in a process of its own."""

from __future__ import annotations

import socket
from typing import ClassVar

from tektra.robot_gate.drivers.datagram import DatagramTransport
from tektra.robot_gate.drivers.wired import Transport, WiredDriver
from tektra.robot_side.place import plant_socket, refuse_foreign


class SimTransport(DatagramTransport):
    """The plant's socket; that it is this user's own is seen anew at every attempt."""

    def __init__(self, robot: str) -> None:
        self._robot = robot
        self._path = plant_socket(robot)
        super().__init__(socket.AF_UNIX, str(self._path), None)

    def open(self) -> None:
        """Connect.

        :raises OSError: if there is no plant, or others could have put one there.
        """
        try:
            refuse_foreign(self._path)
            super().open()
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise OSError(
                error.errno,
                f'no plant is there; start it: tektra robot-emulator --robot {self._robot}',
            ) from None


class SimDriver(WiredDriver):
    """A simulated robot: never over a network, so that nothing physical can be behind it."""

    name: ClassVar[str] = 'sim'
    simulated: ClassVar[bool] = True

    def _make_transport(self, key: bytes | None) -> Transport:
        return SimTransport(self._robot.name)
