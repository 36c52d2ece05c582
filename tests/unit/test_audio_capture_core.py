"""The stream: indexes, stamps, gaps, ends."""

from itertools import pairwise

import numpy as np
import pytest

from tektra.audio_capture.backend import Block, LiveQueue, Rebase
from tektra.audio_capture.core import CaptureCore
from tektra.audio_capture.framing import CHUNK, CHUNK_NS, RATE, SAMPLE_NS
from tektra.audio_capture.timeline import Timeline

MS = 1_000_000
T0 = 5_000 * MS


def block(frames, first, arrival=None, rate=RATE, value=0.25, channels=1, last=False):
    return Block(np.full((frames, channels), value, np.float32), rate, first, arrival, last)


def stamp_ns(chunk):
    return chunk.header.stamp.sec * 1_000_000_000 + chunk.header.stamp.nanosec


def pcm(chunk):
    return np.frombuffer(bytes(chunk.data), '<i2')


def live(core, count, *, frames=320, start=0, at=T0, lost=()):
    """Feed blocks as a device would, without those in ``lost``; return chunks."""
    chunks = []
    for i in range(count):
        if i not in lost:
            end = at + (i + 1) * frames * SAMPLE_NS
            chunks += core.push(block(frames, start + i * frames, end))
    return chunks


def test_chunks_say_what_they_are():
    core = CaptureCore('s1', T0, frame_id='mic')
    (chunk,) = core.push(block(CHUNK, 0, value=0.5))
    assert (chunk.stream_id, chunk.seq, chunk.first_sample) == ('s1', 0, 0)
    assert (chunk.sample_rate, chunk.channels, chunk.encoding) == (16000, 1, chunk.ENCODING_S16LE)
    assert (len(chunk.data), chunk.header.frame_id, chunk.last) == (1024, 'mic', False)
    assert chunk.level_dbfs == pytest.approx(-6.02, abs=0.01)
    assert (chunk.session_id, chunk.turn_seq, chunk.utterance_id) == ('', 0, '')


def test_clipping_is_counted_per_chunk():
    core = CaptureCore('s', T0)
    loud = np.full((2 * CHUNK, 1), 0.1, np.float32)
    loud[10:15] = 1.5
    first, second = core.push(Block(loud, RATE, 0))
    assert (first.clipped_samples, second.clipped_samples) == (5, 0)


def test_a_paced_stream_is_stamped_by_its_samples_without_drift():
    core = CaptureCore('s', T0)
    chunks = [c for i in range(2000) for c in core.push(block(CHUNK, i * CHUNK))]
    assert [stamp_ns(c) - T0 for c in chunks] == [i * CHUNK_NS for i in range(2000)]


def test_the_stamp_of_a_live_chunk_is_when_its_first_sample_was_taken():
    rng = np.random.default_rng(3)
    core = CaptureCore('s', T0)
    chunks = []
    for i in range(400):
        jitter = int(rng.exponential(4 * MS))  # delivery is late, never early
        chunks += core.push(block(320, i * 320, T0 + (i + 1) * 20 * MS + jitter))
    errors = [stamp_ns(c) - (T0 + c.first_sample * SAMPLE_NS) for c in chunks[60:]]
    assert max(abs(e) for e in errors) < 3 * MS
    stamps = [stamp_ns(c) for c in chunks]
    assert stamps == sorted(stamps)


def test_the_stamps_follow_a_sound_card_whose_clock_is_slow():
    core = CaptureCore('s', T0)
    slow = 1 + 200e-6
    chunks = []
    for i in range(6000):  # two minutes
        chunks += core.push(block(320, i * 320, T0 + round((i + 1) * 20 * MS * slow)))
    last = chunks[-1]
    assert abs(stamp_ns(last) - (T0 + last.first_sample * SAMPLE_NS * slow)) < 2 * MS
    assert core.losses.gaps == 0


def test_lost_frames_are_a_jump_of_first_sample_of_their_length():
    core = CaptureCore('s', T0)
    chunks = live(core, 200, lost=range(50, 100))
    jumps = [b.first_sample - a.first_sample - CHUNK for a, b in pairwise(chunks)]
    assert [j for j in jumps if j] == [50 * 320 - (-50 * 320 % CHUNK)]
    assert (core.losses.gaps, core.losses.lost_samples) == (1, 50 * 320)
    assert [c.seq for c in chunks] == list(range(len(chunks)))
    after = next(c for c in chunks if c.first_sample > 60 * 320)
    assert abs(stamp_ns(after) - (T0 + after.first_sample * SAMPLE_NS)) < MS


def test_a_gap_shorter_than_a_chunk_is_filled_with_zeros_and_counted():
    core = CaptureCore('s', T0)
    chunks = core.push(block(100, 0)) + core.push(block(1000, 150))
    assert [c.first_sample for c in chunks] == [0, CHUNK]
    assert pcm(chunks[0])[100:150].tolist() == [0] * 50
    assert pcm(chunks[0])[99] == pcm(chunks[0])[150] == 8192
    assert (core.losses.gaps, core.losses.lost_samples) == (1, 50)


