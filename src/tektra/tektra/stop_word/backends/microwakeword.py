"""A microWakeWord-class model of one word, when its weights are there (tflite or onnx).

The description beside the model (``stop.json``, as ESPHome has them) names the model and its
limits. A ``.tflite`` model runs in the ``pymicro-wakeword`` package, an ``.onnx`` one in
onnxruntime (input float32 [1, frames, 40], output a probability); the features of both are those
of ``pymicro-features``. Neither package is in the base install. The onnx path is not verified
with real weights: none were at hand, a tiny model stands in for them in the tests.
"""

from __future__ import annotations

import importlib
import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.pcm import Samples
from tektra.runtime.privacy import stay_private
from tektra.runtime.weights import find_weights
from tektra.stop_word.backend import SAMPLE_RATE, Spotted

WEIGHTS = 'microwakeword/stop.json'
STEP = SAMPLE_RATE // 100  # one row of features
FEATURES = 40
# The model says when, not how long: a spoken "stop" takes 0.3 to 0.5 s.
WORD = round(0.4 * SAMPLE_RATE)
QUIET = round(0.3 * SAMPLE_RATE)  # below the cutoff before the word can be heard again
PACKAGE = 'pymicro_wakeword'

Row = NDArray[np.float32]


class Frontend(Protocol):
    """Makes features: rows of shape [1, 1, 40], one for each 10 ms."""

    def process_streaming(self, audio_bytes: bytes) -> Iterable[Any]:
        """Return the rows that are complete after these s16le bytes."""
        ...

    def reset(self) -> None:
        """Forget earlier audio."""
        ...


class Model(Protocol):
    """Gives a probability for rows of features."""

    def process_streaming_prob(self, features: Any) -> float | None:
        """Return 0..1 after one more row, or None while it needs more."""
        ...

    def reset(self) -> None:
        """Forget earlier rows."""
        ...


@dataclass(frozen=True)
class Description:
    """What the .json says."""

    model: Path
    cutoff: float
    window: int


class OnnxModel:
    """The last rows into an ONNX model, smoothed over its last answers."""

    def __init__(self, path: Path, window: int) -> None:
        """Load the model.

        :raises BackendUnavailable: if it does not take [1, frames, 40].
        """
        stay_private()
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session = ort.InferenceSession(
                str(path), options, providers=['CPUExecutionProvider']
            )
        except Exception as error:  # onnxruntime has no common base class for its errors
            raise BackendUnavailable(f'{path} is no ONNX model: {error}') from error
        given = self._session.get_inputs()[0]
        self._input = given.name
        shape = given.shape
        if len(shape) != 3 or not isinstance(shape[1], int) or shape[2] != FEATURES:
            raise BackendUnavailable(
                f'{path}: input {given.name} has shape {shape}; needed is [1, frames, {FEATURES}]'
            )
        self._rows: deque[Row] = deque(maxlen=shape[1])
        self._answers: deque[float] = deque(maxlen=window)

    def process_streaming_prob(self, features: Row) -> float | None:
        """Return the mean of the last probabilities."""
        self._rows.append(np.asarray(features, np.float32).reshape(FEATURES))
        if len(self._rows) < (self._rows.maxlen or 0):
            return None
        (out,) = self._session.run(None, {self._input: np.stack(self._rows)[None]})[:1]
        self._answers.append(float(np.ravel(out)[0]))
        return sum(self._answers) / len(self._answers)

    def reset(self) -> None:
        """Forget earlier rows."""
        self._rows.clear()
        self._answers.clear()


class MicroWakeWord:
    """Says ``phrase`` when the model is sure enough. Not thread-safe."""

    name = 'microwakeword'

    def __init__(
        self, phrase: str, description: str = '', frontend: Frontend | None = None
    ) -> None:
        """Load the model that ``description`` (a path; empty: the weights) is about.

        :raises BackendUnavailable: saying which file or package is missing.
        """
        found = Path(description) if description else find_weights(WEIGHTS)
        if found is None:
            raise BackendUnavailable(
                f'no weights {WEIGHTS}; put the model and its .json into TEKTRA_WEIGHTS_PATH'
            )
        about = read_description(found)
        self._phrase = phrase
        self._cutoff = about.cutoff
        self._frontend = frontend or _package().MicroWakeWordFeatures()
        self._model: Model
        if about.model.suffix == '.onnx':
            self._model = OnnxModel(about.model, about.window)
        else:
            self._model = _package().MicroWakeWord.from_config(found)
        self._position = 0
        self._quiet_from = 0

    def feed(self, pcm: Samples) -> list[Spotted]:
        """Judge each 10 ms that is complete."""
        found: list[Spotted] = []
        for row in self._frontend.process_streaming(pcm.tobytes()):
            self._position += STEP
            probability = self._model.process_streaming_prob(row)
            if probability is None or probability <= self._cutoff:
                continue
            if self._position >= self._quiet_from:
                start = max(0, self._position - WORD)
                found.append(Spotted(self._phrase, start, self._position, probability))
            self._quiet_from = self._position + QUIET
        return found

    def reset(self) -> None:
        """Begin at sample 0."""
        self._frontend.reset()
        self._model.reset()
        self._position = self._quiet_from = 0

    def close(self) -> None:
        """Release the model."""
        del self._model, self._frontend


def read_description(path: Path) -> Description:
    """Return what a description says.

    :raises BackendUnavailable: naming the file and the key that is missing.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        micro = content['micro']
        model = path.parent / content['model']
        about = Description(
            model, float(micro['probability_cutoff']), int(micro['sliding_window_size'])
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackendUnavailable(f'{path} is no microWakeWord description: {error!r}') from error
    if not model.is_file():
        raise BackendUnavailable(f'{path} names {model.name}, which is not beside it')
    return about


def _package() -> Any:
    try:
        return importlib.import_module(PACKAGE)
    except ImportError as error:
        raise BackendUnavailable(
            f'{PACKAGE} is not installed ({error}); pip install pymicro-wakeword'
        ) from error
