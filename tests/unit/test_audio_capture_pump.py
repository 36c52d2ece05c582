"""The pump: pacing, stalls, failures, changes of source; in its own thread, on a real clock."""

import threading

import numpy as np
import pytest

from tektra.audio_capture.backend import Block, LiveQueue
from tektra.audio_capture.backends.file import FileSource
from tektra.audio_capture.backends.silence import Silence
from tektra.audio_capture.core import CaptureCore
from tektra.audio_capture.fast_clock import FastClock
from tektra.audio_capture.framing import CHUNK, CHUNK_NS, SAMPLE_NS
from tektra.audio_capture.pump import Pump, Stream
from tektra.audio_capture.sources import Request, check_fast, factories, open_source, order_of
from tektra.runtime.backends import BackendChain, BackendUnavailable
from tektra.runtime.clock import BootClock

S = 1_000_000_000


class Sink:
    """Keeps what the pump sends."""

    def __init__(self):
        self.chunks, self.at_ns, self.ticks, self.problems, self.gone, self.errors = (
            [] for _ in range(6)
        )
        self.clock = BootClock()
        self.changed = threading.Condition()

    def publish(self, chunk):
        with self.changed:
            self.chunks.append(chunk)
            self.at_ns.append(self.clock.now_ns())
            self.changed.notify_all()

    def publish_clock(self, now_ns):
        with self.changed:
            self.ticks.append(now_ns)
            self.changed.notify_all()

    def condition(self, problem):
        with self.changed:
            if not self.problems or self.problems[-1] != problem:
                self.problems.append(problem)
            self.changed.notify_all()

    def dropped(self, node):
        self.gone.append(node)

    def error(self, error):
        self.errors.append(error)

    def until(self, done, limit_s=10.0):
        with self.changed:
            assert self.changed.wait_for(done, limit_s), f'not within the limit; {self.errors}'


class Line:
    """A live source that the test feeds."""

    live, label, problem = True, 'line', ''

    def __init__(self):
        self.blocks, self.started, self.closed, self.broken = LiveQueue(100), 0, 0, None

    @property
    def queue(self):
        return len(self.blocks), self.blocks.dropped

    def start(self):
        self.started += 1

    def read(self, timeout_s):
        if self.broken:
            raise self.broken
        return self.blocks.pop(timeout_s)

    def stop(self):
        self.started -= 1

    def close(self):
        self.closed += 1

    def speak(self, frames, first, clock):
        samples = np.full((frames, 1), 0.25, np.float32)
        self.blocks.push(Block(samples, 16000, first, clock.now_ns()))


def stream_of(*sources, name='s', **more):
    chain = BackendChain(
        'audio_capture',
        [f'b{i}' for i in range(len(sources))],
        {f'b{i}': (lambda source=source: source) for i, source in enumerate(sources)},
        lambda status: None,
    )
    chain.open(0)
    return Stream(chain, CaptureCore(name, 0), **more)


@pytest.fixture
def pumping():
    running = []

    def run(stream, fast=None):
        sink = Sink()
        pump = Pump(stream, sink, BootClock(), fast)
        running.append(pump)
        pump.start()
        return pump, sink

    yield run
    for pump in running:
        pump.stop()


def stamp_ns(chunk):
    return chunk.header.stamp.sec * S + chunk.header.stamp.nanosec


def write(path, pcm):
    import soundfile

    soundfile.write(path, pcm, 16000)
    return FileSource(str(path))


