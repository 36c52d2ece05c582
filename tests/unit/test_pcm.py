"""PCM helpers of the runtime: conversion, level, clipping, streaming resampling."""

import numpy as np
import pytest

from tektra.runtime.pcm import (
    SILENCE_DBFS,
    StreamResampler,
    clipped,
    from_bytes,
    level_dbfs,
    to_float,
    to_int16,
)


def tone(rate, seconds, frequency=1000.0, amplitude=0.5):
    return (
        amplitude * np.sin(2 * np.pi * frequency * np.arange(int(rate * seconds)) / rate)
    ).astype(np.float32)


def test_every_16_bit_value_survives_the_way_through_float():
    every = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    assert np.array_equal(to_int16(to_float(every)), every)


def test_what_does_not_fit_into_16_bit_is_clipped_and_nan_is_silence():
    odd = np.array([2.0, -2.0, np.inf, -np.inf, np.nan, 1.0], np.float32)
    assert to_int16(odd).tolist() == [32767, -32768, 32767, -32768, 0, 32767]


def test_bytes_are_little_endian():
    assert from_bytes(b'\x01\x00\x00\x80').tolist() == [1, -32768]


def test_the_level_of_a_full_scale_sine_is_3_db_below_full_scale():
    assert level_dbfs(to_int16(tone(16000, 1.0, amplitude=1.0))) == pytest.approx(-3.01, abs=0.02)
    assert level_dbfs(np.zeros(512, np.int16)) == SILENCE_DBFS
    assert level_dbfs(np.empty(0, np.int16)) == SILENCE_DBFS


def test_only_samples_at_full_scale_count_as_clipped():
    assert clipped(np.array([32767, 32766, -32768, -32767, 0], np.int16)) == 2


@pytest.mark.parametrize('rate', [8000, 11025, 22050, 44100, 48000, 96000])
def test_a_tone_keeps_frequency_level_and_length_through_the_resampler(rate):
    source = tone(rate, 2.0)
    stream = StreamResampler(rate, 16000)
    pieces = [stream.push(piece) for piece in np.array_split(source, 137)]
    out = np.concatenate([*pieces, stream.push(np.empty(0, np.float32), last=True)])
    assert abs(out.size - 32000) <= 2
    middle = out[4000:28000].astype(np.float64)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.002)
    ideal = tone(16000, 2.0)[4000:28000].astype(np.float64)
    assert np.sqrt(np.mean((middle - ideal) ** 2)) < 1e-3  # in phase: no delay is added


def test_what_is_above_the_new_nyquist_frequency_is_gone():
    stream = StreamResampler(48000, 16000)
    out = stream.push(tone(48000, 1.0, frequency=12000.0), last=True)
    assert np.max(np.abs(out[1000:-1000])) < 1e-3
