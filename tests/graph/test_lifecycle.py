"""Launched nodes and the lifecycle manager: kills, crash loops, the manage command."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from rclpy.time import Time
from tektra_msgs.msg import SystemState

from launched import wait_until
from tektra.cli.client import GraphClient

NODE = """
    import os, sys, time
    from dataclasses import dataclass
    from tektra.runtime.main import run_node
    from tektra.runtime.node import TektraNode

    name, trouble = sys.argv[1], sys.argv[2]

    @dataclass(frozen=True)
    class NoParams:
        pass

    class Example(TektraNode):
        params_class = NoParams

        def load(self, params):
            if trouble == 'slow':
                time.sleep(3.0)
            if trouble == 'crash':
                os.abort()

        def start(self):
            if trouble == 'crash in activate':
                os.abort()

    sys.exit(run_node(lambda: Example(name, use_global_arguments=False)))
"""


class Launched:
    """Processes of example nodes and of a manager, and a client that watches."""

    def __init__(self, folder):
        self.script = folder / 'example_node.py'
        self.script.write_text(textwrap.dedent(NODE))
        self.graph_file = folder / 'lifecycle.yaml'
        self.graph_file.write_text(
            'nodes:\n  a:\n  b: {requires: [a], restart: {max: 2, stays_up_s: 3.0}}\n'
        )
        self.processes = {}
        self.client = GraphClient(int(os.environ['ROS_DOMAIN_ID']), 'watcher')
        self.states = []
        self.client.subscribe('system/state', self.states.append)

    def node(self, name, trouble='none'):
        self._start(name, [str(self.script), name, trouble])

    def manager(self, **parameters):
        values = {'graph_file': str(self.graph_file), **parameters}
        given = [word for k, v in values.items() for word in ('-p', f'{k}:={v}')]
        code = 'from tektra.lifecycle_manager.node import main; main()'
        self._start('manager', ['-c', code, '--ros-args', *given])

    def _start(self, name, words):
        self.end(name)
        self.processes[name] = subprocess.Popen([sys.executable, *words])

    def end(self, name):
        process = self.processes.pop(name, None)
        if process is not None:
            process.kill()
            process.wait(10)

    def until(self, done, wait_s=40.0):
        assert self.client.wait(lambda: bool(self.states) and done(self.states[-1]), wait_s), (
            self.states[-1:] and (self.states[-1].state, self.states[-1].reason)
        )
        return self.states[-1]

    def until_state(self, state):
        return self.until(lambda now: now.state == state)

    def until_degraded(self, why):
        return self.until(
            lambda now: now.state == SystemState.STATE_DEGRADED and why in now.reason
        )

    def close(self):
        for name in list(self.processes):
            self.end(name)
        self.client.close()


@pytest.fixture
def launched(tmp_path):
    made = Launched(tmp_path)
    yield made
    made.close()


def test_a_node_killed_while_it_configures_is_brought_up_when_launch_has_restarted_it(launched):
    launched.node('a')
    launched.node('b', 'slow')
    launched.manager()
    launched.until(lambda now: list(now.node_states) == [3, 10])
    os.kill(launched.processes['b'].pid, signal.SIGKILL)
    launched.processes['b'].wait()
    state = launched.until(lambda now: now.node_states[1] == 0 and 'has ended' in now.reasons[1])
    assert state.state == SystemState.STATE_STARTING
    launched.node('b')
    state = launched.until_state(SystemState.STATE_READY)
    assert list(state.restarts) == [0, 1]


@pytest.mark.slow
def test_a_node_that_crashes_in_each_start_is_a_crash_loop_until_it_stays_up(launched):
    launched.node('a')
    launched.manager()
    for _ in range(3):
        launched.node('b', 'crash in activate')
        launched.processes['b'].wait(40)
    launched.node('b', 'crash in activate')
    state = launched.until_state(SystemState.STATE_FAILED)
    assert 'crash loop: more than 2 restarts in 60 s' in state.reason
    launched.until(lambda now: now.node_states[0] == 1)  # rolled back
    launched.node('b')
    launched.until_state(SystemState.STATE_READY)


def test_a_stopped_process_is_told_from_an_ended_one_and_recovers(launched):
    launched.node('a')
    launched.node('b')
    launched.manager()
    launched.until_state(SystemState.STATE_READY)
    os.kill(launched.processes['b'].pid, signal.SIGSTOP)
    launched.until_degraded('is stopped')
    os.kill(launched.processes['b'].pid, signal.SIGCONT)
    launched.until_state(SystemState.STATE_READY)
    launched.end('b')
    launched.until_degraded('has ended')


def test_a_killed_manager_that_is_restarted_finds_everything_as_it_is(launched):
    launched.node('a')
    launched.node('b')
    launched.manager()
    before = launched.until_state(SystemState.STATE_READY)
    launched.end('manager')
    ended = launched.client.node.get_clock().now()
    launched.manager()
    after = launched.until(
        lambda now: (
            now.state == SystemState.STATE_READY and Time.from_msg(now.header.stamp) > ended
        )
    )
    assert list(after.instance_ids) == list(before.instance_ids)
    assert list(after.restarts) == [0, 0]


LAUNCH = """
launch:
  - node: {pkg: tektra, exec: turn_taking, name: turn_taking}
  - node: {pkg: tektra, exec: dialogue, name: dialogue}
  - node:
      pkg: tektra
      exec: lifecycle_manager
      name: lifecycle_manager
      param:
        - {name: graph_file, value: $(dirname)/lifecycle.yaml, type: str}
"""


def test_the_manage_command_pauses_plans_and_refuses(tektra, tmp_path):
    (tmp_path / 'lifecycle.yaml').write_text(
        'nodes:\n  dialogue:\n  turn_taking: {requires: [dialogue]}\n'
    )
    (tmp_path / 'two.launch.yaml').write_text(LAUNCH)
    lines = []
    process = tektra.start('up', str(tmp_path / 'two.launch.yaml'))

    def ready():
        lines.append(process.stdout.readline())
        return 'all nodes are active' in lines[-1]

    wait_until(ready, 'graph not READY')
    code, output = tektra.run('manage', 'pause', 'dialogue', '--dry-run')
    assert code == 0, output
    plan = ['deactivate /turn_taking', 'deactivate /dialogue']
    assert output.splitlines() == [*plan, 'nothing was done']
    code, output = tektra.run('manage', 'pause', 'dialogue')
    assert (code, output.splitlines()) == (0, plan)
    code, output = tektra.run('manage', 'pause', 'dialogue')
    assert (code, output.strip()) == (0, 'nothing to do')
    code, output = tektra.run('manage', 'resume')
    assert (code, output.splitlines()) == (0, ['activate /dialogue', 'activate /turn_taking'])
    code, output = tektra.run('manage', 'pause', 'dialog')
    assert code == 1
    assert "no node 'dialog' is managed here; did you mean 'dialogue'?" in output
