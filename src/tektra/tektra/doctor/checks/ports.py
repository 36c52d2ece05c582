"""Network ports."""

from __future__ import annotations

import socket

import psutil

from tektra.doctor.finding import Finding, Severity, ok

VIEWER_PORT = 8765
"""The Foxglove WebSocket."""


class Ports:
    """The ports that servers ask for are free."""

    name = 'ports'

    def __init__(self, ports: tuple[int, ...] = (VIEWER_PORT,)) -> None:
        self._ports = ports

    def run(self) -> list[Finding]:
        """Try each on the loopback interface."""
        return [finding for port in self._ports for finding in self._one(port)]

    def _one(self, port: int) -> list[Finding]:
        with socket.socket() as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                server.bind(('127.0.0.1', port))
            except OSError as error:
                what = f'port {port} cannot be used: {error.strerror}{_holder(port)}'
                fix = f'ss -ltnp sport = :{port}  # and end that program, or give another port'
                return [Finding(Severity.WARNING, what, fix)]
        return ok(f'port {port} is free')


def _holder(port: int) -> str:
    """Return ``(program, process)`` of the listener where this user may see it."""
    try:
        for row in psutil.net_connections('tcp'):
            listens = row.status == psutil.CONN_LISTEN and row.pid
            if listens and getattr(row.laddr, 'port', None) == port:
                return f' ({psutil.Process(row.pid).name()}, process {row.pid})'
    except psutil.Error:
        pass
    return ''
