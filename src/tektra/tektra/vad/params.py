"""Parameters of vad."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.params import param
from tektra.vad.core import VadOptions


@dataclass(frozen=True)
class VadParams:
    """Parameters of the vad node."""

    backends: tuple[str, ...] = param(
        ('silero', 'energy'), 'detectors, best first', choices=('silero', 'energy')
    )
    threshold: float = param(
        0.5, 'probability from which a silent chunk is speech', low=0.05, high=0.95, hot=True
    )
    release_threshold: float = param(
        0.35, 'probability below which speech pauses', low=0.01, high=0.95, hot=True
    )
    start_speech_s: float = param(
        0.064, 'speech before an utterance is announced', unit='s', low=0.032, high=0.5
    )
    min_speech_s: float = param(
        0.128, 'speech that an utterance must have, or it is void', unit='s', low=0.032, high=2.0
    )
    soft_silence_s: float = param(
        0.192, 'pause after which the person may have finished', unit='s', low=0.064, high=1.0
    )
    end_silence_s: float = param(
        0.7, 'pause that ends an utterance', unit='s', low=0.2, high=5.0, hot=True
    )
    longest_s: float = param(
        30.0,
        'longest utterance: speech without a pause goes on as another one',
        unit='s',
        low=5.0,
        high=600.0,
    )
    gap_tolerance_s: float = param(
        0.2, 'longest piece of missing audio that counts as silence', unit='s', low=0.0, high=1.0
    )
    audio_timeout_s: float = param(
        1.0, 'time without audio that closes an utterance', unit='s', low=0.2, high=10.0
    )

    def options(self) -> VadOptions:
        """Return what the core needs."""
        return VadOptions(
            threshold=self.threshold,
            release_threshold=self.release_threshold,
            start_speech_s=self.start_speech_s,
            min_speech_s=self.min_speech_s,
            soft_silence_s=self.soft_silence_s,
            end_silence_s=self.end_silence_s,
            longest_s=self.longest_s,
            gap_tolerance_s=self.gap_tolerance_s,
            audio_timeout_s=self.audio_timeout_s,
        )
