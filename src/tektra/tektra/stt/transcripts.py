"""Builds Transcript messages from what is known of an utterance."""

from __future__ import annotations

from builtin_interfaces.msg import Time
from tektra_msgs.msg import AudioChunk, Transcript

from tektra.runtime.clock import NS_PER_S
from tektra.stt.backend import SAMPLE_RATE, Hypothesis
from tektra.stt.utterance import Done, Utterance


class Stamps:
    """When the samples of the microphone were acquired, as the newest chunk tells."""

    def __init__(self) -> None:
        self._sample = 0
        self._ns = 0

    def clear(self) -> None:
        """Forget: another stream begins."""
        self._sample = self._ns = 0

    def note(self, chunk: AudioChunk) -> None:
        """Remember a chunk's first sample and stamp."""
        self._sample = chunk.first_sample
        self._ns = chunk.header.stamp.sec * NS_PER_S + chunk.header.stamp.nanosec

    def of(self, sample: int) -> Time:
        """Return the ROS time of ``sample``."""
        ns = max(0, self._ns + (sample - self._sample) * NS_PER_S // SAMPLE_RATE)
        return Time(sec=ns // NS_PER_S, nanosec=ns % NS_PER_S)


def compose(
    utterance: Utterance, current: Hypothesis | None, is_final: bool, language: str
) -> Transcript:
    """Return a transcript of the finished segments and of the ``current`` one, if given."""
    done = [d for d in utterance.done if d.hypothesis.text]
    heard = [d.hypothesis for d in done]
    shown = stable = ' '.join(h.text for h in heard)
    if current is not None and current.text:
        words, sure = utterance.segment.stable.push(current.text.split())
        shown, stable = _join(shown, words), _join(stable, sure)
        heard.append(current)
    message = Transcript(
        stream_id=utterance.stream_id,
        utterance_id=utterance.utterance_id,
        revision=utterance.revision,
        is_final=is_final,
        text=shown,
        stable_text=shown if is_final else stable,
        language=next((h.language for h in reversed(heard) if h.language), language),
        confidence=min((h.confidence for h in heard), default=-1.0),
        low_confidence=any(h.low_confidence for h in heard),
        reject_reason='' if shown else _reason(utterance, current),
        sample_rate=SAMPLE_RATE,
        start_sample=utterance.start,
        end_sample=utterance.segment.fed_to,
        backend=utterance.backend,
    )
    _add_words(message, done)
    return message


def reject(message: Transcript, reason: str) -> None:
    """Empty a transcript: what was heard were no words."""
    message.text = message.stable_text = ''
    message.words = []
    message.word_start_sample, message.word_end_sample, message.word_confidence = [], [], []
    message.confidence, message.low_confidence = -1.0, False
    message.reject_reason = reason


def _join(text: str, words: list[str]) -> str:
    return ' '.join([text, *words]) if text else ' '.join(words)


def _reason(utterance: Utterance, current: Hypothesis | None) -> str:
    if current is not None and current.reject_reason:
        return current.reject_reason
    reasons = [d.hypothesis.reject_reason for d in utterance.done]
    return next((reason for reason in reversed(reasons) if reason), '')


def _add_words(message: Transcript, done: list[Done]) -> None:
    """Add word times, of finished segments only: those of a partial still move."""
    if not message.is_final or not all(d.hypothesis.words for d in done):
        return
    pairs = [(d.start, word) for d in done for word in d.hypothesis.words]
    message.words = [word.text for _, word in pairs]
    message.word_start_sample = [start + word.start for start, word in pairs]
    message.word_end_sample = [start + word.end for start, word in pairs]
    message.word_confidence = [word.confidence for _, word in pairs]
