"""A model of one word: real loading code, a tiny model."""

import json

import numpy as np
import pytest

from tektra.runtime.backends import BackendUnavailable
from tektra.stop_word.backends.microwakeword import MicroWakeWord

onnx = pytest.importorskip('onnx', reason='onnx is not installed: no tiny model can be built')
FRAMES = 8


class Loudness:
    """Forty times how loud each 10 ms was, in place of the features of pymicro-features."""

    def __init__(self):
        self._held = b''

    def process_streaming(self, audio_bytes):
        self._held += audio_bytes
        while len(self._held) >= 320:
            block, self._held = self._held[:320], self._held[320:]
            level = np.abs(np.frombuffer(block, '<i2').astype(float)).mean() / 1000
            yield np.full((1, 1, 40), level, np.float32)

    def reset(self):
        self._held = b''


def write_model(folder, frames=FRAMES, features=40):
    """Write a model that says how loud it was, as a probability; return its description."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node('ReduceMean', ['x'], ['m'], axes=[1, 2], keepdims=0),
            helper.make_node('Sigmoid', ['m'], ['p']),
        ],
        'tiny',
        [helper.make_tensor_value_info('x', kind, [1, frames, features])],
        [helper.make_tensor_value_info('p', kind, [1])],
    )
    opset = [helper.make_opsetid('', 13)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), folder / 'stop.onnx')
    about = folder / 'stop.json'
    micro = {'probability_cutoff': 0.9, 'sliding_window_size': 2}
    about.write_text(json.dumps({'model': 'stop.onnx', 'micro': micro}))
    return about


def test_an_onnx_model_says_when_it_is_sure_and_once_a_word(tmp_path):
    model = MicroWakeWord('stop', str(write_model(tmp_path)), Loudness())
    loud, low = np.full(8000, 8000, np.int16), np.zeros(8000, np.int16)
    found = [s for part in (low, loud, low, loud) for s in model.feed(part)]
    assert [s.phrase for s in found] == ['stop', 'stop']
    assert 8000 < found[0].end < 10_000
    assert 24_000 < found[1].end < 26_000
    model.reset()
    assert model.feed(loud)[0].end < 2000
    model.close()


def test_the_weights_are_found_in_the_weights_path(tmp_path, monkeypatch):
    folder = tmp_path / 'microwakeword'
    folder.mkdir()
    write_model(folder)
    monkeypatch.setenv('TEKTRA_WEIGHTS_PATH', str(tmp_path))
    MicroWakeWord('stop', frontend=Loudness()).close()


def test_what_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_WEIGHTS_PATH', str(tmp_path))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    with pytest.raises(BackendUnavailable, match='no weights microwakeword/stop'):
        MicroWakeWord('stop')
    about = tmp_path / 'stop.json'
    about.write_text('{}')
    with pytest.raises(BackendUnavailable, match="'micro'"):
        MicroWakeWord('stop', str(about), Loudness())
    micro = {'probability_cutoff': 1, 'sliding_window_size': 1}
    about.write_text(json.dumps({'model': 'x.onnx', 'micro': micro}))
    with pytest.raises(BackendUnavailable, match=r'x\.onnx, which is not beside it'):
        MicroWakeWord('stop', str(about), Loudness())
    (tmp_path / 'x.onnx').write_bytes(b'no model')
    with pytest.raises(BackendUnavailable, match='is no ONNX model'):
        MicroWakeWord('stop', str(about), Loudness())


def test_a_model_of_another_shape_is_refused(tmp_path):
    with pytest.raises(BackendUnavailable, match=r'needed is \[1, frames, 40\]'):
        MicroWakeWord('stop', str(write_model(tmp_path, features=13)), Loudness())


def test_the_real_model_hears_the_word(test_data):
    pytest.importorskip('pymicro_wakeword', reason='pymicro-wakeword is not installed')
    from speech_maker import silence, speak

    model = MicroWakeWord('stop', str(test_data / 'wakeword' / 'stop.json'))
    pcm = np.concatenate((silence(1), speak('please stop', 'en-us+m3'), silence(0.6)))
    assert [s.phrase for s in model.feed(pcm)] == ['stop']
