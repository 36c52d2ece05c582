"""Pulls against a real HTTP server on 127.0.0.1 that cuts, stalls, lies and refuses."""

import errno
import http.client
import multiprocessing
import os
import ssl
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from weights_support import (
    WAIT_S,
    Said,
    Source,
    Trick,
    catalogue_of,
    contents,
    noise,
    partial_sizes,
    puller,
    put,
    row,
    served,
    unpublished,
)

from tektra.weights.errors import (
    ChecksumError,
    DiskFull,
    NoNetwork,
    TransferBroken,
    WeightsError,
)
from tektra.weights.store import Store
from tektra.weights.transfer import Patience

NAME = 'piper/xx_XX-tiny-low'
FILES = {'tiny.onnx': noise(700_000), 'tiny.onnx.json': noise(300, 1)}
MODEL = f'/{NAME}/tiny.onnx'


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / 'store')


@pytest.fixture
def entry(tmp_path):
    return catalogue_of(tmp_path, row(NAME, FILES)).find(NAME)


@pytest.fixture
def source():
    with Source(served(NAME, FILES)) as server:
        yield server


def test_what_is_pulled_is_what_the_server_has_and_nothing_else_is_left(store, entry, source):
    said = Said()
    puller(store, source, said).pull([entry])
    assert contents(store.folder(NAME)) == FILES
    assert not store.partial(NAME).exists()
    assert said.totals[f'{NAME}/tiny.onnx'][-1] == len(FILES['tiny.onnx'])


def test_a_second_pull_asks_the_server_for_nothing(store, entry, source):
    puller(store, source).pull([entry])
    asked = len(source.requests)
    puller(store, source).pull([entry])
    assert len(source.requests) == asked


def test_a_cut_connection_goes_on_where_it_was(store, entry, source):
    source.tricks.extend([Trick(after=100_000), Trick(after=1)])
    puller(store, source).pull([entry])
    assert [request.range for request in source.served(MODEL)] == [
        None,
        'bytes=100000-',
        'bytes=100001-',
    ]
    assert contents(store.folder(NAME)) == FILES


def test_a_stalled_server_is_left_and_asked_again(store, entry, source):
    source.tricks.append(Trick(after=5000, hold=True))
    patience = Patience(timeout_s=0.2, attempts=3, pause_s=0.0, sleep=lambda s: None)
    puller(store, source, patience=patience).pull([entry])
    assert source.served(MODEL)[1].range == 'bytes=5000-'
    assert contents(store.folder(NAME)) == FILES


def test_a_server_that_brings_nothing_three_times_is_given_up_and_the_part_is_kept(
    store, entry, source
):
    source.tricks.extend([Trick(after=4000), *[Trick(after=0)] * 3])
    with pytest.raises(TransferBroken, match='4000 bytes are kept, run the command again'):
        puller(store, source).pull([entry])
    assert partial_sizes(store, NAME)['tiny.onnx'] == 4000
    assert store.find(entry) is None
    puller(store, source).pull([entry])
    assert source.served(MODEL)[-1].range == 'bytes=4000-'
    assert contents(store.folder(NAME)) == FILES


def test_the_pauses_between_attempts_double(store, entry, source):
    slept = []
    source.tricks.extend([Trick(status=503)] * 4)
    patience = Patience(timeout_s=WAIT_S, attempts=5, pause_s=1.0, sleep=slept.append)
    puller(store, source, patience=patience).pull([entry])
    assert slept == [1.0, 2.0, 4.0, 8.0][: len(slept)]
    assert len(slept) == 4


@pytest.mark.parametrize('status', [403, 404, 410])
def test_a_refusal_is_told_at_once(store, entry, source, status):
    source.tricks.append(Trick(status=status))
    with pytest.raises(WeightsError, match=f'tiny.onnx: the server answers {status}'):
        puller(store, source).pull([entry])
    assert len(source.requests) == 1


def test_a_server_without_ranges_starts_anew_and_still_succeeds(store, entry, source):
    source.ranges = False
    source.tricks.append(Trick(after=100_000))
    puller(store, source).pull([entry])
    assert contents(store.folder(NAME)) == FILES


def test_content_that_changed_between_two_parts_is_fetched_from_its_beginning(
    store, tmp_path, source
):
    files = {'tiny.onnx': noise(700_000, 5)}
    entry = catalogue_of(tmp_path, row(NAME, files)).find(NAME)
    source.tricks.extend([Trick(after=100_000), *[Trick(after=0)] * 3])
    with pytest.raises(TransferBroken):
        puller(store, source).pull([entry])
    source.files.update(served(NAME, files))
    puller(store, source).pull([entry])
    assert source.served(MODEL)[-1].if_range is not None
    assert contents(store.folder(NAME)) == files


