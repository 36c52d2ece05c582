"""The latch file, ``TEKTRA_HOME/estop/ROBOT.json``: which stop was the last, for the next start.

The stop itself is in memory and has been published before anything is written here.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass
from pathlib import Path

from tektra.config.layers import home
from tektra.runtime import words
from tektra.runtime.worker import Worker, WorkerFull

MAX_STOP_ID = 2**63  # half of what the message holds: there is always a next one
_MAX_BYTES = 65_536


@dataclass(frozen=True)
class Record:
    """The last stop. ``since``: UTC, for people. ``before``: what a start-up stop follows.

    ``needs_person``: a person has stopped, and so a simulated robot does not reset it by itself.
    """

    stop_id: int
    source: str
    reason: str
    category: int  # StopRequest.CATEGORY_*
    since: str
    cleared: bool
    before: str = ''
    needs_person: bool = False

    def describe(self) -> str:
        """Return it in a few words."""
        end = 'was reset afterwards' if self.cleared else 'was not reset'
        why = f': {self.reason}' if self.reason else ''
        return f'stop {self.stop_id} of {self.since} by {self.source}{why} ({end})'


@dataclass(frozen=True)
class Found:
    """What was read. ``trouble``: why there is no record although there should be one."""

    record: Record | None = None
    trouble: str = ''


def latch_file(robot: str) -> Path:
    """Return where the latch of a robot is."""
    return home() / 'estop' / f'{robot}.json'


def read_latch(path: Path) -> Found:
    """Return the record of a file. Never raises: whatever is wrong, estop starts, and stopped."""
    try:
        with path.open('rb') as file:
            text = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return Found()
    except OSError as error:
        return Found(trouble=f'{path} cannot be read: {error.strerror}')
    try:
        return Found(_record(json.loads(text)))
    except (ValueError, RecursionError):
        return Found(trouble=f'{path} is damaged; it is written anew')


def write_latch(path: Path, record: Record) -> None:
    """Replace the file as a whole: after a power cut it has the old or the new record.

    :raises OSError: if that is not possible.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(f'.{os.getpid()}.tmp')
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(draft, flags, 0o600)
    try:
        with os.fdopen(descriptor, 'wb') as file:
            file.write(json.dumps(asdict(record)).encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class LatchWriter:
    """Writes in a thread of its own; of several records that wait the newest is written.

    ``put``, ``flush`` and ``close``: one thread. ``trouble``: why the last write failed; empty: it
    did not.
    """

    def __init__(
        self, path: Path, write: Callable[[Path, Record], None] = write_latch, trouble: str = ''
    ) -> None:
        self._path = path
        self._write = write
        self._next: deque[Record] = deque(maxlen=1)  # taken by the thread that writes
        self._worker = Worker('latch', maxsize=1)
        self._last: Future[None] | None = None
        self.trouble = trouble

    def put(self, record: Record) -> None:
        """Have a record written soon; never blocks."""
        self._next.append(record)
        with contextlib.suppress(WorkerFull):  # the job that waits takes the newest
            self._last = self._worker.submit(self._write_next)

    def flush(self, timeout_s: float) -> None:
        """Wait until the newest record is dealt with, at most ``timeout_s`` (s)."""
        if self._last is not None:
            wait([self._last], timeout_s)

    def close(self, timeout_s: float) -> None:
        """Write what waits, for at most ``timeout_s`` (s): a disk may hang."""
        self.flush(timeout_s)
        self._worker.close(0.0)

    def _write_next(self) -> None:
        try:
            record = self._next.popleft()
        except IndexError:  # an earlier job has written it
            return
        try:
            self._write(self._path, record)
        except OSError as error:
            self.trouble = (
                f'{self._path} cannot be written ({error.strerror or error}): a restart of estop '
                'would not know why the robot was stopped'
            )
        else:
            self.trouble = ''


def _record(given: object) -> Record:
    if not isinstance(given, dict):
        raise ValueError('no object')
    kinds = {'stop_id': int, 'category': int, 'cleared': bool}
    for key in ('stop_id', 'source', 'reason', 'category', 'since', 'cleared', 'before'):
        if type(given.get(key)) is not kinds.get(key, str):
            raise ValueError(key)
    if not 0 < given['stop_id'] < MAX_STOP_ID or not 1 <= given['category'] <= 3:
        raise ValueError('out of range')
    return Record(
        stop_id=given['stop_id'],
        source=words.name(given['source']),
        reason=words.reason(given['reason']),
        category=given['category'],
        since=words.name(given['since']),
        cleared=given['cleared'],
        before=words.reason(given['before']),
        needs_person=given.get('needs_person', False) is not False,
    )
