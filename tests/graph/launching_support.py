"""Small real programs under a real supervisor, and bounded waits on what they do."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from tektra.launching.events import EventKind, ProcessEvent
from tektra.launching.plan import LaunchPlan, load
from tektra.launching.supervisor import Supervisor

PACKAGE = 'launch_demo'
WAIT_S = 20.0
"""Longest wait for a condition; only a failing test waits as long."""

PROGRAMS = {
    'steady': 'echo ready; exec sleep 1000',
    'stubborn': "trap '' INT TERM; echo ready; while :; do sleep 1000; done",
    'polite': "trap 'kill $!; echo interrupted; exit 0' INT; sleep 1000 & echo ready; wait",
    'crash': 'echo crash; exit 3',
    'finish': 'echo done; exit 0',
    'die': 'kill -9 $$',
    'parent': 'sleep 1000 & setsid sleep 1000 & echo ready; wait',
    'say': 'echo "args $*"; echo to stderr >&2; printf "no newline"',
    'environment': 'env; exec sleep 1000',
    'parameters': 'for word in "$@"; do [ -f "$word" ] && cat "$word"; done; exec sleep 1000',
}


class Bench:
    """A supervisor of a launch file with the programs above, and what it has told so far."""

    def __init__(
        self,
        folder: Path,
        text: str,
        *,
        env: Mapping[str, str] | None = None,
        sink: Callable[[str], None] | None = None,
    ) -> None:
        self.mark = uuid.uuid4().hex
        self.lines: list[str] = []
        self.events: list[ProcessEvent] = []
        self._sink = sink
        self._changed = threading.Condition()
        self.plan = make_plan(folder, text)
        variables = {**os.environ, 'LAUNCH_TEST_MARK': self.mark, **(env or {})}
        self.supervisor = Supervisor(
            self.plan, env=variables, on_event=self._event, output=self._line
        )

    def _line(self, line: str) -> None:
        if self._sink is not None:
            self._sink(line)
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def _event(self, event: ProcessEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def start(self) -> None:
        """Start the processes."""
        self.supervisor.start()

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the lines and events make a condition true."""
        with self._changed:
            assert self._changed.wait_for(condition, WAIT_S), (self.lines, self.events)

    def until_said(self, text: str, count: int = 1) -> None:
        """Wait for a text in the output."""
        self.until(lambda: sum(text in line for line in self.lines) >= count)

    def end(self) -> int:
        """Wait for the end; returns the exit code."""
        code = self.supervisor.wait(WAIT_S)
        assert code is not None, (self.lines, self.supervisor.processes())
        return code

    def stop(self) -> int:
        """Ask for an orderly stop and wait for it."""
        self.supervisor.request_stop('the test is over')
        return self.end()

    def kinds(self, name: str) -> list[EventKind]:
        """Return what happened to a process, in order."""
        return [event.kind for event in self.events if event.name == name]

    def living(self) -> list[int]:
        """Return the processes that are left of this launch, however they hide."""
        return living(self.mark)


def make_plan(folder: Path, text: str) -> LaunchPlan:
    """Install the programs below `folder` and plan a launch file given as its list of actions."""
    prefix = folder / 'prefix'
    programs = prefix / 'lib' / PACKAGE
    index = prefix / 'share/ament_index/resource_index/packages'
    programs.mkdir(parents=True, exist_ok=True)
    index.mkdir(parents=True, exist_ok=True)
    (index / PACKAGE).touch()
    for name, script in PROGRAMS.items():
        (programs / name).write_text(f'#!/bin/sh\n{script}\n', encoding='utf-8')
        (programs / name).chmod(0o755)
    path = folder / 'test.launch.yaml'
    path.write_text(f'launch:\n{text}\n', encoding='utf-8')
    return load(path, {}, {'AMENT_PREFIX_PATH': str(prefix), 'PATH': '/usr/bin:/bin'})


def node(program: str, rest: str = '') -> str:
    """Return one line of a launch file: a node with short time-outs."""
    timeouts = 'sigterm_timeout: 0.2, sigkill_timeout: 0.2'
    return f'- node: {{pkg: {PACKAGE}, exec: {program}, {timeouts}{rest}}}\n'


def living(mark: str) -> list[int]:
    """Return the ids of the processes with a mark in their environment."""
    wanted = f'LAUNCH_TEST_MARK={mark}'.encode()
    found = []
    for name in os.listdir('/proc'):
        try:
            if name.isdigit() and wanted in Path(f'/proc/{name}/environ').read_bytes().split(
                b'\0'
            ):
                found.append(int(name))
        except OSError:
            continue
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for a condition outside of this process."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, 'the condition did not come true'
        time.sleep(0.02)
