"""What a supervisor tells about its processes."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from enum import Enum


class EventKind(str, Enum):
    """What happened to a process."""

    STARTED = 'started'
    RESPAWNED = 'respawned'
    EXITED = 'exited'
    NOT_STARTED = 'not_started'
    GAVE_UP = 'gave_up'


class ProcessState(str, Enum):
    """Where a process is in its life."""

    NEW = 'new'
    RUNNING = 'running'
    WAITING = 'waiting'
    """It has exited and will be started again."""

    STOPPING = 'stopping'
    EXITED = 'exited'
    """It has exited and stays so."""


@dataclass(frozen=True)
class ProcessEvent:
    """One event.

    `exit_code` is as in subprocess: negative is the signal that ended it; None while it runs.
    `restarts` counts how often it has been started again so far.
    """

    kind: EventKind
    name: str
    label: str
    node: str | None
    pid: int | None
    exit_code: int | None
    restarts: int


@dataclass(frozen=True)
class ProcessInfo:
    """A process as it is now; `pid` is None when it does not run.

    See ProcessEvent for the rest.
    """

    name: str
    label: str
    node: str | None
    pid: int | None
    restarts: int
    state: ProcessState
    exit_code: int | None


def describe_exit(exit_code: int) -> str:
    """Return an exit code for people: `exit code 3`, `SIGKILL`."""
    if exit_code >= 0:
        return f'exit code {exit_code}'
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f'signal {-exit_code}'
