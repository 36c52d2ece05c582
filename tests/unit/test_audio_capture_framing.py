"""Framing: whatever comes in, the same samples go out, 512 at a time, at the right index."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tektra.audio_capture.framing import CHUNK, Converter, Framer, mix_down


def numbers(count, start=0):
    return (np.arange(start, start + count) % 30000).astype(np.int16)


@given(st.lists(st.integers(0, 2000), max_size=30))
def test_any_block_sizes_in_give_the_same_samples_out(sizes):
    framer, frames, at = Framer(), [], 0
    for index, size in enumerate(sizes):
        frames += framer.push(numbers(size, at), last=index == len(sizes) - 1)
        at += size
    assert all(frame.pcm.size == CHUNK for frame in frames)
    assert [f.first_sample for f in frames] == [i * CHUNK for i in range(len(frames))]
    if sizes:
        assert [f.last for f in frames] == [False] * (len(frames) - 1) + [True]
        joined = np.concatenate([f.pcm for f in frames])
        assert np.array_equal(joined[:at], numbers(at))
        assert not joined[at:].any()
        assert joined.size - at <= CHUNK
        assert framer.position == joined.size


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 1500)), min_size=1, max_size=12))
def test_after_any_gaps_every_sample_has_the_index_it_was_spoken_at(parts):
    framer, frames, truth, at = Framer(), [], {}, 0
    for size, lost in parts:
        truth.update({at + i: 7 + (at + i) % 1000 for i in range(size)})
        frames += framer.push(np.array([truth[at + i] for i in range(size)], np.int16))
        frames += framer.skip(lost)
        at += size + lost
        assert framer.position == at
    frames += framer.push(np.empty(0, np.int16), last=True)
    heard = {f.first_sample + i: int(s) for f in frames for i, s in enumerate(f.pcm)}
    assert {i: s for i, s in heard.items() if s} == truth
    starts = [f.first_sample for f in frames]
    assert all(b - a >= CHUNK for a, b in pairwise(starts))


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    st.lists(st.integers(1, 4000), min_size=1, max_size=12),
)
def test_the_resampled_stream_does_not_depend_on_how_it_was_cut(rate, sizes):
    rng = np.random.default_rng(1)
    audio = (0.1 * rng.standard_normal((sum(sizes), 1))).astype(np.float32)
    whole = Converter().push(audio, rate, last=True)
    converter, pieces, at = Converter(), [], 0
    for index, size in enumerate(sizes):
        pieces.append(converter.push(audio[at : at + size], rate, last=index == len(sizes) - 1))
        at += size
    joined = np.concatenate(pieces)
    assert joined.size == whole.size
    assert np.max(np.abs(joined.astype(int) - whole), initial=0) <= 1


def test_16_khz_mono_passes_bit_for_bit():
    pcm = np.random.default_rng(2).integers(-32768, 32768, 5000).astype(np.int16)
    out = Converter().push((pcm / np.float32(32768)).astype(np.float32)[:, None], 16000)
    assert np.array_equal(out, pcm)


def test_channels_are_averaged_or_one_is_taken():
    audio = np.array([[0.5, -0.25, 0.25]] * 4, np.float32)
    assert mix_down(audio, -1)[0].tolist() == [np.float32(0.5 / 3)] * 4
    assert mix_down(audio, 1)[0].tolist() == [-0.25] * 4
    assert (
        mix_down(audio, 9)[0].tolist() == [0.25] * 4
    )  # fewer channels than thought: the last one


def test_nan_and_infinity_are_repaired_before_they_reach_the_resampler():
    audio = np.full((4800, 2), 0.25, np.float32)
    audio[100], audio[200, 0], audio[300, 1] = np.nan, np.inf, -np.inf
    converter = Converter()
    out = converter.push(audio, 48000, last=True)
    assert converter.bad_samples == 4
    assert abs(int(out[-300]) - 8192) <= 4  # long after the bad values all is as it was


def test_a_change_of_rate_in_the_middle_loses_nothing():
    converter = Converter()
    audio = np.full((48000, 1), 0.25, np.float32)
    out = [converter.push(audio, 48000), converter.push(audio[:16000], 16000, last=True)]
    assert sum(piece.size for piece in out) == 32000
