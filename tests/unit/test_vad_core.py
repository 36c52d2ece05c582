"""VadCore with scripted probabilities: start, pause, resume and end, to the sample."""

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from hypothesis import given
from hypothesis import strategies as st
from tektra_msgs.msg import AudioChunk, VoiceActivity

from tektra.vad.core import ChunkError, VadCore, VadOptions

FRAME = 512
CHUNK_NS = 32_000_000
START, SILENCE, RESUME, END, ABORT = (
    VoiceActivity.EVENT_START,
    VoiceActivity.EVENT_SILENCE,
    VoiceActivity.EVENT_RESUME,
    VoiceActivity.EVENT_END,
    VoiceActivity.EVENT_ABORT,
)


class Script:
    """A detector that reads the probability out of the audio: sample value / 1000."""

    name = 'script'

    def __init__(self):
        self.resets = 0

    def probability(self, frame, now_ns):
        return float(frame[0]) * 32768 / 1000

    def reset(self):
        self.resets += 1


class Room:
    """Feeds a core chunk by chunk and keeps the events."""

    def __init__(self, **options):
        self.detector = Script()
        ids = iter(f'u{i}' for i in range(1000))
        self.core = VadCore(self.detector, VadOptions(**options), lambda: next(ids))
        self.sample, self.now_ns, self.seen, self.stream = 0, 0, [], 'mic'

    def hear(self, probabilities, size=FRAME):
        pcm = np.repeat(np.array([round(p * 1000) for p in probabilities], '<i2'), FRAME)
        for at in range(0, len(pcm), size):
            part = pcm[at : at + size]
            stamp_ns = self.sample * 62_500
            chunk = AudioChunk(
                stream_id=self.stream,
                first_sample=self.sample,
                sample_rate=16000,
                channels=1,
                encoding=AudioChunk.ENCODING_S16LE,
                data=part.tobytes(),
            )
            chunk.header.stamp = Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
            self.seen += self.core.on_chunk(chunk, self.now_ns)
            self.sample += len(part)
            self.now_ns += len(part) * 62_500
        return self

    def events(self):
        return [m.event for m in self.seen if m.event]

    def of(self, event):
        return [m for m in self.seen if m.event == event]


def test_an_utterance_starts_pauses_and_ends_at_exact_samples():
    room = Room().hear([0.1] * 3 + [0.9] * 10 + [0.0] * 30)
    assert room.events() == [START, SILENCE, END]
    start, end = room.of(START)[0], room.of(END)[0]
    assert start.start_sample == 3 * FRAME
    assert start.first_sample == 4 * FRAME  # announced with the second voiced chunk
    assert end.start_sample == 3 * FRAME
    assert end.end_sample == 13 * FRAME
    assert room.of(SILENCE)[0].silence_s == pytest.approx(0.192)
    assert end.silence_s == pytest.approx(0.704)
    assert {m.utterance_id for m in room.seen if m.event} == {'u0'}


def test_speech_after_a_pause_resumes_the_same_utterance():
    room = Room().hear([0.9] * 10 + [0.0] * 8 + [0.9] * 5 + [0.0] * 30)
    assert room.events() == [START, SILENCE, RESUME, SILENCE, END]
    assert len({m.utterance_id for m in room.seen if m.event}) == 1
    assert room.of(END)[0].end_sample == 23 * FRAME


def test_a_short_pause_is_no_event():
    assert Room().hear([0.9] * 10 + [0.0] * 4 + [0.9] * 5).events() == [START]


def test_a_probability_between_the_thresholds_keeps_speech_going_but_does_not_begin_it():
    assert Room().hear([0.4] * 20).events() == []
    assert Room().hear([0.9] * 3 + [0.4] * 50).events() == [START]


def test_speech_without_a_pause_is_cut_into_utterances_that_miss_no_sample():
    room = Room(longest_s=5.0).hear([0.9] * 400 + [0.0] * 30)
    assert room.events() == [START, END] * 2 + [START, SILENCE, END]
    ends, starts = room.of(END), room.of(START)
    assert all(m.end_sample - m.start_sample <= 5 * 16000 + FRAME for m in ends)
    assert [m.start_sample for m in starts[1:]] == [m.end_sample for m in ends[:-1]]
    assert ends[-1].end_sample == 400 * FRAME
    assert len({m.utterance_id for m in ends}) == 3


def test_one_loud_chunk_is_not_speech():
    assert Room().hear([0.0] * 3 + [0.9] + [0.0] * 40).events() == []


def test_an_utterance_shorter_than_the_minimum_speech_is_void():
    room = Room().hear([0.9] * 3 + [0.0] * 40)
    assert room.events() == [START, ABORT]


def test_every_chunk_of_an_utterance_is_reported_and_every_fourth_of_silence():
    room = Room().hear([0.0] * 40)
    assert len(room.seen) == 10
    room = Room().hear([0.9] * 20)
    assert len(room.seen) == 19  # all but the first, which is not yet an utterance


