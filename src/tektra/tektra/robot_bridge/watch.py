"""Whether a step gets on: motion is asked for, and none is measured, or none that helps."""

from __future__ import annotations

from tektra.robot_bridge.step import Step

STUCK_S = 2.0
"""Standing still for so long while motion is asked for is being blocked."""
IDLE_S = 6.0
"""So is moving without coming any nearer for so long."""
# Of the speed that counts as standing still: the slow end of an approach is not far above it.
_STILL = 0.5
_NEARER = 1e-3  # m or rad
_S = 1e-9


class StuckWatch:
    """Watches the step that runs."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._moved_ns = self._nearer_ns = 0
        self._best: tuple[int, float] = (-1, 0.0)

    def begin(self, now_ns: int) -> None:
        """Begin with a new step."""
        self.now_ns = self._moved_ns = self._nearer_ns = now_ns
        self._best = (-1, 0.0)

    def tick(self, step: Step, speed: float, now_ns: int) -> bool:
        """Return whether the step is stuck.

        :param speed: measured, in units of what counts as standing still.
        """
        self.now_ns = now_ns
        if speed > _STILL or not step.asks:
            self._moved_ns = now_ns
        stage, least = self._best
        if stage != step.stage or step.left < least - _NEARER or not step.asks:
            self._best, self._nearer_ns = (step.stage, step.left), now_ns
        late = (now_ns - self._moved_ns) * _S, (now_ns - self._nearer_ns) * _S
        return late[0] > STUCK_S or late[1] > IDLE_S