def test_gaps_of_a_48_khz_stream_are_counted_in_samples_of_the_output():
    core = CaptureCore('s', T0)
    chunks = core.push(block(48000, 0, rate=48000)) + core.push(block(48000, 96000, rate=48000))
    chunks += core.finish()
    assert core.losses.lost_samples == 16000
    assert chunks[-1].first_sample + CHUNK == pytest.approx(48000, abs=CHUNK)


def test_frames_that_come_twice_are_heard_once():
    core = CaptureCore('s', T0)
    chunks = core.push(block(400, 0)) + core.push(block(400, 200)) + core.finish()
    assert sum(np.count_nonzero(pcm(c)) for c in chunks) == 600


def test_a_silent_overrun_is_found_by_time():
    core = CaptureCore('s', T0)
    chunks = live(core, 50)
    # The driver lost 300 ms without saying so: the count goes on, the clock has moved.
    chunks += live(core, 100, start=50 * 320, at=T0 + 50 * 20 * MS + 300 * MS)
    assert core.losses.gaps == 1
    assert core.losses.lost_samples == pytest.approx(300 * 16, abs=16)
    last = chunks[-1]
    assert abs(stamp_ns(last) - (T0 + last.first_sample * SAMPLE_NS)) < 2 * MS


def test_a_late_burst_is_not_a_gap():
    core = CaptureCore('s', T0)
    live(core, 50)
    late = T0 + 50 * 20 * MS + 400 * MS
    for i in range(50, 70):  # 400 ms at once
        core.push(block(320, i * 320, late))
    live(core, 100, start=70 * 320, at=late)
    assert core.losses.gaps == 0


def test_a_stalled_source_becomes_silence_after_a_gap_and_time_goes_on():
    core = CaptureCore('s', T0)
    live(core, 50)  # one second
    chunks = core.fill(T0 + 1500 * MS)
    chunks += core.fill(T0 + 1600 * MS)
    assert (core.losses.gaps, core.losses.lost_samples) == (1, 8000)
    silent = [c for c in chunks if c.first_sample >= 24000]
    assert [c.first_sample for c in silent] == [24000, 24000 + CHUNK, 24000 + 2 * CHUNK]
    assert all(c.level_dbfs == -120 for c in silent)
    back = T0 + 3_000 * MS
    chunks = live(core, 20, start=50 * 320, at=back)
    assert core.losses.gaps == 2
    heard = next(c for c in chunks if c.level_dbfs > -20)
    assert abs(stamp_ns(heard) - (T0 + heard.first_sample * SAMPLE_NS)) < MS


def test_before_the_first_sound_of_a_live_source_there_is_silence_and_no_gap():
    core = CaptureCore('s', T0)
    waiting = core.fill(T0 + 500 * MS)
    assert [c.first_sample for c in waiting] == [i * CHUNK for i in range(15)]
    chunks = live(core, 10, at=T0 + 700 * MS)
    assert core.losses.gaps == 0
    assert abs(stamp_ns(chunks[-1]) - (T0 + chunks[-1].first_sample * SAMPLE_NS)) < MS


def test_the_final_chunk_and_the_silence_after_it_are_marked_in_the_same_stream():
    core = CaptureCore('s', T0)
    chunks = core.push(block(600, 0)) + core.push(block(600, 600, last=True)) + core.silence()
    assert [c.last for c in chunks] == [False, False, True, True]
    assert [c.first_sample for c in chunks] == [0, CHUNK, 2 * CHUNK, 3 * CHUNK]
    assert core.ended
    assert core.finish() == []


def test_a_file_of_whole_chunks_marks_its_own_last_chunk():
    core = CaptureCore('s', T0)
    chunks = core.push(block(2 * CHUNK, 0, last=True))
    assert [(c.last, c.level_dbfs > -20) for c in chunks] == [(False, True), (True, True)]


def test_an_empty_recording_is_one_silent_chunk_marked_as_last():
    core = CaptureCore('s', T0)
    (chunk,) = core.push(Block(np.empty((0, 2), np.float32), 44100, 0, last=True))
    assert chunk.last
    assert chunk.level_dbfs == -120


def test_the_timeline_moves_when_the_machine_slept():
    timeline = Timeline(T0)
    timeline.shift(7 * MS)
    assert timeline.at(16) == T0 + 8 * MS


def test_a_full_queue_drops_the_oldest_and_counts_it():
    queue = LiveQueue(3)
    for first in range(5):
        queue.push(block(1, first))
    assert (len(queue), queue.dropped) == (3, 2)
    assert [queue.pop(0).first_frame for _ in range(3)] == [2, 3, 4]
    assert queue.pop(0) is None


def test_a_sender_that_restarts_goes_on_where_the_count_stopped():
    rebase = Rebase(max_jump=1000)
    assert rebase.place(500, 100) == 0
    assert rebase.place(650, 100) == 150  # 50 lost
    assert rebase.place(690, 50) is None  # too late
    assert rebase.place(5000, 100) == 250  # another count
    assert rebase.place(0, 100) == 350
