"""Parameters of the lifecycle manager."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.params import param


@dataclass(frozen=True)
class LifecycleManagerParams:
    """Which nodes are brought up."""

    nodes: tuple[str, ...] = param(
        ('audio_playback', 'tts', 'dialogue', 'turn_taking', 'stt', 'vad', 'audio_capture'),
        'managed nodes in the order of activation, names relative to this node; consumers first',
    )
    optional: tuple[str, ...] = param((), 'managed nodes without which the graph is still ready')
