"""The lifecycle manager among real nodes: services, heartbeats, two managers, namespaces."""

import subprocess
import sys
import threading
from dataclasses import dataclass

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from tektra_msgs.msg import SystemState
from tektra_msgs.srv import ManageNodes

from tektra.lifecycle_manager.node import LifecycleManagerNode
from tektra.runtime.node import TektraNode
from tektra.runtime.topics import topic

R = ManageNodes.Request
ACTIVE = 3


@dataclass(frozen=True)
class NoParams:
    pass


class Example(TektraNode):
    """Logs what happens to it in a list that all examples share."""

    params_class = NoParams
    made: list  # set by the fixture
    fails = None
    lies = False

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.may_load = threading.Event()
        self.may_load.set()

    def load(self, params):
        assert self.may_load.wait(20)

    def setup(self, params, loaded):
        self._note('configure')

    def start(self):
        self._note('activate')

    def stop(self):
        self._note('deactivate')

    def teardown(self):
        self.made.append(f'cleanup {self.get_name()}')

    def _note(self, what):
        if self.fails == what:
            raise OSError('the device is not there')
        self.made.append(f'{what} {self.get_name()}')

    async def _on_change_state(self, request, response):
        if self.lies and request.transition.id == Transition.TRANSITION_ACTIVATE:
            response.success = True
            return response
        return await super()._on_change_state(request, response)


class Bench:
    """Example nodes a, b (requires a) and c (requires b), and a manager."""

    def __init__(self, ros, folder):
        self.ros = ros
        self.made = []
        self.path = folder / 'lifecycle.yaml'
        self.path.write_text(
            'nodes:\n  c: {requires: [b]}\n  b: {requires: [a], restart: {max: 2}}\n  a:\n'
        )
        self.nodes = {}
        self.states = []

    def add(self, name, namespace=None, node_class=Example):
        node = self.ros.make(node_class, name, namespace=namespace)
        node.made = self.made
        self.nodes[name] = node
        return node

    def remove(self, name):
        node = self.nodes.pop(name)
        self.ros.executor.remove_node(node)
        self.ros.nodes.remove(node)
        node.worker.close()
        node.destroy_node()

    def manager(self, name='lifecycle_manager', namespace='', **parameters):
        """Start a manager; its system states fill ``states``."""
        self.hear(f'/{namespace}' if namespace else '')
        values = {'graph_file': str(self.path), **parameters}
        more = {'namespace': namespace} if namespace else {}
        node = self.ros.make(LifecycleManagerNode, name, values, **more)
        assert node.trigger_configure() == 0 or node.last_error == '', node.last_error
        node.trigger_activate()
        assert node.active
        return node

    def hear(self, prefix=''):
        row = topic('system/state')
        self.ros.peer.create_subscription(
            row.message_type(), f'{prefix}/{row.name}', self.states.append, row.qos()
        )

    @property
    def state(self):
        return self.states[-1] if self.states else SystemState()

    def until_state(self, state):
        self.ros.until(lambda: self.state.state == state, 30)
        return self.state

    def ask(self, command, *nodes, dry_run=False, namespace=''):
        client = self.ros.peer.create_client(ManageNodes, f'{namespace}/manage')
        self.ros.until(client.service_is_ready)
        future = client.call_async(R(command=command, nodes=list(nodes), dry_run=dry_run))
        self.ros.until(future.done, 30)
        self.ros.peer.destroy_client(client)
        return future.result()


def manager_process(path):
    """Return the command that runs a manager of the graph in ``path``."""
    code = 'from tektra.lifecycle_manager.node import main; main()'
    return [sys.executable, '-c', code, '--ros-args', '-p', f'graph_file:={path}']


@pytest.fixture
def bench(ros, tmp_path):
    made = Bench(ros, tmp_path)
    for name in 'abc':
        made.add(name)
    return made


def test_real_nodes_come_up_in_order_and_the_table_says_so(bench):
    bench.manager()
    state = bench.until_state(SystemState.STATE_READY)
    active = [line for line in bench.made if line.startswith('activate')]
    assert active == ['activate a', 'activate b', 'activate c']
    assert list(state.nodes) == ['/a', '/b', '/c']
    assert list(state.node_states) == [ACTIVE] * 3
    assert list(state.instance_ids) == [bench.nodes[n].instance_id for n in 'abc']
    assert list(state.reasons) == [''] * 3


