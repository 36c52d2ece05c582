"""The store: places, removal, verification, and two writers at once."""

import signal
import subprocess
import sys
import threading

import pytest
from weights_support import WAIT_S, catalogue_of, contents, noise, put, row, unpublished

from tektra.runtime.weights import find_all_weights, find_weights
from tektra.weights.catalogue import WeightFile
from tektra.weights.errors import WeightsError
from tektra.weights.store import Store, fits, free_bytes, strays
from tektra.weights.verify import Presence, Verdict, known_entries, status, verify

NAME = 'piper/tiny'
FILES = {'v.onnx': noise(2000), 'v.onnx.json': noise(30, 1)}


@pytest.fixture
def catalogue(tmp_path):
    return catalogue_of(tmp_path, row(NAME, FILES))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / 'store', (tmp_path / 'site',))


def place(folder, files):
    for path, content in files.items():
        (folder / NAME / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / NAME / path).write_bytes(content)


def test_the_nodes_find_what_the_store_holds(tmp_path, monkeypatch, catalogue):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('TEKTRA_WEIGHTS_PATH', f'{tmp_path / "a"}:{tmp_path / "b"}')
    store = Store.of_environment()
    assert store.root == tmp_path / 'cache/tektra/weights'
    assert find_weights(NAME) is None
    folder = put(store, catalogue.find(NAME), FILES)
    assert find_weights(NAME) == store.find(catalogue.find(NAME)).folder == folder
    place(tmp_path / 'b', FILES)
    assert find_weights(NAME) == store.find(catalogue.find(NAME)).folder == tmp_path / 'b' / NAME
    assert find_all_weights('piper') == [tmp_path / 'b/piper', store.root / 'piper']


