"""Choosing a capture device by index, by name, or the first real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tektra.runtime.backends import BackendUnavailable

# Devices that are no microphones: ALSA's and miniaudio's null devices, and PulseAudio's copies of
# what is played.
_NULLS = ('discard all samples', 'null capture device')
_MONITORS = ('monitor of ',)


@dataclass(frozen=True)
class Listed:
    """A capture device. ``handle`` is the engine's own; None: the system's default."""

    name: str
    channels: int
    handle: Any = None


def is_microphone(name: str) -> bool:
    """Return whether a device of this name can hear a person."""
    lower = name.lower()
    return not lower.startswith(_NULLS + _MONITORS)


def choose(listed: Sequence[Listed], wanted: str, *, allow_null: bool = False) -> Listed:
    """Return the device that ``wanted`` names.

    Empty or 'auto' is the system's default, digits are an index into ``listed``, anything else is
    part of a name.

    :raises BackendUnavailable: if none fits, listing what there is.
    """
    have = '; '.join(f"{i}: '{d.name}'" for i, d in enumerate(listed)) or 'none'
    wanted = wanted.strip()
    if wanted in ('', 'auto'):
        real = [d for d in listed if allow_null or is_microphone(d.name)]
        if not real:
            raise BackendUnavailable(f'no microphone found (capture devices: {have})')
        return real[0] if allow_null else Listed('default', 1)
    if wanted.isdigit():
        if int(wanted) >= len(listed):
            raise BackendUnavailable(f'no capture device number {wanted}; there are: {have}')
        return listed[int(wanted)]
    fitting = [d for d in listed if wanted.lower() in d.name.lower()]
    if not fitting:
        raise BackendUnavailable(f"no capture device named like '{wanted}'; there are: {have}")
    return fitting[0]
