"""The list of weights: what the shipped one says, and what a wrong one is told."""

import sys
from pathlib import Path

import pytest
import yaml
from weights_support import catalogue_of, noise, row, write_catalogue

from tektra.weights.catalogue import load_catalogue
from tektra.weights.errors import CatalogueError, WeightsError
from tektra.weights.wheel import find_wheel

SHIPPED = Path(__file__).parents[2] / 'config' / 'weights.yaml'


@pytest.fixture(scope='module')
def shipped():
    return load_catalogue(SHIPPED)


def test_everything_that_can_be_downloaded_has_a_size_and_a_published_checksum(shipped):
    for entry in shipped:
        if entry.via != 'wheel':
            assert entry.size and entry.size > 1_000_000, entry.name
            assert all(file.sha256 for file in entry.files), entry.name


def test_the_sources_name_one_revision_that_cannot_change(shipped):
    for entry in shipped:
        if entry.via == 'hub':
            assert len(entry.source['revision']) == 40, entry.name


def test_the_default_set_is_one_recogniser_and_one_voice_free_for_any_use(shipped):
    default = [entry for entry in shipped if entry.default]
    assert sorted(entry.use for entry in default) == ['stt', 'tts']
    assert not any('research' in entry.licence or 'AGPL' in entry.licence for entry in default)


def test_what_every_loader_needs_is_listed(shipped):
    for entry in shipped:
        paths = {file.path for file in entry.files}
        if entry.name.startswith('whisper/'):
            assert paths == {'config.json', 'model.bin', 'tokenizer.json', 'vocabulary.txt'}
        if entry.name.startswith('piper/'):
            voice = entry.name.split('/')[1]
            assert paths == {f'{voice}.onnx', f'{voice}.onnx.json'}


def test_the_addresses_are_those_of_the_libraries_own_downloaders(shipped, monkeypatch):
    monkeypatch.delenv('HF_ENDPOINT', raising=False)
    whisper = shipped.find('whisper/base.en')
    pytest.importorskip('faster_whisper')
    from faster_whisper.utils import _MODELS

    assert whisper.source['repo'] == _MODELS['base.en']
    huggingface_hub = pytest.importorskip('huggingface_hub')
    file = whisper.files[1]
    assert whisper.url(file) == huggingface_hub.hf_hub_url(
        whisper.source['repo'], file.path, revision=whisper.source['revision']
    )
    piper = pytest.importorskip('piper.download_voices')
    voice = shipped.find('en_US-ljspeech-medium')
    parts = piper.VOICE_PATTERN.match('en_US-ljspeech-medium').groupdict()
    theirs = piper.URL_FORMAT.format(
        lang_code='en_US',
        extension='.onnx',
        **{key: parts[key] for key in ('lang_family', 'voice_name')},
        voice_quality='medium',
    )
    ours = voice.url(voice.files[0])
    assert ours.replace(voice.source['revision'], 'main') == theirs.removesuffix('?download=true')


def test_another_hub_is_used_where_hf_endpoint_says_so(shipped, monkeypatch):
    monkeypatch.setenv('HF_ENDPOINT', 'https://hub.example/')
    entry = shipped.find('tiny.en')
    assert entry.url(entry.files[0]).startswith(
        'https://hub.example/Systran/faster-whisper-tiny.en/'
    )


def test_a_mirror_serves_the_layout_of_the_store(shipped):
    entry = shipped.find('tiny.en')
    assert (
        entry.url(entry.files[1], 'http://site/weights/')
        == 'http://site/weights/whisper/tiny.en/model.bin'
    )


def test_the_last_part_of_a_name_is_enough_unless_two_have_it(tmp_path):
    catalogue = catalogue_of(
        tmp_path, row('a/x', {'f': b'1'}), row('b/x', {'f': b'1'}), row('b/y', {'f': b'1'})
    )
    assert catalogue.find('y').name == 'b/y'
    with pytest.raises(WeightsError, match='may be any of a/x, b/x; give the whole name'):
        catalogue.find('x')


def test_a_misspelt_name_is_told_its_neighbour(shipped):
    with pytest.raises(WeightsError, match=r"'bse\.en' are not known; did you mean .*base\.en"):
        shipped.find('bse.en')