def test_a_recording_is_paced_by_an_absolute_schedule(pumping, tmp_path):
    source = write(tmp_path / 'a.wav', np.full(16000, 8192, np.int16))
    _, sink = pumping(stream_of(source, lead_in=3))
    sink.until(lambda: len(sink.chunks) >= 45)
    stamps = [stamp_ns(c) for c in sink.chunks]
    assert np.diff(stamps).tolist() == [CHUNK_NS] * (len(stamps) - 1)
    # never before its last sample would have been heard, and lateness does not add up
    late = [at - (stamp + CHUNK_NS) for at, stamp in zip(sink.at_ns, stamps, strict=False)]
    assert min(late) >= 0
    assert min(late[-5:]) < CHUNK_NS
    levels = [c.level_dbfs > -20 for c in sink.chunks]
    assert levels[:3] == [False] * 3
    assert levels[3:34] == [True] * 31
    assert [c.last for c in sink.chunks] == [i >= 34 for i in range(len(sink.chunks))]
    assert not any(levels[35:])  # silence in the same stream
    assert {c.stream_id for c in sink.chunks} == {'s'}


def test_after_the_end_nothing_comes_if_so_wished(pumping, tmp_path):
    source = write(tmp_path / 'a.wav', np.full(600, 8192, np.int16))
    _, sink = pumping(stream_of(source, keep_on=False))
    sink.until(lambda: sink.chunks and sink.chunks[-1].last)
    threading.Event().wait(0.2)
    assert len(sink.chunks) == 2


def test_a_live_source_that_stalls_becomes_silence_and_says_so(pumping):
    line = Line()
    pump, sink = pumping(stream_of(line))
    clock = BootClock()
    line.speak(CHUNK, 0, clock)
    sink.until(lambda: len(sink.chunks) == 1)
    sink.until(lambda: 'line: no audio comes' in sink.problems)
    sink.until(lambda: len(sink.chunks) >= 5)
    assert pump.stream.core.losses.gaps == 1
    assert sink.chunks[1].first_sample - CHUNK >= 0.5 * 16000
    line.speak(CHUNK, CHUNK, clock)
    sink.until(lambda: sink.problems[-1] == '')
    sink.until(lambda: any(c.level_dbfs > -20 for c in sink.chunks[1:]))
    heard = next(c for c in sink.chunks[1:] if c.level_dbfs > -20)
    seconds_apart = (stamp_ns(heard) - stamp_ns(sink.chunks[0])) / S
    samples_apart = heard.first_sample - sink.chunks[0].first_sample
    assert samples_apart / 16000 == pytest.approx(seconds_apart, abs=0.05)


def test_a_source_that_breaks_is_followed_by_the_next_one(pumping):
    line = Line()
    pump, sink = pumping(stream_of(line, Silence()))
    line.broken = OSError('the driver crashed')
    sink.until(lambda: len(sink.chunks) >= 3)
    assert sink.problems[-1] == 'line broke: the driver crashed; now: b1'
    assert pump.stream.chain.active_name == 'b1'
    assert line.closed == 1


def test_another_source_is_another_stream_and_the_old_one_ends(pumping):
    line = Line()
    pump, sink = pumping(stream_of(Silence(), name='old'))
    sink.until(lambda: len(sink.chunks) >= 3)
    pump.swap(stream_of(line, name='new'))
    sink.until(lambda: line.started)
    line.speak(CHUNK, 0, BootClock())
    sink.until(lambda: sink.chunks[-1].stream_id == 'new')
    old = [c for c in sink.chunks if c.stream_id == 'old']
    new = [c for c in sink.chunks if c.stream_id == 'new']
    assert [c.last for c in old] == [False] * (len(old) - 1) + [True]
    assert (new[0].seq, new[0].first_sample) == (0, 0)
    assert abs(sink.at_ns[-1] - stamp_ns(new[0])) < S
    pump.stop()
    assert line.started == 0


class Stubborn(Line):
    """A source that cannot be closed, or only when it is let."""

    def __init__(self, gate=None):
        super().__init__()
        self.gate, self.closing = gate, threading.Event()

    def close(self):
        super().close()
        self.closing.set()
        if self.gate is None:
            raise OSError('the handle is invalid')
        assert self.gate.wait(10)


