"""One process of a plan while it is supervised: its process group, its pipes, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import IO

from tektra.launching.events import EventKind, ProcessEvent, ProcessInfo, ProcessState
from tektra.launching.model import ProcessSpec
from tektra.launching.output import LineSplitter

READ_SIZE = 64 * 1024
"""Bytes read from a pipe at once (the size of a pipe in Linux)."""

ABANDON_S = 10.0
"""How long a killed process may take to vanish before it is given up (uninterruptible sleep)."""


class ReadState(Enum):
    """What a pipe can be expected to have after it was read."""

    MORE = 1
    EMPTY = 2
    ENDED = 3


class Child:
    """Holds one process; all methods are for the thread of the supervisor, `info` for all."""

    def __init__(self, spec: ProcessSpec, index: int) -> None:
        self.spec = spec
        self.index = index
        self.due = 0.0
        """Monotonic time of the next respawn or of the next, harder signal."""
        self.exit_watch: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._streams: dict[int, tuple[IO[bytes], LineSplitter]] = {}
        self._signals: list[tuple[int, float]] = []
        self.info = ProcessInfo(spec.name, spec.label, spec.node, None, 0, ProcessState.NEW, None)

    @property
    def alive(self) -> bool:
        """Whether there is a process that has not been reaped."""
        return self._process is not None

    @property
    def descriptors(self) -> list[int]:
        """The pipes that can still be read."""
        return [*self._streams]

    def event(self, kind: EventKind, pid: int | None = None) -> ProcessEvent:
        """Return an event about the process as it is."""
        info = self.info
        return ProcessEvent(
            kind,
            info.name,
            info.label,
            info.node,
            info.pid if pid is None else pid,
            info.exit_code,
            info.restarts,
        )

    def start(self, environment: Mapping[str, str], folder: Path, *, again: bool) -> None:
        """Start the process in a session and process group of its own.

        Raises:
            OSError: it cannot be started.
        """
        restarts = self.info.restarts + int(again)
        self._set(pid=None, restarts=restarts, state=ProcessState.RUNNING, exit_code=None)
        process = subprocess.Popen(
            self.spec.argv(folder),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        self._process = process
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                os.set_blocking(stream.fileno(), False)
                self._streams[stream.fileno()] = (stream, LineSplitter())
        with contextlib.suppress(OSError, AttributeError):
            # Sandboxes without pidfd_open are served by polling.
            self.exit_watch = os.pidfd_open(process.pid)
        self._set(pid=process.pid, restarts=restarts, state=ProcessState.RUNNING, exit_code=None)

    def read(self, descriptor: int) -> tuple[list[str], ReadState]:
        """Return the lines that a pipe has ready."""
        splitter = self._streams[descriptor][1]
        try:
            data = os.read(descriptor, READ_SIZE)
        except BlockingIOError:
            return [], ReadState.EMPTY
        except OSError:
            data = b''
        if not data:
            return splitter.finish(), ReadState.ENDED
        return splitter.feed(data), ReadState.MORE

    def close(self, descriptor: int) -> list[str]:
        """Close a pipe; returns the unfinished line that it held."""
        stream, splitter = self._streams.pop(descriptor)
        stream.close()
        return splitter.finish()

    def has_exited(self) -> bool:
        """Return whether the process has ended; it is not reaped, so its group keeps its id."""
        if self._process is None:
            return False
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self._process.pid, flags) is not None
        except ChildProcessError:
            return True

    def reap(self) -> int:
        """End what is left of the group of an exited process, and take its exit code.

        The children of a node do not outlive it: they hold its devices and its DDS ports.
        """
        assert self._process is not None
        self.signal(signal.SIGKILL)
        exit_code = self._process.wait()
        if self.exit_watch is not None:
            os.close(self.exit_watch)
            self.exit_watch = None
        self._process = None
        self.ended(exit_code)
        return exit_code

    def ended(self, exit_code: int) -> None:
        """Note that the process has ended, or that it could not be started."""
        restarts = self.info.restarts
        self._set(pid=None, restarts=restarts, state=ProcessState.EXITED, exit_code=exit_code)

    def wait_until(self, due: float) -> None:
        """Note that it is started again at a monotonic time."""
        self.due = due
        info = self.info
        self._set(
            pid=None,
            restarts=info.restarts,
            state=ProcessState.WAITING,
            exit_code=info.exit_code,
        )

    def signal(self, number: int) -> None:
        """Send a signal to the whole process group."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def begin_stop(self, now: float) -> None:
        """Send SIGINT and plan the harder signals; does nothing to one that does not run."""
        if self._process is None:
            if self.info.state is ProcessState.WAITING:
                self.ended(self.info.exit_code if self.info.exit_code is not None else 0)
            return
        info = self.info
        self._set(
            pid=info.pid, restarts=info.restarts, state=ProcessState.STOPPING, exit_code=None
        )
        self._signals = [
            (signal.SIGTERM, self.spec.sigkill_timeout_s),
            (signal.SIGKILL, ABANDON_S),
        ]
        self.due = now + self.spec.sigterm_timeout_s
        self.signal(signal.SIGINT)

    def escalate(self, now: float) -> int | None:
        """Send the next, harder signal; returns it, or None when there is none left."""
        if not self._signals:
            return None
        number, timeout_s = self._signals.pop(0)
        self.due = now + timeout_s
        self.signal(number)
        return number

    def _set(
        self, *, pid: int | None, restarts: int, state: ProcessState, exit_code: int | None
    ) -> None:
        spec = self.spec
        self.info = ProcessInfo(spec.name, spec.label, spec.node, pid, restarts, state, exit_code)
