"""What reached the robot: the emulator's log, which outlives every suspect."""

from __future__ import annotations

import json
import math

NS = 1_000_000_000


class Moved(AssertionError):
    """The robot moved when it must not."""


class Late(AssertionError):
    """The robot stopped, but later than its bound."""


class Witness:
    """Reads the JSON lines of the robot side as they are written; times in boot-time ns."""

    def __init__(self, path):
        self._path = path
        self._offset = 0
        self._rest = b''
        self.events = []

    def read(self):
        """Take in what has been written since."""
        if not self._path.exists():
            return
        with self._path.open('rb') as file:
            file.seek(self._offset)
            data = file.read()
        self._offset += len(data)
        *lines, self._rest = (self._rest + data).split(b'\n')
        self.events += [json.loads(line) for line in lines if line]

    def forget(self):
        """Drop what is known: only what comes from now on matters."""
        self.read()
        self.events = []

    def first_stop_ns(self, since_ns):
        """Return when the robot side was first told, or told itself, to stop; None: never."""
        self.read()
        return next((e['t_ns'] for e in self.events if e['t_ns'] >= since_ns and _stops(e)), None)

    def first_stop_frame_ns(self, since_ns):
        """Return when a STOP of the session's holder came in; None: never."""
        self.read()
        return next(
            (
                e['t_ns']
                for e in self.events
                if e['t_ns'] >= since_ns and e.get('type') == 'STOP' and 'refused' not in e
            ),
            None,
        )

    def last_motion_ns(self, since_ns):
        """Return when the robot last moved; None: it did not."""
        self.read()
        times = (e['t_ns'] for e in self.events if e['event'] in ('moves', 'motion'))
        return max((t for t in times if t >= since_ns), default=None)

    def speed(self):
        """Return the newest speed of the base in m/s."""
        self.read()
        for event in reversed(self.events):
            if event['event'] in ('moves', 'motion', 'standstill'):
                return 0.0 if event['event'] == 'standstill' else math.hypot(*event['base'][:2])
        return 0.0

    def moving(self):
        """Return whether the newest word about motion is that there is some."""
        self.read()
        words = ('moves', 'motion', 'standstill')
        newest = next((e for e in reversed(self.events) if e['event'] in words), None)
        return newest is not None and newest['event'] != 'standstill'


def _stops(event):
    if event['event'] == 'frame':
        return event['type'] == 'STOP' and 'refused' not in event
    return event['event'] in ('stop', 'disabled', 'session ended')
