"""Loudspeakers through miniaudio (ALSA, PulseAudio, CoreAudio): a wheel, no system packages."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tektra.audio_playback.backend import Pull
from tektra.audio_playback.utterance import OUTPUT_RATE
from tektra.runtime.backends import BackendFailed, BackendUnavailable
from tektra.runtime.clock import Clock, nanoseconds

PERIODS = 3  # buffers of one period each: a pull may be late by two of them
LOST_AFTER_S = 0.5  # a device that asks for nothing for so long is unplugged or suspended
NULL = 'null'  # miniaudio's own null device: nothing is heard, with the timing of a real one

# Listed, but nobody can hear them.
_NULL_NAMES = ('discard all samples', 'null playback device')


class DeviceOutput:
    """A loudspeaker that pulls from its own real-time thread.

    ``speaker`` is 'auto' (the system's default), 'null', or part of a device's name; ``period_s``
    the s of one pull. Latency is what is asked of the device, ``PERIODS`` periods: miniaudio does
    not tell what the hardware adds.

    :raises BackendUnavailable: if there is no such device, listing what there is.
    """

    def __init__(self, pull: Pull, clock: Clock, speaker: str, period_s: float) -> None:
        self.latency_s = PERIODS * period_s
        self._pull = pull
        self._clock = clock
        self._filled_ns = nanoseconds(period_s)
        self._started_ns = self._asked_ns = 0
        self._awake = False
        self._device, self.name = _open(speaker.strip(), round(period_s * 1000))
        self._device.stop_callback = lambda: (
            None
        )  # without one it does not note that it has stopped

    def wake(self) -> None:
        """Start the device. It fills its buffer at once: with silence, speech comes slower."""
        if self._awake:
            return
        self._started_ns = self._asked_ns = self._clock.now_ns()
        feed = self._feed()
        next(feed)
        self._device.start(feed)
        self._awake = True

    def sleep(self) -> None:
        """Stop the device."""
        if self._awake:
            self._awake = False
            self._device.stop()

    def check(self) -> None:
        """Raise ``BackendFailed`` if the device no longer asks for samples."""
        quiet = self._clock.now_ns() - self._asked_ns
        if self._awake and (quiet > nanoseconds(LOST_AFTER_S) or not self._device.running):
            raise BackendFailed(
                f"'{self.name}' asks for no samples any more: unplugged or suspended"
            )

    def close(self) -> None:
        """Stop and release the device."""
        self._awake = False
        self._device.close()

    def _feed(self) -> Generator[bytes, int, None]:
        samples = yield b''
        while True:
            self._asked_ns = self._clock.now_ns()
            filling = self._asked_ns - self._started_ns < self._filled_ns
            pcm = None if filling else self._pull(samples, self._asked_ns)
            samples = yield bytes(2 * samples) if pcm is None else pcm.tobytes()


def _open(speaker: str, period_ms: int) -> tuple[Any, str]:
    try:
        import miniaudio
    except ImportError as error:
        raise BackendUnavailable(
            f'miniaudio is not installed ({error}): pip install miniaudio'
        ) from error
    hosts = [miniaudio.Backend.NULL] if speaker.lower() == NULL else None
    try:
        name, handle = _choose(miniaudio.Devices(hosts).get_playbacks(), speaker)
        device = miniaudio.PlaybackDevice(
            output_format=miniaudio.SampleFormat.SIGNED16,
            nchannels=1,
            sample_rate=OUTPUT_RATE,
            buffersize_msec=period_ms,
            callback_periods=PERIODS,
            device_id=handle,
            backends=hosts,
            app_name='tektra',
        )
    except miniaudio.MiniaudioError as error:
        raise BackendUnavailable(f'miniaudio cannot open a loudspeaker: {error}') from error
    return device, name


def _choose(listed: list[dict[str, Any]], speaker: str) -> tuple[str, Any]:
    """Return name and handle of the device to use; handle None is the system's default."""
    have = '; '.join(f"'{row['name']}'" for row in listed) or 'none'
    if speaker.lower() == NULL:
        return listed[0]['name'], None
    audible = [row for row in listed if not row['name'].lower().startswith(_NULL_NAMES)]
    if speaker in ('', 'auto'):
        if not audible:
            raise BackendUnavailable(
                f'no loudspeaker found (playback devices: {have}); plug one in and restart, '
                'or set speaker: none'
            )
        return 'default', None
    for row in audible:
        if speaker.lower() in row['name'].lower():
            return row['name'], row['id']
    raise BackendUnavailable(f"no playback device named like '{speaker}'; there are: {have}")
