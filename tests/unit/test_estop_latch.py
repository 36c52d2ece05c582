"""The latch file: whole, newest, and never in the way."""

import json
import os
import threading
from pathlib import Path

import pytest

from tektra.estop.latch import (
    LatchWriter,
    Record,
    latch_file,
    read_latch,
    write_latch,
)

ONE = Record(7, 'cli', 'smoke', 2, '2026-11-21 00:00:00 UTC', False, '')


def full_disk(path, record):
    raise OSError(28, 'No space left on device')


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / 'estop/tek.json'
    write_latch(path, ONE)
    assert read_latch(path).record == ONE
    assert [p.name for p in path.parent.iterdir()] == ['tek.json']
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_is_in_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path))
    assert latch_file('tek') == tmp_path / 'estop' / 'tek.json'


def test_no_file_is_no_trouble(tmp_path):
    found = read_latch(tmp_path / 'tek.json')
    assert (found.record, found.trouble) == (None, '')


@pytest.mark.parametrize(
    'text',
    (
        b'',
        b'\x00\xff\xfe',
        b'[]',
        b'{}',
        b'[' * 60_000,
        b'x' * 10**6,
        json.dumps({**ONE.__dict__, 'stop_id': -1}).encode(),
        json.dumps({**ONE.__dict__, 'stop_id': 2**64}).encode(),
        json.dumps({**ONE.__dict__, 'stop_id': True}).encode(),
        json.dumps({**ONE.__dict__, 'stop_id': 1.5}).encode(),
        json.dumps({**ONE.__dict__, 'category': 9}).encode(),
        json.dumps({**ONE.__dict__, 'reason': None}).encode(),
    ),
)
def test_garbage_is_told_and_does_not_raise(tmp_path, text):
    path = tmp_path / 'tek.json'
    path.write_bytes(text)
    found = read_latch(path)
    assert found.record is None
    assert found.trouble == f'{path} is damaged; it is written anew'


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / 'tek.json').mkdir()
    assert read_latch(tmp_path / 'tek.json').trouble.endswith('cannot be read: Is a directory')


def test_a_long_text_in_the_file_is_cut(tmp_path):
    path = tmp_path / 'tek.json'
    write_latch(path, Record(1, 's' * 500, 'r' * 5000 + '\n', 2, 'noon', True, 'b' * 900))
    record = read_latch(path).record
    assert (len(record.source), len(record.reason), len(record.before)) == (64, 256, 256)


def test_a_failed_write_leaves_the_old_record(tmp_path, monkeypatch):
    path = tmp_path / 'tek.json'
    write_latch(path, ONE)

    def broken(descriptor):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', broken)
    with pytest.raises(OSError, match='No space'):
        write_latch(path, Record(8, 'cli', '', 2, '', False))
    assert read_latch(path).record == ONE
    assert [p.name for p in tmp_path.iterdir()] == ['tek.json']


def test_of_many_records_the_newest_is_written(tmp_path):
    begun, go, written = threading.Event(), threading.Event(), []

    def slow(path, record):
        begun.set()
        assert go.wait(10)
        written.append(record.stop_id)

    writer = LatchWriter(tmp_path / 'tek.json', write=slow)
    writer.put(Record(1, 'cli', '', 2, '', False))
    assert begun.wait(10)
    for stop_id in range(2, 1000):
        writer.put(Record(stop_id, 'cli', '', 2, '', False))
    go.set()
    writer.close(10)
    assert written == [1, 999]


def test_a_full_disk_is_told_and_forgotten_when_it_has_room_again(tmp_path):
    path = tmp_path / 'tek.json'
    writes = [full_disk, write_latch]
    writer = LatchWriter(path, write=lambda p, r: writes.pop(0)(p, r))
    writer.put(ONE)
    writer.flush(10)
    assert 'No space left on device' in writer.trouble
    assert 'a restart of estop would not know' in writer.trouble
    writer.put(ONE)
    writer.flush(10)
    assert writer.trouble == ''
    writer.close(1)
    assert read_latch(path).record == ONE


def test_a_disk_that_hangs_does_not_hold_up_the_end(tmp_path):
    hang = threading.Event()
    writer = LatchWriter(tmp_path / 'tek.json', write=lambda p, r: hang.wait(60))
    writer.put(ONE)
    writer.close(0.01)
    hang.set()


def test_a_link_in_the_place_of_the_draft_is_not_followed(tmp_path):
    precious = tmp_path / 'precious'
    precious.write_text('keep')
    Path(tmp_path / f'tek.{os.getpid()}.tmp').symlink_to(precious)
    with pytest.raises(OSError):
        write_latch(tmp_path / 'tek.json', ONE)
    assert precious.read_text() == 'keep'
