"""Weights from folders and archives, also from hostile ones."""

import io
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weights_support import Said, catalogue_of, contents, noise, put, row, unpublished

from tektra.weights.archive import Importer, export
from tektra.weights.errors import ChecksumError, DiskFull, WeightsError
from tektra.weights.store import Store
from tektra.weights.verify import Verdict, known_entries, verify

VOICE = {'tiny.onnx': noise(20_000), 'tiny.onnx.json': noise(300, 1)}
WHISPER = {
    'config.json': noise(50, 2),
    'model.bin': noise(40_000, 3),
    'vocabulary.txt': noise(9, 4),
}


class Place:
    """A store with two entries in its catalogue, and an importer into it."""

    def __init__(self, folder):
        self.folder = folder
        self.store = Store(folder / 'store')
        self.catalogue = catalogue_of(
            folder, row('piper/tiny', VOICE), row('whisper/tiny', WHISPER)
        )
        self.said = Said()
        self.importer = Importer(self.store, self.catalogue, self.said.say)

    def untouched(self):
        """Return whether nothing was imported and nothing was left half-way."""
        rest = [path for path in self.store.root.rglob('*') if '.locks' not in path.parts]
        return not any(path.is_file() for path in rest)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def write(folder, files):
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def tar_of(path, files, mode='w'):
    with tarfile.open(path, mode) as bundle:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            bundle.addfile(info, io.BytesIO(content))
    return path


def zip_of(path, files):
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def under(prefix, files):
    return {f'{prefix}{path}': content for path, content in files.items()}


MAKERS = {
    'folder': lambda folder, files: write(folder / 'in', files),
    'tar': lambda folder, files: tar_of(folder / 'in.tar', files),
    'tar.gz': lambda folder, files: tar_of(folder / 'in.tar.gz', files, 'w:gz'),
    'tar.xz': lambda folder, files: tar_of(folder / 'in.tar.xz', files, 'w:xz'),
    'zip': lambda folder, files: zip_of(folder / 'in.zip', files),
}


@pytest.mark.parametrize('kind', MAKERS)
@pytest.mark.parametrize('prefix', ['', 'some/where/', 'piper/tiny/'])
def test_weights_are_recognised_by_their_files_wherever_they_lie(place, kind, prefix):
    files = {**under(prefix, VOICE), 'README': b'x', 'elsewhere/tiny.onnx': b'another'}
    assert place.importer.run(MAKERS[kind](place.folder, files)) == ['piper/tiny']
    assert contents(place.store.folder('piper/tiny')) == VOICE


def test_an_archive_may_hold_several(place):
    both = {**under('a/', VOICE), **under('b/', WHISPER)}
    assert place.importer.run(tar_of(place.folder / 'in.tar', both)) == [
        'piper/tiny',
        'whisper/tiny',
    ]


def test_what_is_exported_is_what_is_imported(place, tmp_path):
    entry = place.catalogue.find('piper/tiny')
    put(place.store, entry, VOICE)
    target = tmp_path / 'out.tar'
    export(place.store, [entry], target)
    other = Place(tmp_path / 'other') if (tmp_path / 'other').mkdir() is None else None
    other.importer.run(target)
    assert contents(other.store.folder('piper/tiny')) == VOICE


def test_an_export_holds_files_even_where_the_store_has_links(place, tmp_path):
    entry = place.catalogue.find('piper/tiny')
    real = write(tmp_path / 'real', VOICE)
    folder = place.store.folder('piper/tiny')
    folder.mkdir(parents=True)
    for path in VOICE:
        (folder / path).symlink_to(real / path)
    export(place.store, [entry], tmp_path / 'out.tar')
    with tarfile.open(tmp_path / 'out.tar') as bundle:
        assert all(info.isreg() for info in bundle)


def test_an_export_never_overwrites_and_needs_the_weights(place, tmp_path):
    entry = place.catalogue.find('piper/tiny')
    with pytest.raises(WeightsError, match='piper/tiny is not in the store'):
        export(place.store, [entry], tmp_path / 'out.tar')
    put(place.store, entry, VOICE)
    (tmp_path / 'out.tar').write_bytes(b'mine')
    with pytest.raises(WeightsError, match=r'out\.tar is there already'):
        export(place.store, [entry], tmp_path / 'out.tar')
    assert (tmp_path / 'out.tar').read_bytes() == b'mine'


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(place):
    wrong = {**VOICE, 'tiny.onnx': noise(20_000, 99)}
    with pytest.raises(
        ChecksumError, match=r'the sha256 of tiny\.onnx is .* nothing was imported'
    ):
        place.importer.run(write(place.folder / 'in', wrong))
    assert place.untouched()


def test_a_wrong_size_is_not_recognised_and_is_named_when_asked_for(place):
    folder = write(place.folder / 'in', {**VOICE, 'tiny.onnx': b'short'})
    with pytest.raises(WeightsError, match='holds no complete weights of the list'):
        place.importer.run(folder)
    with pytest.raises(ChecksumError, match=r'tiny\.onnx has 5 bytes instead of 20000'):
        place.importer.run(folder, 'piper/tiny')
    assert place.untouched()


def test_a_missing_file_is_named(place):
    folder = write(place.folder / 'in', {'tiny.onnx': VOICE['tiny.onnx']})
    with pytest.raises(
        WeightsError, match=r'piper/tiny wants tiny\.onnx\.json, which is not there'
    ):
        place.importer.run(folder, 'piper/tiny')