WRONG = [
    ({'nmae': 'x'}, "key 'nmae' is not known; did you mean 'name'"),
    ({'name': '../x'}, "'../x' cannot be the name"),
    ({'name': 'a/b/c'}, "'a/b/c' cannot be the name"),
    ({'use': 'sst'}, "use: 'sst' is not one of stt, tts"),
    ({'via': 'ftp'}, "via: 'ftp' is not one of hub, url, wheel"),
    ({'url': 'file:///etc/passwd'}, 'neither https:// nor http://'),
    ({'repo': 'a/b'}, "key 'repo' is not known"),
    ({'default': 'yes'}, "default: 'yes' is neither true nor false"),
    ({'licence': None}, "licence: 'None' is not a text"),
    ({'files': []}, 'files: is not a list'),
    ({'files': [{'path': 'f'}]}, 'has not just path, size and sha256'),
    ({'files': [{'path': '../f', 'size': 1, 'sha256': None}]}, "'../f' is not a path inside"),
    ({'files': [{'path': '/f', 'size': 1, 'sha256': None}]}, "'/f' is not a path inside"),
    ({'files': [{'path': 'f', 'size': -1, 'sha256': None}]}, "size '-1' is not a number"),
    ({'files': [{'path': 'f', 'size': True, 'sha256': None}]}, "size 'True' is not a number"),
    ({'files': [{'path': 'f', 'size': 1, 'sha256': 'abc'}]}, "'abc' is not 64 hexadecimal"),
    ({'files': [{'path': 'f', 'size': 1, 'sha256': None}] * 2}, 'a path is there twice'),
]


@pytest.mark.parametrize(('change', 'text'), WRONG)
def test_a_wrong_entry_is_named_with_file_key_and_value(tmp_path, change, text):
    path = write_catalogue(tmp_path / 'my.yaml', {**row('a/x', {'f': b'1'}), **change})
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(path)
    assert str(path) in str(caught.value)
    assert text in str(caught.value)


@pytest.mark.parametrize('text', ['weights: [', 'other: 1', '- 1', '\x00', 'weights: [1]'])
def test_a_file_that_is_no_list_of_weights_is_named(tmp_path, text):
    path = tmp_path / 'my.yaml'
    path.write_text(text, encoding='utf-8')
    with pytest.raises(CatalogueError, match=str(path)):
        load_catalogue(path)


def test_two_entries_of_one_name_are_refused(tmp_path):
    with pytest.raises(CatalogueError, match='a/x: is there twice'):
        catalogue_of(tmp_path, row('a/x', {'f': b'1'}), row('a/x', {'f': b'1'}))


def test_the_installed_silero_is_found_without_importing_torch_and_is_the_one_measured(shipped):
    entry = shipped.find('silero-vad')
    wheel = find_wheel(entry)
    if wheel is None:
        pytest.skip('silero-vad is not installed')
    assert (wheel.folder / entry.files[0].path).stat().st_size == wheel.files[0].size
    assert 'silero_vad' not in sys.modules


def make_wheel(folder, name, version, files):
    """Install a package by hand, with its RECORD."""
    import base64
    import hashlib

    info = folder / f'{name}-{version}.dist-info'
    info.mkdir(parents=True)
    (info / 'METADATA').write_text(f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
    lines = []
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip('=')
        lines.append(f'{path},sha256={digest},{len(content)}')
    (info / 'RECORD').write_text('\n'.join(lines) + '\n')


def test_another_version_of_a_package_is_measured_against_its_own_record(tmp_path, monkeypatch):
    content = noise(100)
    make_wheel(tmp_path / 'site', 'tinyweights', '2.0', {'tinyweights/data/m.onnx': content})
    monkeypatch.syspath_prepend(str(tmp_path / 'site'))
    data = row('tinyweights', {'m.onnx': b'of version 1.0'}, via='wheel')
    data.pop('url')
    data |= {'package': 'tinyweights', 'version': '1.0', 'folder': 'tinyweights/data'}
    entry = catalogue_of(tmp_path, data).find('tinyweights')
    wheel = find_wheel(entry)
    assert wheel.version == '2.0'
    assert wheel.folder == tmp_path / 'site/tinyweights/data'
    import hashlib

    assert wheel.files[0].sha256 == hashlib.sha256(content).hexdigest()
    assert wheel.files[0].size == 100


def test_the_shipped_file_says_nothing_twice():
    rows = yaml.safe_load(SHIPPED.read_text(encoding='utf-8'))['weights']
    assert len({row['name'] for row in rows}) == len(rows)
