"""What the drivers tcp, udp and sim share: a ``HostLink`` over a small transport."""

from __future__ import annotations

import random
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Protocol

from tektra.launching.errors import LaunchError
from tektra.robot_gate.drivers.driver import Category, DriverCommand, DriverError, Feedback
from tektra.robot_gate.drivers.link import HostLink, State
from tektra.robots.proof import RobotKeyError, read_key
from tektra.robots.spec import RobotSpec
from tektra.wire.frames import Frame, FrameError, FrameType, encode
from tektra.wire.messages import NONCE_BYTES

MAKE_KEY = 'make one, the same on the robot: (umask 077; head -c 32 /dev/urandom > FILE)'


def resolve(host: str, port: int, kind: socket.SocketKind) -> tuple[socket.AddressFamily, Any]:
    """Return family and address of a robot, IPv4 if it has one.

    A name may take long to look up: this is done once, before there is a session.

    :raises OSError: if there is no such host.
    """
    found = socket.getaddrinfo(host, port, type=kind)
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, address


class Transport(Protocol):
    """Carries frames; never blocks. All may raise ``OSError``: it is lost then."""

    where: str  # for people

    def open(self) -> None:
        """Begin to open, from anew."""

    def ready(self) -> bool:
        """Return whether it is open."""

    def receive(self) -> Iterator[Frame]:
        """Return the frames that have come.

        :raises FrameError: if what came can be no robot.
        """

    def free(self) -> bool:
        """Return whether a frame can be sent now."""

    def roomy(self) -> bool:
        """Return whether a set-point would leave at once, not after others."""

    def send(self, data: bytes) -> None:
        """Send one frame; to be called only when ``free``."""

    def overtake(self, data: bytes) -> None:
        """Send a STOP by a second way, if there is one."""

    def close(self) -> None:
        """Let go; never raises."""


