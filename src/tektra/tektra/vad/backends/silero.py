"""Silero VAD (MIT) on onnxruntime, without the package's code, which would import torch."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tektra.resources.errors import is_out_of_memory
from tektra.runtime.backends import BackendFailed, BackendUnavailable
from tektra.runtime.privacy import stay_private
from tektra.runtime.weights import find_weights
from tektra.vad.backend import FRAME, Frame

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# The 16 kHz-only export is the smaller and faster of the two.
FILES = ('silero_vad_16k_op15.onnx', 'silero_vad.onnx')
CONTEXT = 64  # samples of the frame before that the model wants in front of a new one
STATE_SHAPE = (2, 1, 128)
RATE_HZ = 16_000
FIX = 'pip install --no-deps silero-vad (the file alone is used), or put it in TEKTRA_WEIGHTS_PATH'


def find_model() -> Path:
    """Return the model file: of the weights folders, else of the installed silero_vad package.

    :raises BackendUnavailable: if there is none.
    """
    folders: list[Path] = []
    spec = importlib.util.find_spec('silero_vad')  # does not import it
    if spec is not None and spec.submodule_search_locations:
        folders = [Path(place) / 'data' for place in spec.submodule_search_locations]
    for name in FILES:
        for path in (find_weights(name), *(folder / name for folder in folders)):
            if path is not None and path.is_file():
                return path
    raise BackendUnavailable(f'the Silero VAD model ({FILES[0]}) is not installed; {FIX}')


class Silero:
    """One model, one stream. Input x[1, 576] = 64 of context + 512 new, state [2, 1, 128]."""

    def __init__(self, path: Path | None = None) -> None:
        """Load the model of ``path`` (default: where ``find_model`` finds it), one thread.

        :raises BackendUnavailable: if there is none or it is not a Silero model.
        :raises BackendFailed: for want of memory.
        """
        self.path = path or find_model()
        stay_private()
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise BackendUnavailable(f'onnxruntime is not installed: {error}') from error
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            session = ort.InferenceSession(
                str(self.path), options, providers=['CPUExecutionProvider']
            )
        except Exception as error:
            if is_out_of_memory(error):
                raise BackendFailed(f'out of memory with {self.path.name}') from error
            raise BackendUnavailable(
                f'{self.path} is not a model that onnxruntime can load ({error}); {FIX}'
            ) from error
        names = {value.name for value in session.get_inputs()}
        outputs = [value.name for value in session.get_outputs()]
        if not {'input', 'state'} <= names or len(outputs) != 2:
            raise BackendUnavailable(
                f'{self.path} is not a Silero VAD model: inputs {sorted(names)}, '
                f'outputs {outputs}; {FIX}'
            )
        self._bind(session, 'sr' in names, outputs)

    def _bind(self, session: InferenceSession, with_rate: bool, outputs: list[str]) -> None:
        """Preallocate everything, so that a frame costs one call into the library.

        Two bindings take turns: the state that one writes is what the other reads, without a copy.
        """
        from onnxruntime import OrtValue

        self._session = session
        self._x = np.zeros((1, CONTEXT + FRAME), np.float32)
        self._p = np.zeros((1, 1), np.float32)
        self._states = [np.zeros(STATE_SHAPE, np.float32) for _ in range(2)]
        self._rate = np.array(RATE_HZ, np.int64)
        self._bindings = []
        for turn in range(2):
            binding = session.io_binding()
            binding.bind_ortvalue_input('input', OrtValue.ortvalue_from_numpy(self._x))
            binding.bind_ortvalue_input('state', OrtValue.ortvalue_from_numpy(self._states[turn]))
            if with_rate:
                binding.bind_ortvalue_input('sr', OrtValue.ortvalue_from_numpy(self._rate))
            binding.bind_ortvalue_output(outputs[0], OrtValue.ortvalue_from_numpy(self._p))
            binding.bind_ortvalue_output(
                outputs[1], OrtValue.ortvalue_from_numpy(self._states[1 - turn])
            )
            self._bindings.append(binding)
        self._turn = 0

    def probability(self, frame: Frame) -> float:
        """Return the probability of speech in ``frame`` (shape [512], -1..1).

        :raises BackendFailed: if the model's answer is not a number.
        """
        x = self._x[0]
        x[:CONTEXT] = x[FRAME:]
        x[CONTEXT:] = frame
        self._session.run_with_iobinding(self._bindings[self._turn])
        self._turn = 1 - self._turn
        probability = float(self._p[0, 0])
        if not math.isfinite(probability):
            self.reset()
            raise BackendFailed(f'Silero gave {probability}')
        return probability

    def reset(self) -> None:
        """Forget the stream so far."""
        self._x[:] = 0
        for state in self._states:
            state[:] = 0

    def close(self) -> None:
        """Release the session."""
        self._bindings = []
        del self._session
