"""Speech: time to the first audio, real-time factor and abort, beside the bare espeak library."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence

from tektra_msgs.msg import AudioChunk, DialogueReply, PlaybackClock

from tektra.runtime.backends import BackendStatus
from tektra.runtime.measure import Record, percentile
from tektra.tts.backend import Abort, SpeechRequest
from tektra.tts.backends import factories
from tektra.tts.backends.espeak_ng import NORMAL_PITCH, NORMAL_WPM, EspeakNg, Library, Take
from tektra.tts.core import TtsCore, TtsOptions
from tektra.tts.engine import Engine

SENTENCE = 'I can see a red cup on the table. '
LONG = SENTENCE * 50  # about two minutes
LANGUAGE = 'en-US'
RUNS = 100
ABORTS = 30
ABORT_BUDGET_MS = 10.0
RATE = 24000


def run() -> list[Record]:
    """Return the figures: everything in one process and one thread, espeak-ng as the engine."""
    engine = Engine(('espeak_ng',), factories('', LANGUAGE), _ignore, 0, LANGUAGE)
    espeak = EspeakNg()
    ours, bare = _interleaved(lambda: _first_audio_ms(engine), _direct_ms)
    factor, direct_factor = _factors(engine)
    aborts = [_abort_ms(espeak) for _ in range(ABORTS)]
    return [
        Record('tts_first_audio_p50', statistics.median(ours), 'ms', statistics.median(bare)),
        Record('tts_first_audio_p95', percentile(ours, 0.95), 'ms', percentile(bare, 0.95)),
        Record('tts_real_time_factor', factor, '', direct_factor),
        Record('tts_abort_p95', percentile(aborts, 0.95), 'ms', None, ABORT_BUDGET_MS),
    ]


class _Counting(Take):
    """A callback that keeps nothing."""

    def hear(self, wave: object, count: int, events: object) -> int:
        """Go on."""
        return 0


def _ignore(status: BackendStatus) -> None:
    """Take no notice of the engine's changes."""


def _interleaved(
    first: Callable[[], float], second: Callable[[], float]
) -> tuple[Sequence[float], Sequence[float]]:
    """Return both series, taken in turn so that a change of load meets both.

    The first tenth is warm-up.
    """
    rows = [(first(), second()) for _ in range(RUNS)][RUNS // 10 :]
    return [row[0] for row in rows], [row[1] for row in rows]


def _ms(since_ns: int) -> float:
    return (time.perf_counter_ns() - since_ns) / 1e6


def _begin(core: TtsCore, text: str) -> list[object]:
    """Put a whole reply in; return what goes out at once."""
    fragment = DialogueReply(session_id='s', turn_seq=1, utterance_id='u', text=text, last=True)
    return list(core.on_reply(fragment, 0).messages)


def _step(core: TtsCore, engine: Engine) -> list[object]:
    """Do one thing that the node would do next; return what goes out by it."""
    if core.more:
        return list(core.go_on(0).messages)
    job = core.next_job()
    if job is None:
        return []
    spoken = engine.speak(job.request, job.abort, 0)
    return list(core.on_speech(job, spoken.speech, spoken.backend, 0).messages)


def _first_audio_ms(engine: Engine) -> float:
    """Return the time from the text of one sentence to its first published audio."""
    core = TtsCore(TtsOptions(language=LANGUAGE))
    start = time.perf_counter_ns()
    out = _begin(core, SENTENCE)
    while not any(isinstance(message, AudioChunk) for message in out):
        out += _step(core, engine)
    return _ms(start)


def _direct_ms() -> float:
    """Return the time the library itself takes for one sentence, its callback only counting."""
    start = time.perf_counter_ns()
    Library.get().speak(SENTENCE, 'gmw/en-US', NORMAL_WPM, NORMAL_PITCH, _Counting(Abort()))
    return _ms(start)


def _factors(engine: Engine) -> tuple[float, float]:
    """Return compute time by audio time of a two-minute reply: ours, and the library's."""
    core = TtsCore(TtsOptions(language=LANGUAGE))
    start = time.perf_counter_ns()
    out, samples, ended = _begin(core, LONG), 0, False
    while not ended:
        for message in out:
            if isinstance(message, AudioChunk):
                samples, ended = samples + len(message.data) // 2, message.last
        clock = PlaybackClock(utterance_id='u', played_samples=samples, sample_rate=RATE)
        out = _step(core, engine) or list(core.on_playback_clock(clock, 0).messages)
    took = _ms(start)
    bare = sum(_direct_ms() for _ in range(LONG.count(SENTENCE)))
    audio_ms = samples / RATE * 1000
    return took / audio_ms, bare / audio_ms


def _abort_ms(espeak: EspeakNg) -> float:
    """Return the time from the request to stop until the engine's thread has returned."""
    abort, began, ended = Abort(), threading.Event(), []

    def work() -> None:
        began.set()
        espeak.synthesize(SpeechRequest(LONG * 4, LANGUAGE), abort)
        ended.append(time.perf_counter_ns())

    thread = threading.Thread(target=work)
    thread.start()
    began.wait()
    time.sleep(0.005)
    asked = time.perf_counter_ns()
    abort.set()
    thread.join()
    return (ended[0] - asked) / 1e6
