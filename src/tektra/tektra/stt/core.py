"""Speech to text without ROS: audio, vad and turns in; jobs for an engine, transcripts out.

The core never decodes. ``next_job`` says what the engine is to do next, ``on_result`` takes what
came of it. One job at a time is under way; while it is, audio waits in the ring, so that a slow
engine delays nobody else.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from tektra_msgs.msg import AudioChunk, Transcript, TurnState, VoiceActivity

from tektra.runtime.clock import nanoseconds, seconds
from tektra.runtime.pcm import from_bytes
from tektra.stt.backend import NOISE, SAMPLE_RATE, Hypothesis
from tektra.stt.engine import Job, Result, Want
from tektra.stt.ring import AudioRing
from tektra.stt.transcripts import Stamps, compose, reject
from tektra.stt.utterance import Limits, Utterance
from tektra.vad.core import check_chunk

MAX_FED_S = 2.0  # of audio in one job, so that a cancel or a newer utterance never waits long
FILLED_GAP_S = 0.5  # missing audio up to this is heard as silence
KEPT_IDS = 32  # utterances remembered after their end
PARTIAL_CHUNKS = 8  # voiced chunks (0.26 s) before words are shown: a click has none
LATE_AUDIO_S = 0.5  # how long a final waits for audio that vad has heard already
VAD_LOST_S = 2.0  # of audio without a word from vad, after which an open utterance is finished


@dataclass(frozen=True)
class SttOptions:
    """Times in s."""

    pre_roll_s: float = 0.5
    tail_s: float = 0.2
    partial_every_s: float = 0.3
    cut_after_s: float = 15.0
    cut_at_most_s: float = 20.0
    rejoin_s: float = 4.0
    backlog_s: float = 30.0
    noise_probability: float = 0.6


class SttCore:
    """Follows one microphone.

    ``dropped`` counts samples lost because the engine was too slow, ``gaps`` jumps of the index.
    """

    def __init__(self, options: SttOptions, language: str = '') -> None:
        self._options = options
        self._language = language
        self._limits = Limits(
            cut_soft=round(options.cut_after_s * SAMPLE_RATE),
            cut_hard=round(options.cut_at_most_s * SAMPLE_RATE),
            rejoin=round(options.rejoin_s * SAMPLE_RATE),
        )
        self._ring = AudioRing(round((options.backlog_s + options.pre_roll_s + 2) * SAMPLE_RATE))
        self._stream = ''
        self._stamps = Stamps()
        self._utterances: deque[Utterance] = deque()  # oldest first; only the newest can be open
        self._old: deque[str] = deque(maxlen=KEPT_IDS)
        self._unheard_ids: deque[str] = deque(maxlen=KEPT_IDS)  # answered without hearing them
        self._in_flight: tuple[Utterance, Job] | None = None
        self._last_target = 0  # no utterance begins before the end of the one before
        self.dropped = 0
        self.gaps = 0

    @property
    def backlog_s(self) -> float:
        """Return s of audio that waits for the engine."""
        waiting = (
            self._ready_to(u) - max(u.segment.fed_to, self._ring.oldest) for u in self._utterances
        )
        return sum(max(0, samples) for samples in waiting) / SAMPLE_RATE

    @property
    def idle(self) -> bool:
        """True when no utterance is open or waits for its final."""
        return not self._utterances

    # ---- input -------------------------------------------------------------------------

    def on_chunk(self, chunk: AudioChunk, now_ns: int) -> list[Transcript]:
        """Keep a chunk of audio/mic.

        :raises ChunkError: if it is not 16 kHz mono s16le.
        """
        check_chunk(chunk)
        pcm = from_bytes(memoryview(chunk.data))
        missing = chunk.first_sample - self._ring.head
        if chunk.stream_id != self._stream:
            self._leave_stream(now_ns)
            self._stream = chunk.stream_id
            self._ring.restart(chunk.first_sample)
            self._last_target = chunk.first_sample
            self._stamps.clear()
        elif missing != 0:
            self.gaps += 1
            if 0 < missing <= FILLED_GAP_S * SAMPLE_RATE:
                self._ring.write(np.zeros(missing, np.int16))
            else:
                self._ring.restart(chunk.first_sample)
        self._ring.write(pcm)
        self._stamps.note(chunk)
        return self._finish_without_vad(now_ns)

    def on_vad(self, activity: VoiceActivity, now_ns: int) -> list[Transcript]:
        """Follow an utterance; ABORT is answered with an empty final."""
        if not activity.utterance_id or activity.utterance_id in self._old:
            return []
        utterance = self._find(activity.utterance_id)
        if utterance is None:
            if activity.event in (VoiceActivity.EVENT_END, VoiceActivity.EVENT_ABORT):
                return []
            utterance = self._open(activity, now_ns)
        utterance.seen_to = activity.first_sample + activity.sample_count
        utterance.voiced_end = max(utterance.voiced_end, activity.end_sample)
        if activity.speaking:
            utterance.probabilities += activity.probability
            utterance.voiced_chunks += 1
        return self._follow(utterance, activity, now_ns)

    def on_turn_state(self, state: TurnState, now_ns: int) -> list[Transcript]:
        """Finish the utterance when turn_taking thinks that the person may have finished."""
        asks = state.phase == TurnState.PHASE_EAGER_END and not state.text_final
        if not asks or not state.utterance_ids or state.source == TurnState.SOURCE_TEXT:
            return []
        wanted = state.utterance_ids[-1]
        utterance = self._find(wanted)
        if utterance is None:
            known = wanted in self._old or wanted in self._unheard_ids
            return [] if known else [self._unheard(wanted)]
        if utterance.target is None:
            self._aim(utterance, utterance.seen_to, now_ns)
        return []

    def on_tick(self, now_ns: int) -> list[Transcript]:
        """Give up waiting for audio that does not come, and for a vad that has gone."""
        for utterance in self._utterances:
            if utterance.target is None or utterance.is_final:
                continue
            late = now_ns - utterance.request_ns > nanoseconds(LATE_AUDIO_S)
            if late and self._ready_to(utterance) < utterance.target:
                utterance.target = max(self._ready_to(utterance), utterance.segment.start)
        return []

    def stop(self) -> None:
        """Forget all utterances."""
        self._old.extend(u.utterance_id for u in self._utterances)
        self._utterances.clear()

    # ---- work --------------------------------------------------------------------------

    def next_job(self, now_ns: int) -> Job | None:
        """Return what the engine is to do now; None while it is busy or nothing is to be done."""
        if self._in_flight is not None:
            return None
        # Strictly in order, also while the oldest waits for audio: the engine has one segment.
        utterance = next((u for u in self._utterances if not u.is_final), None)
        job = self._job(utterance) if utterance is not None else None
        if utterance is not None and job is not None:
            self._in_flight = (utterance, job)
        return job

    def on_result(self, result: Result, now_ns: int) -> list[Transcript]:
        """Take what came of the job, and return the transcript that it makes, if any."""
        assert self._in_flight is not None, 'a result without a job'
        (utterance, job), self._in_flight = self._in_flight, None
        if utterance not in self._utterances:
            return []  # void meanwhile
        if job.key != utterance.key():  # the person went on meanwhile
            if job.want is Want.FINAL and result.hypothesis is not None:
                utterance.late(job.key, result.hypothesis)
            return []
        utterance.backend = result.backend or utterance.backend
        if job.want is Want.FINAL:
            return self._on_final(utterance, job, result, now_ns)
        if job.want is Want.PARTIAL and result.hypothesis is not None:
            return self._on_partial(utterance, result.hypothesis)
        return []

    # ---- inside ------------------------------------------------------------------------

    def _find(self, utterance_id: str) -> Utterance | None:
        return next((u for u in self._utterances if u.utterance_id == utterance_id), None)

    def _open(self, activity: VoiceActivity, now_ns: int) -> Utterance:
        self._close_open(now_ns)
        start = max(0, activity.start_sample - round(self._options.pre_roll_s * SAMPLE_RATE))
        if activity.stream_id == self._stream:
            # An index that stepped back leaves an end in the future, which bounds nothing.
            before = min(self._last_target, int(activity.start_sample))
            start = max(start, before, self._ring.oldest)
        utterance = Utterance(activity.utterance_id, activity.stream_id, start, self._limits)
        if activity.utterance_id in self._unheard_ids:
            utterance.revision = 1  # the answer that was given counts
        self._utterances.append(utterance)
        return utterance

    def _leave_stream(self, now_ns: int) -> None:
        """Finish every utterance with what was fed: the rest of its audio is gone."""
        self._close_open(now_ns)
        for utterance in self._utterances:
            utterance.target = utterance.segment.fed_to

    def _close_open(self, now_ns: int) -> None:
        """Finish what vad will not end: it has one utterance at a time, of one stream."""
        for utterance in [u for u in self._utterances if not u.closed]:
            self._close(utterance, utterance.seen_to, now_ns)

    def _close(self, utterance: Utterance, position: int, now_ns: int) -> None:
        utterance.closed = True
        self._note_end(utterance)
        if utterance.is_final:
            self._retire(utterance)
        elif utterance.target is None:
            self._aim(utterance, position, now_ns)

    def _follow(self, utterance: Utterance, m: VoiceActivity, now_ns: int) -> list[Transcript]:
        if m.event == VoiceActivity.EVENT_ABORT:
            self._retire(utterance)
            empty = Hypothesis(reject_reason='shorter than a word, or the audio stopped')
            return [self._transcript(utterance, empty, True, 0.0)]
        went_on = m.speaking and utterance.target is not None and not utterance.closed
        if m.event == VoiceActivity.EVENT_RESUME or (went_on and m.end_sample > utterance.target):
            self._reopen(utterance)
        if m.event == VoiceActivity.EVENT_END:
            utterance.closed = True
            self._note_end(utterance)
            covered = utterance.target is not None and utterance.target >= m.end_sample
            if not covered:
                self._reopen(utterance)
                self._aim(utterance, self._tail(m), now_ns)
            if utterance.is_final:
                self._retire(utterance)
        return []

    def _tail(self, m: VoiceActivity) -> int:
        tail = int(m.end_sample) + round(self._options.tail_s * SAMPLE_RATE)
        return min(tail, int(m.first_sample + m.sample_count))

    def _aim(self, utterance: Utterance, position: int, now_ns: int) -> None:
        utterance.target = max(position, utterance.segment.fed_to)
        utterance.request_ns = now_ns

    def _reopen(self, utterance: Utterance) -> None:
        utterance.reopen(self._ring.oldest)

    def _retire(self, utterance: Utterance) -> None:
        self._note_end(utterance)
        self._utterances.remove(utterance)
        self._old.append(utterance.utterance_id)

    def _note_end(self, utterance: Utterance) -> None:
        if utterance.stream_id == self._stream:  # indexes of another stream mean nothing here
            self._last_target = max(utterance.voiced_end, utterance.start)

    def _ready_to(self, utterance: Utterance) -> int:
        """Return up to where there is audio for the utterance."""
        if utterance.stream_id != self._stream:
            return utterance.segment.fed_to
        limit = self._ring.head if utterance.target is None else utterance.target
        return max(min(self._ring.head, limit), utterance.segment.fed_to)

    def _job(self, utterance: Utterance) -> Job | None:
        if utterance.is_final:
            return None
        segment = utterance.segment
        self._drop_lost(utterance)
        stop = min(self._ready_to(utterance), segment.fed_to + round(MAX_FED_S * SAMPLE_RATE))
        arrived = utterance.target is not None and stop >= utterance.target
        if stop == segment.fed_to and not arrived:
            return None
        begin = segment.fed_to == segment.start
        audio = self._ring.read(segment.fed_to, stop) if stop > segment.fed_to else _NOTHING
        cut = segment.cutter.push(audio)
        if cut is not None:
            end = segment.start + cut.position
            audio = audio[: end - segment.fed_to]
            arrived = arrived and end >= stop
            segment.overlap = cut.overlap
        segment.fed_to += audio.size
        if arrived or cut is not None:
            want = Want.FINAL
            segment.ending = True
        else:
            want = Want.PARTIAL if self._partial_is_due(utterance) else Want.NOTHING
        return Job(utterance.key(), begin, audio, want)

    def _partial_is_due(self, utterance: Utterance) -> bool:
        fed_to = utterance.segment.fed_to
        catching_up = fed_to < self._ready_to(utterance)
        if catching_up or utterance.voiced_chunks < PARTIAL_CHUNKS:
            return False
        if fed_to - utterance.partial_at < self._options.partial_every_s * SAMPLE_RATE:
            return False
        utterance.partial_at = fed_to
        return True

    def _drop_lost(self, utterance: Utterance) -> None:
        """Go on with the oldest audio that is still there, when the engine has been too slow."""
        lost = self._ring.oldest - utterance.segment.fed_to
        if utterance.stream_id != self._stream or lost <= 0:
            return
        self.dropped += lost
        segment = utterance.segment
        segment.start += lost
        segment.fed_to += lost

    def _on_final(
        self, utterance: Utterance, job: Job, result: Result, now_ns: int
    ) -> list[Transcript]:
        heard = result.hypothesis or Hypothesis(reject_reason=result.problem)
        at_target = utterance.target is not None and utterance.segment.fed_to >= utterance.target
        if not at_target:
            utterance.cut(heard)
            return self._show(utterance, Hypothesis(), False, 0.0)
        utterance.finish(heard)
        latency = max(seconds(now_ns - utterance.request_ns), result.took_s)
        if utterance.closed:
            self._retire(utterance)
        return [self._transcript(utterance, None, True, latency)]

    def _on_partial(self, utterance: Utterance, heard: Hypothesis) -> list[Transcript]:
        return self._show(utterance, heard, False, 0.0)

    def _show(
        self, utterance: Utterance, heard: Hypothesis, is_final: bool, latency: float
    ) -> list[Transcript]:
        message = self._transcript(utterance, heard, is_final, latency)
        if message.text == utterance.shown:
            return []
        utterance.shown = message.text
        return [message]

    def _transcript(
        self, utterance: Utterance, heard: Hypothesis | None, is_final: bool, latency: float
    ) -> Transcript:
        utterance.revision += 1
        message = compose(utterance, heard, is_final, self._language)
        unlikely = utterance.speech_probability < self._options.noise_probability
        if is_final and message.low_confidence and unlikely:
            reject(message, NOISE)
        message.latency_s = latency
        message.header.stamp = self._stamps.of(utterance.start)
        return message

    def _unheard(self, utterance_id: str) -> Transcript:
        """Answer for an utterance that began before this recogniser did."""
        self._unheard_ids.append(utterance_id)  # vad may have it open: the rest will be heard
        reason = 'not heard: speech to text has only just started'
        return Transcript(
            stream_id=self._stream,
            utterance_id=utterance_id,
            revision=1,
            is_final=True,
            confidence=-1.0,
            reject_reason=reason,
            sample_rate=SAMPLE_RATE,
            start_sample=self._ring.oldest,
            end_sample=self._ring.head,
        )

    def _finish_without_vad(self, now_ns: int) -> list[Transcript]:
        """Finish an utterance that vad has left open and does not speak of any more."""
        utterance = self._utterances[-1] if self._utterances else None
        if utterance is None or utterance.closed or utterance.stream_id != self._stream:
            return []
        if self._ring.head - utterance.seen_to > VAD_LOST_S * SAMPLE_RATE:
            self._close(utterance, self._ring.head, now_ns)
        return []


_NOTHING = np.empty(0, np.int16)
