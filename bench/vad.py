"""Voice activity: CPU time for a 32 ms chunk, beside the silero-vad package or onnxruntime."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from tektra_msgs.msg import AudioChunk

from tektra.runtime.measure import Record, percentile
from tektra.runtime.privacy import stay_private
from tektra.vad.backend import FRAME, Frame
from tektra.vad.backends.silero import RATE_HZ, STATE_SHAPE, Silero, find_model
from tektra.vad.core import VadCore, VadOptions

CHUNKS = 1500  # 48 s of audio
WARM_UP = 50
BUDGET_MS = 0.15


def run() -> list[Record]:
    """Return the figures. Everything runs in one thread and is judged by its CPU time.

    The package's wrapper needs torch, which Tektra does not install; without it the reference is a
    plain ``session.run`` of the same file, which the wrapper calls too.
    """
    frames = _sound()
    model = Silero()
    ours = _measure(lambda i: model.probability(frames[i]))
    core = _whole_core(frames)
    reference, peer = _reference(frames)
    return [
        Record('vad_chunk_p50', statistics.median(ours), 'ms', reference, BUDGET_MS),
        Record('vad_chunk_p99', percentile(ours, 0.99), 'ms'),
        Record('vad_core_chunk_p50', statistics.median(core), 'ms', reference, BUDGET_MS),
        Record(f'vad_reference_{peer}', reference, 'ms'),
    ]


def _sound() -> list[Frame]:
    rng = np.random.default_rng(1)
    noise = rng.standard_normal((CHUNKS + WARM_UP, FRAME)) * 0.05
    return list(noise.astype(np.float32))


def _measure(step: Callable[[int], object]) -> list[float]:
    """Return the CPU time of each step in ms, warm-up left out."""
    spent = []
    for i in range(CHUNKS + WARM_UP):
        start = time.thread_time_ns()
        step(i)
        spent.append((time.thread_time_ns() - start) / 1e6)
    return spent[WARM_UP:]


class _Direct:
    """Silero as the core's detector, without a backend chain."""

    name = 'silero'

    def __init__(self) -> None:
        self._model = Silero()

    def probability(self, frame: Frame, now_ns: int) -> float:
        """Return 0..1."""
        return self._model.probability(frame)

    def reset(self) -> None:
        """Forget earlier frames."""
        self._model.reset()


def _whole_core(frames: list[Frame]) -> list[float]:
    core = VadCore(_Direct(), VadOptions())
    chunks = [
        AudioChunk(
            stream_id='bench',
            seq=i,
            first_sample=i * FRAME,
            sample_rate=RATE_HZ,
            channels=1,
            encoding=AudioChunk.ENCODING_S16LE,
            data=(frame * 32767).astype('<i2').tobytes(),
        )
        for i, frame in enumerate(frames)
    ]
    return _measure(lambda i: core.on_chunk(chunks[i], i * 32_000_000))


def _reference(frames: list[Frame]) -> tuple[float, str]:
    if importlib.util.find_spec('torch') is not None:
        import torch
        from silero_vad.utils_vad import OnnxWrapper

        torch.set_num_threads(1)
        wrapper = OnnxWrapper(str(find_model()), force_onnx_cpu=True)
        tensors = [torch.from_numpy(frame) for frame in frames]
        return statistics.median(
            _measure(lambda i: wrapper(tensors[i], RATE_HZ))
        ), 'silero_package'
    return statistics.median(_measure(_plain_session(frames))), 'session_run_without_torch'


def _plain_session(frames: list[Frame]) -> Callable[[int], object]:
    stay_private()
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(find_model()), options, providers=['CPUExecutionProvider'])
    rate = np.array(RATE_HZ, np.int64)
    kept: list[NDArray[np.float32]] = [
        np.zeros(STATE_SHAPE, np.float32),
        np.zeros(64, np.float32),
    ]

    def step(i: int) -> object:
        x = np.concatenate((kept[1], frames[i]))[None]
        p, kept[0] = session.run(None, {'input': x, 'state': kept[0], 'sr': rate})
        kept[1] = frames[i][-64:]
        return p

    return step
