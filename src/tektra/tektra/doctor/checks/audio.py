"""Microphones and loudspeakers."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from tektra.doctor.finding import Finding, Severity, ok

Names = Callable[[], Sequence[str]]
_NULLS = ('discard all samples', 'null capture device', 'null playback device', 'monitor of ')


def microphones() -> list[str]:
    """Return the names of the capture devices that miniaudio lists."""
    import miniaudio

    return [str(device['name']) for device in miniaudio.Devices().get_captures()]


def loudspeakers() -> list[str]:
    """Return the names of the playback devices that miniaudio lists."""
    import miniaudio

    return [str(device['name']) for device in miniaudio.Devices().get_playbacks()]


class AudioDevices:
    """There is a device of a kind that can hear or be heard."""

    def __init__(self, kind: str, names: Names, without: str, folder: Path | None = None) -> None:
        """Make the check.

        Args:
            kind: 'microphone' or 'loudspeaker'.
            names: lists the devices, also the null ones.
            without: what Tektra does without one.
            folder: where ALSA's devices are, default /dev/snd.
        """
        self.name = kind
        self._names = names
        self._without = without
        self._folder = Path('/dev/snd') if folder is None else folder

    def run(self) -> list[Finding]:
        """List the devices."""
        try:
            found = list(self._names())
        except Exception as error:  # miniaudio's own, an ImportError, or a missing library
            what = f'no audio system: {error}; {self._without}'
            return [Finding(Severity.NOTE, what, self._fix())]
        real = [name for name in found if not name.lower().startswith(_NULLS)]
        if real:
            return ok(f'{len(real)} found: {"; ".join(real)}')
        return [Finding(Severity.NOTE, f'none found; {self._without}', self._fix())]

    def _fix(self) -> str:
        if not self._folder.exists():
            return f'connect one; in Docker: docker run --device {self._folder}'
        devices = list(self._folder.glob('pcm*'))
        if devices and not any(os.access(path, os.R_OK | os.W_OK) for path in devices):
            return 'sudo usermod -aG audio $USER  # then log in again'
        return 'connect one, and see it listed by: arecord -l; aplay -l'
