"""Stop word: recall and latency in noise, false holds on real speech, own voice masked."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tektra_msgs.msg import AudioChunk
from tests.speech_maker import VOICES, speak

from tektra.runtime.measure import Record, percentile
from tektra.runtime.pcm import Samples
from tektra.stop_word.backend import SAMPLE_RATE
from tektra.stop_word.backends.pocketsphinx import Pocketsphinx
from tektra.stop_word.confirm import Confirmation
from tektra.stop_word.ear import Ear, Hit
from tektra.stop_word.params import StopWordParams
from tektra.stop_word.words import WordList, read_words, words_file

ROOT = Path(__file__).resolve().parents[1]
CHUNK = 512
BUDGET_MS = 300.0  # end of word -> hold (design); to the hit here, DDS and gate come on top
# Thresholds were chosen on the other voices.
HEARD = ('en-us+f3', 'en', 'en-us+f2', 'en-us+m5', 'en-us+f4', 'en-us+m2')
SENTENCES = ('stop', 'tell me more about it no stop', 'robot stop', 'you can drive now stop')
RATES = (130, 180)
NOISE_DB = (20, 10, 0)
OWN = ('i think that we should stop', 'now i will stop', 'this is how you stop')
TALK = ('let me tell you a story about a town by the sea', 'tomorrow will be cold and windy')


@dataclass
class Tally:
    """Of clips with the word at their end."""

    clips: int = 0
    heard: int = 0
    late_ms: list[float] = field(default_factory=list)


def run() -> list[Record]:
    """Return the figures. Recall is of synthetic voices: it says little about people."""
    listener = Listener()
    records: list[Record] = []
    for db in NOISE_DB:
        records += _in_noise(listener, db)
    data = Path(os.environ.get('TEKTRA_TEST_DATA') or ROOT.parent / 'shared' / 'data') / 'speech'
    if data.is_dir():
        records += _false_holds(listener, data)
    else:
        print(f'no recordings in {data}: false holds are not measured; set TEKTRA_TEST_DATA')
    return records + _own_voice(listener)


class Listener:
    """One detector, a new ear for each clip."""

    def __init__(self) -> None:
        self.params = StopWordParams()
        self.words = WordList(read_words(words_file(), 'en'))
        self._spotter = Pocketsphinx(self.words.targets(), self.params.sure_score)
        self.cpu_s = self.audio_s = 0.0

    def listen(self, pcm: Samples, played: Samples | None = None) -> list[tuple[Hit, int]]:
        """Return (hit, sample index at which it was known)."""
        ear = Ear([self._spotter], self.params.options().ear)
        heard: list[tuple[Hit, int]] = []
        begin = time.thread_time()
        for n, (mic, reference) in enumerate(_together(pcm, played)):
            if reference.size:
                ear.on_reference(_chunk(reference, n, 'played'))
            heard += [(hit, ear.position) for hit in ear.on_chunk(_chunk(mic, n, 'mic'), True)]
        self.cpu_s += time.thread_time() - begin
        self.audio_s += pcm.size / SAMPLE_RATE
        return heard


def _together(pcm: Samples, played: Samples | None) -> Iterator[tuple[Samples, Samples]]:
    for at in range(0, pcm.size, CHUNK):
        none = np.empty(0, np.int16)
        yield pcm[at : at + CHUNK], none if played is None else played[at : at + CHUNK]


def _chunk(pcm: Samples, n: int, stream: str) -> AudioChunk:
    made = AudioChunk(
        stream_id=stream,
        first_sample=n * CHUNK,
        sample_rate=SAMPLE_RATE,
        channels=1,
        encoding=AudioChunk.ENCODING_S16LE,
        data=pcm.tobytes(),
    )
    ns = 10**12 + n * CHUNK * 10**9 // SAMPLE_RATE
    made.header.stamp.sec, made.header.stamp.nanosec = divmod(ns, 10**9)
    return made


def _in_noise(listener: Listener, db: int) -> list[Record]:
    tally = Tally()
    for seed, (voice, rate, text) in enumerate(
        (v, r, t) for v in HEARD for r in RATES for t in SENTENCES
    ):
        pcm, end = _noisy(speak(text, voice, rate=rate), db, seed)
        tally.clips += 1
        near = [
            known
            for hit, known in listener.listen(pcm)
            if abs(hit.end - end) < 0.6 * SAMPLE_RATE and not hit.own
        ]
        if near:
            tally.heard += 1
            tally.late_ms.append((near[0] - end) * 1000 / SAMPLE_RATE)
    low, high = wilson(tally.heard, tally.clips)
    where = f'{db}_db'
    late = percentile(tally.late_ms, 0.95) if tally.late_ms else math.inf
    return [
        Record(f'synthetic_recall_{where}', tally.heard / tally.clips, f'of {tally.clips}'),
        Record(f'synthetic_recall_{where}_low', low, '95 % interval'),
        Record(f'synthetic_recall_{where}_high', high, '95 % interval'),
        Record(f'word_end_to_hit_p95_{where}', late, 'ms', budget=BUDGET_MS),
    ]


def _noisy(said: Samples, db: float, seed: int) -> tuple[Samples, int]:
    """Return speech at half level in white noise, and the sample after the word."""
    loud = np.flatnonzero(np.abs(said.astype(int)) > 300)
    rms = float(np.sqrt(np.mean(said[loud[0] : loud[-1]].astype(float) ** 2)))
    lead = SAMPLE_RATE
    pcm = np.concatenate((np.zeros(lead), said.astype(float), np.zeros(lead)))
    noise = np.random.default_rng(seed).standard_normal(pcm.size) * rms * 10 ** (-db / 20)
    return _int16(0.5 * (pcm + noise)), lead + int(loud[-1])


def _false_holds(listener: Listener, data: Path) -> list[Record]:
    """No recording at hand has the word: every hit is false."""
    from tektra.stt.recordings import load_file

    holds = stops = 0
    minutes = 0.0
    for path in sorted(p for p in data.rglob('*') if p.suffix in ('.wav', '.mp3')):
        pcm = load_file(str(path))
        minutes += pcm.size / SAMPLE_RATE / 60
        confirmation = Confirmation(listener.words)
        heard = listener.listen(pcm)
        for now in range(0, pcm.size + 4 * SAMPLE_RATE, CHUNK):
            now_ns = now * 10**9 // SAMPLE_RATE
            made = confirmation.on_tick(now_ns)
            for hit, known in heard:
                if now <= known < now + CHUNK:
                    made += confirmation.on_hit(hit, now_ns)
            holds += sum(d.level == 1 for d in made)
            stops += sum(d.level != 1 for d in made)
    records = [Record('real_audio', minutes, 'min')]
    for name, count in (('holds', holds), ('stops_without_stt', stops)):
        low, high = poisson_interval(count)
        records += [
            Record(f'false_{name}_moving', count / minutes, '1/min'),
            Record(f'false_{name}_moving_low', low / minutes, '1/min, 95 %'),
            Record(f'false_{name}_moving_high', high / minutes, '1/min, 95 %'),
        ]
    return [*records, Record('false_holds_not_moving', 0.0, '1/min, not searched')]


def _own_voice(listener: Listener) -> list[Record]:
    """Echo in simulated rooms: the robot says the word; a person says it over the robot."""
    own = masked = said = heard = 0
    cases = [(voice, n) for n, voice in enumerate(VOICES + HEARD)]
    for voice, n in cases:
        robot = np.concatenate((np.zeros(SAMPLE_RATE // 2), speak(OWN[n % 3], voice)))
        robot = np.concatenate((robot, np.zeros(SAMPLE_RATE)))
        hits = [hit for hit, _ in listener.listen(_room(robot, n), _int16(robot))]
        own += len(hits)
        masked += sum(hit.own for hit in hits)
        robot = np.concatenate((speak(TALK[n % 2], voice).astype(float), np.zeros(8000)))
        room = _room(robot, n).astype(float)
        person = speak('stop', HEARD[(n + 1) % len(HEARD)]).astype(float)
        person *= _rms(room) / _rms(person)  # as loud as the echo
        at = SAMPLE_RATE
        room[at : at + person.size] += person[: room.size - at]
        end = at + int(np.flatnonzero(np.abs(person) > 200)[-1])
        hits = [hit for hit, _ in listener.listen(_int16(room), _int16(robot))]
        said += 1
        heard += any(not hit.own and abs(hit.end - end) < 0.6 * SAMPLE_RATE for hit in hits)
    return [
        Record('own_stop_masked', masked / max(1, own), f'of {own}'),
        Record('stop_over_own_voice_0_db_heard', heard / said, f'of {said}'),
        Record('cpu_share', listener.cpu_s / listener.audio_s, 'of one core'),
    ]


def _room(played: NDArray[np.float64], seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    count = SAMPLE_RATE // 4
    tail = rng.standard_normal(count) * 0.15
    tail *= np.exp(-6.9 * np.arange(count) / SAMPLE_RATE / rng.uniform(0.15, 0.5))
    tail[0] = 1.0
    heard = np.convolve(played, tail * 10 ** (rng.uniform(-25, -3) / 20))
    delay = np.zeros(round(rng.uniform(0.01, 0.2) * SAMPLE_RATE))
    heard = np.concatenate((delay, heard))[: played.size]
    noise = rng.standard_normal(heard.size) * 32768 * 10 ** (rng.uniform(-75, -60) / 20)
    return _int16(heard + noise)


def _rms(x: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(x[np.abs(x) > 100] ** 2))) if np.any(np.abs(x) > 100) else 1.0


def _int16(x: NDArray[np.float64]) -> Samples:
    return np.clip(x, -32768, 32767).astype(np.int16)


def wilson(hits: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """Return the Wilson 95 % interval of a share."""
    share, square = hits / of, z * z / of
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / of + square / of / 4) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson_interval(count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact (Garwood) interval of the mean of a Poisson count."""
    tail = (1 - confidence) / 2
    low = _solve(lambda mean: 1 - _below(count - 1, mean), tail) if count else 0.0
    return low, _solve(lambda mean: 1 - _below(count, mean), 1 - tail)


def _below(count: int, mean: float) -> float:
    """Return P(X <= count)."""
    logs = (k * math.log(mean) - mean - math.lgamma(k + 1) for k in range(count + 1))
    return sum(math.exp(value) for value in logs)


def _solve(rising: Callable[[float], float], wanted: float) -> float:
    low, high = 1e-9, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2
