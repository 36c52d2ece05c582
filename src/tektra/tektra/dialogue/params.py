"""Parameters of dialogue."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.params import param


@dataclass(frozen=True)
class DialogueParams:
    """How replies are made. Times in s."""

    backends: tuple[str, ...] = param(
        ('builtin',), 'responders, in order of preference', choices=('builtin',)
    )
    language: str = param('en', 'BCP 47 language of replies where the turn has none')
    name: str = param('Tektra', 'what it calls itself')
    history_turns: int = param(20, 'turns that a responder is shown', low=0, high=1000)
    announce: bool = param(True, 'say aloud when a capability was lost and when it is back')
    announce_lost_after_s: float = param(
        4.0, 'a capability that is away so long is said to be lost', unit='s', low=0.5, high=120
    )
    announce_gap_s: float = param(
        5.0, 'least time between two announcements', unit='s', low=0.0, high=600
    )
