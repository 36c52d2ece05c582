"""The drivers tcp, udp and sim over real sockets, against the emulator in its own process.

What moved when is judged by the emulator's log, which outlives the host.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from driver_host import make
from slow_network import SlowNetwork

from tektra.robot_gate.drivers.driver import BaseVelocity, Category, DriverCommand, DriverError
from tektra.robots.spec import read_robot
from tektra.runtime.clock import BootClock
from tektra.wire.frames import HEADER

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WAIT_S = 15.0
TIMEOUT_S = 0.2  # what the emulator declares
SLACK_S = 0.15  # for a busy machine of two cores
FORWARD = DriverCommand(BaseVelocity(0.3))
KINDS = ('tcp', 'udp', 'sim')


def until(done, wait_s=WAIT_S):
    end = time.monotonic() + wait_s
    while not done():
        assert time.monotonic() < end, f'not within {wait_s} s'
        time.sleep(0.01)


class Program:
    """A process whose lines are collected."""

    def __init__(self, *words):
        self.process = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.lines = []
        self.errors = []
        for stream, lines in (
            (self.process.stdout, self.lines),
            (self.process.stderr, self.errors),
        ):
            threading.Thread(target=lambda s=stream, n=lines: n.extend(s), daemon=True).start()
            # extend() takes each line as it comes

    def said(self, word):
        return any(word in line for line in list(self.lines))

    def end(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)


class Emulator(Program):
    """The emulator of a robot, with its witness."""

    def __init__(self, kind, log, *words, robot='tek', port=0):
        self.log = log
        place = () if kind == 'sim' else (f'--{kind}', str(port))
        super().__init__(
            '-m', 'tektra.cli', 'robot-emulator', '--robot', robot, *place, '--log', log, *words
        )
        until(lambda: self.lines or self.process.poll() is not None)
        assert self.lines, self.errors
        found = re.search(r'127\.0\.0\.1:(\d+)', self.lines[0])
        self.port = int(found[1]) if found else 0

    def events(self, name=None):
        lines = [json.loads(line) for line in Path(self.log).read_text().splitlines()]
        return [line for line in lines if name in (None, line['event'])]


class Rig:
    """An emulator and the file of its robot."""

    def __init__(self, kind, folder, *words, driver=''):
        self.kind, self.folder = kind, folder
        self.programs = []
        self.words = words
        self.emulator = self.start()
        self.file = folder / 'config/robots/witness.yaml'
        place = '' if kind == 'sim' else f'\n  host: localhost\n  port: {self.emulator.port}'
        self.file.write_text(
            self.file.read_text().replace('type: sim', f'type: {kind}{place}{driver}')
        )

    def start(self, port=0):
        made = Emulator(
            self.kind, self.folder / 'witness.log', *self.words, robot='witness', port=port
        )
        self.programs.append(made)
        return made

    def host(self, controller):
        made = Program(str(HERE / 'driver_host.py'), str(self.file), controller)
        self.programs.append(made)
        return made

    def driver(self, controller):
        return Driven(make(read_robot(self.file), controller))


class Driven:
    """A driver in this process, pumped by waiting."""

    def __init__(self, driver):
        self.driver = driver
        self.clock = BootClock()
        self.report = None
        self.errors = []
        driver.connect(self.clock.now_ns())

    def until(self, done, command=None, wait_s=WAIT_S):
        def look():
            now_ns = self.clock.now_ns()
            try:
                self.report = self.driver.read(now_ns)
                if command is not None:
                    self.driver.write(command, now_ns)
            except DriverError as error:
                self.errors.append(str(error))
            return done()

        until(look, wait_s)

    def wait(self, seconds, command=None):
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end, command)

    def moving(self):
        self.until(lambda: self.driver.connected)
        self.driver.enable(self.clock.now_ns())
        self.until(lambda: self.report.enabled)
        self.until(lambda: self.report.base.x > 0.2, FORWARD)
        return self


@pytest.fixture
def rig(tmp_path, monkeypatch):
    home = tmp_path / 'home'
    robots = home / 'config/robots'
    robots.mkdir(parents=True)
    text = (ROOT / 'config/robots/tek.yaml').read_text()
    text = text.replace('name: tek', 'name: witness').replace('[tek]', '[witness]')
    (robots / 'witness.yaml').write_text(text)
    (robots / 'witness.yaml').chmod(0o644)
    monkeypatch.setenv('TEKTRA_HOME', str(home))
    made = []

    def build(kind, *words, **more):
        made.append(Rig(kind, home, *words, **more))
        return made[-1]

    yield build
    for one in made:
        for program in one.programs:
            if program.process.poll() is None:
                program.end()
            program.process.stdout.close()
            program.process.stderr.close()


@pytest.mark.parametrize('kind', KINDS)
def test_a_robot_is_driven_and_stopped(rig, kind):
    rig = rig(kind)
    host = rig.driver('gate-1').moving()
    assert host.driver.timeout_s == TIMEOUT_S
    host.driver.stop(Category.CONTROLLED, host.clock.now_ns())
    host.until(lambda: not host.report.enabled and host.report.base.x == 0)
    host.wait(0.3, FORWARD)
    assert host.report.base.x == 0 and not host.errors
    host.driver.close()
    until(lambda: rig.emulator.events('session ended'))
    assert host.driver.simulated == (kind == 'sim')


@pytest.mark.safety
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize('kind', KINDS)
def test_a_robot_whose_host_dies_stops_within_the_declared_time(rig, kind, number):
    rig = rig(kind)
    host = rig.host('gate-1')
    until(lambda: host.said('moving'))
    killed_ns = BootClock().now_ns()
    host.process.send_signal(number)
    until(lambda: rig.emulator.events('standstill'))
    slower = next(
        one
        for one in rig.emulator.events('motion')
        if one['t_ns'] > killed_ns and one['base'][0] < 0.29
    )
    assert (slower['t_ns'] - killed_ns) / 1e9 < TIMEOUT_S + SLACK_S
    until(lambda: rig.emulator.events('disabled'))
    if number == signal.SIGSTOP:
        # It wakes up with a command on its lips, and must not move the robot with it.
        still = len(rig.emulator.events('moves'))
        host.process.send_signal(signal.SIGCONT)
        until(lambda: host.said('lost'))
        other = rig.driver('gate-2')
        other.wait(1.0)
        assert len(rig.emulator.events('moves')) == still == 1


@pytest.mark.parametrize('kind', KINDS)
def test_a_second_controller_is_refused_and_told_who_has_the_robot(rig, kind):
    rig = rig(kind)
    first = rig.driver('gate-1').moving()
    second = rig.host('gate-2')
    first.until(lambda: second.said('rival gate-1'), FORWARD)
    assert not second.said('connected') and not first.errors
    assert first.report.enabled and first.report.base.x > 0.2
    first.driver.close()
    until(lambda: second.said('connected'))


@pytest.mark.parametrize('kind', KINDS)
def test_after_a_restart_of_the_robot_nothing_moves_by_itself(rig, kind):
    rig = rig(kind)
    host = rig.driver('gate-1').moving()
    port = rig.emulator.port
    rig.emulator.end()
    host.until(lambda: host.errors and not host.driver.connected)
    assert 'the session is lost' in host.errors[0]
    host.until(lambda: host.report is None)
    Path(rig.emulator.log).unlink()
    rig.emulator = rig.start(port)
    host.until(lambda: host.driver.connected)
    host.wait(0.7, FORWARD)
    assert not host.report.enabled and host.report.base.x == 0
    assert not rig.emulator.events('moves') and not rig.emulator.events('enabled')
    host.driver.enable(host.clock.now_ns())
    host.until(lambda: host.report.base.x > 0.2, FORWARD)


@pytest.mark.parametrize('kind', ['tcp', 'udp'])
def test_a_key_lets_in_who_has_it_and_nobody_else(rig, kind, tmp_path):
    key = tmp_path / 'wire.key'
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    rig = rig(kind, '--mac-key', str(key), driver=f'\n  mac_key_file: {key}')
    host = rig.driver('gate-1').moving()
    host.driver.close()
    rig.file.write_text(rig.file.read_text().replace(f'mac_key_file: {key}', ''))
    stranger = rig.driver('gate-2')
    stranger.until(lambda: stranger.driver.problem)
    assert not stranger.driver.connected
    assert 'same key' in stranger.driver.problem or 'closed' in stranger.driver.problem
    assert any('has no MAC' in one['why'] for one in rig.emulator.events('damaged'))


@pytest.fixture
def network(rig):
    rig = rig('udp')
    made = SlowNetwork(rig.emulator.port)
    text = rig.file.read_text()
    rig.file.write_text(text.replace(f'port: {rig.emulator.port}', f'port: {made.port}'))
    yield rig, made
    made.close()


@pytest.mark.safety
@pytest.mark.parametrize('fault', ['delayed', 'cut'])
def test_a_network_that_fails_stops_the_robot_and_it_does_not_move_on_by_itself(network, fault):
    rig, net = network
    host = rig.driver('gate-1').moving()
    failed_ns = BootClock().now_ns()
    net.delay_s, net.lost = (0.3, False) if fault == 'delayed' else (0.0, True)
    host.until(lambda: rig.emulator.events('standstill'), FORWARD)
    slower = next(
        one
        for one in rig.emulator.events('motion')
        if one['t_ns'] > failed_ns and one['base'][0] < 0.2
    )
    # A set-point may be as old as the time-out when it comes, and then lasts as long.
    assert (slower['t_ns'] - failed_ns) / 1e9 < 2 * TIMEOUT_S + 2 * SLACK_S
    net.delay_s, net.lost = 0.0, False
    host.wait(1.0, FORWARD)
    assert len(rig.emulator.events('moves')) == 1
    refused = {one.get('refused', '') for one in rig.emulator.events('frame')}
    assert fault == 'cut' or any('the link is too slow' in why for why in refused)


def test_doubled_and_reordered_frames_change_nothing(network):
    rig, net = network
    net.delay_s, net.copies = 0.015, 3
    host = rig.driver('gate-1').moving()
    host.driver.stop(Category.CONTROLLED, host.clock.now_ns())
    host.until(lambda: rig.emulator.events('disabled'))
    host.wait(0.5, FORWARD)
    assert len(rig.emulator.events('moves')) == len(rig.emulator.events('enabled')) == 1
    assert host.report.base.x == 0 and not host.errors


def test_a_stop_reaches_a_tcp_robot_by_udp(rig):
    rig = rig('tcp')
    host = rig.driver('gate-1').moving()
    host.driver.stop(Category.CONTROLLED, host.clock.now_ns())
    host.until(lambda: not host.report.enabled)
    ways = {
        one['peer'].split()[0] for one in rig.emulator.events('frame') if one['type'] == 'STOP'
    }
    assert ways == {'tcp', 'udp'}


def test_garbage_closes_its_own_connection_only(rig):
    rig = rig('tcp')
    host = rig.driver('gate-1').moving()
    with socket.create_connection(('127.0.0.1', rig.emulator.port), timeout=WAIT_S) as noise:
        noise.sendall(os.urandom(10 * HEADER.size))
        with contextlib.suppress(ConnectionResetError):
            assert noise.recv(1) == b''
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        for _ in range(100):
            noise.sendto(os.urandom(40), ('127.0.0.1', rig.emulator.port))
    host.wait(0.3, FORWARD)
    assert host.report.enabled and not host.errors


@pytest.mark.parametrize(
    ('kind', 'why'), [('tcp', 'refused'), ('udp', 'refused'), ('sim', 'tektra robot-emulator')]
)
def test_a_robot_that_is_not_there_is_tried_again_and_is_no_error(rig, kind, why):
    rig = rig(kind)
    rig.emulator.end()
    host = rig.driver('gate-1')
    host.until(lambda: host.driver.problem)
    assert host.errors == [] and why in host.driver.problem
    with pytest.raises(DriverError, match='not connected'):
        host.driver.write(FORWARD, host.clock.now_ns())
    host.driver.stop(Category.IMMEDIATE, host.clock.now_ns())
    host.driver.close()


@pytest.mark.safety
@pytest.mark.parametrize('kind', KINDS)
def test_a_robot_side_that_was_frozen_does_not_obey_what_waited_for_it(rig, kind):
    rig = rig(kind)
    host = rig.driver('gate-1').moving()
    rig.emulator.process.send_signal(signal.SIGSTOP)
    host.wait(0.3, FORWARD)
    woken_ns = BootClock().now_ns()
    rig.emulator.process.send_signal(signal.SIGCONT)
    host.wait(1.0, FORWARD)
    accepted = [
        one
        for one in rig.emulator.events('frame')
        if one['t_ns'] > woken_ns and one['type'] == 'SETPOINT' and 'refused' not in one
    ]
    assert accepted == [] and len(rig.emulator.events('moves')) == 1
    assert rig.emulator.events('standstill')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_the_emulator_ends_cleanly_and_tells_its_host(rig, number):
    rig = rig('udp')
    host = rig.driver('gate-1').moving()
    assert rig.emulator.end(number) == 0
    host.until(lambda: host.errors)
    assert 'the robot side was told to end' in host.errors[0]
    assert not any('Traceback' in line for line in rig.emulator.errors)


def test_a_second_plant_of_the_same_robot_is_refused(rig):
    rig = rig('sim')
    words = ('-m', 'tektra.cli', 'robot-emulator', '--robot', 'witness')
    second = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert second.returncode == 1 and 'another emulator serves it' in second.stderr
