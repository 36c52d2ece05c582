"""Each check of the doctor, provoked once: what it finds, how bad it is, and what mends it."""

import json
import os
import shlex
import socket
import sys
import time
from pathlib import Path

import pytest
from weights_support import noise, row, write_catalogue

from tektra.doctor.checks.audio import AudioDevices, loudspeakers, microphones
from tektra.doctor.checks.clock import ClockStep, TimeZone, WallClock
from tektra.doctor.checks.configuration import ConfigurationLayers
from tektra.doctor.checks.disk import DiskSpace
from tektra.doctor.checks.graphs import OtherGraphs, RunFile
from tektra.doctor.checks.packages import LockedPackages, NoTorch
from tektra.doctor.checks.ports import Ports
from tektra.doctor.checks.ros_environment import (
    DdsProfile,
    Discovery,
    DomainId,
    Middleware,
    OtherRos,
)
from tektra.doctor.checks.shared_memory import SharedMemorySpace, StaleSharedMemory
from tektra.doctor.checks.toolchain import BuildTools, PythonVersion
from tektra.doctor.checks.weights import Weights
from tektra.doctor.examination import examine, worst
from tektra.doctor.finding import Severity
from tektra.doctor.report import as_data, lines, summary
from tektra.launching import domain, runfile

ROOT = Path(__file__).resolve().parents[2]


def only(check):
    """Return the one finding of a check."""
    (finding,) = check.run()
    assert bool(finding.fix) == (finding.severity is not Severity.OK)
    return finding


def dds_profile(environment):
    return DdsProfile(environment, ROOT / 'config' / 'fastdds.xml')


def assert_ok(check):
    assert only(check).severity is Severity.OK


def test_a_python_without_ros_wheels_is_an_error():
    finding = only(PythonVersion((3, 9)))
    assert finding.severity is Severity.ERROR
    assert 'Python 3.9 is not one of 3.10 to 3.13' in finding.what
    assert_ok(PythonVersion((3, 13)))


def test_a_machine_without_a_compiler_is_told_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.delenv('CXX', raising=False)
    finding = BuildTools(str(tmp_path), tmp_path).run()[0]
    assert finding.severity is Severity.ERROR
    assert finding.what == 'no C++ compiler'
    assert 'install' in finding.fix
    assert_ok(BuildTools(str(tmp_path), None))


def test_packages_that_are_missing_or_not_as_locked_are_named(tmp_path):
    for name in ('ros.txt', 'no-deps.txt'):
        (tmp_path / name).write_text('# nothing\n')
    (tmp_path / 'base.txt').write_text(
        '# a list\nno-such-package-at-all==1.0\nclick==0.1\nnever==1; python_version < "3.0"\n'
    )
    missing, other = LockedPackages(tmp_path).run()
    assert (missing.severity, other.severity) == (Severity.ERROR, Severity.WARNING)
    assert missing.what == 'not installed: no-such-package-at-all'
    assert other.what.startswith('not as locked: click ')
    assert '(locked: 0.1)' in other.what
    assert other.fix == './tektra setup --force'


