"""Attacks on a robot: estop, gate and emulator in processes; the emulator's log is witness."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import time

import pytest
import rclpy
from geometry_msgs.msg import Twist
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import Trigger
from tektra_msgs.msg import EstopState, GateState, StopRequest
from tektra_msgs.srv import EnableMotion

from starvation import Starved, begins_anew, starvation
from tektra.robots.proof import enable_proof, key_file
from tektra.robots.registry import find_robot
from tektra.runtime.bare import without_types
from tektra.runtime.clock import BootClock
from tektra.runtime.topics import open_publisher, open_subscription

START_S, RAMP_S = 30.0, 1.5
REST_S = (
    0.4  # from what estop has answered to rest: less than the gate takes to see a second estop
)
READERS = 4  # of a demand: estop and gate, each with a reliable and a careless ear
NAMED = ('--ros-args', '-r', '__ns:=/tek', '-p', 'robot:=tek')
PROGRAMS = {
    'plant': ('-c', 'from tektra.robot_side.emulator import main; main()', '--robot', 'tek'),
    'estop': ('-m', 'tektra.estop.node', *NAMED),
    'gate': ('-m', 'tektra.robot_gate.node', *NAMED),
}


class Attacked:
    """A simulated robot that enables itself, and an attacker in its domain."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.log, self.processes = folder, folder / 'witness.jsonl', {}
        robots = folder / 'config/robots'
        robots.mkdir(parents=True)
        self.file = robots / 'tek.yaml'
        self.file.write_text(find_robot('tek').path.read_text() + 'auto_enable: true\n')
        self.file.chmod(0o644)
        self.clock, self.context = BootClock(), rclpy.Context()
        self.estop = self.gate = None
        rclpy.init(context=self.context)
        self.node = rclpy.create_node(
            'attacker',
            namespace='/tek',
            context=self.context,
            parameter_overrides=without_types(),
        )
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        open_subscription(self.node, 'estop/state', lambda m: setattr(self, 'estop', m))
        open_subscription(self.node, 'gate_state', lambda m: setattr(self, 'gate', m))
        self.stick = self.node.create_publisher(Twist, 'robot/cmd/joystick/cmd_vel', 1)
        self.request = open_publisher(self.node, 'estop/stop_request')
        self.stop = self.node.create_client(Trigger, 'estop/stop')
        self.enable = self.node.create_client(EnableMotion, 'enable_motion')
        for name in PROGRAMS:
            self.start(name)

    def start(self, name):
        words = [sys.executable, *PROGRAMS[name]]
        words += ['--log', str(self.log)] if name == 'plant' else []
        with (self.folder / f'{name}.log').open('ab') as out:
            self.processes[name] = subprocess.Popen(words, stdout=out, stderr=out)

    def kill(self, name):
        self.processes[name].kill()
        self.processes.pop(name).wait(5)

    def again(self, name):
        """Start estop or gate again; wait until the new one speaks."""
        old = getattr(self, name).instance_id
        self.start(name)
        self.until(lambda: getattr(self, name).instance_id != old, f'a new {name}')

    def until(self, true, what, limit_s=START_S, do=lambda: None):
        end = time.monotonic() + limit_s
        while not true():
            assert time.monotonic() < end, f'{what}: {self.gate}'
            do()
            self.executor.spin_once(timeout_sec=0.02)

    def go_on(self, seconds, do=lambda: None):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            do()
            self.executor.spin_once(timeout_sec=0.02)

    def drive(self):
        twist = Twist()
        twist.linear.x, twist.angular.z = 0.3, 0.6
        self.stick.publish(twist)

    def driving(self):
        """Wait until it drives; it has to enable itself, and be ready for every attack.

        :raises Starved: if it stops itself before any attack.
        """
        clients = (self.stop, self.enable)
        self.until(lambda: all(one.service_is_ready() for one in clients), 'the services')
        self.until(lambda: self.request.get_subscription_count() == READERS, 'its ears')
        self.lives(lambda: self.gate and self.gate.level == GateState.LEVEL_ENABLED, 'enabled')
        self.go_on(0.5)
        self.lives(lambda: self.moved_since(0), 'it drives', do=self.drive)
        return self

    def lives(self, true, what, **more):
        """Wait for what only a robot does that did not stop itself.

        :raises Starved: if it did.
        """

        def look():
            if true():
                return True
            self.not_starved()
            return False

        self.until(look, what, **more)

    def not_starved(self):
        """See that it did not stop itself for want of time.

        :raises Starved: if it did.
        """
        why = starvation(self.gate, self.estop)
        if why:
            raise Starved(why)

    def ask(self, client, request):
        """Return the future of an answer; nothing is sent to a service that is not known."""
        self.until(client.service_is_ready, 'the service')
        return client.call_async(request)

    def call(self, client, request):
        answer = self.ask(client, request)
        self.until(answer.done, 'the answer')
        return answer.result()

    def moved_since(self, ns):
        """Return what the robot side saw move after a time of the boot clock."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for line in self.log.read_text().splitlines():
                with contextlib.suppress(ValueError):
                    said = json.loads(line)
                    if said['event'] in ('motion', 'moves') and said['t_ns'] > ns:
                        found.append(said)
        return found

    def close(self):
        for process in self.processes.values():
            process.terminate()  # in good order it leaves the discovery at once
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait(5)
        self.executor.shutdown(timeout_sec=0)
        self.node.destroy_node()
        self.context.try_shutdown()


class Robots:
    """Makes the robot of a test, and another one when it begins anew."""

    def __init__(self, folder, monkeypatch):
        self._folder, self._monkeypatch, self._made = folder, monkeypatch, []
        self._number = 0

    def driving(self):
        self._number += 1
        folder = self._folder / f'robot_{self._number}'
        self._monkeypatch.setenv('TEKTRA_HOME', str(folder))
        self._monkeypatch.setenv('TEKTRA_STATE_DIR', str(folder / 'state'))
        self._made.append(Attacked(folder))
        return self._made[-1].driving()

    def let_go(self):
        while self._made:
            self._made.pop().close()


@pytest.fixture
def robots(tmp_path, monkeypatch):
    made = Robots(tmp_path, monkeypatch)
    yield made
    made.let_go()


def ramp_later(attacked):
    return attacked.clock.now_ns() + round(RAMP_S * 1e9)


@begins_anew
def test_a_stop_by_the_service_survives_killing_the_gate_and_then_both(robots):
    attacked = robots.driving()
    attacked.call(attacked.stop, Trigger.Request())
    still = ramp_later(attacked)
    attacked.kill('gate')
    attacked.again('gate')
    attacked.go_on(5.0)  # in peace: whoever asks for motion blocks the reset
    assert attacked.estop.state == EstopState.STATE_STOPPED
    attacked.go_on(1.0, attacked.drive)
    assert attacked.estop.state == EstopState.STATE_STOPPED
    for name in ('gate', 'estop'):
        attacked.kill(name)
    for name in ('estop', 'gate'):
        attacked.again(name)
    attacked.go_on(5.0)  # in peace: whoever asks for motion blocks the reset
    assert attacked.estop.state == EstopState.STATE_STOPPED
    attacked.go_on(1.0, attacked.drive)
    assert attacked.estop.state == EstopState.STATE_STOPPED
    assert not attacked.moved_since(still)


@begins_anew
def test_a_flood_of_forged_clears_does_not_hide_a_stop(robots):
    attacked = robots.driving()
    forged, out = attacked.estop, open_publisher(attacked.node, 'estop/state')
    if forged.state != EstopState.STATE_CLEAR:
        attacked.not_starved()
    assert forged.state == EstopState.STATE_CLEAR
    stop_id = forged.stop_id + 1
    forged.seq = 10**9

    def flood():
        attacked.drive()
        for _ in range(20):
            forged.seq += 1
            out.publish(forged)

    stopped = attacked.ask(attacked.stop, Trigger.Request())
    attacked.until(stopped.done, 'the answer', do=flood)
    still = attacked.clock.now_ns() + round(REST_S * 1e9)
    attacked.go_on(3.0, flood)
    # What estop says is not believed here: it is drowned. Its answer and its file are its own.
    assert stopped.result().message == f'stopped: stop_id {stop_id}'
    latch = json.loads((attacked.folder / 'estop/tek.json').read_text())
    assert (latch['stop_id'], latch['cleared']) == (stop_id, False)
    assert not attacked.moved_since(still)


@begins_anew
def test_files_that_are_replaced_while_it_runs_enable_nothing(robots):
    attacked = robots.driving()
    attacked.file.write_text(attacked.file.read_text().replace('velocity: 0.6', 'velocity: 6.0'))
    path, mine = key_file('tek'), secrets.token_bytes(32)
    path.unlink()
    path.write_bytes(mine)
    path.chmod(0o600)
    attacked.go_on(1.5)
    attacked.request.publish(StopRequest(request_id='h', level=StopRequest.LEVEL_HOLD))
    attacked.lives(lambda: attacked.gate.level == GateState.LEVEL_HOLD, 'a hold')
    still = ramp_later(attacked)
    attacked.go_on(RAMP_S)
    gate = attacked.gate
    epoch = (gate.estop_instance_id, gate.stop_id, gate.instance_id, gate.gate_epoch)
    request = EnableMotion.Request(release_hold=True, key_proof=enable_proof(mine, *epoch))
    request.estop_instance_id, request.stop_id = epoch[:2]
    request.gate_instance_id, request.gate_epoch = epoch[2:]
    answer = attacked.call(attacked.enable, request)
    if 'wrong key_proof' not in answer.message:
        attacked.go_on(0.2)  # it may have stopped itself since
        attacked.not_starved()
    attacked.go_on(0.5)
    attacked.go_on(1.0, attacked.drive)
    assert 'wrong key_proof' in answer.message
    assert not attacked.moved_since(still)
