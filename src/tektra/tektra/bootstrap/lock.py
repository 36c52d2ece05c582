"""One set-up at a time, and none under a running graph."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tektra.bootstrap.layout import Checkout


@contextlib.contextmanager
def only_set_up(checkout: Checkout) -> Iterator[int]:
    """Hold the set-up lock of the checkout; wait, and say so, while another process has it.

    Yields the descriptor that holds it. Commands inherit it, so that the lock of a set-up that was
    killed lasts until the last of them has ended.
    """
    checkout.state.mkdir(exist_ok=True)
    path = checkout.state / 'setup.lock'
    descriptor = _locked(path)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f'{os.getpid()}\n'.encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors='replace').strip() or 'unknown'
            print(
                f'tektra: another set-up of this checkout is running (process {holder}); waiting',
                file=sys.stderr,
                flush=True,
            )
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # `clean` may have removed the file while this waited: then the lock is on nothing.
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                return descriptor
        os.close(descriptor)


def graph_runs(checkout: Checkout, env: Mapping[str, str]) -> bool:
    """Return whether a graph of this checkout runs (it holds a lock, see launching.runfile)."""
    state = Path(env.get('TEKTRA_STATE_DIR') or checkout.state)
    try:
        descriptor = os.open(state / 'run' / 'lock', os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