def test_a_source_asked_for_while_the_old_one_closes_is_not_forgotten(pumping):
    gate = threading.Event()
    old, second, third = Stubborn(gate), Line(), Line()
    pump, sink = pumping(stream_of(old, name='old'))
    pump.swap(stream_of(second, name='second'))
    assert old.closing.wait(10)
    pump.swap(stream_of(third, name='third'))
    gate.set()
    sink.until(lambda: third.started == 1 or sink.errors)
    third.speak(CHUNK, 0, BootClock())
    sink.until(lambda: sink.chunks and sink.chunks[-1].stream_id == 'third')
    assert (second.closed, third.closed) == (1, 0)


def test_a_broken_source_that_cannot_be_closed_is_followed_by_the_next_one(pumping):
    line = Stubborn()
    _, sink = pumping(stream_of(line, Silence()))
    line.broken = OSError('the driver crashed')
    sink.until(lambda: len(sink.chunks) >= 3)
    assert line.closed == 1


def test_another_source_begins_though_the_old_one_cannot_be_closed(pumping):
    line = Line()
    pump, sink = pumping(stream_of(Stubborn()))
    pump.swap(stream_of(line, name='new'))
    sink.until(lambda: line.started or len(sink.errors) > 1)
    line.speak(CHUNK, 0, BootClock())
    sink.until(lambda: sink.chunks and sink.chunks[-1].stream_id == 'new')
    assert [str(e) for e in sink.errors] == ['the handle is invalid']


def test_when_no_source_is_left_that_is_said_and_another_can_still_be_chosen(pumping):
    line, other = Line(), Line()
    pump, sink = pumping(stream_of(line))
    line.broken = OSError('the driver crashed')
    sink.until(lambda: sink.problems and sink.problems[-1].endswith('now: nothing'))
    pump.swap(stream_of(other, name='new'))
    sink.until(lambda: other.started)
    other.speak(CHUNK, 0, BootClock())
    sink.until(lambda: sink.chunks and sink.chunks[-1].stream_id == 'new')


def test_of_several_sources_asked_for_at_once_the_newest_is_kept(
    pumping,
):
    first, second, third = Line(), Line(), Line()
    pump = Pump(stream_of(first), Sink(), BootClock())  # not running: nothing is taken over
    pump.swap(stream_of(second))
    newest = stream_of(third)
    pump.swap(newest)
    assert (first.closed, second.closed, third.closed) == (0, 1, 0)
    pump.stop()
    assert (first.closed, second.closed, third.closed) == (1, 1, 0)
    assert pump.stream is newest


def run_fast(pumping, source, names=('vad',), *, stop_at, window=2, **more):
    """Run fast with participants that answer each tick at once; return the sink."""
    fast = FastClock(100 * S, names, BootClock().now_ns(), window=window)
    pump, sink = pumping(stream_of(source, Silence(), **more), fast)
    answered = 0
    while not stop_at(sink):
        sink.until(lambda seen=answered: len(sink.ticks) > seen)
        answered = len(sink.ticks)
        with pump.condition:
            for name in names:
                fast.on_progress(name, sink.ticks[-1], False, BootClock().now_ns())
            pump.condition.notify()
    return sink


def ended(sink):
    return any(c.last for c in sink.chunks)


def test_fast_time_is_the_time_of_the_samples(pumping, tmp_path):
    pcm = np.full(5 * 16000, 8192, np.int16)
    sink = run_fast(pumping, write(tmp_path / 'a.wav', pcm), stop_at=ended)
    assert [stamp_ns(c) - 100 * S for c in sink.chunks] == [
        c.first_sample * SAMPLE_NS for c in sink.chunks
    ]
    assert sink.ticks[0] == 100 * S  # everybody sees where time begins
    moved = sorted(set(sink.ticks))
    assert set(np.diff(moved)) == {CHUNK_NS}
    assert next(c.seq for c in sink.chunks if c.last) == 5 * 16000 // CHUNK


def damaged(path, seconds):
    """A flac file of a tone that holds noise from its middle on."""
    import soundfile

    tone = (np.sin(np.arange(seconds * 16000) / 20) * 8000).astype(np.int16)
    soundfile.write(path, tone, 16000)
    data = bytearray(path.read_bytes())
    half = len(data) // 2
    data[half:] = np.random.default_rng(1).bytes(len(data) - half)
    path.write_bytes(data)
    return FileSource(str(path))


