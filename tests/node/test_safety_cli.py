"""The safety verbs as a person runs them, against the real estop and gate."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tektra_msgs.msg import EstopState

from starvation import TRIES, Starved, begins_anew, starvation
from stop_rig import DISABLED, ENABLED, HOLD, STOPPED, make_estop, make_gate
from tektra.launching import runfile
from tektra.runtime.topics import open_subscription

LIMIT_S = 40.0


@pytest.fixture
def tek(ros, tmp_path, monkeypatch):
    """Run a robot in a graph of its own run file."""
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path / 'home'))
    monkeypatch.setenv('TEKTRA_STATE_DIR', str(tmp_path / 'state'))
    monkeypatch.setenv('TEKTRA_LAUNCHER', 'own')
    lock = runfile.claim(tmp_path / 'state')
    domain_id = int(os.environ['ROS_DOMAIN_ID'])
    lock.describe(domain_id, Path('test.yaml'), {}, ['/tek/estop', '/tek/robot_gate'])
    yield Tek(ros)
    lock.release()


class Tek:
    """A robot and the person at its command line."""

    def __init__(self, ros):
        self.ros, self.states = ros, []
        make_estop(ros)
        self.gate = make_gate(ros)
        open_subscription(ros.peer, 'estop/state', self.states.append, 'tek')
        ros.until(lambda: self.states and not self.states[-1].reset_blockers, LIMIT_S)

    def run(self, *words):
        """Return exit code, stdout and stderr of a verb."""
        process = subprocess.Popen(
            [sys.executable, '-m', 'tektra.cli', *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            self.ros.until(lambda: process.poll() is not None, LIMIT_S)
        finally:
            process.kill()
            out, err = process.communicate()
        return process.returncode, out, err

    def not_starved(self):
        """See that the robot did not stop itself for want of time; a verb may have read it first.

        :raises Starved: if it did.
        """
        estop, gate = len(self.states), len(self.gate.states)
        self.ros.until(lambda: len(self.states) > estop and len(self.gate.states) > gate)
        why = starvation(self.gate.state, self.states[-1])
        if why:
            raise Starved(why)

    def let_go(self):
        """Nothing is to be ended: what has stopped itself is there, and can be reset."""

    def shows(self, level):
        """Wait until the gate shows a level."""

        def seen():
            if self.gate.state.level == level:
                return True
            if starvation(self.gate.state, self.states[-1]):
                self.not_starved()
            return False

        self.ros.until(seen)
        return True

    def stopped(self):
        """Wait until estop shows a stop; a verb that has ended may have read it first."""
        self.ros.until(lambda: self.states[-1].state == EstopState.STATE_STOPPED)
        return self.states[-1]

    def well(self, *words):
        """Return what a verb says that does what it is told."""
        code, out, err = self.run(*words)
        if code:
            self.not_starved()
        assert (code, err) == (0, '')
        return out

    def refused(self, *words):
        """Return why a verb refuses."""
        code, out, err = self.run(*words)
        assert (code, out) == (1, '')
        return err


CHANNELS = 'base, head, left_arm, right_arm'


def test_from_the_first_stop_to_motion_and_back(tek):
    assert 'it is stopped: startup' in tek.refused('enable', 'tek')
    to_motion_and_back(tek)


@begins_anew
def to_motion_and_back(tek):
    assert tek.well('reset', 'tek').startswith('tek: the stop is cleared; nothing moves before')
    assert tek.shows(DISABLED)
    assert tek.well('enable', 'tek') == f'tek: motion is enabled on {CHANNELS}\n'
    assert tek.shows(ENABLED)
    assert tek.well('hold') == f'tek: held, standstill measured on {CHANNELS}\n'
    assert tek.shows(HOLD)
    said = tek.refused('enable', 'tek')
    tek.shows(HOLD)
    assert 'tektra release tek' in said
    assert tek.well('release', 'tek') == f'tek: motion is enabled on {CHANNELS}\n'
    assert tek.well('disable', 'tek') == 'tek: motion is not enabled\n'
    assert tek.shows(DISABLED)
    stop = tek.states[-1].stop_id + 1
    said = tek.well('stop', '--category', '0', '--reason', 'a cat')
    state = tek.stopped()
    tek.not_starved()
    assert said == f'tek: stopped (stop {stop}), standstill measured on {CHANNELS}\n'
    assert (state.stop_id, state.category) == (stop, 1)
    assert 'a cat' in state.reason
    assert tek.shows(STOPPED)


def test_a_gate_that_is_frozen_is_called_out_with_exit_code_3(tek):
    tek.gate.freeze()
    code, out, err = tek.run('stop', 'tek', '--timeout', '6')  # it has to be found first
    assert (code, out) == (3, '')
    assert '!!! tek: NOT CONFIRMED: its estop has latched, but its robot_gate is silent' in err
    assert 'press its hardware stop now' in err
    assert tek.stopped()


def test_the_status_is_read_by_machines(tek):
    for _ in range(TRIES):  # it looks for a moment only
        [seen] = json.loads(tek.well('safety', 'status', 'tek', '--json'))
        if seen['estop'] and seen['gate']:
            break
    assert seen['estop']['state'] == 'STOPPED'
    assert seen['gate']['level'] == 'stopped'
    assert [row['channel'] for row in seen['gate']['channels']] == CHANNELS.split(', ')


def test_the_check_of_the_stop_paths_ends_well_when_all_are_there_and_names_what_is_not(tek):
    def check(robot):
        words = [sys.executable, '-m', 'tektra.stop_client.paths', robot, '--timeout', '20']
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
        tek.ros.until(lambda: process.poll() is not None, LIMIT_S)
        return process.returncode, process.communicate()[1]

    assert check('tek') == (0, '')
    code, text = check('nobody')
    assert code == 1
    assert "no robot 'nobody'" in text
