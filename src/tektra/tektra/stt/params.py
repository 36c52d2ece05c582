"""Parameters of the stt node."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.params import param
from tektra.stt.core import SttOptions
from tektra.stt.factories import NAMES, EngineOptions


@dataclass(frozen=True)
class SttParams:
    """Declared once, with unit, range and description."""

    backends: tuple[str, ...] = param(NAMES, 'recognisers, best first', choices=NAMES)
    language: str = param('', 'language that is spoken (BCP 47); empty: detected, or English')
    grammar: str = param(
        '', 'JSGF file of commands for pocketsphinx, or its name in config/grammar; empty: English'
    )
    whisper_model: str = param(
        '', 'Whisper model: a folder, or its name under whisper/ in the weights; empty: planned'
    )
    whisper_device: str = param(
        'auto',
        'where Whisper runs; auto: as planned (tektra resources)',
        choices=('auto', 'cpu', 'cuda'),
    )
    whisper_threads: int = param(1, 'threads of Whisper on the CPU', low=1, high=64)
    pre_roll_s: float = param(
        0.5, 'audio before the start of speech that is heard too', unit='s', low=0.0, high=2.0
    )
    partial_every_s: float = param(
        0.3, 'least audio between two partial transcripts', unit='s', low=0.1, high=5.0
    )
    cut_after_s: float = param(
        15.0, 'speech that is cut at its next quiet moment', unit='s', low=5.0, high=30.0
    )
    rejoin_s: float = param(
        4.0,
        'after a pause, speech up to this long is heard again together with what follows',
        unit='s',
        low=0.0,
        high=15.0,
    )
    backlog_s: float = param(
        30.0, 'audio kept for a recogniser that is too slow', unit='s', low=5.0, high=300.0
    )
    noise_probability: float = param(
        0.65,
        "doubtful words are noise if vad's mean probability of speech is below this",
        low=0.0,
        high=1.0,
    )

    def options(self) -> SttOptions:
        """Return what the core needs."""
        return SttOptions(
            pre_roll_s=self.pre_roll_s,
            partial_every_s=self.partial_every_s,
            cut_after_s=self.cut_after_s,
            cut_at_most_s=self.cut_after_s + 5.0,
            rejoin_s=self.rejoin_s,
            backlog_s=self.backlog_s,
            noise_probability=self.noise_probability,
        )

    def engines(self) -> EngineOptions:
        """Return what the engines need."""
        return EngineOptions(
            language=self.language,
            grammar=self.grammar,
            whisper_model=self.whisper_model,
            whisper_device=self.whisper_device,
            whisper_threads=self.whisper_threads,
        )