def test_a_relative_xdg_cache_home_is_ignored(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', 'somewhere')
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.delenv('TEKTRA_WEIGHTS_PATH', raising=False)
    assert Store.of_environment().root == tmp_path / '.cache/tektra/weights'


def test_the_states_of_an_entry(store, catalogue):
    entry = catalogue.find(NAME)
    assert status(store, entry).text == 'absent'
    store.prepare(NAME).joinpath('v.onnx').write_bytes(b'x' * 1500)
    assert status(store, entry).presence is Presence.PARTIAL
    assert status(store, entry).text == '1.5 kB of 2.0 kB fetched'
    store.discard_partial(NAME)
    put(store, entry, {**FILES, 'v.onnx': b'short'})
    assert status(store, entry).text == 'damaged: see tektra weights verify'
    put(store, entry, FILES)
    assert status(store, entry).text == 'present'


def test_a_complete_copy_in_another_place_is_used_when_the_first_is_damaged(
    store, catalogue, tmp_path
):
    place(tmp_path / 'site', {'v.onnx': b'short'})
    put(store, catalogue.find(NAME), FILES)
    assert store.find(catalogue.find(NAME)).writable


def test_verify_tells_good_from_bad_in_every_place(store, catalogue, tmp_path):
    put(store, catalogue.find(NAME), FILES)
    place(tmp_path / 'site', {**FILES, 'v.onnx': noise(2000, 7)})
    verdicts = {check.path: check.verdict for check in verify(store, catalogue)}
    assert verdicts == {
        tmp_path / 'site' / NAME / 'v.onnx': Verdict.WRONG,
        tmp_path / 'site' / NAME / 'v.onnx.json': Verdict.OK,
        tmp_path / 'store' / NAME / 'v.onnx': Verdict.OK,
        tmp_path / 'store' / NAME / 'v.onnx.json': Verdict.OK,
    }


def test_verify_names_a_missing_and_a_cut_file(store, catalogue):
    put(store, catalogue.find(NAME), {'v.onnx': b'short'})
    texts = [check.text for check in verify(store, catalogue)]
    assert texts == ['has 5 bytes instead of 2000', 'cannot be read: No such file or directory']


def test_what_nobody_measured_is_called_unchecked(store, tmp_path):
    catalogue = catalogue_of(tmp_path, unpublished(NAME, 'v.onnx'))
    put(store, catalogue.find(NAME), FILES)
    assert [check.verdict for check in verify(store, catalogue)] == [Verdict.UNCHECKED]
    store.record(NAME, {'v.onnx': WeightFile('v.onnx', 2000, '0' * 64)})
    assert [check.verdict for check in verify(store, catalogue)] == [Verdict.WRONG]


def test_removal_takes_the_weights_and_what_is_on_its_way_and_nothing_else(
    store, catalogue, tmp_path
):
    other = store.root / 'piper/other'
    other.mkdir(parents=True)
    put(store, catalogue.find(NAME), FILES)
    place(tmp_path / 'site', FILES)
    store.prepare(NAME).joinpath('v.onnx').write_bytes(b'x')
    assert store.remove(NAME)
    assert other.is_dir()
    assert not (store.root / NAME).exists()
    assert not store.partial(NAME).exists()
    assert contents(tmp_path / 'site' / NAME) == FILES
    assert not store.remove(NAME)


def test_removal_follows_no_link(store, tmp_path):
    (tmp_path / 'precious').mkdir()
    (tmp_path / 'precious/file').write_bytes(b'x')
    (store.root / 'piper').mkdir(parents=True)
    (store.root / NAME).symlink_to(tmp_path / 'precious')
    store.remove(NAME)
    assert (tmp_path / 'precious/file').exists()
    assert not (store.root / NAME).is_symlink()
    store.root.joinpath('far').symlink_to(tmp_path)
    with pytest.raises(WeightsError, match='leads out of'):
        store.remove('far/precious')
    assert (tmp_path / 'precious/file').exists()


@pytest.mark.parametrize('name', ['..', '.', '/', '../site', 'piper/..', '.partial', '.locks', ''])
def test_no_name_leads_out_of_the_store(store, name):
    with pytest.raises(WeightsError, match='cannot be the name of weights'):
        store.remove(name)


def test_a_rename_that_fails_leaves_what_was_there(store, catalogue):
    folder = put(store, catalogue.find(NAME), FILES)
    with pytest.raises(FileNotFoundError):  # nothing is on its way
        with store.locked(NAME):
            store.prepare(NAME).rmdir()
            store.commit(NAME)
    assert contents(folder) == FILES
    assert contents(store.root / '.partial') == {}


def test_what_a_process_killed_between_two_renames_left_is_there_again_under_the_lock(
    store, catalogue
):
    folder = put(store, catalogue.find(NAME), FILES)
    new = store.prepare(NAME)
    new.joinpath('v.onnx').write_bytes(b'new')
    child = subprocess.run([sys.executable, '-c', KILLED, str(store.root), NAME], timeout=WAIT_S)
    assert child.returncode == -signal.SIGKILL
    assert not folder.exists()
    with store.locked(NAME):
        assert contents(folder) == FILES
        assert store.commit(NAME) == folder
    assert contents(folder) == {'v.onnx': b'new'}
    assert list((store.root / '.partial').iterdir()) == []


KILLED = """
import os, pathlib, signal, sys
from tektra.weights.store import Store

rename = pathlib.Path.rename

def die_after_the_first(path, target):
    rename(path, target)
    os.kill(os.getpid(), signal.SIGKILL)

pathlib.Path.rename = die_after_the_first
Store(pathlib.Path(sys.argv[1])).commit(sys.argv[2])
"""


def test_records_of_two_writers_are_both_kept(store):
    start = threading.Barrier(8)

    def record(number):
        start.wait(WAIT_S)
        store.record(f'a/{number}', {'f': WeightFile('f', number, 'x')})

    threads = [threading.Thread(target=record, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert sorted(store.recorded_names()) == [f'a/{number}' for number in range(8)]


@pytest.mark.parametrize('text', ['', '{', '[]', '{"a": 1}', '{"a": {"f": {}}}'])
def test_damaged_records_are_named_with_the_fix(store, text):
    store.root.mkdir(parents=True)
    (store.root / 'checksums.json').write_text(text)
    with pytest.raises(WeightsError, match=r'checksums\.json is damaged .*delete it'):
        store.recorded(NAME)


def test_folders_that_belong_to_nothing_are_reported(store, catalogue):
    put(store, catalogue.find(NAME), FILES)
    store.prepare(NAME).joinpath('v.onnx').write_bytes(b'x')
    (store.root / 'piper/hand-made').mkdir()
    (store.root / 'piper/hand-made/v.onnx').write_bytes(b'x')
    (store.root / 'piper/loose.onnx').write_bytes(b'x')
    known = {entry.name for entry in known_entries(store, catalogue)}
    assert strays(store, known) == ['piper', 'piper/hand-made']


def test_the_room_on_a_disk_is_told_for_folders_that_do_not_exist_yet(tmp_path):
    folder = tmp_path / 'not/there/yet'
    assert free_bytes(folder) > 0
    assert fits(0, folder) == '' or free_bytes(folder) < 1 << 27
    text = fits(1 << 60, folder)
    assert f'{folder} has ' in text
    assert 'or set XDG_CACHE_HOME to a larger disk' in text