def test_a_recording_that_is_damaged_ends_there_and_says_why(pumping, tmp_path):
    source = damaged(tmp_path / 'a.flac', 1)
    _, sink = pumping(stream_of(source, Silence()))
    sink.until(lambda: ended(sink) and sink.chunks[-1].seq > 2)
    sink.until(lambda: 'a.flac is damaged' in sink.problems[-1])
    assert sum(c.level_dbfs > -20 for c in sink.chunks) > 3  # what is before it was heard
    sink.until(lambda: sum(c.last for c in sink.chunks) > 1)  # silence follows, and says so too
    chunks = list(sink.chunks)
    assert [c.seq for c in chunks] == list(range(len(chunks)))
    first = next(c.seq for c in chunks if c.last)
    assert [c.last for c in chunks] == [c.seq >= first for c in chunks]


def test_a_damaged_recording_ends_simulated_time_where_it_stands(pumping, tmp_path):
    source = damaged(tmp_path / 'a.flac', 4)
    sink = run_fast(pumping, source, stop_at=ended)
    assert 'a.flac is damaged' in sink.problems[-1]
    assert [stamp_ns(c) - 100 * S for c in sink.chunks] == [
        c.first_sample * SAMPLE_NS for c in sink.chunks
    ]
    sink.until(lambda: sink.ticks[-1] - 100 * S == len(sink.chunks) * CHUNK_NS)


def test_fast_silence_goes_in_bursts_and_speech_chunk_by_chunk(pumping, tmp_path):
    pcm = np.zeros(60 * 16000, np.int16)
    pcm[50 * 16000 : 52 * 16000] = 8192
    sink = run_fast(pumping, write(tmp_path / 'a.wav', pcm), stop_at=ended)
    steps = np.diff(sorted(set(sink.ticks))) // CHUNK_NS
    assert steps.max() == 16
    assert len(steps) < 600  # of 1875 chunks
    speech = [t for t in sorted(set(sink.ticks)) if 150 * S < t <= 152 * S]
    assert set(np.diff(speech)) == {CHUNK_NS}
    joined = np.concatenate([np.frombuffer(bytes(c.data), '<i2') for c in sink.chunks])
    assert np.array_equal(joined[: pcm.size], pcm)


def test_fast_time_goes_on_without_a_participant_that_died(pumping):
    fast = FastClock(100 * S, ('vad',), BootClock().now_ns(), timeout_ns=S // 2)
    _, sink = pumping(stream_of(Silence()), fast)
    sink.until(lambda: len(sink.chunks) >= 3)
    assert sink.gone == ['vad']


def test_the_order_of_backends_ends_with_silence():
    assert order_of('auto') == ('miniaudio', 'pyaudio', 'silence')
    assert order_of('tcp') == ('tcp', 'silence')
    assert order_of('silence') == ('silence',)
    known = factories(Request('auto'), BootClock())
    for kind in ('auto', 'device', 'file', 'scene', 'tcp', 'udp', 'topic', 'silence'):
        assert set(order_of(kind)) <= set(known)


def test_what_cannot_be_opened_is_silence_with_the_reason(tmp_path):
    changes = []
    opened = open_source(Request('file', str(tmp_path)), BootClock(), changes.append)
    assert opened.chain.active_name == 'silence'
    assert opened.notice.startswith(f'{tmp_path} is a directory')
    assert changes[-1].active == 'silence'
    with pytest.raises(BackendUnavailable, match='is a directory'):
        opened.required()


def test_simulated_time_refuses_what_it_cannot_hold_back():
    for kind in ('file', 'scene', 'silence'):
        check_fast(Request(kind))
    for kind in ('auto', 'device', 'tcp', 'udp', 'topic'):
        with pytest.raises(BackendUnavailable, match=f"not with '{kind}'"):
            check_fast(Request(kind))