def test_torch_in_the_environment_is_a_finding(tmp_path, monkeypatch):
    (tmp_path / 'torch_of_a_test').mkdir()
    (tmp_path / 'torch_of_a_test' / '__init__.py').write_text('raise SystemExit("imported")\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    finding = only(NoTorch('torch_of_a_test'))
    assert finding.severity is Severity.NOTE
    assert finding.fix == 'python -m pip uninstall torch_of_a_test'
    assert_ok(NoTorch('no_such_torch'))


@pytest.mark.parametrize(
    ('check', 'environment', 'severity', 'said'),
    [
        (DomainId, {'ROS_DOMAIN_ID': '300'}, Severity.ERROR, 'must be 0 to 232'),
        (DomainId, {'ROS_DOMAIN_ID': 'x'}, Severity.ERROR, "is 'x'"),
        (DomainId, {'ROS_DOMAIN_ID': '150'}, Severity.WARNING, 'ports are also given'),
        (Middleware, {'RMW_IMPLEMENTATION': 'rmw_x_cpp'}, Severity.ERROR, 'not installed'),
        (Discovery, {'ROS_LOCALHOST_ONLY': '1'}, Severity.WARNING, 'deprecated'),
        (
            Discovery,
            {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'},
            Severity.WARNING,
            'everyone on the network',
        ),
        (
            Discovery,
            {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCAL'},
            Severity.ERROR,
            "is 'LOCAL', not one of",
        ),
        (Discovery, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'}, Severity.ERROR, 'no node finds'),
        (Discovery, {'ROS_STATIC_PEERS': '10.0.0.2'}, Severity.WARNING, 'other machines'),
        (dds_profile, {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}, Severity.NOTE, 'no shared memory'),
        (dds_profile, {'FASTDDS_BUILTIN_TRANSPORTS': 'TCP'}, Severity.ERROR, 'not one of'),
        (TimeZone, {'TZ': 'Europe/Nowhere'}, Severity.WARNING, 'no known time zone'),
    ],
)
def test_a_variable_that_surprises_is_found(check, environment, severity, said):
    finding = only(check(environment))
    assert finding.severity is severity
    assert said in finding.what
    assert_ok(check({}))


@pytest.mark.parametrize('zone', ['Europe/Berlin', 'UTC', 'CET-1CEST', ':/etc/localtime'])
def test_a_known_time_zone_is_right(zone):
    assert_ok(TimeZone({'TZ': zone}))


def test_a_second_ros_in_the_paths_is_found():
    (finding,) = OtherRos({'PYTHONPATH': '/opt/ros/jazzy/lib/python3.12'}, wheels=True).run()
    assert finding.severity is Severity.WARNING
    assert_ok(OtherRos({'PYTHONPATH': '/opt/ros/jazzy/lib/python3.12'}, wheels=False))
    assert only(OtherRos({'ROS_DISTRO': 'humble'}, wheels=False)).severity is Severity.ERROR


def test_a_dds_profile_that_cannot_be_read_or_has_no_shared_memory_is_found(tmp_path):
    path = tmp_path / 'profile.xml'
    environment = {'FASTDDS_DEFAULT_PROFILES_FILE': str(path)}
    assert only(dds_profile(environment)).severity is Severity.ERROR
    path.write_text('<dds><profiles>')
    assert only(dds_profile(environment)).severity is Severity.ERROR
    head = '<dds xmlns="http://www.eprosima.com"><profiles>'
    tail = '<useBuiltinTransports>false</useBuiltinTransports></profiles></dds>'
    path.write_text(f'{head}<transport_descriptor><type>UDPv4</type></transport_descriptor>{tail}')
    finding = only(dds_profile(environment))
    assert 'switches shared memory off' in finding.what
    path.write_text(f'{head}<transport_descriptor><type>SHM</type></transport_descriptor>{tail}')
    assert 'switches shared memory off' not in only(dds_profile(environment)).what


def test_the_shipped_dds_profile_is_what_is_expected():
    assert_ok(dds_profile({}))
    shipped = ROOT / 'config' / 'fastdds.xml'
    assert_ok(dds_profile({'FASTRTPS_DEFAULT_PROFILES_FILE': str(shipped)}))


def test_shared_memory_of_dead_processes_is_counted_and_left_alone(tmp_path):
    assert_ok(StaleSharedMemory(tmp_path))
    for name in ('fastrtps_0123456789abcdef', 'fastrtps_0123456789abcdef_el'):
        (tmp_path / name).write_bytes(b'x')
    finding = only(StaleSharedMemory(tmp_path))
    assert finding.severity is Severity.WARNING
    assert '2 files' in finding.what
    assert finding.fix == 'tektra doctor --clean'
    assert len(list(tmp_path.iterdir())) == 2


def test_too_little_shared_memory_is_an_error(tmp_path):
    assert only(SharedMemorySpace(tmp_path, needed=10**18)).severity is Severity.ERROR
    assert only(SharedMemorySpace(tmp_path / 'gone')).severity is Severity.WARNING
    assert_ok(SharedMemorySpace(tmp_path, needed=1))


def test_a_full_disk_is_an_error_and_a_folder_yet_to_be_made_is_judged_by_its_disk(tmp_path):
    folder = tmp_path / 'not' / 'yet'
    assert only(DiskSpace((folder,), low=10**18, full=10**18)).severity is Severity.ERROR
    assert only(DiskSpace((folder,), low=10**18, full=1)).severity is Severity.WARNING
    assert_ok(DiskSpace((folder, tmp_path), low=1, full=1))


def test_a_port_that_is_taken_is_named_with_its_program():
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        server.listen()
        port = server.getsockname()[1]
        finding = only(Ports((port,)))
    assert finding.severity is Severity.WARNING
    assert f'port {port} cannot be used' in finding.what
    assert f'process {os.getpid()}' in finding.what
    assert_ok(Ports((port,)))


def test_only_null_devices_or_no_audio_system_is_a_note(tmp_path):
    null = AudioDevices('microphone', lambda: ['Null Capture Device'], 'typed lines', tmp_path)
    assert only(null).severity is Severity.NOTE
    assert 'typed lines' in only(null).what

    def broken():
        raise OSError('no backend')

    assert 'no backend' in only(AudioDevices('microphone', broken, '', tmp_path / 'snd')).what
    assert_ok(AudioDevices('microphone', lambda: ['Monitor of x', 'USB Mic'], '', tmp_path))


@pytest.mark.parametrize('names', [microphones, loudspeakers])
def test_the_devices_of_this_machine_can_be_listed(names):
    assert all(isinstance(name, str) for name in names())


def test_devices_that_this_user_may_not_open_are_told_apart(tmp_path):
    if os.geteuid() == 0:
        pytest.skip('root may open everything')
    (tmp_path / 'pcmC0D0c').touch(mode=0)
    finding = only(AudioDevices('microphone', list, '', tmp_path))
    assert finding.fix.startswith('sudo usermod -aG audio')


def test_weights_that_are_absent_half_fetched_or_damaged_are_told_apart(tmp_path, monkeypatch):
    files = {'v.onnx': noise(3000)}
    rows = [row('piper/tiny', files, default=True), row('turn/later', {'f': b'1'}, used=False)]
    monkeypatch.setenv('TEKTRA_WEIGHTS_CONFIG', str(write_catalogue(tmp_path / 'w.yaml', *rows)))
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    monkeypatch.setenv('TEKTRA_WEIGHTS_PATH', '')
    root = tmp_path / 'cache/tektra/weights'
    assert only(Weights()).severity is Severity.NOTE
    partial = root / '.partial' / 'piper%2Ftiny'
    partial.mkdir(parents=True)
    (partial / 'v.onnx').write_bytes(files['v.onnx'][:100])
    finding = only(Weights())
    assert finding.severity is Severity.WARNING
    assert finding.fix == 'tektra weights pull piper/tiny'
    (root / 'piper/tiny').mkdir(parents=True)
    (partial / 'v.onnx').unlink()
    assert only(Weights()).severity is Severity.ERROR
    (root / 'piper/tiny/v.onnx').write_bytes(files['v.onnx'])
    assert_ok(Weights())


def test_a_broken_list_of_weights_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / 'w.yaml'
    path.write_text('weights: 5\n')
    monkeypatch.setenv('TEKTRA_WEIGHTS_CONFIG', str(path))
    assert only(Weights()).severity is Severity.ERROR


def test_a_wrong_layer_of_the_configuration_is_an_error(monkeypatch):
    monkeypatch.setenv('TEKTRA__TTS__RATE', '9')
    found = [f for f in ConfigurationLayers().run() if 'TEKTRA__TTS__RATE' in f.what]
    assert [f.severity for f in found] == [Severity.ERROR]
    assert 'rate = 9 is outside' in found[0].what


def test_a_clock_behind_the_files_is_found(tmp_path):
    file = tmp_path / 'launch.yaml'
    file.touch()
    year_ago = time.time() - 365 * 86400
    finding = only(WallClock([file], lambda: year_ago))
    assert finding.severity is Severity.WARNING
    assert 'the clock is behind' in finding.what
    assert_ok(WallClock([file]))


@pytest.fixture
def running(tmp_path):
    """A run file of this process, which lives."""
    lock = runfile.claim(tmp_path)
    lock.describe(17, tmp_path / 'bringup.launch.yaml', {}, ['/vad'])
    yield tmp_path
    lock.release()


def process_began():
    """Return the wall time at which this process began."""
    ticks = runfile.start_time(os.getpid()) / os.sysconf('SC_CLK_TCK')
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks)


def test_a_clock_that_was_set_while_the_graph_runs_is_found(running):
    file, began = running / 'run' / 'graph.json', process_began()
    os.utime(file, (began + 2, began + 2))
    assert_ok(ClockStep(running))
    os.utime(file, (began - 3600, began - 3600))  # as if it had been set an hour on since
    finding = only(ClockStep(running))
    assert finding.severity is Severity.WARNING
    assert '+3600 s' in finding.what or '+3599 s' in finding.what


def test_a_run_file_of_a_killed_graph_is_a_note(running):
    assert 'runs bringup.launch.yaml on domain 17' in only(RunFile(running)).what
    assert_ok(RunFile(running))
    file = running / 'run' / 'graph.json'
    values = json.loads(file.read_text())
    file.write_text(json.dumps(values | {'started': values['started'] - 1}))
    finding = only(RunFile(running))
    assert finding.severity is Severity.NOTE
    assert finding.fix == f'rm {file}'


def test_other_graphs_of_this_host_are_seen_by_their_domain_locks(tmp_path):
    assert_ok(OtherGraphs(None, tmp_path))
    held = domain.choose(tmp_path, {}, tmp_path)
    try:
        finding = only(OtherGraphs(None, tmp_path))
        assert finding.severity is Severity.NOTE
        assert f'ROS domain {held.number}' in finding.what
        assert_ok(OtherGraphs(held.number, tmp_path))
    finally:
        held.release()
    assert_ok(OtherGraphs(None, tmp_path))


def test_a_lock_of_the_same_inode_on_another_device_is_no_graph(tmp_path):
    held = domain.choose(tmp_path, {}, tmp_path)
    try:
        [file] = tmp_path.glob('domain-*.lock')
        inode = str(file.stat().st_ino)
        kernel = Path('/proc/locks').read_text().splitlines()
    finally:
        held.release()
    [line] = [line for line in kernel if line.split()[-3].rpartition(':')[2] == inode]
    device = line.split()[-3].rpartition(':')[0]
    locks = tmp_path / 'locks'
    locks.write_text(f'{line}\n')
    assert only(OtherGraphs(None, tmp_path, locks)).severity is Severity.NOTE
    locks.write_text(line.replace(f' {device}:', ' ff:7f:'))
    assert_ok(OtherGraphs(None, tmp_path, locks))


def test_a_fix_with_a_path_can_be_pasted_into_a_shell(tmp_path):
    state = tmp_path / "Ada's robots"
    (state / 'run').mkdir(parents=True)
    (state / 'run' / 'graph.json').write_text('{}')
    assert shlex.split(only(RunFile(state)).fix) == ['rm', f'{state}/run/graph.json']
    assert shlex.split(only(SharedMemorySpace(state / 'gone')).fix)[-1] == f'{state}/gone'


class Broken:
    name = 'broken'

    def run(self):
        raise RuntimeError('cannot look')


def test_a_check_that_breaks_is_a_finding_and_not_the_end():
    results = list(examine([Broken(), PythonVersion((3, 12))]))
    assert [r.check for r in results] == ['broken', 'python']
    assert worst(results) is Severity.ERROR
    assert 'the check itself failed: RuntimeError: cannot look' in lines(results[0])[0]
    assert summary(results) == '1 error, 0 warnings, 0 notes, 1 as they should be'
    assert as_data(results)[1] == {
        'check': 'python',
        'severity': 'ok',
        'what': f'Python 3.12 ({sys.executable})',
        'fix': '',
    }