def test_stamps_are_the_acquisition_time_of_the_judged_samples():
    room = Room().hear([0.9] * 40, size=300)
    for message in room.seen:
        stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        assert stamp_ns == message.first_sample * 62_500


@pytest.mark.parametrize('size', [1, 160, 511, 512, 513, 4096, 50_000])
def test_chunks_of_any_size_give_the_same_decisions(size):
    script = [0.0] * 5 + [0.9] * 12 + [0.0] * 9 + [0.8] * 6 + [0.0] * 30
    wanted, got = Room().hear(script), Room().hear(script, size)
    assert [(m.event, m.first_sample, m.end_sample) for m in got.seen] == [
        (m.event, m.first_sample, m.end_sample) for m in wanted.seen
    ]


def test_a_lost_chunk_does_not_cut_the_utterance_but_resets_the_model():
    room = Room().hear([0.9] * 10)
    resets = room.detector.resets
    room.sample += 2 * FRAME
    room.hear([0.9] * 10 + [0.0] * 30)
    assert room.events() == [START, SILENCE, END]
    assert room.detector.resets == resets + 1
    assert room.core.gaps == 1
    assert room.of(END)[0].end_sample == 22 * FRAME


def test_a_long_gap_ends_the_utterance_where_it_was_last_voiced():
    room = Room().hear([0.9] * 10)
    room.sample += 16_000
    room.hear([0.0] * 4)
    assert room.events() == [START, END]
    assert room.of(END)[0].end_sample == 10 * FRAME


def test_an_index_that_steps_back_ends_the_utterance():
    room = Room().hear([0.9] * 10)
    room.sample -= 4 * FRAME
    room.hear([0.9] * 4)
    assert room.events() == [START, END, START]


def test_another_stream_ends_the_utterance_of_the_first():
    room = Room().hear([0.9] * 10)
    room.stream, room.sample = 'other', 0
    room.hear([0.9] * 4)
    assert [(m.event, m.stream_id) for m in room.seen if m.event] == [
        (START, 'mic'),
        (END, 'mic'),
        (START, 'other'),
    ]


def test_audio_that_stops_within_an_utterance_ends_it_after_a_second():
    room = Room().hear([0.9] * 10)
    assert room.core.on_tick(room.now_ns + 900_000_000) == []
    ended = room.core.on_tick(room.now_ns + 1_100_000_000)
    assert [m.event for m in ended] == [END]
    assert room.core.on_tick(room.now_ns + 9_000_000_000) == []


def test_audio_that_stops_after_a_click_voids_it():
    room = Room().hear([0.9] * 3)
    ended = room.core.on_tick(room.now_ns + 1_100_000_000)
    assert [m.event for m in ended] == [ABORT]


def test_the_same_stream_may_go_on_after_the_audio_had_stopped():
    room = Room().hear([0.9] * 10)
    room.core.on_tick(room.now_ns + 2_000_000_000)
    room.hear([0.9] * 10)
    assert room.events() == [START, START]  # the END came out of on_tick
    assert room.of(START)[1].start_sample == 10 * FRAME


@pytest.mark.parametrize(
    ('field', 'value'),
    [('sample_rate', 48000), ('channels', 2), ('encoding', AudioChunk.ENCODING_UNKNOWN)],
)
def test_audio_of_another_format_is_refused_with_the_field_and_the_value(field, value):
    chunk = AudioChunk(sample_rate=16000, channels=1, encoding=AudioChunk.ENCODING_S16LE)
    setattr(chunk, field, value)
    with pytest.raises(ChunkError, match=f'{field} = {value}'):
        Room().core.on_chunk(chunk, 0)


def test_half_a_sample_is_refused():
    chunk = AudioChunk(
        sample_rate=16000, channels=1, encoding=AudioChunk.ENCODING_S16LE, data=b'\0\0\0'
    )
    with pytest.raises(ChunkError, match='3 bytes'):
        Room().core.on_chunk(chunk, 0)


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1, width=16),
            st.integers(1, 12),
            st.sampled_from([0, 0, 0, 0, FRAME, 30_000, -700]),
        ),
        max_size=40,
    )
)
def test_events_alternate_and_indexes_grow_whatever_comes(runs):
    room = Room()
    is_open, paused = False, False
    for probability, count, gap in runs:
        room.sample = max(0, room.sample + gap)
        before = len(room.seen)
        room.hear([probability] * count)
        last_end = 0
        for message in room.seen[before:]:
            event = message.event
            assert (event == START) <= (not is_open)
            assert (event in (SILENCE, RESUME, END, ABORT)) <= is_open
            assert (event == RESUME) <= paused
            is_open = event == START or (is_open and event not in (END, ABORT))
            paused = event == SILENCE or (paused and event not in (RESUME, END, ABORT))
            if message.utterance_id:
                assert message.start_sample < message.end_sample
                assert message.end_sample <= message.first_sample + message.sample_count
                assert (event in (START, END, ABORT)) or message.end_sample >= last_end
                last_end = 0 if event in (END, ABORT) else message.end_sample
    room.core.stop()
    assert not room.core.utterance_open
