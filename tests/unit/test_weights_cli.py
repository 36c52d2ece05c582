"""``tektra weights`` as a person runs it: real processes, a real server, exit codes and words."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from weights_support import (
    WAIT_S,
    Source,
    Trick,
    as_json,
    contents,
    noise,
    row,
    served,
    write_catalogue,
)

NAME = 'piper/tiny'
FILES = {'v.onnx': noise(300_000), 'v.onnx.json': noise(30, 1)}


class Cli:
    """Runs the verb with a store and a list of its own."""

    def __init__(self, folder, url):
        rows = [row(NAME, FILES, default=True), row('turn/later', {'f': b'1'}, used=False)]
        proxies = ('http_proxy', 'https_proxy', 'all_proxy')
        self.env = {k: v for k, v in os.environ.items() if k.lower() not in proxies}
        self.env |= {
            'TEKTRA_WEIGHTS_CONFIG': str(write_catalogue(folder / 'weights.yaml', *rows)),
            'TEKTRA_WEIGHTS_MIRROR': url,
            'XDG_CACHE_HOME': str(folder / 'cache'),
            'TEKTRA_WEIGHTS_PATH': '',
        }
        self.root = folder / 'cache/tektra/weights'

    def start(self, *words):
        return subprocess.Popen(
            [sys.executable, '-m', 'tektra.cli', 'weights', *words],
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words):
        """Return exit code, stdout, stderr."""
        process = self.start(*words)
        out, err = process.communicate(timeout=WAIT_S * 3)
        return process.returncode, out, err


@pytest.fixture
def source():
    with Source(served(NAME, FILES)) as server:
        yield server


@pytest.fixture
def cli(tmp_path, source):
    return Cli(tmp_path, source.url)


def test_from_an_empty_machine_to_a_verified_one_and_back(cli, tmp_path):
    assert as_json(cli.run('list', '--json')[1])[0]['presence'] == 'absent'
    code, out, err = cli.run('pull')
    assert code == 0, err
    assert out == ''
    assert f'{NAME}: {cli.root / NAME}' in err
    assert contents(cli.root / NAME) == FILES
    assert f'{NAME} *  tts  300.0 kB  CC0      present' in cli.run('list')[1]
    code, out, _ = cli.run('verify', 'tiny')
    assert code == 0
    assert out.count('ok ') == 2
    assert cli.run('export', 'tiny', str(tmp_path / 'w.tar'))[0] == 0
    code, _, err = cli.run('remove', 'tiny')
    assert (code, err) == (0, f'{NAME}: removed\n')
    assert cli.run('verify', 'tiny')[0] == 1
    code, _, err = cli.run('import', str(tmp_path / 'w.tar'))
    assert code == 0, err
    assert contents(cli.root / NAME) == FILES


def test_verify_fails_when_a_byte_has_changed(cli):
    cli.run('pull')
    with (cli.root / NAME / 'v.onnx').open('r+b') as stream:
        stream.write(b'!')
    code, out, err = cli.run('verify')
    assert code == 1
    assert 'wrong' in out
    assert 'tektra weights remove NAME' in err


def test_ctrl_c_keeps_the_part_and_the_next_pull_goes_on_there(cli, source):
    source.tricks.append(Trick(after=200_000, hold=True))
    process = cli.start('pull')
    assert source.held.wait(WAIT_S)
    part = cli.root / '.partial/piper%2Ftiny/v.onnx'
    pause = threading.Event()
    for _ in range(1000):
        if part.exists() and part.stat().st_size == 200_000:
            break
        pause.wait(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert 'stopped; 200.0 kB are kept, run the command again to go on' in err
    assert '200.0 kB of 300.0 kB fetched' in cli.run('list')[1]
    assert cli.run('pull')[0] == 0
    assert source.served(f'/{NAME}/v.onnx')[-1].range == 'bytes=200000-'
    assert contents(cli.root / NAME) == FILES


@pytest.mark.parametrize(
    ('words', 'text'),
    [
        (['pull', 'tinny'], "weights 'tinny' are not known; did you mean piper/tiny?"),
        (['pull', '--offline'], f'{NAME} is not on this machine and --offline forbids'),
        (['import', '/no/such'], '/no/such does not exist'),
        (['remove', '../../etc'], "weights '../../etc' are not known"),
        (['--config', '/no/such.yaml', 'list'], '/no/such.yaml: cannot be read'),
    ],
)
def test_an_error_is_one_line_with_the_fix(cli, words, text):
    code, _, err = cli.run(*words)
    assert code == 1
    last = err.splitlines()[-1]
    assert last.startswith('tektra: error: ')
    assert text in last
    assert 'Traceback' not in err


def test_no_network_names_the_import(cli, source):
    cli.env['TEKTRA_WEIGHTS_MIRROR'] = 'http://127.0.0.1:9'
    code, _, err = cli.run('pull')
    assert code == 1
    assert '127.0.0.1:9 cannot be reached (Connection refused)' in err
    assert "'tektra weights import FILE'" in err


def test_weights_of_a_package_are_not_the_stores_to_remove(cli, tmp_path):
    cli.env.pop('TEKTRA_WEIGHTS_CONFIG')
    code, _, err = cli.run('remove', 'silero-vad')
    assert code == 1
    assert 'silero-vad belongs to a package: pip uninstall silero-vad' in err


def test_a_place_of_the_site_is_listed_used_and_never_changed(cli, tmp_path):
    site = tmp_path / 'site'
    for path, content in FILES.items():
        (site / NAME).mkdir(parents=True, exist_ok=True)
        (site / NAME / path).write_bytes(content)
    cli.env['TEKTRA_WEIGHTS_PATH'] = str(site)
    assert f'present in {site / NAME}' in cli.run('list')[1]
    assert f'already at {site / NAME}' in cli.run('pull')[2]
    assert f'{site / NAME} stays' in cli.run('remove', 'tiny')[2]
    assert contents(site / NAME) == FILES


def test_own_weights_are_listed_checked_exported_and_forgotten(cli, tmp_path):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine/v.onnx').write_bytes(b'model')
    assert cli.run('import', str(tmp_path / 'mine'), '--name', 'piper/mine')[0] == 0
    assert as_json(cli.run('list', '--json')[1])[-1]['name'] == 'piper/mine'
    assert cli.run('verify', 'piper/mine')[1].startswith('ok ')
    assert cli.run('export', 'piper/mine', str(tmp_path / 'm.tar'))[0] == 0
    assert cli.run('remove', 'piper/mine')[0] == 0
    assert [row['name'] for row in as_json(cli.run('list', '--json')[1])] == [NAME, 'turn/later']


def test_a_store_that_cannot_be_written_is_one_line(cli, tmp_path):
    (tmp_path / 'cache').write_text('a file, not a folder')
    code, _, err = cli.run('pull')
    assert code == 1
    assert 'Traceback' not in err
    assert str(tmp_path / 'cache') in err.splitlines()[-1]
