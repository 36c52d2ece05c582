"""The wall clock: stamps of data and logs, and the validity of certificates, hang on it."""

from __future__ import annotations

import os
import time
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tektra.doctor.finding import Finding, Severity, ok
from tektra.launching import runfile

FUTURE_S = 60.0
"""How far ahead of the clock a file's time may be: network file systems differ by seconds."""
STEP_S = 30.0
"""Difference of wall and boot time since a graph began that cannot be its start-up."""

_SET = 'sudo timedatectl set-ntp true; timedatectl'


class WallClock:
    """The clock is not behind the files of this checkout."""

    name = 'clock'

    def __init__(self, files: Iterable[Path], now: Callable[[], float] = time.time) -> None:
        self._files = tuple(files)
        self._now = now

    def run(self) -> list[Finding]:
        """Compare the newest file with now."""
        now = self._now()
        shown = time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(now))
        newest = max(
            ((path.stat().st_mtime, path) for path in self._files if path.exists()), default=None
        )
        if newest is None or newest[0] <= now + FUTURE_S:
            return ok(shown)
        ahead = newest[0] - now
        what = f'it is {shown}, but {newest[1]} is {ahead:.0f} s newer: the clock is behind'
        return [Finding(Severity.WARNING, what, _SET)]


class ClockStep:
    """The clock was not set while the graph ran."""

    name = 'clock step'

    def __init__(self, state: Path) -> None:
        self._state = state

    def run(self) -> list[Finding]:
        """Compare the age of the run file by wall time with that of its process by boot time."""
        graph = runfile.find(self._state)
        if graph is None:
            return ok('no graph runs')
        started_s = graph.started / os.sysconf('SC_CLK_TCK')
        boot_age = time.clock_gettime(time.CLOCK_BOOTTIME) - started_s
        wall_age = time.time() - (self._state / 'run' / 'graph.json').stat().st_mtime
        step = wall_age - boot_age
        if abs(step) < STEP_S:
            return ok('wall and boot time agree since the graph began')
        what = f'the clock was set by {step:+.0f} s since the graph began; stamps do not compare'
        return [Finding(Severity.WARNING, what, 'tektra down, then tektra up; timedatectl')]


class TimeZone:
    """The time zone is one that is known; otherwise local times are silently UTC."""

    name = 'time zone'

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._zone = environment.get('TZ', '')

    def run(self) -> list[Finding]:
        """Look TZ up."""
        name = self._zone.lstrip(':')
        if not name or name.startswith('/') or not _is_name(name):
            return ok(time.strftime('%Z (UTC%z)'))
        try:
            zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            what = f"TZ is '{self._zone}', which is no known time zone: local times are UTC"
            fix = 'unset TZ, or export TZ=Europe/Berlin; timedatectl list-timezones'
            return [Finding(Severity.WARNING, what, fix)]
        return ok(f'TZ is {self._zone}')


def _is_name(zone: str) -> bool:
    """Return whether it names a zone; POSIX rules such as CET-1CEST need no database."""
    return '/' in zone or not any(letter.isdigit() or letter in '<,' for letter in zone)
