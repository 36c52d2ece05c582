"""Parameters of the lifecycle manager."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.runtime.params import param


@dataclass(frozen=True)
class LifecycleManagerParams:
    """What is managed, and how long it may take."""

    graph_file: str = param('', 'the dependency graph; empty: config/lifecycle.yaml')
    autostart: bool = param(True, 'bring everything up without being asked')
    appear_timeout_s: float = param(
        60.0, 'for a process to start or to come back', unit='s', low=0.1, high=3600.0
    )
    step_timeout_s: float = param(
        15.0, 'for a transition that loads nothing', unit='s', low=0.1, high=600.0
    )
    down_timeout_s: float = param(
        30.0, 'for a whole pause, reset, shutdown or roll-back', unit='s', low=0.1, high=600.0
    )
    start_attempts: int = param(
        5, 'automatic starts that may fail before a person must help', low=1, high=1000
    )