def test_a_part_of_other_content_is_found_by_its_checksum_and_fetched_anew(store, entry, source):
    source.tags = False
    store.prepare(NAME).joinpath('tiny.onnx').write_bytes(b'x' * 1000)
    said = Said()
    puller(store, source, said).pull([entry])
    assert [request.range for request in source.served(MODEL)] == ['bytes=1000-', None]
    assert 'tiny.onnx is wrong after resuming; from its beginning' in said.text
    assert contents(store.folder(NAME)) == FILES


def test_wrong_content_is_refused_and_deleted(store, entry, source):
    source.files[MODEL] = noise(700_000, 9)
    with pytest.raises(
        ChecksumError, match=r'tiny\.onnx: its sha256 is .* it was refused and deleted'
    ):
        puller(store, source).pull([entry])
    assert 'tiny.onnx' not in partial_sizes(store, NAME)
    assert not store.folder(NAME).exists()


@pytest.mark.parametrize('size', [699_999, 700_001, 0])
def test_content_of_another_size_is_refused_before_it_is_fetched(store, entry, source, size):
    source.files[MODEL] = noise(size)
    with pytest.raises(WeightsError, match=f'has {size} bytes, the list of weights says 700000'):
        puller(store, source).pull([entry])
    assert partial_sizes(store, NAME) == {}


def test_a_file_without_size_checksum_or_length_is_refused(store, tmp_path, source):
    unknown = unpublished(NAME, 'tiny.onnx')
    source.lengths = False
    with pytest.raises(WeightsError, match='does not tell how long the file is'):
        puller(store, source).pull([catalogue_of(tmp_path, unknown).find(NAME)])


def test_a_first_download_without_a_published_checksum_is_recorded_and_binds_later_ones(
    store, tmp_path, source
):
    unknown = unpublished(NAME, 'tiny.onnx')
    entry = catalogue_of(tmp_path, unknown).find(NAME)
    said = Said()
    puller(store, source, said).pull([entry])
    assert 'nobody published checksums of tiny.onnx' in said.text
    store.remove(NAME)
    source.files[MODEL] = noise(700_000, 9)
    with pytest.raises(ChecksumError, match='the first download says'):
        puller(store, source).pull([entry])


def test_no_network_is_said_at_once_with_the_way_for_offline_machines(store, entry, source):
    dead = source.url
    source.__exit__()
    with pytest.raises(
        NoNetwork, match=r'127\.0\.0\.1:\d+ cannot be reached .*weights import FILE'
    ):
        puller(store, dead).pull([entry])
    source.__enter__()


def test_offline_refuses_what_is_missing_and_accepts_what_is_there(store, entry, source):
    with pytest.raises(WeightsError, match=f'{NAME} is not on this machine and --offline forbids'):
        puller(store, source, offline=True).pull([entry])
    put(store, entry, FILES)
    puller(store, source, offline=True).pull([entry])
    assert source.requests == []


def test_a_disk_without_room_is_refused_before_the_first_byte(store, entry, source):
    seen = []

    def fits(needed, folder):
        seen.append(needed)
        return f'{folder} has 1.0 MB free'

    with pytest.raises(DiskFull, match=r'has 1\.0 MB free'):
        puller(store, source, fits=fits).pull([entry])
    assert seen == [700_300]
    assert source.requests == []


def test_what_is_already_fetched_counts_against_the_room_that_is_needed(store, entry, source):
    store.prepare(NAME).joinpath('tiny.onnx').write_bytes(FILES['tiny.onnx'][:500_000])
    seen = []
    puller(store, source, fits=lambda needed, folder: seen.append(needed) or '').pull([entry])
    assert seen == [200_300]


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='this system has no /dev/full')
def test_a_disk_that_fills_up_meanwhile_is_named_with_the_fix(store, entry, source):
    store.prepare(NAME).joinpath('tiny.onnx').symlink_to('/dev/full')
    with pytest.raises(DiskFull, match=r'No space left on device; .*tektra weights remove NAME'):
        puller(store, source).pull([entry])
    assert store.find(entry) is None


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='this system has no /dev/full')
def test_a_disk_without_room_for_the_tag_is_named_with_the_fix(store, entry, source):
    store.prepare(NAME).joinpath('tiny.onnx.etag').symlink_to('/dev/full')
    with pytest.raises(DiskFull, match=r'No space left on device; .*tektra weights remove NAME'):
        puller(store, source).pull([entry])


def test_a_disk_that_is_found_full_at_the_end_is_named_with_the_fix(
    store, entry, source, monkeypatch
):
    def fsync(descriptor):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, 'fsync', fsync)
    with pytest.raises(DiskFull, match=r'700000 bytes of tiny\.onnx are kept'):
        puller(store, source).pull([entry])