class WiredDriver:
    """A ``RobotDriver`` for a robot that speaks the wire protocol.

    That an established session is lost is raised once, by ``read``; then it is tried again.
    """

    name: ClassVar[str]
    simulated: ClassVar[bool] = False
    power_control: ClassVar[bool] = True  # ``disable`` takes the power from the drives

    def __init__(self, robot: RobotSpec, controller_id: str) -> None:
        self._robot = robot
        self._key: bytes | None = None
        self._transport: Transport | None = None
        self._link = HostLink(
            robot,
            controller_id,
            new_nonce=lambda: secrets.token_bytes(NONCE_BYTES),
            chance=random.Random(),
        )

    def connect(self, now_ns: int) -> None:
        """Begin to reach the robot.

        :raises DriverError: if the key or the address cannot be used.
        """
        if self._transport is None:
            key_file = self._robot.driver.mac_key_file
            try:
                self._key = read_key(Path(key_file).expanduser(), MAKE_KEY) if key_file else None
                self._transport = self._make_transport(self._key)
            except (RobotKeyError, LaunchError, OSError) as error:
                raise DriverError(f'driver {self.name}: {error}') from None
        self._link.start(now_ns)

    def _make_transport(self, key: bytes | None) -> Transport:
        raise NotImplementedError

    @property
    def connected(self) -> bool:
        """Return whether the robot has granted this controller its session and reports."""
        return self._link.connected

    @property
    def timeout_s(self) -> float:
        """Return the robot's command time-out, as its GRANT states it; < 0: no session yet."""
        grant = self._link.grant
        return -1.0 if grant is None or not grant.timeout_ms else grant.timeout_ms / 1000

    @property
    def problem(self) -> str:
        """Return why there is no session; empty: there is one, or none was asked for."""
        return self._link.problem

    def read(self, now_ns: int) -> Feedback | None:
        """Do what is due and return the newest report of this session, if any.

        :raises DriverError: once, when an established session is lost.
        """
        transport, link = self._transport, self._link
        if transport is None:
            return None
        try:
            if link.due(now_ns):
                link.opening(now_ns)
                transport.close()
                transport.open()
            if link.state is State.OPENING and transport.ready():
                link.opened(now_ns)
            if link.state in (State.ASKING, State.UP):
                lost = self._take(transport, now_ns)
            else:
                lost = ''
            lost = lost or link.overdue(now_ns)
            if not lost:
                self._send(now_ns)
        except (OSError, FrameError) as error:
            lost = getattr(error, 'strerror', None) or str(error)
        if lost:
            self._lose(f'{transport.where}: {lost}', now_ns)
        return link.feedback

    def enable(self, now_ns: int) -> None:
        """Give power to the drives, at standstill.

        :raises DriverError: if there is no session.
        """
        if not self.connected:
            raise DriverError(f'{self._who}: not connected: {self.problem or "no session yet"}')
        self._link.enable(now_ns)
        self._push(now_ns)

    def write(self, command: DriverCommand, now_ns: int) -> None:
        """Send one set-point; a newer one replaces it as long as it has not left.

        :raises DriverError: if it cannot be said, or asks for motion without a session.
        """
        if not self.connected:
            moves = command.base is not None and command.base.moving()
            if moves or any(target.velocity for target in command.joints.values()):
                raise DriverError(f'{self._who}: not connected: {self.problem}')
            return
        self._link.set_point(command, now_ns)
        self._push(now_ns)

    def stop(self, category: Category, now_ns: int) -> None:
        """Tell the robot to stop, until ``enable``; sent again until its report shows it."""
        self._link.stop(category)
        self._push(now_ns)

    def disable(self, now_ns: int) -> None:
        """Take power from the drives; sent again until the robot's report shows it."""
        self._link.disable()
        self._push(now_ns)

    def rival(self) -> str:
        """Return who has the robot's session instead of this controller; empty: nobody."""
        return self._link.rival

    def close(self) -> None:
        """Stop, give the session back as far as that leaves at once, and let go.

        The robot takes the power from its drives when it stands.
        """
        if self._transport is None:
            return
        self._let_go(self._transport)
        self._transport = None
        self._link.end()

    @property
    def _who(self) -> str:
        return f"robot '{self._robot.name}' ({self.name})"

    def _take(self, transport: Transport, now_ns: int) -> str:
        for frame in transport.receive():
            lost = self._link.receive(frame, now_ns)
            if lost:
                return lost
        return ''

    def _push(self, now_ns: int) -> None:
        """Send what there is to send; a broken transport is dealt with by the next ``read``."""
        try:
            self._send(now_ns)
        except OSError:
            pass

    def _send(self, now_ns: int) -> None:
        transport, link = self._transport, self._link
        if transport is None or link.state not in (State.ASKING, State.UP):
            return
        if not transport.free():
            stop = link.next_stop(now_ns)
            if stop is not None:
                transport.overtake(encode(stop, self._key))
            return
        while transport.free():
            frame = link.next_frame(now_ns, set_points=transport.roomy())
            if frame is None:
                return
            data = encode(frame, self._key)
            if frame.type is FrameType.STOP:
                transport.overtake(data)
            transport.send(data)

    def _let_go(self, transport: Transport) -> None:
        """Say the last words of a session, if there is one, and close."""
        try:
            for frame in self._link.farewell():
                data = encode(frame, self._key)
                if frame.type is FrameType.STOP:
                    transport.overtake(data)
                if transport.free():
                    transport.send(data)
        except (OSError, FrameError):
            pass  # then the robot's own time-out stops it
        transport.close()

    def _lose(self, why: str, now_ns: int) -> None:
        was_up = self._link.connected
        if self._transport is not None:
            # The robot may still hear, although it is not heard.
            self._let_go(self._transport)
        self._link.lost(why, now_ns)
        if was_up:
            raise DriverError(
                f'{self._who}: the session is lost: {why}; it is tried again, and needs '
                'motion to be enabled anew'
            )
