"""From probabilities of speech to utterances: hysteresis, minimum speech, soft and hard end."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Event(enum.IntEnum):
    """As in ``tektra_msgs/VoiceActivity``."""

    NONE = 0
    START = 1
    SILENCE = 2
    RESUME = 3
    END = 4
    ABORT = 5


@dataclass(frozen=True)
class Thresholds:
    """When speech begins and ends. Probabilities 0..1, lengths in samples."""

    on: float
    off: float
    start_speech: int  # voiced before an utterance is announced
    min_speech: int  # voiced for an utterance to count
    soft_silence: int
    end_silence: int
    longest: int  # from the first voiced sample on; what is said after it is another utterance


class Segmenter:
    """Follows one stream, frame by frame. All positions are sample indexes of the stream.

    ``open`` is true between START and END or ABORT; ``speaking`` is the state of the hysteresis;
    ``start`` and ``end`` are the first voiced sample and one past the last of the open or latest
    utterance.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self.thresholds = thresholds
        self.open = False
        self.speaking = False
        self.start = 0
        self.end = 0
        self._voiced = 0
        self._paused = False

    def push(self, probability: float, first: int, count: int) -> Event:
        """Judge ``count`` samples from ``first`` on and return what changed."""
        threshold = self.thresholds.off if self.speaking else self.thresholds.on
        self.speaking = probability >= threshold
        return (
            self._voiced_frame(first, count)
            if self.speaking
            else self._silent_frame(first + count)
        )

    def finish(self) -> Event:
        """Close what is open, because no more of this stream comes: END, ABORT or NONE."""
        was_open, enough = self.open, self._voiced >= self.thresholds.min_speech
        self._close()
        if not was_open:
            return Event.NONE
        return Event.END if enough else Event.ABORT

    def _voiced_frame(self, first: int, count: int) -> Event:
        if not self._voiced:
            self.start = first
        self._voiced += count
        self.end = first + count
        if not self.open:
            if self._voiced < self.thresholds.start_speech:
                return Event.NONE
            self.open = True
            return Event.START
        if self.end - self.start >= self.thresholds.longest:
            return self.finish()
        resumed, self._paused = self._paused, False
        return Event.RESUME if resumed else Event.NONE

    def _silent_frame(self, after: int) -> Event:
        if not self.open:
            self._voiced = 0
            return Event.NONE
        silence = after - self.end
        if silence >= self.thresholds.end_silence:
            return self.finish()
        if silence >= self.thresholds.soft_silence and not self._paused:
            if self._voiced < self.thresholds.min_speech:
                return self.finish()
            self._paused = True
            return Event.SILENCE
        return Event.NONE

    def _close(self) -> None:
        self.open = self.speaking = self._paused = False
        self._voiced = 0