@pytest.mark.parametrize(
    'error',
    [
        ssl.SSLError(1, 'decryption failed or bad record mac'),
        OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH)),
        OSError(errno.ENETDOWN, os.strerror(errno.ENETDOWN)),
    ],
    ids=lambda error: type(error).__name__ + str(error.errno),
)
def test_a_network_that_goes_away_while_reading_is_asked_again(
    store, entry, source, monkeypatch, error
):
    read1, failed = http.client.HTTPResponse.read1, []

    def fail_once(response, size=-1):
        if failed:
            return read1(response, size)
        failed.append(True)
        raise error

    monkeypatch.setattr(http.client.HTTPResponse, 'read1', fail_once)
    puller(store, source).pull([entry])
    assert failed
    assert len(source.served(MODEL)) == 2
    assert contents(store.folder(NAME)) == FILES


def test_a_file_that_was_complete_but_of_unknown_length_is_not_fetched_again(
    store, tmp_path, source
):
    entry = catalogue_of(tmp_path, unpublished(NAME, 'tiny.onnx')).find(NAME)
    store.prepare(NAME).joinpath('tiny.onnx').write_bytes(FILES['tiny.onnx'])
    puller(store, source).pull([entry])
    assert [request.range for request in source.served(MODEL)] == ['bytes=700000-']
    assert contents(store.folder(NAME)) == {'tiny.onnx': FILES['tiny.onnx']}


def test_a_part_that_is_longer_than_the_file_of_the_server_is_fetched_anew(
    store, tmp_path, source
):
    entry = catalogue_of(tmp_path, unpublished(NAME, 'tiny.onnx')).find(NAME)
    store.prepare(NAME).joinpath('tiny.onnx').write_bytes(FILES['tiny.onnx'] + b'x')
    puller(store, source).pull([entry])
    assert [request.range for request in source.served(MODEL)] == ['bytes=700001-', None]
    assert contents(store.folder(NAME)) == {'tiny.onnx': FILES['tiny.onnx']}


def test_the_second_of_two_pulls_waits_and_finds_the_work_done(store, entry, source):
    source.tricks.append(Trick(after=1000, hold=True))
    first, second = Said(), Said()
    waiting = threading.Event()
    second.say = lambda text: (second.lines.append(text), 'waiting' in text and waiting.set())
    threads = [
        threading.Thread(target=puller(store, source, said).pull, args=([entry],))
        for said in (first, second)
    ]
    threads[0].start()
    assert source.held.wait(WAIT_S)
    threads[1].start()
    assert waiting.wait(WAIT_S)
    source.release.set()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert len(source.served(f'/{NAME}/tiny.onnx.json')) == 1
    assert 'fetched by another process meanwhile' in second.text
    assert contents(store.folder(NAME)) == FILES


def _pull_in_child(store, entry, url):
    puller(store, url).pull([entry])


def test_a_pull_killed_at_once_goes_on_where_it_was(store, entry, source):
    source.tricks.append(Trick(after=123_000, hold=True))
    child = multiprocessing.get_context('fork').Process(
        target=_pull_in_child, args=(store, entry, source.url)
    )
    child.start()
    assert source.held.wait(WAIT_S)
    part = store.partial(NAME) / 'tiny.onnx'
    end = threading.Event()
    for _ in range(1000):
        if part.exists() and part.stat().st_size == 123_000:
            break
        end.wait(0.01)
    child.kill()
    child.join(WAIT_S)
    puller(store, source).pull([entry])
    assert source.served(MODEL)[-1].range == 'bytes=123000-'
    assert contents(store.folder(NAME)) == FILES


def test_a_damaged_folder_is_replaced_as_a_whole(store, entry, source):
    folder = put(store, entry, {'tiny.onnx': b'short', 'old': b'left over'})
    puller(store, source).pull([entry])
    assert contents(folder) == FILES


def test_redirects_are_followed_but_not_out_of_encryption():
    from urllib.request import Request

    from tektra.weights.transfer import _NoDowngrade

    handler = _NoDowngrade()
    args = (None, 302, 'Found', {})
    follow = handler.redirect_request(Request('https://a/x'), *args, 'https://b/y')
    assert follow is not None and follow.full_url == 'https://b/y'
    with pytest.raises(WeightsError, match='not encrypted; refused'):
        handler.redirect_request(Request('https://a/x'), *args, 'http://b/y')


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.integers(0, 3000),
    cuts=st.lists(st.integers(1, 2000), max_size=6),
    ranges=st.booleans(),
    tags=st.booleans(),
)
def test_wherever_a_connection_is_cut_the_file_is_whole(
    tmp_path_factory, size, cuts, ranges, tags
):
    folder = tmp_path_factory.mktemp('cuts')
    files = {'f': noise(size)}
    entry = catalogue_of(folder, row(NAME, files)).find(NAME)
    with Source(served(NAME, files), ranges=ranges, tags=tags) as source:
        source.tricks.extend(Trick(after=cut) for cut in cuts)
        patience = Patience(timeout_s=WAIT_S, attempts=10, pause_s=0.0, sleep=lambda s: None)
        puller(Store(folder / 'store'), source, patience=patience).pull([entry])
    assert contents(folder / 'store' / NAME) == files
