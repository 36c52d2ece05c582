"""What the demo asks before it offers a download."""

import socket
import time

import pytest
from weights_support import Source, noise, put, row, write_catalogue

from tektra.weights import offer
from tektra.weights.catalogue import load_catalogue
from tektra.weights.store import Store

FILES = {'f': noise(100)}


@pytest.fixture(autouse=True)
def world(tmp_path, monkeypatch):
    rows = [
        row('a/one', FILES, default=True),
        row('a/two', FILES),
        row('a/three', FILES, default=True),
    ]
    monkeypatch.setenv('TEKTRA_WEIGHTS_CONFIG', str(write_catalogue(tmp_path / 'w.yaml', *rows)))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    for name in ('TEKTRA_WEIGHTS_PATH', 'http_proxy', 'https_proxy', 'all_proxy', 'HTTPS_PROXY'):
        monkeypatch.delenv(name, raising=False)


def test_the_default_set_is_missing_until_it_is_complete():
    assert [entry.name for entry in offer.default_set_missing()] == ['a/one', 'a/three']
    put(Store.of_environment(), load_catalogue().find('a/one'), FILES)
    assert [entry.name for entry in offer.default_set_missing()] == ['a/three']


def test_a_server_that_listens_is_reachable_and_is_sent_nothing(monkeypatch):
    with Source({}) as source:
        monkeypatch.setenv('TEKTRA_WEIGHTS_MIRROR', source.url)
        assert offer.network_reachable()
        assert source.requests == []


def test_a_closed_port_and_a_name_that_does_not_exist_are_not_reachable(monkeypatch):
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))  # bound, not listening
        monkeypatch.setenv('TEKTRA_WEIGHTS_MIRROR', f'http://127.0.0.1:{taken.getsockname()[1]}')
        assert not offer.network_reachable()
    monkeypatch.setenv('TEKTRA_WEIGHTS_MIRROR', 'http://no-such-host.invalid')
    assert not offer.network_reachable()


def test_a_name_server_that_hangs_does_not_hold_the_demo(monkeypatch):
    release = []

    def hang(*args, **more):
        while not release:
            time.sleep(0.01)
        raise OSError('too late')

    monkeypatch.setattr(socket, 'getaddrinfo', hang)
    monkeypatch.setenv('TEKTRA_WEIGHTS_MIRROR', 'http://hangs.invalid')
    before = time.monotonic()
    assert not offer.network_reachable(timeout_s=0.1)
    assert time.monotonic() - before < 5.0
    release.append(True)


def test_a_proxy_is_what_must_be_reached_where_there_is_one(monkeypatch):
    with Source({}) as proxy:
        monkeypatch.setenv('http_proxy', proxy.url)
        monkeypatch.setenv('TEKTRA_WEIGHTS_MIRROR', 'http://no-such-host.invalid')
        assert offer.network_reachable()
