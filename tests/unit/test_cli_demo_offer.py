"""The demo's offer: only at a terminal, only what is missing, once."""

import os
import pty
import subprocess
import sys

import pytest

from tektra.cli.demo_offer import DECLINED

OFFER = 'from tektra.cli.demo_offer import offer_weights; offer_weights(); print("end")'


@pytest.fixture
def environment(tmp_path):
    return {
        **os.environ,
        'TEKTRA_STATE_DIR': str(tmp_path / 'state'),
        'XDG_CACHE_HOME': str(tmp_path / 'cache'),
        'TEKTRA_WEIGHTS_PATH': '',
    }


def at_a_terminal(environment, answer):
    """Run the offer on a pseudo terminal; return what was shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, '-c', OFFER], env=environment, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    os.write(master, answer.encode())
    shown = b''
    while True:
        try:
            data = os.read(master, 4096)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        shown += data
    process.wait(30)
    os.close(master)
    return shown.decode()


@pytest.fixture
def server():
    """A server that takes connections, so that a network seems to be there."""
    import socket

    with socket.create_server(('127.0.0.1', 0)) as listening:
        yield f'http://127.0.0.1:{listening.getsockname()[1]}'


def test_without_a_terminal_nothing_is_asked(environment, server):
    environment['TEKTRA_WEIGHTS_MIRROR'] = server
    done = subprocess.run(
        [sys.executable, '-c', OFFER],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == 'end\n'


def test_without_a_network_nothing_is_asked(environment):
    environment['TEKTRA_WEIGHTS_MIRROR'] = 'http://127.0.0.1:9'
    assert at_a_terminal(environment, '') == 'end\r\n'


def test_a_no_is_remembered(environment, server, tmp_path):
    environment['TEKTRA_WEIGHTS_MIRROR'] = server
    first = at_a_terminal(environment, 'n\n')
    assert 'whisper/base.en (stt, ' in first
    assert 'Fetch it now? [y/N]' in first
    assert './tektra weights pull' in first
    assert (tmp_path / 'state' / DECLINED).exists()
    assert 'Fetch' not in at_a_terminal(environment, '')


def test_a_cache_that_cannot_be_written_does_not_end_the_demo(environment, server, tmp_path):
    environment['TEKTRA_WEIGHTS_MIRROR'] = server
    (tmp_path / 'cache').write_text('no folder')
    shown = at_a_terminal(environment, 'y\n')
    assert 'Not a directory' in shown
    assert 'going on with what is here' in shown
    assert shown.endswith('end\r\n')


def test_a_no_that_cannot_be_kept_does_not_end_the_demo(environment, server, tmp_path):
    environment['TEKTRA_WEIGHTS_MIRROR'] = server
    (tmp_path / 'state').write_text('no folder')
    assert at_a_terminal(environment, 'n\n').endswith('end\r\n')
