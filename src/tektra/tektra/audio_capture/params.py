"""Parameters of audio_capture."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.audio_capture.sources import KINDS
from tektra.runtime.params import param


@dataclass(frozen=True)
class AudioCaptureParams:
    """What audio_capture listens to, and how."""

    source: str = param(
        'auto',
        'what to listen to; auto: the microphone, or silence if there is none',
        choices=KINDS,
    )
    uri: str = param(
        '',
        "device: name, part of it, index, or 'null'; file: path; tcp, udp: host:port; "
        'topic: its name; scene: name, .yaml file, or lines to speak',
    )
    loop: bool = param(False, 'file: start again at the end; scene: after the last answer')
    channel: int = param(-1, 'which channel to take, from 0; -1: the mean of all', low=-1, high=63)
    after_end: str = param(
        'silence', 'what follows the end of a file or scene', choices=('silence', 'stop')
    )
    lead_in_s: float = param(
        0.5,
        'silence before a file or scene, so that everyone has joined',
        unit='s',
        low=0.0,
        high=10.0,
    )
    frame_id: str = param('', "the microphone's frame, for headers")
    allow_remote: bool = param(False, 'tcp, udp: let addresses be used that are not loopback')
    fast: bool = param(
        False, 'run /clock as fast as the graph can follow; needs use_sim_time everywhere'
    )
    clock_start_s: float = param(
        0.0, 'fast: Unix time at which simulated time begins; 0: now', unit='s', low=0.0, high=4e9
    )
    clock_window: int = param(
        3, 'fast: chunks of 32 ms that may be ahead of the slowest participant', low=1, high=16
    )
    clock_participants: tuple[str, ...] = param(
        ('vad', 'stt', 'turn_taking', 'dialogue', 'tts', 'audio_playback'),
        'fast: nodes that time waits for, relative to the namespace',
    )
    participant_timeout_s: float = param(
        10.0, 'fast: wall time after which a silent participant is given up', unit='s', low=0.1
    )
