"""Output of the processes: whole lines with a prefix, written by a thread that may be held up."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping

MAX_LINE = 64 * 1024
"""Bytes after which an unfinished line is shown as it is."""

MAX_WAITING = 10_000
"""Lines that wait for a terminal that does not take them; after that the oldest are dropped."""

_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)
"""ANSI colours of the prefixes: without red, which nodes use for errors, black and white."""


def wants_colour(environment: Mapping[str, str], is_terminal: bool) -> bool:
    """Return whether to colour: on a terminal unless NO_COLOR, elsewhere only with FORCE_COLOR."""
    if environment.get('FORCE_COLOR', '') not in ('', '0'):
        return True
    return is_terminal and not environment.get('NO_COLOR')


def prefix(label: str, index: int, colour: bool) -> str:
    """Return `[label] `, coloured by the place of the process in its plan."""
    if not colour:
        return f'[{label}] '
    return f'\x1b[{_COLOURS[index % len(_COLOURS)]}m[{label}]\x1b[0m '


class LineSplitter:
    """Cuts the bytes of one stream into lines."""

    def __init__(self) -> None:
        self._rest = b''

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that are complete now."""
        *lines, self._rest = (self._rest + data).split(b'\n')
        if len(self._rest) > MAX_LINE:
            lines.append(self._rest)
            self._rest = b''
        return [_text(line) for line in lines]

    def finish(self) -> list[str]:
        """Return what is left when the stream ends."""
        rest, self._rest = self._rest, b''
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.rstrip(b'\r').decode('utf-8', errors='replace')


def to_stdout(line: str) -> None:
    """Write a line to standard output at once; raises OSError when nobody reads any more."""
    sys.stdout.write(line + '\n')
    sys.stdout.flush()


class OutputPump:
    """Hands lines to a sink in a thread of its own.

    A sink that blocks (a terminal stopped by Ctrl-S) holds up neither the supervision of the
    processes nor the processes; lines beyond MAX_WAITING are dropped, oldest first, and counted.
    """

    def __init__(self, sink: Callable[[str], None], on_broken: Callable[[str], None]) -> None:
        """Start the thread.

        Args:
            sink: takes one line; may block. An OSError of it ends the output.
            on_broken: called once, in the thread, with the reason.
        """
        self._sink = sink
        self._on_broken = on_broken
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._broken = False
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name='launch-output', daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Queue a line; never blocks."""
        with self._changed:
            if self._broken:
                return
            if len(self._lines) >= MAX_WAITING:
                self._lines.popleft()
                self._dropped += 1
            self._lines.append(line)
            self._changed.notify()

    def close(self, timeout_s: float) -> None:
        """Write what waits, for at most `timeout_s`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._closing)
                lines, dropped = [*self._lines], self._dropped
                self._lines.clear()
                self._dropped = 0
                if not lines and self._closing:
                    return
            if dropped:
                lines.insert(0, f'[launch] {dropped} lines were not shown')
            try:
                for line in lines:
                    self._sink(line)
            except (OSError, ValueError) as error:
                self._break(str(error))
                return

    def _break(self, reason: str) -> None:
        with self._changed:
            self._broken = True
            self._lines.clear()
        if sys.stdout is not None and self._sink is to_stdout:
            # Without this the interpreter complains about the broken pipe once more at its exit.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.close(null)
        self._on_broken(reason)
