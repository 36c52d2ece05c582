"""The set-up's one-line errors, each provoked for real in a copy of the set-up's files."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ('sh', 'dirname', 'readlink', 'id', 'env')


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with what `./tektra` needs before anything is installed."""
    root = tmp_path / 'check out'  # a space on purpose
    shutil.copytree(
        ROOT / 'src/tektra/tektra/bootstrap',
        root / 'src/tektra/tektra/bootstrap',
        ignore=shutil.ignore_patterns('__pycache__'),
    )
    for name in ('src/tektra/tektra/__init__.py', 'src/tektra/tektra/cli/main.py', 'tektra'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / 'requirements', root / 'requirements')
    return root


@pytest.fixture
def path_of_tools(tmp_path: Path) -> Path:
    """Return a folder for PATH with a shell's tools, apt-get's name, and no compiler or Python."""
    folder = tmp_path / 'bin'
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    (folder / 'apt-get').touch(mode=0o755)
    return folder


def base_python() -> str:
    return os.path.realpath(sys.executable)


def tektra(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {'PATH': os.environ['PATH'], 'HOME': str(root), 'TEKTRA_PYTHON': base_python()}
    env.update(variables)
    return subprocess.run(
        [str(root / 'tektra'), *arguments],
        env={name: value for name, value in env.items() if value},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def only_error(result: subprocess.CompletedProcess[str]) -> str:
    """Return the error line of a failed set-up."""
    assert result.returncode == 3, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith('tektra: error: ')]
    assert len(errors) == 1, result.stderr
    assert 'Traceback' not in result.stderr
    return errors[0]


def test_help_and_version_need_no_set_up(copy):
    assert 'usage: ./tektra VERB' in tektra(copy).stdout
    assert tektra(copy, '--version').stdout.startswith('tektra ')
    assert not (copy / '.venv').exists()
    assert not (copy / '.tektra').exists()


def test_a_link_to_the_script_finds_its_checkout(copy, tmp_path):
    link = tmp_path / 'tek'
    link.symlink_to('check out/tektra')
    result = subprocess.run([str(link), '--help'], capture_output=True, text=True, timeout=60)
    assert 'usage: ./tektra VERB' in result.stdout


def test_an_unknown_verb_sets_nothing_up(copy):
    result = tektra(copy, 'dmeo')
    assert result.returncode == 2
    assert "no verb 'dmeo'" in result.stderr
    assert not (copy / '.venv').exists()


def test_no_compiler_names_the_apt_line(copy, path_of_tools):
    error = only_error(tektra(copy, 'setup', PATH=str(path_of_tools)))
    assert 'no C++ compiler' in error
    assert 'apt-get install -y g++' in error
    assert not (copy / '.venv').exists()


def test_no_python_at_all_names_the_apt_line(copy, path_of_tools):
    error = only_error(tektra(copy, 'setup', PATH=str(path_of_tools), TEKTRA_PYTHON=''))
    assert 'no Python 3.10 to 3.13 found (no python3 on PATH)' in error
    assert 'apt-get install -y python3 python3-venv python3-dev g++' in error


def test_a_python_that_is_too_old_is_named_with_its_version(copy, path_of_tools):
    old = path_of_tools / 'python3'
    old.write_text(
        f'#!{shutil.which("sh")}\ncase "$3" in *print*) echo 3.9.2;; *) exit 1;; esac\n'
    )
    old.chmod(0o755)
    error = only_error(tektra(copy, 'setup', PATH=str(path_of_tools), TEKTRA_PYTHON=''))
    assert 'python3 is 3.9.2' in error
    assert 'TEKTRA_PYTHON=' in error


def test_a_real_python_3_9_is_refused(copy):
    found = [*Path('~/.pyenv/versions').expanduser().glob('3.9.*/bin/python3')]
    python = next(iter(found), None) or shutil.which('python3.9')
    if python is None:
        pytest.skip('no Python 3.9 on this machine')
    error = only_error(tektra(copy, 'setup', TEKTRA_PYTHON=str(python)))
    assert 'is 3.9.' in error
    assert 'Tektra needs Python 3.10 to 3.13' in error


def test_a_python_path_that_is_not_one_is_refused(copy):
    error = only_error(tektra(copy, 'setup', TEKTRA_PYTHON='/nowhere/python3'))
    assert 'TEKTRA_PYTHON=/nowhere/python3 is not a Python that runs' in error


def private_python(copy: Path, folder: Path, prepare: str) -> Path:
    """Return a program that runs the set-up in this Python after `prepare` took something away."""
    program = folder / 'python3.with.less'
    start = folder / 'start.py'
    start.write_text(
        f'import runpy, sys\n{prepare}\n'
        'sys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name="__main__")\n'
    )
    program.write_text(
        f'#!/bin/sh\nfor last; do :; done\n'
        f'case "$*" in *version_info*) exec "{base_python()}" "$@";; esac\n'
        f'shift 2\nexec "{base_python()}" -I -S "{start}" "$@"\n'
    )
    program.chmod(0o755)
    return program


def test_no_python_headers_name_the_package(copy, path_of_tools, tmp_path):
    prepare = (
        'import sysconfig\nreal = sysconfig.get_path\n'
        "sysconfig.get_path = lambda name: '/no/include' if name == 'include' else real(name)"
    )
    python = private_python(copy, tmp_path, prepare)
    (path_of_tools / 'c++').symlink_to('/bin/true')
    error = only_error(tektra(copy, 'setup', PATH=str(path_of_tools), TEKTRA_PYTHON=str(python)))
    assert 'no Python headers (/no/include/Python.h)' in error
    assert f'python{sys.version_info.major}.{sys.version_info.minor}-dev' in error


def test_no_venv_module_names_the_package(copy, path_of_tools, tmp_path):
    prepare = (
        'import importlib.util\nreal = importlib.util.find_spec\n'
        "importlib.util.find_spec = lambda name: None if name == 'ensurepip' else real(name)"
    )
    python = private_python(copy, tmp_path, prepare)
    error = only_error(tektra(copy, 'setup', PATH=str(path_of_tools), TEKTRA_PYTHON=str(python)))
    assert 'no venv and ensurepip modules' in error
    assert f'python{sys.version_info.major}.{sys.version_info.minor}-venv' in error


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        port: int = listener.getsockname()[1]
        return port


def test_no_network_is_said_and_leaves_nothing_half_made(copy):
    result = tektra(
        copy,
        'setup',
        PIP_CONFIG_FILE='/dev/null',
        PIP_INDEX_URL=f'http://127.0.0.1:{closed_port()}/simple',
        PIP_NO_CACHE_DIR='1',
    )
    error = only_error(result)
    assert 'cannot reach the Python package registry' in error
    assert './tektra setup' in error
    assert not (copy / '.venv').exists()


def test_an_interrupt_stops_pip_and_leaves_nothing_half_made(copy):
    with socket.create_server(('127.0.0.1', 0)) as silent:
        silent.settimeout(30)
        process = subprocess.Popen(
            [str(copy / 'tektra'), 'setup'],
            env={
                'PATH': os.environ['PATH'],
                'TEKTRA_PYTHON': base_python(),
                'PIP_CONFIG_FILE': '/dev/null',
                'PIP_INDEX_URL': f'http://127.0.0.1:{silent.getsockname()[1]}/simple',
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = silent.accept()  # pip is waiting for an answer now
        pip = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        connection.close()
    assert process.returncode == 130
    assert 'interrupted; the next ./tektra carries on' in errors
    assert pip and not any(child.is_running() for child in pip)
    assert not (copy / '.venv').exists()


def in_namespace(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in mount namespace of its own, or skip where that is not allowed."""
    flags = ['-m'] if os.geteuid() == 0 else ['-rm']
    if subprocess.run(['unshare', *flags, 'true'], capture_output=True).returncode:
        pytest.skip('no mount namespaces on this machine')
    return subprocess.run(
        ['unshare', *flags, 'sh', '-ec', script, 'sh', *arguments],
        env={'PATH': os.environ['PATH'], 'HOME': '/tmp', 'TEKTRA_PYTHON': base_python()},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_read_only_checkout_is_said_with_the_copy_command(copy):
    script = 'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"; exec "$1/tektra" setup'
    error = only_error(in_namespace(script, str(copy)))
    assert 'is read-only and not set up' in error
    assert f"cp -r '{copy}' ~/tektra" in error


def test_too_little_space_is_said_before_anything_is_made(copy, tmp_path):
    script = (
        'mkdir "$2"; mount -t tmpfs -o size=50m none "$2"; cp -r "$1/." "$2"; '
        'set +e; "$2/tektra" setup; code=$?; ls -A "$2" >&2; exit $code'
    )
    result = in_namespace(script, str(copy), str(tmp_path / 'small'))
    error = only_error(result)
    assert 'no space left on the disk' in error
    assert '1.9 GB needed' in error
    assert '.venv' not in result.stderr.split(error)[1]


def test_a_disk_that_fills_up_half_way_is_said_and_freed(copy, tmp_path):
    run = (
        'import sys, pathlib\n'
        'sys.path.insert(0, sys.argv[1] + "/src/tektra")\n'
        'from tektra.bootstrap import preflight, main\n'
        # The check beforehand passes: the space goes afterwards.
        'preflight.NEEDED_BYTES = 0\n'
        'code = main.main(["setup"])\n'
        'print("venv:", pathlib.Path(sys.argv[1], ".venv").exists())\n'
        'sys.exit(code)\n'
    )
    script = (
        'mkdir "$2"; mount -t tmpfs -o size=12m none "$2"; cp -r "$1/." "$2"; '
        'exec "$TEKTRA_PYTHON" -I -S -c "$3" "$2"'
    )
    result = in_namespace(script, str(copy), str(tmp_path / 'small'), run)
    assert 'no space left on the disk' in only_error(result)
    assert 'venv: False' in result.stdout


def test_a_second_set_up_waits_and_says_for_whom(copy):
    (copy / '.tektra').mkdir()
    with (copy / '.tektra/setup.lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write('4711\n')
        lock.flush()
        process = subprocess.Popen(
            [str(copy / 'tektra'), 'setup'],
            env={'PATH': os.environ['PATH'], 'TEKTRA_PYTHON': base_python()},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        assert '(process 4711); waiting' in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
        process.stderr.close()
    assert not (copy / '.venv').exists()


def test_clean_refuses_under_a_running_graph(copy):
    run = copy / '.tektra/run'
    run.mkdir(parents=True)
    with (run / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert 'a graph of this checkout is running: ./tektra down' in only_error(
            tektra(copy, 'clean')
        )
    assert tektra(copy, 'clean').returncode == 0
    assert not (copy / '.tektra').exists()