def test_weights_without_published_sizes_are_recognised_by_the_name_of_their_folder(tmp_path):
    store = Store(tmp_path / 'store')
    catalogue = catalogue_of(tmp_path, unpublished('piper/free', 'v.onnx'))
    importer = Importer(store, catalogue, Said().say)
    with pytest.raises(WeightsError, match='holds no complete weights'):
        importer.run(write(tmp_path / 'a', {'v.onnx': b'1'}))
    assert importer.run(write(tmp_path / 'b', {'piper/free/v.onnx': b'1'})) == ['piper/free']
    assert store.recorded('piper/free')['v.onnx'].size == 1


def test_own_weights_go_under_a_name_of_their_own_and_are_verified_later(place):
    mine = under('deep/folder/', {'v.onnx': b'model', 'v.onnx.json': b'{}', '.hidden': b''})
    place.importer.run(zip_of(place.folder / 'in.zip', mine), 'piper/my_voice')
    folder = place.store.folder('piper/my_voice')
    assert contents(folder) == {'v.onnx': b'model', 'v.onnx.json': b'{}'}
    known = known_entries(place.store, place.catalogue)
    assert [c.verdict for c in verify(place.store, known)] == [Verdict.OK, Verdict.OK]
    (folder / 'v.onnx').write_bytes(b'modem')
    assert Verdict.WRONG in [c.verdict for c in verify(place.store, known)]


def test_a_single_file_can_be_own_weights(place):
    path = place.folder / 'v.onnx'
    path.write_bytes(b'model')
    place.importer.run(path, 'turn/mine')
    assert contents(place.store.folder('turn/mine')) == {'v.onnx': b'model'}


@pytest.mark.parametrize(
    'name', ['../x', '/etc', 'a/../b', 'a/b/c', '.partial', '', 'a//b', 'a/.b']
)
def test_an_own_name_cannot_lead_out_of_the_store(place, name):
    folder = write(place.folder / 'in', {'f': b'1'})
    with pytest.raises(WeightsError):
        place.importer.run(folder, name)
    assert place.untouched()


BAD_NAMES = ['../tiny.onnx', '/tmp/tiny.onnx', 'a/../../tiny.onnx', 'a\\..\\tiny.onnx', 'a/./b\n']


@pytest.mark.parametrize('name', BAD_NAMES)
@pytest.mark.parametrize('kind', ['tar', 'zip'])
def test_a_path_that_leads_out_refuses_the_whole_archive(place, kind, name):
    path = MAKERS[kind](place.folder, {**VOICE, name: b'evil'})
    with pytest.raises(WeightsError, match='leads out of the archive; refused'):
        place.importer.run(path)
    assert place.untouched()


@pytest.mark.parametrize(
    'kind', [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(place, kind):
    path = place.folder / 'in.tar'
    with tarfile.open(path, 'w') as bundle:
        info = tarfile.TarInfo('tiny.onnx')
        info.type, info.linkname = kind, '/etc/passwd'
        bundle.addfile(info)
    with pytest.raises(WeightsError, match=r"'tiny\.onnx' is a link or a device; refused"):
        place.importer.run(path)


def test_links_in_a_zip_are_refused(place):
    path = place.folder / 'in.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        info = zipfile.ZipInfo('tiny.onnx')
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, '/etc/passwd')
    with pytest.raises(WeightsError, match=r"'tiny\.onnx' is a link; refused"):
        place.importer.run(path)


@pytest.mark.parametrize('kind', ['tar', 'tar.gz', 'tar.xz', 'zip'])
def test_a_cut_archive_is_damaged_and_leaves_nothing(place, kind):
    path = MAKERS[kind](place.folder, {**VOICE, **under('w/', WHISPER)})
    path.write_bytes(path.read_bytes()[:15_000])
    with pytest.raises(WeightsError):
        place.importer.run(path)
    assert place.untouched()


def test_an_archive_that_claims_more_than_the_disk_has_is_refused_before_it_is_read(place):
    importer = Importer(
        place.store, place.catalogue, place.said.say, lambda need, where: f'{need}!'
    )
    with pytest.raises(DiskFull, match='20300!'):
        importer.run(zip_of(place.folder / 'in.zip', VOICE))


def test_what_is_there_is_not_replaced_by_an_import(place):
    put(place.store, place.catalogue.find('piper/tiny'), VOICE)
    place.importer.run(write(place.folder / 'in', VOICE))
    assert 'already there; remove it first to replace it' in place.said.text


def test_a_source_that_does_not_exist_is_named(place):
    with pytest.raises(WeightsError, match='/no/such/file does not exist'):
        place.importer.run(Path('/no/such/file'))


def test_an_empty_folder_holds_nothing(place):
    (place.folder / 'in').mkdir()
    with pytest.raises(WeightsError, match='holds no complete weights'):
        place.importer.run(place.folder / 'in')
    with pytest.raises(WeightsError, match='there is no file to import'):
        place.importer.run(place.folder / 'in', 'turn/mine')


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(st.sampled_from('ab./\\\0 ~'), min_size=1, max_size=8))
def test_no_member_name_writes_outside_the_store(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp('names')
    (folder / 'work').mkdir()
    place = Place(folder / 'work')
    try:
        path = tar_of(folder / 'in.tar', {name: b'evil'})
        place.importer.run(path, 'turn/mine')
    except WeightsError:
        pass
    shutil.rmtree(place.store.root, ignore_errors=True)
    assert sorted(contents(folder)) == ['in.tar', 'work/weights.yaml']
