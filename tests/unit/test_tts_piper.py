"""The Piper engine on a tiny random voice: not speech, but every path of the code."""

import itertools
import json
import threading

import numpy as np
import pytest

from tektra.runtime.backends import BackendFailed, BackendUnavailable
from tektra.tts.backend import Abort, SpeechRequest, VoiceUnknown
from tektra.tts.backends import factories
from tektra.tts.engine import Engine

onnx = pytest.importorskip('onnx')
pytest.importorskip('piper')

RATE, HOP, SYMBOLS = 16000, 256, 60
TEXT = 'hello robot. go on'


def build_model(path, seed, *, align=True, rounds=0):
    """Write a net with Piper's inputs and outputs: a length for every phoneme id, and noise.

    ``rounds`` adds work, for a run that takes long enough to be cut.
    """
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(seed)
    table = rng.uniform(1.0, 3.0, (SYMBOLS,)).astype(np.float32)
    weights = {
        'table': table,
        'hop': np.array([HOP], np.int64),
        'one': np.array([1], np.int64),
        'minus': np.array([-1], np.int64),
        'index': np.array([1], np.int64),
        'shape': np.array([1, 1, 1, -1], np.int64),
        'square': rng.normal(0, 0.05, (400, 400)).astype(np.float32),
        'zero': np.array(0.0, np.float32),
    }
    nodes = [
        helper.make_node('Gather', ['table', 'input'], ['lengths']),
        helper.make_node('Gather', ['scales', 'index'], ['length_scale']),
        helper.make_node('Mul', ['lengths', 'length_scale'], ['scaled']),
        helper.make_node('Ceil', ['scaled'], ['w_ceil']),
        helper.make_node('ReduceSum', ['w_ceil'], ['frames'], keepdims=0),
        helper.make_node('Cast', ['frames'], ['frames_i'], to=TensorProto.INT64),
        helper.make_node('Reshape', ['frames_i', 'one'], ['frames_1']),
        helper.make_node('Mul', ['frames_1', 'hop'], ['samples']),
        helper.make_node('ConstantOfShape', ['samples'], ['flat']),
        helper.make_node('RandomNormalLike', ['flat'], ['noise'], seed=float(seed), dtype=1),
    ]
    # Hung on the input, or the runtime would compute it all once at load.
    nodes.append(helper.make_node('Mul', ['frames', 'zero'], ['nought']))
    nodes.append(helper.make_node('Add', ['square', 'nought'], ['start']))
    last = 'start'
    for i in range(rounds):
        nodes.append(helper.make_node('MatMul', [last, 'square'], [f'mm{i}']))
        nodes.append(helper.make_node('Tanh', [f'mm{i}'], [f'th{i}']))
        last = f'th{i}'
    nodes += [
        helper.make_node('ReduceMax', [last], ['peak'], keepdims=0),
        helper.make_node('Mul', ['peak', 'zero'], ['nothing']),
        helper.make_node('Add', ['noise', 'nothing'], ['wave']),
        helper.make_node('Reshape', ['wave', 'shape'], ['output']),
    ]
    value = helper.make_tensor_value_info
    outputs = [value('output', TensorProto.FLOAT, [1, 1, 1, None])]
    if align:
        outputs.append(value('w_ceil', TensorProto.FLOAT, [1, None]))
    graph = helper.make_graph(
        nodes,
        'voice',
        [
            value('input', TensorProto.INT64, [1, None]),
            value('input_lengths', TensorProto.INT64, [1]),
            value('scales', TensorProto.FLOAT, [3]),
        ],
        outputs,
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def write_voice(folder, name='en_US-tiny-low', **more):
    folder.mkdir(parents=True, exist_ok=True)
    build_model(folder / f'{name}.onnx', 7, **more)
    symbols = '_^$ .,!?abcdefhijklmnopstuvwzæðŋɐɑɔəɚɛɜɡɪɹɾʃʊʌʒˈˌːθ'
    config = {
        'audio': {'sample_rate': RATE},
        'espeak': {'voice': 'en-us'},
        'phoneme_type': 'espeak',
        'num_symbols': SYMBOLS,
        'num_speakers': 1,
        'hop_length': HOP,
        'inference': {'noise_scale': 0.6, 'length_scale': 1, 'noise_w': 0.8},
        'phoneme_id_map': {symbol: [i] for i, symbol in enumerate(symbols)},
        'language': {'code': name.split('-')[0]},
    }
    (folder / f'{name}.onnx.json').write_text(json.dumps(config), encoding='utf-8')
    return folder / f'{name}.onnx'


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_WEIGHTS_PATH', str(tmp_path))
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    return tmp_path / 'piper'


def make(**more):
    from tektra.tts.backends.piper import Piper

    return Piper(**more)


@pytest.mark.parametrize('align', [True, False])
def test_a_voice_speaks_with_times_that_fill_its_audio(weights, align):
    write_voice(weights, align=align)
    speech = make().synthesize(SpeechRequest(TEXT, 'en-US'), Abort())
    assert speech.sample_rate == RATE
    assert speech.samples > RATE / 2
    assert max(np.abs(np.frombuffer(speech.pcm, '<i2'))) > 20000
    assert [TEXT[w.offset : w.offset + w.length] for w in speech.words] == [
        'hello', 'robot', 'go', 'on',
    ]  # fmt: skip
    for rows in (speech.phonemes, speech.words):
        assert all(a.start <= a.end <= b.start for a, b in itertools.pairwise(rows))
        assert rows[-1].end <= speech.samples
    assert ''.join(p.ipa for p in speech.phonemes).startswith('həl')


def test_alignments_are_the_models_own_when_it_tells_them(weights):
    write_voice(weights)
    speech = make().synthesize(SpeechRequest('hello', 'en-US'), Abort())
    lengths = [p.end - p.start for p in speech.phonemes if p.ipa]
    assert len(set(lengths)) > 1
    assert all(length % HOP == 0 for length in lengths)


def test_rate_shortens_and_pitch_raises_without_changing_the_time(weights):
    write_voice(weights)
    piper = make()

    def seconds(**more):
        speech = piper.synthesize(SpeechRequest(TEXT * 4, 'en-US', **more), Abort())
        return speech.samples / speech.sample_rate, speech.sample_rate

    normal, _ = seconds()
    assert seconds(rate=2.0)[0] < 0.8 * normal
    raised, rate = seconds(pitch=1.5)
    assert rate == 1.5 * RATE
    assert 0.7 < raised / normal < 1.3


def test_a_run_of_the_net_is_cut_from_another_thread(weights):
    write_voice(weights, rounds=400)
    piper, abort = make(), Abort()
    began = threading.Event()
    result = {}
    session = piper._model('en_US-tiny-low').session
    run = session._session.run

    class Told:
        """The net itself, saying when a run begins."""

        def run(self, *args):
            began.set()
            return run(*args)

    session._session = Told()

    def work():
        result['speech'] = piper.synthesize(SpeechRequest(TEXT, 'en-US'), abort)

    thread = threading.Thread(target=work)
    thread.start()
    assert began.wait(30)
    abort.set()
    thread.join(30)
    assert result['speech'].aborted
    assert result['speech'].samples == 0, 'the run was cut, not finished'
    again = piper.synthesize(SpeechRequest('go', 'en-US'), Abort())
    assert again.samples > 0


@pytest.mark.parametrize(
    ('spoil', 'why'),
    [
        (lambda path: path.write_text('this is a text'), 'is not an ONNX voice'),
        (lambda path: path.write_bytes(b''), 'is not an ONNX voice'),
        (lambda path: path.with_name(f'{path.name}.json').unlink(), 'cannot be read'),
        (lambda path: path.with_name(f'{path.name}.json').write_text('{}'), "has no 'audio'"),
        (lambda path: path.with_name(f'{path.name}.json').write_text('['), 'cannot be read'),
    ],
)
def test_a_file_that_is_not_a_voice_is_told_and_the_next_engine_speaks(weights, spoil, why):
    spoil(write_voice(weights))
    with pytest.raises(BackendUnavailable, match=why) as raised:
        make()
    assert 'NAME.onnx.json' in str(raised.value) or 'Piper voice' in str(raised.value)
    engine = Engine(('piper', 'captions'), factories('', 'en-US'), lambda status: None, 0, 'en-US')
    assert engine.active_name == 'captions'
    assert why in {n: r for n, _, r in engine.status().entries}['piper']


def test_no_voice_on_disk_is_told_with_the_fix(weights):
    with pytest.raises(
        BackendUnavailable, match='no voice is on disk; get one with `tektra weights pull`'
    ):
        make()
    with pytest.raises(BackendUnavailable, match='does not exist'):
        make(voice='/nowhere/x.onnx')


def test_a_voice_is_chosen_by_name_path_or_language(weights, tmp_path):
    write_voice(weights)
    write_voice(weights / 'de', 'de_DE-tiny-low')
    extra = write_voice(tmp_path / 'else', 'en_GB-extra-low')
    piper = make(voice=str(extra), language='en-GB')
    assert piper.resolve_voice(str(extra), 'en-GB') == 'en_GB-extra-low'
    assert piper.resolve_voice('', 'de') == 'de_DE-tiny-low'
    assert piper.resolve_voice('', 'en-US') == 'en_US-tiny-low'
    assert piper.resolve_voice('', 'en-AU').startswith('en_')
    with pytest.raises(VoiceUnknown, match='close: de_DE-tiny-low'):
        piper.resolve_voice('de_DE-tiny', 'de')
    with pytest.raises(VoiceUnknown):
        piper.resolve_voice('', 'fr')


def test_a_substitute_that_breaks_while_it_is_loaded_silences_nobody(weights):
    def broken():
        raise BackendFailed('out of memory')

    write_voice(weights)
    made = {**factories('', 'en-US'), 'espeak_ng': broken}
    engine = Engine(('piper', 'espeak_ng'), made, lambda status: None, 0, 'en-US')
    french = engine.speak(SpeechRequest('bonjour', 'fr'), Abort(), 0)
    assert french.backend == 'piper'
    assert french.note.endswith("espeak_ng: out of memory; speaking as 'en-US'")


def test_a_language_without_a_neural_voice_is_spoken_by_espeak(weights):
    pytest.importorskip('espeakng_loader')
    write_voice(weights)
    order = ('piper', 'espeak_ng', 'captions')
    engine = Engine(order, factories('', 'en-US'), lambda status: None, 0, 'en-US')
    assert engine.speak(SpeechRequest('hello', 'en-US'), Abort(), 0).backend == 'piper'
    french = engine.speak(SpeechRequest('bonjour', 'fr'), Abort(), 0)
    assert french.backend == 'espeak_ng'
    assert 'fr' in french.note
    unknown = engine.speak(SpeechRequest('hello', 'qq'), Abort(), 0)
    assert unknown.backend == 'piper'
    assert "speaking as 'en-US'" in unknown.note
    assert engine.active_name == 'piper'
