"""Parameters of the tts node."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.params import param
from tektra.tts.core import TtsOptions


@dataclass(frozen=True)
class TtsParams:
    """Parameters of the tts node."""

    backends: tuple[str, ...] = param(
        ('piper', 'espeak_ng', 'captions'),
        'speech engines, best first',
        choices=('piper', 'espeak_ng', 'captions'),
    )
    voice: str = param(
        '', 'voice name or path to a Piper voice; empty: the usual one of the language'
    )
    language: str = param('en-US', 'language of replies that do not say theirs (BCP 47)')
    rate: float = param(1.0, 'speed, 1 = normal', low=0.5, high=2.5, hot=True)
    pitch: float = param(1.0, 'pitch, 1 = normal', low=0.5, high=2.0, hot=True)
    volume: float = param(1.0, 'linear gain of all speech', low=0.0, high=1.0, hot=True)
    sample_rate: int = param(24000, 'of audio/speech', unit='Hz', low=8000, high=48000)
    ahead_s: float = param(
        2.0,
        'speech published ahead of what has been played',
        unit='s',
        low=0.2,
        high=10.0,
    )

    def options(self) -> TtsOptions:
        """Return what the core needs."""
        return TtsOptions(
            voice=self.voice,
            language=self.language,
            rate=self.rate,
            pitch=self.pitch,
            volume=self.volume,
            sample_rate=self.sample_rate,
            ahead_s=self.ahead_s,
        )