def test_diagnostics_come_every_second(bench):
    received = []
    row = topic('/diagnostics')
    bench.ros.peer.create_subscription(DiagnosticArray, row.name, received.append, row.qos())
    bench.manager()
    bench.until_state(SystemState.STATE_READY)
    seen = len(received)
    bench.ros.until(lambda: len(received) > seen)
    assert [s.name for s in received[-1].status] == [
        'tektra: system',
        'tektra: /a',
        'tektra: /b',
        'tektra: /c',
    ]
    assert {s.level for s in received[-1].status} == {b'\x00'}


def test_an_exception_rolls_back_and_reaches_the_system_state_and_the_answer(bench):
    bench.nodes['c'].fails = 'activate'
    bench.manager(autostart=False)
    answer = bench.ask(R.COMMAND_STARTUP)
    assert not answer.success
    error, _, undone = answer.message.partition('; rolled back: ')
    assert error == '/c: activate: OSError: the device is not there'
    steps = undone.split(', ')  # cleanup of b and deactivate of a run side by side
    assert sorted(steps) == ['cleanup /a', 'cleanup /b', 'deactivate /a', 'deactivate /b']
    assert (steps[0], steps[-1]) == ('deactivate /b', 'cleanup /a')
    assert bench.until_state(SystemState.STATE_FAILED).reason.startswith('/c: activate: OSError')
    assert list(bench.state.node_states) == [1, 1, 1]
    bench.nodes['c'].fails = None
    assert bench.ask(R.COMMAND_STARTUP).success
    bench.until_state(SystemState.STATE_READY)


def test_an_exception_in_configure_is_told(bench):
    bench.nodes['b'].fails = 'configure'
    bench.manager(start_attempts=1)
    state = bench.until_state(SystemState.STATE_FAILED)
    assert state.reason == '/b: configure: OSError: the device is not there'


def test_a_slow_configure_is_waited_for_and_seen(bench):
    bench.nodes['b'].may_load.clear()
    bench.manager()
    bench.ros.until(lambda: list(bench.state.node_states) == [3, 10, 2])
    bench.ros.until(lambda: bench.state.reason == 'waiting for /b, /c')
    bench.nodes['b'].may_load.set()
    bench.until_state(SystemState.STATE_READY)
    assert bench.made.count('configure b') == 1


def test_a_success_that_is_none_is_found_out(bench):
    bench.nodes['b'].lies = True
    bench.manager(start_attempts=1)
    state = bench.until_state(SystemState.STATE_FAILED)
    assert 'answered with success, but the node is inactive and not active' in state.reason


def test_a_new_instance_is_adopted_in_whatever_state_it_is(bench):
    bench.manager()
    bench.until_state(SystemState.STATE_READY)
    bench.remove('b')
    bench.add('b')
    bench.ros.until(lambda: list(bench.state.restarts) == [0, 1, 0], 30)
    bench.until_state(SystemState.STATE_READY)
    assert bench.state.instance_ids[1] == bench.nodes['b'].instance_id
    bench.remove('b')
    again = bench.add('b')
    again.trigger_configure()
    again.trigger_activate()
    bench.ros.until(lambda: list(bench.state.restarts) == [0, 2, 0], 30)
    bench.until_state(SystemState.STATE_READY)


def test_a_hang_is_seen_although_the_process_lives(bench):
    bench.manager()
    bench.until_state(SystemState.STATE_READY)
    bench.ros.executor.remove_node(bench.nodes['b'])  # nobody turns its executor now
    state = bench.until_state(SystemState.STATE_DEGRADED)
    assert 'runs: it hangs' in state.reason
    bench.ros.executor.add_node(bench.nodes['b'])
    bench.until_state(SystemState.STATE_READY)
    assert list(bench.state.restarts) == [0, 0, 0]


