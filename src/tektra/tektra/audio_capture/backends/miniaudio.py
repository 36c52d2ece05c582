"""Microphones through miniaudio (ALSA, PulseAudio, CoreAudio): a wheel, no system packages."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tektra.audio_capture.backends.devices import Listed, choose
from tektra.audio_capture.backends.microphone import PERIOD_MS, Microphone, OnData, OpenDevice
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.clock import Clock

RATE = 48_000  # Hz: what sound cards run at; resampled here, better than by the driver
NULL = 'null'  # uri of miniaudio's own null device: silence with the timing of a real one


class MiniaudioDevice:
    """A started capture device."""

    def __init__(self, found: Listed, backends: list[Any] | None, on_data: OnData) -> None:
        import miniaudio

        self.name = found.name
        self.rate = RATE
        self.channels = found.channels
        self._device = miniaudio.CaptureDevice(
            input_format=miniaudio.SampleFormat.SIGNED16,
            nchannels=self.channels,
            sample_rate=self.rate,
            buffersize_msec=PERIOD_MS,
            device_id=found.handle,
            backends=backends,
            app_name='tektra',
        )
        receiver = self._receive(on_data)
        next(receiver)
        self._device.start(receiver)

    def close(self) -> None:
        """Stop and release the device."""
        self._device.close()

    @staticmethod
    def _receive(on_data: OnData) -> Generator[None, bytearray, None]:
        while True:
            on_data((yield), False)


def list_devices(null: bool = False) -> list[Listed]:
    """Return the capture devices, or only the null device.

    :raises BackendUnavailable: if miniaudio is missing or finds no audio system.
    """
    try:
        import miniaudio
    except ImportError as error:
        raise BackendUnavailable(
            f'miniaudio is not installed ({error}): pip install miniaudio'
        ) from error
    try:
        rows = miniaudio.Devices([miniaudio.Backend.NULL] if null else None).get_captures()
    except miniaudio.MiniaudioError as error:
        raise BackendUnavailable(f'miniaudio finds no audio system: {error}') from error
    return [Listed(row['name'], _channels(row), row['id']) for row in rows]


def _channels(row: dict[str, Any]) -> int:
    """Return the native channel count (0 in the list means any), at most 8."""
    counts = [f['channels'] for f in row['formats'] if f['channels'] > 0]
    return min(8, counts[0]) if counts else 1


def open_microphone(uri: str, clock: Clock) -> Microphone:
    """Return the microphone that ``uri`` names: '' or 'auto', an index, a name, or 'null'.

    :raises BackendUnavailable: if there is none, listing what there is.
    """

    def resolve() -> Listed:
        null = uri.strip().lower() == NULL
        return choose(list_devices(null), '' if null else uri, allow_null=null)

    def opener(on_data: OnData) -> OpenDevice:
        import miniaudio

        backends = [miniaudio.Backend.NULL] if uri.strip().lower() == NULL else None
        try:
            return MiniaudioDevice(resolve(), backends, on_data)
        except miniaudio.MiniaudioError as error:
            raise BackendUnavailable(f'miniaudio: {error}') from error

    return Microphone(lambda: resolve().name, opener, clock)
