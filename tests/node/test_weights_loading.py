"""From an archive to an engine that runs, without a network, on tiny models that the test builds.

They say nothing sensible; that the files are found, checked and loaded is what is shown here.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

import tiny_models
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.weights import find_weights
from tektra.weights.archive import Importer
from tektra.weights.catalogue import Catalogue, load_catalogue
from tektra.weights.store import Store

VOICE = 'en_US-tiny-low'


@pytest.fixture
def import_from(tmp_path, monkeypatch):
    """Give a function that packs a folder and imports it under a name."""
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.delenv('TEKTRA_WEIGHTS_PATH', raising=False)

    def run(folder, name):
        packed = shutil.make_archive(str(tmp_path / 'packed'), 'zip', folder)
        shutil.rmtree(folder)
        importer = Importer(Store.of_environment(), Catalogue(()), lambda text: None)
        importer.run(Path(packed), name)
        return find_weights(name)

    return run


def test_an_imported_voice_is_found_by_its_language_and_speaks(tmp_path, import_from):
    pytest.importorskip('onnx')
    pytest.importorskip('piper')
    from tektra.tts.backend import Abort, SpeechRequest
    from tektra.tts.backends.piper import Piper

    with pytest.raises(BackendUnavailable, match='no voice is on disk'):
        Piper()
    import_from(tiny_models.write_voice(tmp_path / 'voice', VOICE), f'piper/{VOICE}')
    engine = Piper(language='en-US')
    try:
        assert [voice.name for voice in engine.voices()] == [VOICE]
        speech = engine.synthesize(SpeechRequest('hello robot', 'en-US'), Abort())
        assert speech.sample_rate == tiny_models.RATE
        assert speech.samples > tiny_models.RATE // 10
        assert [word.offset for word in speech.words] == [0, 6]
    finally:
        engine.close()


def test_half_a_voice_on_its_way_is_no_voice(tmp_path, monkeypatch):
    pytest.importorskip('onnx')
    pytest.importorskip('piper')
    from tektra.tts.backends.piper import Piper

    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.delenv('TEKTRA_WEIGHTS_PATH', raising=False)
    store = Store.of_environment()
    tiny_models.write_voice(store.prepare(f'piper/{VOICE}'), VOICE)
    with pytest.raises(BackendUnavailable, match='no voice is on disk'):
        Piper()
    store.commit(f'piper/{VOICE}')
    Piper().close()


def test_an_imported_whisper_is_found_and_hears(tmp_path, import_from):
    pytest.importorskip('ctranslate2')
    pytest.importorskip('faster_whisper')
    from tektra.stt.backends.faster_whisper import FasterWhisper, WhisperOptions

    with pytest.raises(BackendUnavailable, match='tektra weights pull'):
        FasterWhisper(WhisperOptions(device='cpu'))
    import_from(tiny_models.write_whisper(tmp_path / 'whisper'), 'whisper/tiny.en')
    engine = FasterWhisper(WhisperOptions(device='cpu', language='en-US'))
    try:
        assert engine.description.startswith('tiny.en')
        engine.start()
        noise = np.random.default_rng(0).normal(0, 3000, 16_000).astype(np.int16)
        engine.feed(noise)
        heard = engine.finish()
        # Random weights write nonsense, which must be heard as noise or as words of this segment.
        assert heard.reject_reason or all(0 <= word.end <= 16_000 for word in heard.words)
    finally:
        engine.close()


def test_every_whisper_of_the_list_is_what_the_backend_wants():
    from tektra.stt.backends.faster_whisper import FOLDER
    from tektra.stt.whisper_files import NEEDED, VOCABULARIES

    listed = [entry for entry in load_catalogue() if entry.use == 'stt']
    assert listed
    for entry in listed:
        paths = {file.path for file in entry.files}
        assert entry.name.startswith(f'{FOLDER}/')
        assert paths >= set(NEEDED)
        assert paths & set(VOCABULARIES)


def test_the_same_seed_builds_the_same_files(tmp_path):
    pytest.importorskip('ctranslate2')
    first = tiny_models.write_whisper(tmp_path / 'a', 3)
    second = tiny_models.write_whisper(tmp_path / 'b', 3)
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name
