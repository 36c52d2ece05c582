"""The whole demo where there is no network: nothing but loopback, and nothing even tries."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

END_S = 120.0

# Runs in the namespace, as its only root: what loopback needs, then the demo. exec keeps the pid.
INSIDE = 'ip link set lo up && ip link set lo multicast on && exec "$@"'


def unshared(*command):
    return ['unshare', '--user', '--map-root-user', '--net', 'sh', '-c', INSIDE, 'sh', *command]


@pytest.fixture(autouse=True)
def allowed():
    """Skip where a network namespace cannot be made."""
    for program in ('unshare', 'ip'):
        if shutil.which(program) is None:
            pytest.skip(f'{program} is not installed')
    done = subprocess.run(unshared('true'), capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f'no network namespace here: {done.stderr.strip()}')


def unrouted(pid):
    """Return how many packets in the namespace of `pid` had nowhere to go."""
    ipv4 = Path(f'/proc/{pid}/net/snmp').read_text()
    names, values = re.findall(r'^Ip: (.*)$', ipv4, re.MULTILINE)
    count = int(dict(zip(names.split(), values.split(), strict=True))['OutNoRoutes'])
    ipv6 = Path(f'/proc/{pid}/net/snmp6')
    found = re.search(r'^Ip6OutNoRoutes\s+(\d+)', ipv6.read_text(), re.MULTILINE)
    return count + (int(found[1]) if found else 0)


def peers(pid):
    """Return the remote addresses of all sockets in the namespace of `pid`, as hexadecimal."""
    found = set()
    for name in ('tcp', 'tcp6', 'udp', 'udp6', 'raw', 'raw6'):
        path = Path(f'/proc/{pid}/net/{name}')
        lines = path.read_text().splitlines()[1:] if path.is_file() else []
        found |= {line.split()[2].split(':')[0] for line in lines}
    return found


def local(peer):
    """Return whether a remote address of /proc/net is none at all, or of loopback."""
    if len(peer) == 8:
        return peer == '00000000' or peer.endswith('7F')
    return peer in ('0' * 32, '0' * 24 + '01000000') or (
        peer.startswith('0' * 16 + 'FFFF0000') and peer.endswith('7F')
    )


def is_apart(pid):
    """Return whether a process is in a network namespace of its own by now."""
    try:
        return os.readlink(f'/proc/{pid}/ns/net') != os.readlink('/proc/self/ns/net')
    except PermissionError:  # between unshare(2) and execve(2), unless root asks
        return False


def watch(process, seen):
    """Collect what the namespace does until the process ends; return the unrouted packets.

    Before unshare has made the namespace, the process is in that of the host, where others talk.
    """
    end = time.monotonic() + END_S
    count = 0
    while process.poll() is None:
        assert time.monotonic() < end, f'not over after {END_S} s'
        try:
            if is_apart(process.pid):
                count = unrouted(process.pid)
                seen |= peers(process.pid)
        except (FileNotFoundError, ProcessLookupError, OSError):
            break
        time.sleep(0.02)
    process.wait(END_S)
    return count


def run(tektra, *words):
    """Run words in the namespace; return (exit code, output, remote addresses, unrouted)."""
    seen = set()
    with (tektra.folder / 'output.txt').open('w+') as output:
        process = subprocess.Popen(
            unshared(sys.executable, *words),
            env=tektra.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        tektra.started.append(process)
        count = watch(process, seen)
        output.seek(0)
        return process.returncode, output.read(), seen, count


def test_the_watch_sees_a_program_that_calls_out(tektra):
    code = (
        'import socket, time\n'
        's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n'
        'try:\n    s.sendto(b"x", ("192.0.2.1", 9))\n'
        'except OSError as error:\n    print(error)\n'
        'time.sleep(1)\n'
    )
    _, output, _, count = run(tektra, '-c', code)
    assert 'unreachable' in output
    assert count > 0


@pytest.mark.parametrize(
    'words',
    [['--text', 'what is two plus three'], ['--scene', 'three_questions', '--fast']],
    ids=['typed', 'spoken'],
)
def test_the_whole_demo_works_with_loopback_alone_and_never_calls_out(tektra, words):
    out = tektra.folder / 'out'
    code, output, seen, count = run(
        tektra, '-m', 'tektra.cli', 'demo', '--out', str(out), '--speaker', 'none', *words
    )
    assert code == 0, output
    report = json.loads((out / 'report.json').read_text())
    assert all(turn['reply'] for turn in report['turns'])
    assert len(report['turns']) == (1 if '--text' in words else 3)
    assert seen, 'no socket was seen at all: the watch does not work'
    assert [peer for peer in seen if not local(peer)] == []
    assert count == 0, f'{count} packets for somewhere else'
