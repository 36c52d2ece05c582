"""A network between gate and robot side that cuts, holds back, loses, doubles and swaps."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import select
import socket
import threading
import time
from collections import deque

LOOPBACK = '127.0.0.1'
_KEPT = 200  # datagrams of the host, to be sent again


class Network:
    """One port for TCP and UDP, forwarded to a robot side that is told later.

    ``mode`` may change at any time: ``pass``; ``cut`` (connections end, datagrams are lost);
    ``stall`` (TCP waits, and comes all at once afterwards; UDP passes); ``late`` (everything of
    the host, by ``delay_s``); ``twice`` and ``swap`` (datagrams of the host).
    """

    def __init__(self):
        self.mode, self.delay_s, self.robot_port = 'pass', 0.0, 0
        self._listener, self._datagrams = _pair()
        self.port = self._listener.getsockname()[1]
        self._to_robot = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._host = None  # where datagrams of the robot go
        self._streams = {}  # each end of a connection -> the other one
        self._from_host = set()
        self._held = None
        self._old = deque(maxlen=_KEPT)
        self._late, self._order = [], itertools.count()
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def recent(self):
        """Return the newest datagrams of the host, the oldest first."""
        return list(self._old)

    def send(self, datagrams):
        """Send datagrams to the robot side once more, as they were."""
        for data in datagrams:
            self._to_robot.send(data)

    def close(self):
        """End the thread and every connection."""
        self._ending = True
        self._thread.join()
        self._cut()
        for one in (self._listener, self._datagrams, self._to_robot):
            one.close()

    def _run(self):
        while not self._ending:
            if self.mode == 'cut':
                self._cut()
            self._release()
            streams = [] if self.mode == 'stall' else list(self._streams)
            wanted = [self._listener, self._datagrams, self._to_robot, *streams]
            for one in select.select(wanted, [], [], 0.002)[0]:
                with contextlib.suppress(OSError):  # a peer that has gone ends its connection
                    self._read(one)

    def _read(self, one):
        if one is self._listener:
            self._accept()
        elif one is self._datagrams:
            data, self._host = one.recvfrom(65536)
            self._datagram(data)
        elif one is self._to_robot:
            data = one.recv(65536)
            if self._host is not None and self.mode != 'cut':
                self._datagrams.sendto(data, self._host)
        elif one in self._streams:
            self._stream(one)

    def _accept(self):
        host, _ = self._listener.accept()
        if self.mode == 'cut' or not self.robot_port:
            host.close()
            return
        robot = socket.create_connection((LOOPBACK, self.robot_port), timeout=2)
        for one in (host, robot):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._streams[host], self._streams[robot] = robot, host
        self._from_host.add(host)

    def _stream(self, one):
        other = self._streams[one]
        data = b''
        with contextlib.suppress(OSError):
            data = one.recv(65536)
        if not data:
            self._end(one)
        elif self.mode == 'late' and one in self._from_host:
            self._later(lambda: other.sendall(data))
        else:
            other.sendall(data)

    def _datagram(self, data):
        self._to_robot.connect((LOOPBACK, self.robot_port))
        self._old.append(data)
        if self.mode == 'cut':
            return
        if self.mode == 'late':
            self._later(lambda: self._to_robot.send(data))
        elif self.mode == 'swap' and self._held is None:
            self._held = data
        else:
            for _ in range(2 if self.mode == 'twice' else 1):
                self._to_robot.send(data)
            held, self._held = self._held, None
            if held is not None:
                self._to_robot.send(held)

    def _later(self, send):
        heapq.heappush(self._late, (time.monotonic() + self.delay_s, next(self._order), send))

    def _release(self):
        while self._late and self._late[0][0] <= time.monotonic():
            with contextlib.suppress(OSError):
                heapq.heappop(self._late)[2]()

    def _end(self, one):
        other = self._streams.pop(one)
        self._streams.pop(other, None)
        for end in (one, other):
            self._from_host.discard(end)
            end.close()

    def _cut(self):
        while self._streams:
            self._end(next(iter(self._streams)))


def _pair():
    """Return a TCP listener and a UDP socket of one number."""
    while True:
        listener = socket.create_server((LOOPBACK, 0))
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(listener.getsockname())
        except OSError:  # somebody has that number for UDP
            listener.close()
            datagrams.close()
        else:
            return listener, datagrams
