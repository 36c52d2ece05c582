"""Cleaning of shared memory: what a lock or a mapping protects stays, the rest goes."""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tektra.launching import shm

SEGMENT = 'fastrtps_0123456789abcdef'
DOMAIN = 12
PORT = 7400 + 250 * DOMAIN + 11
OTHER_PORT = PORT + 250


def _make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b'x' * 64)


def _port(number: int) -> tuple[str, str, str]:
    name = f'fastrtps_port{number}'
    return name, f'{name}_el', f'sem.{name}_mutex'


def _left(folder: Path) -> set[str]:
    return set(os.listdir(folder))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open('rb') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _mapped(path: Path) -> Iterator[None]:
    with path.open('r+b') as file, mmap.mmap(file.fileno(), 0):
        yield


def test_a_segment_whose_owner_is_dead_is_removed_with_its_lock(tmp_path: Path) -> None:
    _make(tmp_path, SEGMENT, f'{SEGMENT}_el', 'something_else')
    assert shm.clean(DOMAIN, folder=tmp_path) == [SEGMENT, f'{SEGMENT}_el']
    assert _left(tmp_path) == {'something_else'}


def test_a_segment_whose_owner_lives_stays(tmp_path: Path) -> None:
    _make(tmp_path, SEGMENT, f'{SEGMENT}_el')
    with _locked(tmp_path / f'{SEGMENT}_el'):
        assert shm.clean(DOMAIN, folder=tmp_path) == []
    assert _left(tmp_path) == {SEGMENT, f'{SEGMENT}_el'}


def test_a_segment_without_a_lock_file_stays_because_nothing_tells_whose_it_is(
    tmp_path: Path,
) -> None:
    _make(tmp_path, SEGMENT)
    assert shm.clean(DOMAIN, folder=tmp_path) == []


def test_a_port_of_the_domain_that_nobody_holds_is_removed_with_its_mutex(tmp_path: Path) -> None:
    _make(tmp_path, *_port(PORT))
    assert set(shm.clean(DOMAIN, folder=tmp_path)) == set(_port(PORT))
    assert _left(tmp_path) == set()


def test_a_port_that_a_process_listens_on_stays(tmp_path: Path) -> None:
    _make(tmp_path, *_port(PORT))
    with _locked(tmp_path / f'fastrtps_port{PORT}_el'):
        assert shm.clean(DOMAIN, folder=tmp_path) == []
    assert _left(tmp_path) == set(_port(PORT))


def test_a_port_with_a_shared_reader_stays_although_its_exclusive_lock_is_free(
    tmp_path: Path,
) -> None:
    shared = f'fastrtps_port{PORT}_sl'
    _make(tmp_path, *_port(PORT), shared)
    with _locked(tmp_path / shared):
        assert shm.clean(DOMAIN, folder=tmp_path) == []


def test_a_port_that_a_process_writes_to_stays(tmp_path: Path) -> None:
    _make(tmp_path, *_port(PORT))
    with _mapped(tmp_path / f'fastrtps_port{PORT}'):
        assert shm.clean(DOMAIN, folder=tmp_path) == []
    assert _left(tmp_path) == set(_port(PORT))


def test_a_port_without_a_lock_file_goes_only_with_its_own_domain(tmp_path: Path) -> None:
    own, other = _port(PORT)[::2], _port(OTHER_PORT)[::2]
    _make(tmp_path, *own, *other)
    assert shm.clean(None, folder=tmp_path) == []
    assert set(shm.clean(DOMAIN, folder=tmp_path)) == set(own)
    assert _left(tmp_path) == set(other)


def test_ports_of_another_domain_stay_even_if_nobody_holds_them(tmp_path: Path) -> None:
    _make(tmp_path, *_port(OTHER_PORT))
    assert shm.clean(DOMAIN, folder=tmp_path) == []
    assert set(shm.clean(None, folder=tmp_path)) == set(_port(OTHER_PORT))


def test_a_folder_that_is_not_there_has_nothing_to_clean(tmp_path: Path) -> None:
    assert shm.clean(None, folder=tmp_path / 'none') == []


def test_a_port_of_no_domain_goes_when_it_is_old_and_nobody_uses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = _port(7003)[::2]
    _make(tmp_path, *names)
    assert shm.clean(DOMAIN, folder=tmp_path) == []  # perhaps it is being made just now
    monkeypatch.setattr(shm, 'NEW_S', 0.0)
    _make(tmp_path, SEGMENT)
    for used in (names[0], SEGMENT):  # by itself, or because another graph may be starting
        with _mapped(tmp_path / used):
            assert shm.clean(DOMAIN, folder=tmp_path) == []
    _make(tmp_path, 'of_another_library')
    with _mapped(tmp_path / SEGMENT), _mapped(tmp_path / 'of_another_library'):
        (tmp_path / SEGMENT).unlink()  # its node has left; others still have it mapped
        assert set(shm.clean(DOMAIN, folder=tmp_path)) == set(names)
