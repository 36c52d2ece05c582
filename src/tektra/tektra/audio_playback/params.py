"""Parameters of audio_playback."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.audio_playback.core import PlaybackOptions
from tektra.runtime.params import param


@dataclass(frozen=True)
class AudioPlaybackParams:
    """Where speech is played, and how playback gives way."""

    speaker: str = param(
        'auto', "loudspeaker: auto, none, null (a device nobody hears), or part of a device's name"
    )
    block_s: float = param(
        0.01, 'silent output: samples taken at once', unit='s', low=0.002, high=0.1
    )
    device_period_s: float = param(
        0.01,
        'loudspeaker: samples taken at once; latency is three times this',
        unit='s',
        low=0.005,
        high=0.2,
    )
    duck_gain: float = param(
        0.25, 'gain while someone speaks over it', low=0.0, high=1.0, hot=True
    )
    duck_fade_s: float = param(0.02, 'fade to the ducked gain', unit='s', low=0.001, high=1.0)
    unduck_fade_s: float = param(0.1, 'fade back to full gain', unit='s', low=0.001, high=1.0)
    pause_fade_s: float = param(
        0.015, 'fade before a pause and after it', unit='s', low=0.001, high=1.0
    )
    flush_fade_s: float = param(0.01, 'fade before a cut', unit='s', low=0.001, high=0.1)
    self_duck: bool = param(
        True, 'duck at the start of speech, before turn_taking has decided', hot=True
    )
    unduck_after_s: float = param(
        2.5, 'give up ducking so long after that speech', unit='s', low=0.1, high=60.0
    )
    starve_s: float = param(
        10.0,
        'give an utterance up when its speech stays away for so long',
        unit='s',
        low=1.0,
        high=600.0,
    )
    max_queued_s: float = param(
        60.0,
        'speech kept for a producer that does not wait; it is cut there',
        unit='s',
        low=5.0,
        high=600.0,
    )

    def options(self) -> PlaybackOptions:
        """Return what the core needs of these."""
        return PlaybackOptions(
            duck_gain=self.duck_gain,
            duck_s=self.duck_fade_s,
            unduck_s=self.unduck_fade_s,
            pause_s=self.pause_fade_s,
            flush_s=self.flush_fade_s,
            self_duck=self.self_duck,
            unduck_after_s=self.unduck_after_s,
            starve_s=self.starve_s,
            max_queued_s=self.max_queued_s,
        )
