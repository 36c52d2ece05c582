"""Tells the robot's own voice from a person, by what was really played (audio/reference).

Nothing is subtracted from the microphone: only when a word was spotted, the last seconds of both
are compared in bands of frequency. The word is the robot's own if the microphone follows the
reference at one delay and nearly nothing in it is louder than the echo would be. In doubt it is a
person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tektra.runtime.pcm import Samples, to_float

SAMPLE_RATE = 16_000
HOP = 160  # 10 ms
WINDOW = 512  # 32 ms
BANDS = 20
LOW_HZ, HIGH_HZ = 200.0, 7000.0
FLOOR_DB = -90.0
AUDIBLE_DB = 10.0  # above the noise of the band
# Echo hangs on: the level that is expected falls by so much a frame (a T60 of 0.4 s).
DECAY_DB = 1.5
TAIL_FRAMES = 12

Bands = NDArray[np.float64]


@dataclass(frozen=True)
class MaskOptions:
    """When a word counts as the robot's own. Tuned on `tektra bench stop_word`."""

    longest_delay_s: float = 0.3  # of the loudspeaker, the room and the sound card
    early_s: float = 0.05  # stamps of microphone and loudspeaker are this true
    history_s: float = 2.0  # of audio before the end of the word
    least_overlap_s: float = 0.25  # of own voice in it, to know delay and gain
    least_correlation: float = 0.7
    margin_db: float = 8.0  # louder than the expected echo by this is somebody else
    most_excess: float = 0.10  # share of the word's sound that may be louder than that
    gain_percentile: float = 40.0  # of microphone minus reference, taken for the echo's gain


@dataclass(frozen=True)
class Judgement:
    """How a word compares with what was played. ``excess`` and ``correlation``: 0..1."""

    own: bool
    why: str
    correlation: float = 0.0
    excess: float = 1.0
    delay_s: float = 0.0


_PERSON = 'nothing was played'


def judge(mic: Samples, reference: Samples, word: int, options: MaskOptions) -> Judgement:
    """Return whether the last ``word`` samples of ``mic`` are the robot's own voice.

    ``reference``: what was played, at 16 kHz on the clock of ``mic``: it ends with the same
    sample, and begins ``longest_delay_s`` earlier (zeros where nothing was played); it may go on
    ``early_s`` beyond the end of ``mic``.
    """
    early = round(options.early_s * SAMPLE_RATE / HOP)
    late = round(options.longest_delay_s * SAMPLE_RATE / HOP)
    if not np.any(reference):
        return Judgement(False, _PERSON)
    m, r = _bands(mic), _bands(reference)
    count = min(m.shape[0], r.shape[0] - late - early)
    if count < 10:
        return Judgement(False, 'too little audio to compare')
    m = m[-count:]
    r = r[-(count + late + early) :]
    span = m[-max(3, word // HOP) :]
    best = max(
        (_match(m, r[late - d : late - d + count]), -abs(d), d) for d in range(-early, late + 1)
    )
    delay = best[2]
    played = r[late - delay : late - delay + count]
    sounding = played.max(axis=1) > FLOOR_DB + 20
    if sounding.sum() * HOP < options.least_overlap_s * SAMPLE_RATE:
        return Judgement(False, 'too little was played to know the echo', delay_s=delay * 0.01)
    return _compare(m, played, sounding, len(span), delay, options)


def _compare(
    m: Bands,
    played: Bands,
    sounding: NDArray[np.bool_],
    word: int,
    delay: int,
    options: MaskOptions,
) -> Judgement:
    """Judge at one delay, with everything aligned."""
    audible_then = sounding & (played.max(axis=1) > played[sounding].max() - 35)
    gain = np.percentile((m - played)[audible_then], options.gain_percentile, axis=0)
    noise = np.percentile(m, 10, axis=0)
    echo = _with_tail(played) + gain
    span, span_echo = m[-word:], echo[-word:]
    audible = (span > noise + AUDIBLE_DB) & (span > span.max() - 30)
    if not audible.any():
        return Judgement(False, 'the word is not louder than the noise', delay_s=delay * 0.01)
    louder = audible & (span > np.maximum(span_echo, noise) + options.margin_db)
    excess = float(louder.sum() / audible.sum())
    correlation = _correlation(span, np.maximum(span_echo, noise), audible)
    seconds = delay * HOP / SAMPLE_RATE
    own = correlation >= options.least_correlation and excess <= options.most_excess
    why = 'own voice' if own else 'not only own voice'
    return Judgement(own, why, correlation, excess, seconds)


def _bands(pcm: Samples) -> Bands:
    """Return the level in dB of each band of each frame, shape [frames, BANDS]."""
    audio = to_float(pcm)
    if audio.size < WINDOW:
        return np.full((0, BANDS), FLOOR_DB)
    frames = np.lib.stride_tricks.sliding_window_view(audio, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * _TAPER, axis=1)) ** 2 / WINDOW
    levels: Bands = 10 * np.log10(np.add.reduceat(power, _EDGES, axis=1)[:, :BANDS] + 1e-9)
    return levels


def _edges() -> NDArray[np.int64]:
    """Return the first bin of each band, equally wide on the mel scale, and the end."""
    low, high = 2595 * np.log10(1 + np.array((LOW_HZ, HIGH_HZ)) / 700)
    hertz = 700 * (10 ** (np.linspace(low, high, BANDS + 1) / 2595) - 1)
    bins = np.rint(hertz * WINDOW / SAMPLE_RATE).astype(np.int64)
    least = bins[0] + np.arange(BANDS + 1)  # one bin at least
    edges: NDArray[np.int64] = np.maximum.accumulate(np.maximum(bins, least))
    return edges


_TAPER = np.hanning(WINDOW).astype(np.float32)
_EDGES = _edges()


def _match(m: Bands, played: Bands) -> float:
    """Return how well two spectrograms go together in time, -1..1; each band by itself."""
    x = np.maximum(m, m.max() - 45)
    y = np.maximum(played, played.max() - 45)
    x = x - x.mean(axis=0)
    y = y - y.mean(axis=0)
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale else 0.0


def _correlation(x: Bands, y: Bands, where: NDArray[np.bool_]) -> float:
    """Return the correlation of two spectrograms over the cells ``where`` and their neighbours."""
    frames = where.any(axis=1)
    a = np.maximum(x[frames], x.max() - 40).ravel()
    b = np.maximum(y[frames], y.max() - 40).ravel()
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else 0.0


def _with_tail(played: Bands) -> Bands:
    """Return the levels with the decay of a room."""
    out: Bands = played.copy()
    for k in range(1, min(TAIL_FRAMES, len(played) - 1) + 1):
        np.maximum(out[k:], played[:-k] - DECAY_DB * k, out=out[k:])
    return out
