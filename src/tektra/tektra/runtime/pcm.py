"""PCM helpers that more than one audio node needs: conversion, level, streaming resampling."""

from __future__ import annotations

import math

import numpy as np
import soxr
from numpy.typing import NDArray

FULL_SCALE = 32768.0
SILENCE_DBFS = -120.0

Samples = NDArray[np.int16]


def to_float(pcm: Samples) -> NDArray[np.float32]:
    """Return int16 samples as float32 in -1..1, same shape."""
    audio: NDArray[np.float32] = pcm.astype(np.float32) / np.float32(FULL_SCALE)
    return audio


def to_int16(audio: NDArray[np.floating]) -> Samples:
    """Return float samples (nominally -1..1.

    NaN as 0) as int16, clipped at full scale, same shape.
    """
    scaled = np.rint(audio * audio.dtype.type(FULL_SCALE))
    missing = np.isnan(scaled)
    if missing.any():
        scaled[missing] = 0
    np.minimum(scaled, FULL_SCALE - 1, out=scaled)
    np.maximum(scaled, -FULL_SCALE, out=scaled)
    pcm: Samples = scaled.astype(np.int16)
    return pcm


def from_bytes(data: bytes | memoryview) -> Samples:
    """Return s16le bytes as int16 samples (a read-only view)."""
    return np.frombuffer(data, dtype='<i2')


def level_dbfs(pcm: Samples) -> float:
    """Return the RMS level in dB relative to full scale, ``SILENCE_DBFS`` for digital silence."""
    if pcm.size == 0:
        return SILENCE_DBFS
    wide = pcm.astype(np.float64)
    square = float(wide @ wide) / pcm.size
    if square == 0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10 * math.log10(square / FULL_SCALE**2))


def clipped(pcm: Samples) -> int:
    """Return how many samples are at full scale."""
    return int(np.count_nonzero(pcm == 32767) + np.count_nonzero(pcm == -32768))


class StreamResampler:
    """Converts a mono stream from one rate to another without seams.

    Rates in Hz.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        self.source_rate = source_rate
        self.target_rate = target_rate
        same = source_rate == target_rate
        self._stream = (
            None
            if same
            else soxr.ResampleStream(source_rate, target_rate, 1, dtype='float32', quality='HQ')
        )

    def push(self, audio: NDArray[np.float32], last: bool = False) -> NDArray[np.float32]:
        """Return what is ready of ``audio`` (shape [n]) at the target rate.

        ``last`` flushes the tail.
        """
        if self._stream is None:
            return audio
        out: NDArray[np.float32] = self._stream.resample_chunk(audio, last=last)
        return out
