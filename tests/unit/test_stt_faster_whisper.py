"""The Whisper backend on tiny models that say what they are told to, and on broken ones."""

from dataclasses import dataclass, field

import pytest
from stt_tiny_whisper import build

from speech_maker import silence, speak
from tektra.runtime.backends import BackendChain, BackendUnavailable
from tektra.stt.backends.faster_whisper import FasterWhisper, WhisperOptions, find_model, judge
from tektra.stt.engine import Engine, Job, Want
from tektra.stt.factories import EngineOptions, factories


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    return build(tmp_path_factory.mktemp('weights') / 'whisper' / 'tiny')


def hear(backend, pcm):
    backend.start()
    backend.feed(pcm)
    return backend.finish()


def test_a_model_is_loaded_run_and_its_words_are_timed(model):
    backend = FasterWhisper(WhisperOptions(str(model)))
    pcm = speak('hello robot')
    heard = hear(backend, pcm)
    assert (heard.text, heard.language, heard.low_confidence) == ('hello robot', 'en', False)
    assert heard.confidence == pytest.approx(1.0)
    assert [word.text for word in heard.words] == ['hello', 'robot']
    times = [t for word in heard.words for t in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] <= pcm.size
    backend.close()


def test_what_runs_where_is_told(model):
    assert FasterWhisper(WhisperOptions(str(model), device='cpu')).description == (
        'tiny, int8 on cpu'
    )


def test_the_language_is_detected_unless_it_is_given(tmp_path):
    german = build(tmp_path / 'german', ('good', 'day'), 'de')
    assert hear(FasterWhisper(WhisperOptions(str(german))), speak('hello')).language == 'de'
    fixed = FasterWhisper(WhisperOptions(str(german), 'en-GB'))
    assert hear(fixed, speak('hello')).language == 'en'


def test_a_language_that_the_model_does_not_know_is_refused(model):
    with pytest.raises(BackendUnavailable, match="does not know language 'xx'"):
        FasterWhisper(WhisperOptions(str(model), 'xx'))


def test_a_partial_is_decoded_once_enough_is_new(model):
    backend = FasterWhisper(WhisperOptions(str(model)))
    backend.start()
    pcm = speak('hello robot, what is your name')
    backend.feed(pcm[:8000])
    assert backend.partial() is None
    backend.feed(pcm[8000:])
    assert backend.partial().text == 'hello robot'
    assert backend.partial() is None
    assert backend.finish().text == 'hello robot'


def test_digital_silence_is_never_decoded(model):
    heard = hear(FasterWhisper(WhisperOptions(str(model))), silence(2))
    assert (heard.text, heard.reject_reason) == ('', 'noise')


def test_what_the_model_itself_takes_for_silence_is_noise(tmp_path):
    doubting = build(tmp_path / 'm', ('thank', 'you'), no_speech=True)
    heard = hear(FasterWhisper(WhisperOptions(str(doubting))), speak('hello'))
    assert (heard.text, heard.reject_reason) == ('', 'noise')


def test_one_segment_does_not_leak_into_the_next(model):
    backend = FasterWhisper(WhisperOptions(str(model)))
    first = hear(backend, speak('hello robot'))
    backend.start()
    backend.feed(speak('something else entirely'))
    assert hear(backend, speak('hello robot')) == first


@dataclass
class Found:
    text: str
    avg_logprob: float = -0.2
    no_speech_prob: float = 0.0
    compression_ratio: float = 1.0
    words: list = field(default_factory=list)


@pytest.mark.parametrize(
    ('segment', 'text', 'doubtful'),
    [
        (Found(' Turn left.'), 'Turn left.', False),
        (Found(' Turn left.', avg_logprob=-1.3), 'Turn left.', True),
        (Found(' Turn left.', no_speech_prob=0.7), '', False),
        (Found(' so so so so so so so so', compression_ratio=3.0), '', False),
        (Found(' Thank you.', no_speech_prob=0.3), '', False),
        (Found(' Thank you.', no_speech_prob=0.05), 'Thank you.', False),
    ],
)
def test_what_whisper_makes_up_is_told_from_what_was_said(segment, text, doubtful):
    heard = judge([segment], 'en', 16000)
    assert (heard.text, heard.low_confidence) == (text, doubtful)
    assert heard.reject_reason == ('' if text else 'noise')


def test_weights_are_found_by_name_and_by_default(model, monkeypatch):
    monkeypatch.setenv('TEKTRA_WEIGHTS_PATH', str(model.parents[1]))
    assert find_model('') == find_model('tiny') == find_model(str(model)) == model


def test_without_weights_the_reason_and_the_fix_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_WEIGHTS_PATH', str(tmp_path))
    monkeypatch.setenv('HOME', str(tmp_path))
    with pytest.raises(BackendUnavailable, match=r'no Whisper weights.*tektra weights pull'):
        find_model('')


@pytest.mark.parametrize('file', ['config.json', 'tokenizer.json', 'vocabulary.json'])
def test_a_model_with_a_file_missing_is_refused_and_never_fetched(tmp_path, file):
    folder = build(tmp_path / 'm')
    (folder / file).unlink()
    with pytest.raises(BackendUnavailable, match=f'{file} missing'):
        FasterWhisper(WhisperOptions(str(folder)))


@pytest.mark.parametrize(
    'damage', [lambda data: b'not a model', lambda data: data[: len(data) // 2]]
)
def test_a_damaged_model_is_refused_with_its_folder_and_the_fix(tmp_path, damage):
    folder = build(tmp_path / 'm')
    weights = folder / 'model.bin'
    weights.write_bytes(damage(weights.read_bytes()))
    with pytest.raises(BackendUnavailable, match=r'/m cannot be loaded.*tektra weights pull'):
        FasterWhisper(WhisperOptions(str(folder)))


def test_the_gpu_is_refused_by_name_where_there_is_none(model):
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip('this machine has a GPU')
    with pytest.raises(BackendUnavailable, match='cuda'):
        FasterWhisper(WhisperOptions(str(model), device='cuda'))


def test_pocketsphinx_takes_over_from_a_model_that_cannot_be_loaded(tmp_path):
    folder = build(tmp_path / 'm')
    (folder / 'model.bin').write_bytes(b'garbage')
    states = []
    made = factories(EngineOptions(whisper_model=str(folder)))
    chain = BackendChain('stt', ['faster_whisper', 'pocketsphinx'], made, states.append)
    chain.open(0)
    assert chain.active_name == 'pocketsphinx'
    assert (
        'tektra weights pull' in dict((n, r) for n, _, r in states[-1].entries)['faster_whisper']
    )
    pcm = speak('what is your name')
    result = Engine(chain).run(Job('u/1', True, pcm, Want.FINAL), 0)
    assert (result.hypothesis.text, result.backend) == ('what is your name', 'pocketsphinx')
