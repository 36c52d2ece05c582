"""What the graph adds to a reply's latency over the same cores in one process; idle, loaded."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from bench._graph import Graph, graph

from tektra.conversation.agenda import Agenda
from tektra.conversation.core import TOPICS, ConversationLog
from tektra.conversation.voice_loop import Engines, Settings, VoiceLoop, microphone
from tektra.runtime.clock import NS_PER_S
from tektra.runtime.measure import Record, percentile
from tektra.runtime.pcm import Samples, StreamResampler, to_int16

# Each is heard right, and answered in less than the gap.
COMMANDS = (
    'what time is it',
    'hello robot',
    'what is twelve plus thirty',
    'thank you',
    'what is two plus two',
    'how much is fifty divided by five',
    'good morning',
    'what is nine minus four',
    'count to three',
    'what is three times three',
    'what is ten plus five',
    'goodbye',
)
VOICE, SPEED = 'en-us', 0.85
RATE = 16_000  # Hz, of the recording
LEAD_S, GAP_S = 1.0, 3.0  # silence before the first command and after each
GRAPH_BUDGET_MS = 30.0  # p95, idle: the design's
TOTAL_BUDGET_MS = 600.0  # p50, idle, embedded backends: the design's
BUSY = 2  # processes that do nothing but compute
ATTEMPT_S = 180.0  # for the recording in the graph; longer: something is stuck

Turns = dict[str, dict[str, float]]  # what was heard -> ms by stage


@dataclass(frozen=True)
class Pair:
    """The same recording through the graph and through one process."""

    graph: Turns
    alone: Turns

    @property
    def both(self) -> list[str]:
        """Return what was heard in the same words, and answered, in both."""
        return [text for text in self.graph if text in self.alone]

    def of(self, turns: Turns, stage: str) -> list[float]:
        """Return the ms of a stage in ``turns`` for each command in both."""
        return [turns[text][stage] for text in self.both]

    def added(self) -> list[float]:
        """Return what the graph added to the wait for each command, in ms."""
        pairs = zip(self.of(self.graph, 'total'), self.of(self.alone, 'total'), strict=True)
        return [with_graph - without for with_graph, without in pairs]


def run() -> list[Record]:
    """Return the figures; about five minutes."""
    engines = Engines.open(Settings(), 0)
    with tempfile.TemporaryDirectory(prefix='tektra-bench-') as folder:
        path = Path(folder) / 'commands.wav'
        pcm = make_recording(path)
        idle = _compare(engines, path, pcm)
        with busy_processes(BUSY):
            loaded = _compare(engines, path, pcm)
    return [*_records('idle', idle, budgets=True), *_records('both cores loaded', loaded)]


# ---- the recording


def make_recording(path: Path) -> Samples:
    """Speak all commands into one WAV file, 16 kHz mono; return its samples."""
    parts = [_silence(LEAD_S)]
    for text in COMMANDS:
        parts += [_speak(text, path.with_name('spoken.wav')), _silence(GAP_S)]
    pcm = np.concatenate(parts)
    soundfile.write(path, pcm, RATE, 'PCM_16')
    return pcm


def _speak(text: str, path: Path) -> Samples:
    """Return ``text`` as spoken by the GPL engine in a process of its own."""
    render = [sys.executable, '-m', 'tektra.tts.render', '--out', str(path)]
    subprocess.run([*render, '--voice', VOICE, '--rate', str(SPEED), text], check=True, timeout=60)
    audio, rate = soundfile.read(path, dtype='float32')
    return to_int16(StreamResampler(rate, RATE).push(audio, last=True))


def _silence(s: float) -> Samples:
    return np.zeros(round(s * RATE), np.int16)


# ---- the two ways through


def _compare(engines: Engines, path: Path, pcm: Samples) -> Pair:
    return Pair(graph=through_graph(path), alone=in_one_process(engines, pcm))


def in_one_process(engines: Engines, pcm: Samples) -> Turns:
    """Return the latency of each command without ROS.

    At the pace of real time, so that caches are as cold and clocks as slow as in the graph; what
    has to be computed takes the time it takes.
    """
    begin = time.time_ns()
    log, agenda = ConversationLog(), Agenda(begin, wait=_real_time(begin))

    def observe(topic: str, message: Any) -> None:
        if topic == 'audio/mic':
            log.feed_mic(message, agenda.now_ns)
        elif topic in TOPICS:
            log.feed(message, agenda.now_ns)

    loop = VoiceLoop(engines, agenda, observe, wall=lambda: datetime.now().astimezone())
    loop.hear(microphone(pcm, begin))
    agenda.run(lambda: log.ended(agenda.now_ns) is not None)
    return _turns(log)


def _real_time(begin_ns: int) -> Any:
    began = time.monotonic_ns()

    def wait(now_ns: int) -> None:
        early = now_ns - begin_ns - (time.monotonic_ns() - began)
        if early > 0:
            time.sleep(early / NS_PER_S)

    return wait


def through_graph(path: Path) -> Turns:
    """Return the latency of each command through the launched graph, in real time."""
    log = ConversationLog()
    args = {'input': 'file', 'input_uri': str(path), 'speaker': 'none'}
    with graph(args, lambda started: _observe(started, log)) as (started, _):
        over = started.client.wait(lambda: log.ended(time.time_ns()) is not None, ATTEMPT_S)
    if not over:
        raise RuntimeError(f'the conversation was not over after {ATTEMPT_S:.0f} s')
    return _turns(log)


def _observe(started: Graph, log: ConversationLog) -> None:
    for name in TOPICS:
        started.client.subscribe(name, lambda message: log.feed(message, time.time_ns()))
    started.client.subscribe('audio/mic', lambda chunk: log.feed_mic(chunk, time.time_ns()))


def _turns(log: ConversationLog) -> Turns:
    rows: Any = log.report()['turns']
    return {
        row['heard']: row['latency_ms'] for row in rows if row['latency_ms']['total'] is not None
    }


# ---- the load


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Keep ``count`` processes computing; they end by themselves if this one dies."""
    limit_s = 4 * ATTEMPT_S
    code = f'import time\nend = time.monotonic() + {limit_s}\nwhile time.monotonic() < end: pass'
    running = [subprocess.Popen([sys.executable, '-c', code]) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


# ---- the figures


def _records(when: str, pair: Pair, budgets: bool = False) -> list[Record]:
    if not pair.both:
        heard: Mapping[str, object] = {'graph': [*pair.graph], 'one process': [*pair.alone]}
        raise RuntimeError(f'{when}: no command was answered both ways: {heard}')
    added = pair.added()
    rows = [
        Record(f'commands compared, {when}', len(pair.both), '', float(len(COMMANDS))),
        Record(f'added by the graph, {when}, p50', percentile(added, 0.5), 'ms'),
        Record(f'added by the graph, {when}, p95', percentile(added, 0.95), 'ms'),
    ]
    for stage, fraction, budget in (
        ('graph', 0.5, None),
        ('graph', 0.95, GRAPH_BUDGET_MS),
        ('stt', 0.5, None),
        ('endpoint', 0.5, None),
        ('total', 0.5, TOTAL_BUDGET_MS),
        ('total', 0.95, None),
    ):
        name = f'{stage}, {when}, p{fraction * 100:.0f}'
        value = percentile(pair.of(pair.graph, stage), fraction)
        alone = percentile(pair.of(pair.alone, stage), fraction)
        rows.append(Record(name, value, 'ms', alone, budget if budgets else None))
    return rows
