"""A UDP network between a host and a robot that delays, loses and doubles what the host sends."""

import heapq
import itertools
import select
import socket
import threading
import time


class SlowNetwork:
    """Forwards between ``port``, for the host, and the robot's port.

    ``delay_s``, ``lost`` and ``copies`` are for the way to the robot and may change any time.
    """

    def __init__(self, robot_port):
        self.delay_s, self.lost, self.copies = 0.0, False, 1
        self._host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._host.bind(('127.0.0.1', 0))
        self._robot = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._robot.connect(('127.0.0.1', robot_port))
        self.port = self._host.getsockname()[1]
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        waiting, order, host = [], itertools.count(), None
        while not self._ending.is_set():
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                self._robot.send(heapq.heappop(waiting)[2])
            ready, _, _ = select.select([self._host, self._robot], [], [], 0.002)
            if self._host in ready:
                data, host = self._host.recvfrom(8192)
                if not self.lost:
                    for copy in range(self.copies):
                        due = now + self.delay_s * (1 + copy)
                        heapq.heappush(waiting, (due, next(order), data))
            if self._robot in ready and host is not None:
                self._host.sendto(self._robot.recv(8192), host)

    def close(self):
        self._ending.set()
        self._thread.join()
        self._host.close()
        self._robot.close()
