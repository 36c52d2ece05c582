"""Runs a plan: starts its processes, restarts those that exit, stops all of them, leaves nothing.

The supervisor is the one owner of restarts. It works in a thread of its own, so that a program can
do other things meanwhile (`start`, `poll`, `wait`, `request_stop`), or blocks (`run_blocking`).
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from tektra.launching import guard, shm
from tektra.launching.child import Child, ReadState
from tektra.launching.events import (
    EventKind,
    ProcessEvent,
    ProcessInfo,
    ProcessState,
    describe_exit,
)
from tektra.launching.model import LaunchPlan
from tektra.launching.output import OutputPump, prefix, to_stdout, wants_colour

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What makes `run_blocking` stop; a second one escalates to SIGTERM, a third to SIGKILL."""

POLL_S = 0.1
"""How often exits are looked for where the kernel does not report them (no pidfd_open)."""

FLUSH_S = 2.0
"""How long the end waits for the output to be taken."""

MAX_GUARDS = 5
"""How often the guard is started at most; it only ends when somebody kills it."""

NOT_STARTED = 127
"""Exit code of a process that could not be started, as in a shell."""


class Supervisor:
    """Supervises the processes of one plan, once."""

    def __init__(
        self,
        plan: LaunchPlan,
        *,
        env: Mapping[str, str],
        on_event: Callable[[ProcessEvent], None] | None = None,
        output: Callable[[str], None] | None = None,
        held: Sequence[int] = (),
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            plan: what to run.
            env: the environment of the processes; what the launch file sets comes on top.
            on_event: told of starts and exits, in the supervisor's thread.
            output: takes each line of output, with its prefix, in a thread of its own; default
                standard output.
            held: descriptors of lock files that stay locked until all processes have ended, even
                if the supervisor is killed.
        """
        self._plan = plan
        self._environment = dict(env)
        self._on_event = on_event
        self._sink = to_stdout if output is None else output
        self._colour = wants_colour(env, output is None and sys.stdout.isatty())
        self._environment.setdefault('PYTHONUNBUFFERED', '1')
        if self._colour:
            self._environment.setdefault('RCUTILS_COLORIZED_OUTPUT', '1')
        self._held = tuple(held)
        self._children = [Child(spec, index) for index, spec in enumerate(plan.processes)]
        self._token = uuid.uuid4().hex
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._reason: str | None = None
        self._requests = 0
        self._heeded = 1
        self._stopping = False
        self._guards = 0
        self._required_exit: int | None = None
        self._exit_code: int | None = None
        self._done = threading.Event()
        # A daemon: a program that ends without stopping it leaves the rest to the guard.
        self._thread = threading.Thread(target=self._run, name='launch-supervisor', daemon=True)

    def start(self) -> None:
        """Start the processes; returns at once."""
        self._folder = Path(tempfile.mkdtemp(prefix='tektra_launch_'))
        self._pump = OutputPump(self._sink, lambda why: self.request_stop(f'output: {why}'))
        try:
            for spec in self._plan.processes:
                spec.write_parameters(self._folder)
            self._guard = self._new_guard()
        except OSError:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._pump.close(FLUSH_S)
            raise
        self._thread.start()

    def poll(self) -> int | None:
        """Return the exit code once everything has ended, otherwise None.

        0 after an orderly stop; that of a required process (128 + signal) that ended the launch;
        1 when all processes ended by themselves and at least one of them failed.
        """
        return self._exit_code if self._done.is_set() else None

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end, at most `timeout` seconds; returns as `poll` does."""
        self._done.wait(timeout)
        return self.poll()

    def request_stop(self, reason: str) -> None:
        """Stop everything: SIGINT, SIGTERM, SIGKILL by the deadlines of each process.

        Returns at once; for any thread and for signal handlers. A second call escalates to SIGTERM
        now, a third one to SIGKILL.
        """
        if self._reason is None:
            self._reason = reason
        self._requests += 1
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b'.')

    def processes(self) -> list[ProcessInfo]:
        """Return the processes as they are now; for any thread."""
        return [child.info for child in self._children]

    def run_blocking(self) -> int:
        """Run to the end with signal handlers in place; for the main thread. Returns as `poll`.

        Afterwards the same signals are ignored: the process has only to leave, and somebody who
        presses Ctrl-C once more must not cut that short.
        """

        def stop(number: int, frame: FrameType | None) -> None:
            self.request_stop(signal.Signals(number).name)

        for number in STOP_SIGNALS:
            signal.signal(number, stop)
        try:
            self.start()
            self._done.wait()
        finally:
            for number in STOP_SIGNALS:
                signal.signal(number, signal.SIG_IGN)
        return self._exit_code if self._exit_code is not None else 1

    # The rest runs in the supervisor's thread.

    def _run(self) -> None:
        exit_code = 1
        try:
            self._loop()
            exit_code = self._result()
        except BaseException as error:
            self._say(f'the supervisor failed: {error!r}')
            raise
        finally:
            try:
                self._clean_up()
            finally:
                self._exit_code = exit_code
                self._done.set()

    def _loop(self) -> None:
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._woken)
        self._watch_guard()
        for text in (*self._plan.warnings, *self._plan.messages):
            self._say(text)
        for child in self._children:
            self._start(child, again=False)
        while self._busy():
            for key, _ in self._selector.select(self._patience()):
                key.data()
            self._look_after_all()

    def _busy(self) -> bool:
        waiting = ProcessState.WAITING
        return any(child.alive or child.info.state is waiting for child in self._children)

    def _patience(self) -> float | None:
        """Return how long nothing can become due."""
        states = (ProcessState.WAITING, ProcessState.STOPPING)
        now = time.monotonic()
        due = [child.due - now for child in self._children if child.info.state in states]
        if any(child.alive and child.exit_watch is None for child in self._children):
            due.append(POLL_S)
        return max(0.0, min(due)) if due else None

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 1024)

    def _look_after_all(self) -> None:
        now = time.monotonic()
        if self._reason is not None and not self._stopping:
            self._stop_all(self._reason, now)
        while self._heeded < self._requests:
            self._heeded += 1
            for child in self._children:
                if child.alive:
                    self._escalate(child, now)
        for child in self._children:
            if child.exit_watch is None and child.has_exited():
                self._exited(child)
            elif child.info.state is ProcessState.WAITING and child.due <= now:
                self._start(child, again=True)
            elif child.info.state is ProcessState.STOPPING and child.due <= now:
                self._escalate(child, now)

    def _start(self, child: Child, *, again: bool) -> None:
        variables = {
            **self._environment,
            **child.spec.environment,
            guard.TOKEN: self._token,
        }
        try:
            child.start(variables, self._folder, again=again)
        except OSError as error:
            self._say(
                f'{child.spec.label}: cannot start {child.spec.command[0]}: {error.strerror}'
            )
            child.ended(NOT_STARTED)
            self._tell(child.event(EventKind.NOT_STARTED))
            self._after_exit(child, NOT_STARTED)
            return
        for descriptor in child.descriptors:
            self._selector.register(
                descriptor, selectors.EVENT_READ, self._reader(child, descriptor)
            )
        if child.exit_watch is not None:
            self._selector.register(
                child.exit_watch, selectors.EVENT_READ, lambda: self._exited(child)
            )
        count = f', restart {child.info.restarts}' if again else ''
        self._say(f'{child.spec.label}: started, pid {child.info.pid}{count}')
        self._tell(child.event(EventKind.RESPAWNED if again else EventKind.STARTED))

    def _reader(self, child: Child, descriptor: int) -> Callable[[], object]:
        return lambda: self._read(child, descriptor)

    def _read(self, child: Child, descriptor: int) -> bool:
        """Pass on what a pipe has ready; returns whether it may have more."""
        if descriptor not in child.descriptors:
            return False
        lines, state = child.read(descriptor)
        before = prefix(child.spec.label, child.index, self._colour)
        for line in lines:
            self._pump.put(before + line)
        if state is ReadState.ENDED:
            self._selector.unregister(descriptor)
            child.close(descriptor)
        return state is ReadState.MORE

    def _exited(self, child: Child) -> None:
        if not child.alive:
            return
        pid = child.info.pid
        if child.exit_watch is not None:
            self._selector.unregister(child.exit_watch)
        exit_code = child.reap()
        self._drain(child)
        self._say(f'{child.spec.label}: ended, pid {pid}, {describe_exit(exit_code)}')
        self._tell(child.event(EventKind.EXITED, pid))
        self._after_exit(child, exit_code)

    def _drain(self, child: Child) -> None:
        """Read what the pipes still hold, and close them even if a stranger keeps them open."""
        before = prefix(child.spec.label, child.index, self._colour)
        for descriptor in child.descriptors:
            while self._read(child, descriptor):
                pass
            if descriptor in child.descriptors:
                self._selector.unregister(descriptor)
                for line in child.close(descriptor):
                    self._pump.put(before + line)

    def _after_exit(self, child: Child, exit_code: int) -> None:
        if self._stopping or self._reason is not None:
            return
        if child.spec.required:
            self._required_exit = exit_code
            self._reason = f'{child.spec.label} is required and has ended'
            return
        respawn = child.spec.respawn
        if not respawn.enabled:
            return
        if 0 <= respawn.max_retries <= child.info.restarts:
            self._say(
                f'{child.spec.label}: given up after {child.info.restarts} restarts '
                f'(last: {describe_exit(exit_code)})'
            )
            self._tell(child.event(EventKind.GAVE_UP))
            return
        child.wait_until(time.monotonic() + respawn.delay_s)

    def _stop_all(self, reason: str, now: float) -> None:
        self._stopping = True
        self._say(f'stopping: {reason}')
        for child in self._children:
            child.begin_stop(now)

    def _escalate(self, child: Child, now: float) -> None:
        number = child.escalate(now)
        pid = child.info.pid
        if number is None and child.due > now:
            return  # asked to hurry although SIGKILL was sent a moment ago
        if number is not None:
            name = signal.Signals(number).name
            self._say(f'{child.spec.label}: still running, sending {name} to pid {pid}')
            return
        raise RuntimeError(f'{child.spec.label}: pid {pid} does not end, not even by SIGKILL')

    def _result(self) -> int:
        if self._required_exit is not None:
            code = self._required_exit
            return code if code >= 0 else 128 - code
        if self._stopping:
            return 0
        return int(any(child.info.exit_code for child in self._children))

    def _clean_up(self) -> None:
        """Leave nothing: no process, no shared memory, no file, no descriptor."""
        for child in self._children:
            child.signal(signal.SIGKILL)
        strays = guard.stop_all(self._token, ((signal.SIGTERM, 0.5), (signal.SIGKILL, 5.0)))
        if strays:
            self._say(f'{strays} processes had left their process group and were stopped')
        removed = shm.clean(self._domain())
        if removed:
            self._say(f'{len(removed)} files of shared memory left by killed nodes were removed')
        shutil.rmtree(self._folder, ignore_errors=True)
        self._guard.dismiss()
        self._pump.close(FLUSH_S)
        self._selector.close()
        os.close(self._wake_read)
        write_end, self._wake_write = self._wake_write, -1
        os.close(write_end)

    def _domain(self) -> int | None:
        """Return the DDS domain of the graph; 0 is the default of ROS."""
        text = self._environment.get('ROS_DOMAIN_ID') or '0'
        return int(text) if text.isdigit() else None

    def _new_guard(self) -> guard.Guard:
        self._guards += 1
        return guard.Guard(self._token, self._domain(), self._folder, self._held)

    def _watch_guard(self) -> None:
        watch = self._guard.exit_watch
        if watch is not None:
            self._selector.register(watch, selectors.EVENT_READ, self._guard_ended)

    def _guard_ended(self) -> None:
        """Replace a guard that was killed; without one a killed launch leaves its processes."""
        if self._guard.exit_watch is not None:
            self._selector.unregister(self._guard.exit_watch)
        self._guard.dismiss()
        if self._guards > MAX_GUARDS:
            self._say('the guard ended too often and is not started again')
            return
        self._say('the guard has ended; starting another one')
        try:
            self._guard = self._new_guard()
        except OSError as error:
            self._say(f'no guard could be started: {error.strerror}')
            return
        self._watch_guard()

    def _say(self, text: str) -> None:
        self._pump.put(f'[launch] {text}')

    def _tell(self, event: ProcessEvent) -> None:
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as error:
            # A listener that fails must not end the supervision of a robot.
            self._say(f'a listener failed on {event.kind.value} of {event.label}: {error!r}')
