"""Parameters of stop_word."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.params import param
from tektra.stop_word.core import StopWordOptions
from tektra.stop_word.ear import EarOptions
from tektra.stop_word.masking import MaskOptions


@dataclass(frozen=True)
class StopWordParams:
    """Parameters of the stop_word node."""

    robots: tuple[str, ...] = param(('tek',), 'robots that it holds: names in the registry')
    language: str = param('en', 'word list in use, BCP 47; a language of config/stop_words.yaml')
    backends: tuple[str, ...] = param(
        ('pocketsphinx', 'microwakeword'),
        'detectors; all that can be loaded run side by side',
        choices=('pocketsphinx', 'microwakeword'),
    )
    model: str = param('', 'model of microwakeword; empty: found in TEKTRA_WEIGHTS_PATH')
    sure_score: float = param(
        0.82,
        'pocketsphinx score from which a word holds without a pause after it; 0: always',
        low=0.0,
        high=1.0,
    )
    pause_s: float = param(
        0.16, 'pause looked for after a word that is not sure', unit='s', low=0.05, high=0.25
    )
    pause_drop_db: float = param(
        6.0, 'how much quieter the pause is than the word', unit='dB', low=0.0, high=40.0
    )
    confirm_s: float = param(
        2.0, 'a confirmation within this makes a hold a stop', unit='s', low=0.5, high=10.0
    )
    twice_s: float = param(
        0.8,
        'the word heard a second time within this makes a hold a stop (as far as it is sure)',
        unit='s',
        low=0.0,
        high=10.0,
    )
    settle_s: float = param(
        1.2,
        'detectors that agree wait so long for words such as "stop talking"',
        unit='s',
        low=0.0,
        high=5.0,
    )
    mask_own_voice: bool = param(True, 'leave out what the robot itself says')
    audio_timeout_s: float = param(
        0.3, 'without audio for so long it does not listen', unit='s', low=0.1, high=2.0
    )

    def options(self) -> StopWordOptions:
        """Return what the core needs."""
        # Nothing is more correlated than 1: then nothing is masked.
        mask = MaskOptions() if self.mask_own_voice else MaskOptions(least_correlation=2.0)
        ear = EarOptions(pause_s=self.pause_s, pause_drop_db=self.pause_drop_db, mask=mask)
        return StopWordOptions(
            confirm_s=self.confirm_s,
            settle_s=self.settle_s,
            twice_s=self.twice_s,
            audio_timeout_s=self.audio_timeout_s,
            ear=ear,
        )
