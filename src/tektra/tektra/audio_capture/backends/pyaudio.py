"""Microphones through PyAudio (PortAudio), where it is installed: it needs system packages."""

from __future__ import annotations

import contextlib
from typing import Any

from tektra.audio_capture.backends.devices import Listed, choose
from tektra.audio_capture.backends.microphone import PERIOD_MS, Microphone, OnData, OpenDevice
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.clock import Clock

INPUT_OVERFLOW = 0x2  # PortAudio's paInputOverflow: samples were lost before these


def _load() -> Any:
    try:
        import pyaudio
    except ImportError as error:
        raise BackendUnavailable(
            f'PyAudio is not installed ({error}): apt install python3-pyaudio'
        ) from error
    return pyaudio


class PyAudioDevice:
    """A started PortAudio input stream at the device's own rate."""

    def __init__(self, api: Any, engine: Any, found: Listed, on_data: OnData) -> None:
        default = found.handle is None
        info = (
            engine.get_default_input_device_info()
            if default
            else engine.get_device_info_by_index(found.handle)
        )
        self.name = str(info['name'])
        self.rate = int(info['defaultSampleRate'])
        self.channels = found.channels
        self._engine = engine

        def received(data: bytes, _frames: int, _time: Any, status: int) -> tuple[None, int]:
            on_data(data, bool(status & INPUT_OVERFLOW))
            return None, int(api.paContinue)

        self._stream = engine.open(
            rate=self.rate,
            channels=self.channels,
            format=api.paInt16,
            input=True,
            input_device_index=found.handle,
            frames_per_buffer=self.rate * PERIOD_MS // 1000,
            stream_callback=received,
        )

    def close(self) -> None:
        """Stop the stream and release PortAudio."""
        with contextlib.suppress(OSError):  # the device may be gone already
            self._stream.close()
        self._engine.terminate()


def _list(engine: Any) -> list[Listed]:
    rows = [engine.get_device_info_by_index(i) for i in range(engine.get_device_count())]
    return [
        Listed(str(row['name']), min(8, int(row['maxInputChannels'])), int(row['index']))
        for row in rows
        if row['maxInputChannels'] > 0
    ]


def open_microphone(uri: str, clock: Clock) -> Microphone:
    """Return the microphone that ``uri`` names: empty or 'auto', an index, or part of a name.

    :raises BackendUnavailable: if PyAudio or the device is missing.
    """

    def check() -> str:
        engine = _load().PyAudio()
        try:
            return choose(_list(engine), uri).name
        finally:
            engine.terminate()

    def opener(on_data: OnData) -> OpenDevice:
        api = _load()
        engine = api.PyAudio()  # made afresh: PortAudio lists devices only when it starts
        try:
            return PyAudioDevice(api, engine, choose(_list(engine), uri), on_data)
        except (OSError, BackendUnavailable) as error:
            engine.terminate()
            raise BackendUnavailable(f'PyAudio: {error}') from error

    return Microphone(check, opener, clock)
