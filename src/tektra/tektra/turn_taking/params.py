"""Parameters of turn_taking."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.params import param


@dataclass(frozen=True)
class TurnTakingParams:
    """When a turn ends, and what interrupts. Times in s."""

    language: str = param('en', 'BCP 47 language of word lists where speech has none')
    strategies: tuple[str, ...] = param(
        ('text', 'silence'), 'endpointing, first opinion counts', choices=('text', 'silence')
    )
    finished_wait_s: float = param(
        0.25, 'silence after a finished command or sentence', unit='s', low=0.0, high=5.0
    )
    silence_wait_s: float = param(
        0.7, 'silence when the words do not tell', unit='s', low=0.1, high=5.0
    )
    low_confidence_wait_s: float = param(
        1.0, 'silence after doubtful words', unit='s', low=0.1, high=5.0
    )
    unfinished_wait_s: float = param(
        1.5, 'silence after a phrase that sounds open', unit='s', low=0.1, high=10.0
    )
    max_wait_s: float = param(
        1.5, 'upper bound of all silence waits', unit='s', low=0.1, high=10.0
    )
    min_words: int = param(1, 'words that interrupt a reply', low=1, high=10)
    resume_after_s: float = param(
        2.0,
        'a reply ducked by speech without words goes on after this',
        unit='s',
        low=0.2,
        high=10,
    )
    duck_gain: float = param(0.25, 'gain of a reply while someone speaks', low=0.0, high=1.0)
    backchannels: tuple[str, ...] = param((), 'further phrases that never interrupt')
    stop_phrases: tuple[str, ...] = param((), 'further phrases that interrupt at once')
    final_timeout_s: float = param(
        3.0, 'wait for a final transcript before the turn is given up', unit='s', low=0.5, high=60
    )
    vad_gone_s: float = param(
        2.0, 'silence of vad itself after which an utterance is closed', unit='s', low=0.5, high=30
    )
    playback_gone_s: float = param(
        2.0, 'silence of the playback clock that ends a reply', unit='s', low=0.5, high=30
    )
    reply_timeout_s: float = param(
        15.0, 'wait for the first sample of a reply', unit='s', low=1.0, high=600
    )
    longest_turn_s: float = param(
        60.0, 'speech without an end is answered after this', unit='s', low=5.0, high=3600
    )
    push_to_talk_limit_s: float = param(
        120.0, 'a pressed button is let go after this', unit='s', low=1.0, high=3600
    )
