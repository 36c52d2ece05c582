"""The drivers tcp, udp and sim over real sockets, against the emulator in its own process.

What moved when is judged by the emulator's log, which outlives the host.
"""

import itertools
import json
import math
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

from starvation import Starved, begins_anew, lacks_time
from tektra.robot_gate.drivers.driver import BaseVelocity, Category, DriverCommand, DriverError
from tektra.robots.spec import read_robot
from tektra.runtime.clock import BootClock
from tektra.wire.frames import HEADER

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WAIT_S = 15.0
START_S = 30.0  # for a process, on a busy machine
END_S = 60.0  # for one that ends by itself
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
            [sys.executable, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines = []
        self.errors = []
        self._readers = []
        for stream, lines in (
            (self.process.stdout, self.lines),
            (self.process.stderr, self.errors),
        ):
            reader = threading.Thread(target=lines.extend, args=(stream,), daemon=True)
            reader.start()  # extend() takes each line as it comes
            self._readers.append(reader)

    def said(self, word):
        return any(word in line for line in list(self.lines))

    def begin(self):
        self.process.stdin.write('begin\n')
        self.process.stdin.flush()

    def end(self, number=signal.SIGKILL):
        """Signal it; return its exit code when all that it said has been read."""
        self.process.send_signal(number)
        code = self.process.wait(WAIT_S)
        for reader in self._readers:
            reader.join(WAIT_S)
            assert not reader.is_alive()
        return code


class Emulator(Program):
    """The emulator of a robot, with its witness."""

    def __init__(self, kind, log, *words, robot='tek', port=0):
        self.log = log
        place = () if kind == 'sim' else (f'--{kind}', str(port))
        super().__init__(
            '-m', 'tektra.cli', 'robot-emulator', '--robot', robot, *place, '--log', log, *words
        )
        until(lambda: self.lines or self.process.poll() is not None, START_S)
        assert self.lines, self.errors
        found = re.search(r'127\.0\.0\.1:(\d+)', self.lines[0])
        self.port = int(found[1]) if found else 0

    def events(self, name=None):
        lines = Path(self.log).read_text().splitlines()
        said = [json.loads(line) for line in lines if line.endswith('}')]  # a whole one
        return [one for one in said if name in (None, one['event'])]

    def slower_s(self, since_ns, speed):
        """Return after how long (s) it was slower than ``speed``, but for its own lack of time.

        A robot that moves logs every tick: the longest pause of its log is a time that it did
        not run, on a machine that is shared, and no time that it took.
        """

        def slower():
            return [
                one['t_ns']
                for one in self.events('motion')
                if one['t_ns'] > since_ns and one['base'][0] < speed
            ]

        until(slower)
        times = [one['t_ns'] for one in self.events() if one['t_ns'] <= slower()[0]]
        pauses = [b - a for a, b in itertools.pairwise(times) if b > since_ns]
        return (slower()[0] - since_ns - max(pauses)) / 1e9


class Rig:
    """An emulator and the file of its robot."""

    def __init__(self, kind, folder, *words, driver=''):
        self.kind, self.folder = kind, folder
        self.programs, self.drivers = [], []
        self.words = words
        self.file = folder / 'config/robots/witness.yaml'
        text = (ROOT / 'config/robots/tek.yaml').read_text()
        text = text.replace('name: tek', 'name: witness').replace('[tek]', '[witness]')
        self.file.write_text(text)
        self.file.chmod(0o644)
        self.emulator = self.start()
        place = '' if kind == 'sim' else f'\n  host: localhost\n  port: {self.emulator.port}'
        self.file.write_text(text.replace('type: sim', f'type: {kind}{place}{driver}'))

    def start(self, port=0):
        made = Emulator(
            self.kind, self.folder / 'witness.log', *self.words, robot='witness', port=port
        )
        self.programs.append(made)
        return made

    def host(self, controller):
        """Return a host in a process of its own that has started, and waits for ``begin()``."""
        made = Program(str(HERE / 'driver_host.py'), str(self.file), controller)
        self.programs.append(made)
        until(lambda: made.said('ready'), START_S)
        return made

    def driver(self, controller):
        made = Driven(make(read_robot(self.file), controller))
        self.drivers.append(made)
        return made

    def close(self):
        for one in self.drivers:
            one.driver.close()
        for program in self.programs:
            program.end()
            program.process.stdin.close()
            program.process.stdout.close()
            program.process.stderr.close()
        Path(self.emulator.log).unlink()


class Rigs:
    """Makes the rig of a test; a new one when it begins anew."""

    def __init__(self, home):
        self._home = home
        self._made = []

    def __call__(self, kind, *words, **more):
        self._made.append(Rig(kind, self._home, *words, **more))
        return self._made[-1]

    def let_go(self):
        while self._made:
            self._made.pop().close()


class Driven:
    """A driver in this process, pumped by waiting."""

    def __init__(self, driver):
        self.driver = driver
        self.clock = BootClock()
        self.report = None
        self.errors = []
        driver.connect(self.clock.now_ns())

    @property
    def enabled(self):
        return self.report is not None and self.report.enabled

    @property
    def speed(self):
        """Return its newest report of it in m/s; nan: there is none."""
        return math.nan if self.report is None else self.report.base.x

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
        self.drives(lambda: self.enabled, command=None)
        return self.drives(lambda: self.speed > 0.2)

    def drives(self, done, command=FORWARD):
        """Drive until ``done()``.

        :raises Starved: if the robot stops itself, because this process or it had no time.
        """

        def look():
            self.not_starved()
            return done()

        self.until(look, command)
        return self

    def not_starved(self):
        """See that nothing was lost for want of time.

        :raises Starved: if something was.
        """
        fault = self.report.fault if self.report is not None else ''
        for said in (*self.errors, fault):
            if lacks_time(said):
                raise Starved(said)


def not_starved(program):
    """See that a host in a process of its own, too, lost nothing for want of time.

    :raises Starved: if it did.
    """
    for line in list(program.lines):
        if lacks_time(line):
            raise Starved(line)


def drives(program):
    """Wait until such a host drives at its full speed.

    :raises Starved: if the robot stops itself before.
    """

    def look():
        not_starved(program)
        return program.said('moving')

    until(look, START_S)


@pytest.fixture
def rig(tmp_path, monkeypatch):
    home = tmp_path / 'home'
    (home / 'config/robots').mkdir(parents=True)
    monkeypatch.setenv('TEKTRA_HOME', str(home))
    made = Rigs(home)
    yield made
    made.let_go()


@pytest.mark.parametrize('kind', KINDS)
@begins_anew
def test_a_robot_is_driven_and_stopped(rig, kind):
    rig = rig(kind)
    host = rig.driver('gate-1').moving()
    assert host.driver.timeout_s == TIMEOUT_S
    host.driver.stop(Category.CONTROLLED, host.clock.now_ns())
    host.drives(lambda: not host.enabled and host.speed == 0, command=None)
    host.wait(0.3, FORWARD)
    host.not_starved()
    assert host.speed == 0 and not host.errors
    host.driver.close()
    until(lambda: rig.emulator.events('session ended'))
    assert host.driver.simulated == (kind == 'sim')


@pytest.mark.safety
@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize('kind', KINDS)
@begins_anew
def test_a_robot_whose_host_dies_stops_within_the_declared_time(rig, kind, number):
    rig = rig(kind)
    host = rig.host('gate-1')
    host.begin()
    drives(host)
    before_ns = BootClock().now_ns()
    host.process.send_signal(number)
    killed_s = (BootClock().now_ns() - before_ns) / 1e9  # it was killed at some time in this
    until(lambda: rig.emulator.events('standstill'))
    assert rig.emulator.slower_s(before_ns, 0.29) < killed_s + TIMEOUT_S + SLACK_S
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
@begins_anew
def test_a_second_controller_is_refused_and_told_who_has_the_robot(rig, kind):
    rig = rig(kind)
    second = rig.host('gate-2')
    first = rig.driver('gate-1').moving()
    second.begin()
    first.drives(lambda: second.said('rival gate-1'))
    assert not second.said('connected') and not first.errors
    assert first.enabled and first.speed > 0.2
    first.driver.close()
    until(lambda: second.said('connected'))


@pytest.mark.parametrize('kind', KINDS)
@begins_anew
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
    assert not rig.emulator.events('moves') and not rig.emulator.events('enabled')
    host.until(lambda: not host.enabled and host.speed == 0)
    host.errors.clear()
    host.moving()


@pytest.mark.parametrize('kind', ['tcp', 'udp'])
@begins_anew
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
    until(lambda: any('has no MAC' in one['why'] for one in rig.emulator.events('damaged')))


class Networks:
    """Makes a rig with a network between host and robot; new ones when the test begins anew."""

    def __init__(self, rigs):
        self._rigs, self._made = rigs, []

    def __call__(self):
        rig = self._rigs('udp')
        net = SlowNetwork(rig.emulator.port)
        self._made.append(net)
        text = rig.file.read_text()
        rig.file.write_text(text.replace(f'port: {rig.emulator.port}', f'port: {net.port}'))
        return rig, net

    def let_go(self):
        while self._made:
            self._made.pop().close()
        self._rigs.let_go()


@pytest.fixture
def network(rig):
    made = Networks(rig)
    yield made
    made.let_go()


@pytest.mark.safety
@pytest.mark.parametrize('fault', ['delayed', 'cut'])
@begins_anew
def test_a_network_that_fails_stops_the_robot_and_it_does_not_move_on_by_itself(network, fault):
    rig, net = network()
    host = rig.driver('gate-1').moving()
    failed_ns = BootClock().now_ns()
    net.delay_s, net.lost = (0.3, False) if fault == 'delayed' else (0.0, True)
    host.until(lambda: rig.emulator.events('standstill'), FORWARD)
    # A set-point may be as old as the time-out when it comes, and then lasts as long.
    assert rig.emulator.slower_s(failed_ns, 0.2) < 2 * TIMEOUT_S + 2 * SLACK_S
    net.delay_s, net.lost = 0.0, False
    host.wait(1.0, FORWARD)
    assert len(rig.emulator.events('moves')) == 1
    refused = {one.get('refused', '') for one in rig.emulator.events('frame')}
    assert fault == 'cut' or any('the link is too slow' in why for why in refused)


@begins_anew
def test_doubled_and_reordered_frames_change_nothing(network):
    rig, net = network()
    net.delay_s, net.copies = 0.015, 3
    host = rig.driver('gate-1').moving()
    host.driver.stop(Category.CONTROLLED, host.clock.now_ns())
    host.until(lambda: rig.emulator.events('disabled'))
    host.wait(0.5, FORWARD)
    host.not_starved()
    assert len(rig.emulator.events('moves')) == len(rig.emulator.events('enabled')) == 1
    assert host.speed == 0 and not host.errors


@begins_anew
def test_a_stop_reaches_a_tcp_robot_by_udp(rig):
    rig = rig('tcp')
    host = rig.driver('gate-1').moving()
    host.driver.stop(Category.CONTROLLED, host.clock.now_ns())
    host.drives(lambda: not host.enabled, command=None)

    def ways():
        stops = [one for one in rig.emulator.events('frame') if one['type'] == 'STOP']
        return {one['peer'].split()[0] for one in stops}

    host.until(lambda: ways() == {'tcp', 'udp'})


@begins_anew
def test_garbage_closes_its_own_connection_only(rig):
    rig = rig('tcp')
    host = rig.driver('gate-1').moving()
    with socket.create_connection(('127.0.0.1', rig.emulator.port), timeout=WAIT_S) as noise:
        noise.sendall(os.urandom(10 * HEADER.size))
        noise.setblocking(False)

        def is_closed():
            try:
                assert noise.recv(1) == b''
            except BlockingIOError:
                return False
            except ConnectionResetError:
                pass
            return True

        host.drives(is_closed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
        for _ in range(100):
            noise.sendto(os.urandom(40), ('127.0.0.1', rig.emulator.port))
    host.wait(0.3, FORWARD)
    host.not_starved()
    assert host.enabled and not host.errors


@pytest.mark.parametrize(
    ('kind', 'why'), [('tcp', 'refused'), ('udp', 'refused'), ('sim', 'tektra robot-emulator')]
)
def test_a_robot_that_is_not_there_is_tried_again_and_is_no_error(rig, kind, why):
    rig = rig(kind)
    rig.emulator.end()
    host = rig.driver('gate-1')
    host.until(lambda: why in host.driver.problem)
    assert host.errors == []
    with pytest.raises(DriverError, match='not connected'):
        host.driver.write(FORWARD, host.clock.now_ns())
    host.driver.stop(Category.IMMEDIATE, host.clock.now_ns())
    host.driver.close()


@pytest.mark.safety
@pytest.mark.parametrize('kind', KINDS)
@begins_anew
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
    until(lambda: rig.emulator.events('standstill'))


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@begins_anew
def test_the_emulator_ends_cleanly_and_tells_its_host(rig, number):
    rig = rig('udp')
    host = rig.driver('gate-1').moving()
    assert rig.emulator.end(number) == 0
    host.until(lambda: host.errors)
    host.not_starved()
    assert 'the robot side was told to end' in host.errors[0]
    assert not any('Traceback' in line for line in rig.emulator.errors)


def test_a_second_plant_of_the_same_robot_is_refused(rig):
    rig = rig('sim')
    words = ('-m', 'tektra.cli', 'robot-emulator', '--robot', 'witness')
    second = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=END_S
    )
    assert second.returncode == 1 and 'another emulator serves it' in second.stderr
