"""Runs the set-up's commands: shows where it is, logs all output, stops all on an interrupt."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

_LIVE_PERIOD_S = 0.5
_PLAIN_PERIOD_S = 20.0
_KEPT_LINES = 4000
_STOP_GRACE_S = 5.0

Describe = Callable[[str], 'str | None']
"""Turns a line of output into a short activity to show, or None when the line says nothing new."""


class Progress:
    """Numbered steps on stderr: a live line on a terminal, a line now and then elsewhere."""

    def __init__(self, log: Path, steps: int, held: Sequence[int] = ()) -> None:
        """`held` are descriptors that commands inherit: the lock outlives a killed set-up."""
        self._file = log.open('w', encoding='utf-8', errors='replace')
        self._steps = steps
        self._step = 0
        self._held = tuple(held)
        self._live = sys.stderr.isatty()
        self._started = self._shown = time.monotonic()
        self._title = self._activity = ''

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._clear()
        # A full disk was told already.
        with contextlib.suppress(OSError):
            self._file.close()

    def step(self, title: str) -> None:
        """Announce the next step."""
        self._step += 1
        self._title, self._activity = title, ''
        self._started = self._shown = time.monotonic()
        self._file.write(f'== {title}\n')
        if self._live:
            self._draw()
        else:
            self._print(f'[{self._step}/{self._steps}] {title}')

    def done(self) -> None:
        """Say how long the step took."""
        self._clear()
        elapsed = time.monotonic() - self._started
        if self._live:
            self._print(f'[{self._step}/{self._steps}] {self._title}: {elapsed:.0f} s')
        elif elapsed >= 1.0:
            self._print(f'[{self._step}/{self._steps}] done in {elapsed:.0f} s')

    def run(
        self, command: Sequence[str], env: Mapping[str, str], cwd: Path, describe: Describe
    ) -> tuple[int, list[str]]:
        """Run a command to its end; return its exit status and its last lines of output.

        It runs in its own process group, which is stopped when this is interrupted.
        """
        self._file.write(f'$ {" ".join(command)}\n')
        process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=self._held,
        )
        try:
            lines = self._follow(process, describe)
            return process.wait(), lines
        except BaseException:
            _stop_group(process)
            raise

    def _follow(self, process: subprocess.Popen[bytes], describe: Describe) -> list[str]:
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        rest = b''
        lines: list[str] = []
        while True:
            ready, _, _ = select.select([pipe], [], [], _LIVE_PERIOD_S)
            if ready:
                chunk = os.read(pipe, 65536)
                if not chunk:
                    return [*lines, rest.decode(errors='replace')] if rest else lines
                *whole, rest = (rest + chunk).split(b'\n')
                for raw in whole:
                    line = raw.decode(errors='replace').rstrip('\r')
                    self._file.write(line + '\n')
                    lines.append(line)
                    self._activity = describe(line) or self._activity
                del lines[:-_KEPT_LINES]
            self._draw()

    def _draw(self) -> None:
        now = time.monotonic()
        elapsed = f'{now - self._started:.0f} s'
        if self._live:
            text = f'[{self._step}/{self._steps}] {self._title}: {elapsed} {self._activity}'
            columns = shutil.get_terminal_size().columns
            sys.stderr.write(f'\r\x1b[K{text[: columns - 1]}')
            sys.stderr.flush()
        elif now - self._shown > _PLAIN_PERIOD_S:
            self._shown = now
            self._print(f'[{self._step}/{self._steps}] {elapsed} {self._activity}')

    def _clear(self) -> None:
        if self._live:
            sys.stderr.write('\r\x1b[K')
            sys.stderr.flush()

    @staticmethod
    def _print(text: str) -> None:
        print(f'tektra: {text}', file=sys.stderr, flush=True)


def _stop_group(process: subprocess.Popen[bytes]) -> None:
    """Stop a command and all that it started."""
    for sent, grace in ((signal.SIGTERM, _STOP_GRACE_S), (signal.SIGKILL, _STOP_GRACE_S)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sent)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    if process.stdout is not None:
        process.stdout.close()


_PIP_WORK = re.compile(r'\s*(?:Collecting|Downloading|Using cached|Building wheel for) \S+')


def pip_activity(line: str) -> str | None:
    """Return what pip is doing."""
    if found := _PIP_WORK.match(line):
        return found.group().strip().rsplit('/', 1)[-1]
    return 'unpacking' if line.startswith('Installing collected packages') else None


def build_activity(line: str) -> str | None:
    """Return how far ninja is."""
    found = re.match(r'\[(\d+)/(\d+)\] ', line)
    return f'{found.group(1)} of {found.group(2)}' if found else None
