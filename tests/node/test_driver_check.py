"""``tektra driver-check`` as a user runs it, against robot sides in processes of their own."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from tektra.runtime.share import share_dir

TESTS = Path(__file__).resolve().parents[1]
START_S = 30.0
END_S = 110.0

ROS = {
    'type': 'ros',
    'cmd_vel_topic': 'controller/cmd_vel',
    'trajectory_topic': 'controller/joint_trajectory',
    'controller_timeout_s': 0.2,
}


class Site:
    """A user's TEKTRA_HOME with robots, and the robot sides that run."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {
            **os.environ,
            'TEKTRA_HOME': str(folder),
            'TEKTRA_STATE_DIR': str(folder / 'state'),
        }

    def robot(self, name, **changes):
        shipped = share_dir() / 'config' / 'robots' / 'tek.yaml'
        record = {**yaml.safe_load(shipped.read_text()), 'name': name, **changes}
        path = self.folder / 'config' / 'robots' / f'{name}.yaml'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(record))
        path.chmod(0o600)

    @contextlib.contextmanager
    def running(self, *words):
        """Run a robot side; it is there when it has said its first line, which is returned."""
        process = subprocess.Popen(
            [sys.executable, *words], env=self.environment, stdout=subprocess.PIPE, text=True
        )
        lines = []
        reader = threading.Thread(target=lines.extend, args=(process.stdout,))
        reader.start()
        try:
            wait_until(lambda: lines or process.poll() is not None)
            assert lines, f'{words} ended with {process.returncode}'
            yield lines[0]
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(START_S)
            process.kill()
            process.wait()
            reader.join()
            process.stdout.close()

    def controllers(self, name, *words):
        return self.running(str(TESTS / 'robot_controllers.py'), name, *words)

    def emulator(self, name, *words):
        return self.running('-m', 'tektra.cli', 'robot-emulator', '--robot', name, *words)

    def check(self, name, *words):
        """Run driver-check; return its exit code and what it printed."""
        done = subprocess.run(
            [sys.executable, '-m', 'tektra.cli', 'driver-check', name, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=END_S,
        )
        return done.returncode, done.stdout if '--json' in words else done.stderr + done.stdout

    def outcomes(self, name):
        """Run it with --json; return the exit code and the outcome by check."""
        code, output = self.check(name, '--yes', '--json')
        document = json.loads(output)
        return code, {one['check']: one for one in document['checks']}


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_controllers_with_a_time_out_pass(site):
    site.robot('ros_bot', driver=ROS)
    with site.controllers('ros_bot'):
        code, output = site.check('ros_bot', '--yes')
    assert code == 0, output
    assert output.endswith('13 passed, 0 failed, 3 not applicable\n')


def test_controllers_that_go_on_without_set_points_are_found_out(site):
    site.robot('ros_bot', driver=ROS)
    with site.controllers('ros_bot', '--timeout', '0.8'):
        code, outcomes = site.outcomes('ros_bot')
    assert code == 1
    assert outcomes['stops when set-points no longer come']['verdict'] == 'failed'
    killed = outcomes['stops when its host is killed (kill -9)']
    assert killed['verdict'] == 'failed', killed
    assert killed['measured'] > 0.5


def port_of(line):
    """Return the free port that a robot side has taken and told of."""
    return int(re.search(r'127\.0\.0\.1:(\d+)', line)[1])


@pytest.mark.parametrize('driver', ['sim', 'tcp', 'udp'])
def test_the_emulator_passes_by_every_driver_of_the_wire_protocol(site, driver):
    site.robot('emulated', driver={'type': 'sim'}, auto_enable=False)
    words = () if driver == 'sim' else (f'--{driver}', '0')
    with site.emulator('emulated', *words) as line:
        if driver != 'sim':
            place = {'host': '127.0.0.1', 'port': port_of(line)}
            site.robot('emulated', driver={'type': driver, **place}, auto_enable=False)
        code, output = site.check('emulated', '--yes')
    assert code == 0, output
    assert output.endswith('16 passed, 0 failed, 0 not applicable\n')


def test_ctrl_c_in_the_middle_of_a_motion_stops_the_robot(site):
    site.robot('emulated', driver={'type': 'sim'}, auto_enable=False)
    log = site.folder / 'witness.jsonl'
    with site.emulator('emulated', '--log', str(log)):
        words = [sys.executable, '-m', 'tektra.cli', 'driver-check', 'emulated']
        with subprocess.Popen(words, env=site.environment, stdout=subprocess.PIPE) as checking:
            for line in checking.stdout:
                if b'a small set-point moves it' in line:
                    break
            wait_until(lambda: last_event(log) == 'standstill')
            wait_until(lambda: last_event(log) == 'motion')  # of the next check
            checking.send_signal(signal.SIGINT)
            assert checking.wait(END_S) == 130
        wait_until(lambda: last_event(log) == 'standstill')
    assert '"session ended"' in log.read_text()


def last_event(log):
    lines = log.read_text().splitlines()
    events = [json.loads(line)['event'] for line in lines if line.endswith('}')]
    return next((one for one in reversed(events) if one in ('motion', 'standstill')), '')


def wait_until(done, limit_s=START_S):
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end, f'not within {limit_s} s'
        time.sleep(0.01)


def test_a_runaway_is_found_out(site):
    site.robot('emulated', driver={'type': 'sim'}, auto_enable=False)
    with site.emulator('emulated', '--runaway'):
        code, outcomes = site.outcomes('emulated')
    assert code == 1
    assert outcomes['a small set-point moves it, zero stops it']['verdict'] == 'failed'


def test_the_example_of_the_docs_passes(site):
    page = (TESTS.parent / 'docs' / 'drivers.md').read_text()
    code, record = (
        re.search(f'```{kind}\n(.*?)```', page, re.S)[1] for kind in ('python', 'yaml')
    )
    (site.folder / 'toy_driver.py').write_text(code)
    site.environment['PYTHONPATH'] = f'{os.environ.get("PYTHONPATH", "")}:{site.folder}'
    path = site.folder / 'config' / 'robots' / 'toy.yaml'
    path.parent.mkdir(parents=True)
    path.write_text(record)
    path.chmod(0o600)
    with site.running(str(TESTS / 'toy_robot.py'), 'toy', '0') as line:
        assert '47200' in record
        path.write_text(record.replace('47200', str(port_of(line))))
        code, output = site.check('toy', '--yes')
    assert code == 0, output
    assert output.endswith('16 passed, 0 failed, 0 not applicable\n')


def test_nobody_is_moved_without_a_yes(site):
    site.robot('ros_bot', driver=ROS)
    code, output = site.check('ros_bot')
    assert code == 1
    assert 'WILL move' in output and '--yes' in output


def test_a_robot_that_is_not_there_fails_and_says_so(site):
    site.robot('ros_bot', driver=ROS)
    code, outcomes = site.outcomes('ros_bot')
    assert code == 1
    assert 'is the robot on' in outcomes['connects within 5 s']['detail']
    assert all(one['verdict'] == 'failed' for one in outcomes.values())


def test_an_unknown_robot_and_a_plugin_that_is_missing_are_named(site):
    code, output = site.check('nobody')
    assert code == 1 and "no robot 'nobody'" in output
    site.robot('mine', driver={'type': 'plugin', 'plugin': 'no_such_module:Driver'})
    code, output = site.check('mine')
    assert code == 1 and 'no_such_module:Driver' in output and 'PYTHONPATH' in output
