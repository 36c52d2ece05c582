"""The detectors on real audio: what is speech and what is not."""

import subprocess
import sys

import numpy as np
import pytest

from speech_maker import silence, speak, white_noise
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.pcm import to_float
from tektra.vad.backends.energy import Energy
from tektra.vad.backends.silero import Silero

FRAME = 512


def probabilities(backend, pcm):
    audio = to_float(pcm)
    frames = len(audio) // FRAME
    return np.array(
        [backend.probability(audio[i * FRAME : (i + 1) * FRAME]) for i in range(frames)]
    )


def hum(seconds):
    t = np.arange(round(seconds * 16000)) / 16000
    return (3000 * np.sin(2 * np.pi * 50 * t)).astype(np.int16)


def test_silero_hears_speech():
    found = probabilities(Silero(), speak('what time is it in the kitchen'))
    assert np.mean(found > 0.5) > 0.5


@pytest.mark.parametrize(
    'pcm',
    [silence(2), white_noise(2, -40), white_noise(2, -20), hum(2)],
    ids=['silence', 'quiet noise', 'loud noise', 'hum'],
)
def test_silero_hears_no_speech_in(pcm):
    assert probabilities(Silero(), pcm).max() < 0.5


def test_silero_after_a_reset_judges_as_if_new():
    pcm = speak('hello robot')
    fresh = probabilities(Silero(), pcm)
    used = Silero()
    probabilities(used, pcm[::-1].copy())
    used.reset()
    assert np.array_equal(probabilities(used, pcm), fresh)


def test_silero_with_preallocated_buffers_gives_what_a_plain_run_gives():
    import onnxruntime as ort

    backend = Silero()
    session = ort.InferenceSession(str(backend.path))
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32)
    audio = to_float(speak('good morning'))
    for at in range(0, len(audio) - FRAME, FRAME):
        frame = audio[at : at + FRAME]
        x = np.concatenate((context, frame))[None]
        p, state = session.run(None, {'input': x, 'state': state, 'sr': np.array(16000)})
        context = frame[-64:]
        assert backend.probability(frame) == pytest.approx(float(p[0, 0]), abs=1e-6)


def test_silero_hears_a_person(test_data):
    import soundfile

    pcm, _ = soundfile.read(test_data / 'speech/misc/jfk.wav', dtype='int16')
    assert 0.6 < np.mean(probabilities(Silero(), pcm) > 0.5) < 0.75  # 67.6 % is energetic


def test_silero_never_imports_torch():
    code = (
        'import sys; from tektra.vad.backends.silero import Silero; Silero(); '
        "sys.exit('torch' in sys.modules or 'silero_vad' in sys.modules)"
    )
    assert subprocess.run([sys.executable, '-c', code], check=False).returncode == 0


def test_a_file_that_is_no_model_is_refused_with_its_name_and_the_fix(tmp_path):
    path = tmp_path / 'silero_vad_16k_op15.onnx'
    path.write_text('not a model')
    with pytest.raises(BackendUnavailable, match=r'silero_vad_16k_op15\.onnx.*pip install'):
        Silero(path)


def test_a_model_of_something_else_is_refused_with_its_inputs(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    a = helper.make_tensor_value_info('a', TensorProto.FLOAT, [1])
    b = helper.make_tensor_value_info('b', TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node('Identity', ['a'], ['b'])], 'g', [a], [b])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 15)])
    model.ir_version = 8
    path = tmp_path / 'other.onnx'
    onnx.save(model, path)
    with pytest.raises(BackendUnavailable, match=r"not a Silero VAD model: inputs \['a'\]"):
        Silero(path)


def test_energy_hears_speech_over_a_quiet_room():
    pcm = np.concatenate((white_noise(1, -60), speak('what time is it'), white_noise(1, -60)))
    found = probabilities(Energy(), pcm)
    assert found[:30].max() < 0.5
    assert np.mean(found[32:55] > 0.5) > 0.4
    assert found[-20:].max() < 0.5


@pytest.mark.parametrize('dbfs', [-60, -45, -30])
def test_energy_gets_used_to_steady_noise(dbfs):
    found = probabilities(Energy(), white_noise(12, dbfs))
    assert found[-30:].max() < 0.5