def test_manage_pauses_resumes_plans_and_refuses(bench):
    bench.manager()
    bench.until_state(SystemState.STATE_READY)
    bench.made.clear()
    plan = bench.ask(R.COMMAND_RESET, dry_run=True)
    assert plan.success
    assert plan.plan[0] == 'deactivate /c'
    assert bench.made == []
    for _ in range(2):  # idempotent
        assert bench.ask(R.COMMAND_PAUSE, 'b').success
        assert bench.made == ['deactivate c', 'deactivate b']
    for _ in range(2):
        assert bench.ask(R.COMMAND_RESUME).success
    assert bench.made[2:] == ['activate b', 'activate c']
    refused = bench.ask(R.COMMAND_PAUSE, 'd')
    assert not refused.success
    assert refused.message == "refused: no node 'd' is managed here; known: a, b, c"
    assert bench.ask(R.COMMAND_SHUTDOWN).success
    assert bench.until_state(SystemState.STATE_STOPPED).reason == 'shutdown'
    assert list(bench.state.node_states) == [4, 4, 4]


def test_of_two_managers_the_second_refuses_and_takes_over_when_the_first_has_gone(bench):
    first = bench.manager()
    bench.until_state(SystemState.STATE_READY)
    assert bench.ask(R.COMMAND_PAUSE).success
    bench.made.clear()
    beats = bench.ros.collect('heartbeat')
    second = bench.manager('another_manager')
    bench.ros.until(lambda: any('another lifecycle manager' in b.status for b in beats))
    assert bench.ask(R.COMMAND_PAUSE).success  # the first one answers: there is one service
    bench.ros.until(lambda: list(bench.state.node_states) == [2, 2, 2])
    assert bench.made == []  # not resumed by the second's autostart
    del bench.states[:]
    first.trigger_deactivate()
    bench.ros.until(lambda: not [b for b in beats if b.node == '/another_manager'][-1].status)
    assert bench.until_state(SystemState.STATE_STOPPED).reason == 'pause'
    assert list(bench.state.node_states) == [2, 2, 2]
    assert bench.made == []  # not resumed by its taking over
    assert second.active
    assert bench.ask(R.COMMAND_RESUME).success
    bench.until_state(SystemState.STATE_READY)


def test_a_pause_outlives_a_killed_manager(bench):
    bench.hear()
    first = subprocess.Popen(manager_process(bench.path))
    try:
        bench.until_state(SystemState.STATE_READY)
        assert bench.ask(R.COMMAND_PAUSE, 'b').success
    finally:
        first.kill()
        first.wait(10)
    del bench.states[:]
    bench.made.clear()
    bench.manager()
    bench.ros.until(lambda: list(bench.state.node_states) == [3, 2, 2])
    bench.ros.until(lambda: bench.state.reasons[1] == 'paused')
    assert bench.made == []
    assert bench.ask(R.COMMAND_RESUME).success
    bench.until_state(SystemState.STATE_READY)


def test_two_namespaces_do_not_touch_each_other(ros, tmp_path):
    one, two = Bench(ros, tmp_path), Bench(ros, tmp_path)
    for bench, namespace in ((one, 'r1'), (two, 'r2')):
        for name in 'abc':
            bench.add(name, namespace)
        bench.manager(namespace=namespace)
    one.until_state(SystemState.STATE_READY)
    two.until_state(SystemState.STATE_READY)
    assert list(one.state.nodes) == ['/r1/a', '/r1/b', '/r1/c']
    assert one.ask(R.COMMAND_PAUSE, namespace='/r1').success
    assert one.until_state(SystemState.STATE_STOPPED)
    assert list(two.state.node_states) == [ACTIVE] * 3
    assert 'deactivate a' not in two.made


def test_a_wrong_graph_file_is_told_with_its_line(bench):
    bench.path.write_text('nodes:\n  a: {requires: [z]}\n')
    node = bench.ros.make(
        LifecycleManagerNode, 'lifecycle_manager', {'graph_file': str(bench.path)}
    )
    node.trigger_configure()
    assert 'lifecycle.yaml:2: nodes.a.requires' in node.last_error


def test_a_manager_that_cannot_come_up_says_why_and_exits_with_an_error(tmp_path):
    (tmp_path / 'lifecycle.yaml').write_text('nodes:\n  a: {requires: [z]}\n')
    done = subprocess.run(
        manager_process(tmp_path / 'lifecycle.yaml'),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith('tektra: error: /lifecycle_manager: configure: GraphError: ')
    assert 'lifecycle.yaml:2: nodes.a.requires' in last
