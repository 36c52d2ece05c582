"""The estop node: demands from every kind of publisher, its services, its file, its end."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from std_srvs.srv import Trigger
from tektra_msgs.msg import EstopSource, EstopState, GateState, StopRequest
from tektra_msgs.srv import ResetEstop

from tektra.estop import core, gate_watch
from tektra.estop.node import EstopNode
from tektra.robots.proof import key_file, read_key, reset_proof
from tektra.robots.registry import find_robot
from tektra.runtime.main import StartError
from tektra.runtime.topics import topic

STOPPED, RESETTING, CLEAR = (
    EstopState.STATE_STOPPED,
    EstopState.STATE_RESETTING,
    EstopState.STATE_CLEAR,
)
LIMIT_S = 20.0
PATIENT_NS = 30 * 10**9
PATIENT = (
    '-c',
    'from tektra.estop import core, gate_watch; from tektra.estop.node import main; '
    f'gate_watch.GATE_SILENT_NS = core.OWN_GAP_NS = {PATIENT_NS}; raise SystemExit(main())',
)
# How many subscriptions of estop a reliable publisher reaches; a best-effort one reaches one.
EARS = {'estop/stop_request': 2, '/fleet/estop/stop_request': 2}
DEPTH = 1000  # of a reader that must not miss a message; a busy test process is late


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_HOME', str(tmp_path / 'home'))
    # This process is estop and gate at once, and gets no time on a busy machine: none of these
    # tests is about that. test_estop_core.py has these limits, tests/chaos the real ones.
    monkeypatch.setattr(gate_watch, 'GATE_SILENT_NS', PATIENT_NS)
    monkeypatch.setattr(core, 'OWN_GAP_NS', PATIENT_NS)
    return tmp_path / 'home'


def make(ros, namespace='/tek', **parameters):
    given = {'robot': 'tek', **parameters}
    overrides = [rclpy.Parameter(key, value=value) for key, value in given.items()]
    node = EstopNode(
        'estop', context=ros.context, namespace=namespace, parameter_overrides=overrides
    )
    return ros.add(node)


def collect(ros, name):
    row, received = topic(name), []
    qos = row.qos()
    qos.depth = DEPTH
    ros.peer.create_subscription(row.message_type(), f'/tek/{name}', received.append, qos)
    return received


def publisher(ros, name, best_effort=False):
    row = topic(name)
    qos = row.qos()
    if best_effort:
        qos.reliability = QoSReliabilityPolicy.BEST_EFFORT
    full = name if name.startswith('/') else f'/tek/{name}'
    made = ros.peer.create_publisher(row.message_type(), full, qos)
    readers = 1 if best_effort else EARS.get(name, 1)
    ros.until(lambda: made.get_subscription_count() >= readers)
    return made


def call(ros, kind, name, request):
    client = ros.peer.create_client(kind, f'/tek/{name}')
    ros.until(client.service_is_ready)
    future = client.call_async(request)
    ros.until(future.done)
    return future.result()


class Gate:
    """Says what a gate says that has stopped and stands."""

    def __init__(self, ros, states):
        self.out = publisher(ros, 'gate_state')
        self.states = states
        robot = find_robot('tek')
        count = len(robot.channels)
        self.words = GateState(
            robot='tek',
            instance_id='gate-1',
            level=GateState.LEVEL_STOPPED,
            channels=list(robot.channels),
            standstill=[True] * count,
            last_asked_age_s=[-1.0] * count,
            config_hash=robot.config_hash,
        )
        ros.peer.create_timer(0.05, self.say)

    def say(self):
        if self.states:
            self.words.seq += 1
            self.words.estop_instance_id = self.states[-1].instance_id
            self.words.stop_id = self.states[-1].stop_id
            self.out.publish(self.words)


def reset(ros, states, **changes):
    seen = states[-1]
    key = read_key(key_file('tek'))
    proof = reset_proof(key, seen.instance_id, seen.stop_id, seen.reset_nonce)
    fields = {
        'stop_id': seen.stop_id,
        'reset_nonce': seen.reset_nonce,
        'operator_name': 'Ada',
        'key_proof': proof,
    }
    return call(ros, ResetEstop, 'estop/reset', ResetEstop.Request(**{**fields, **changes}))


def to_clear(ros, states):
    Gate(ros, states)
    ros.until(lambda: states and not states[-1].reset_blockers)
    answer = reset(ros, states)
    assert answer.success, answer.message
    ros.until(lambda: states[-1].state == CLEAR)


def test_it_boots_stopped_and_a_late_joiner_knows_at_once(ros):
    node = make(ros)
    states = collect(ros, 'estop/state')
    ros.until(lambda: states)
    first = states[0]
    assert (first.state, first.stop_id, first.robot) == (STOPPED, 1, 'tek')
    assert first.instance_id == node.instance_id
    assert first.config_hash == find_robot('tek').config_hash
    ros.until(lambda: len(states) > 5)
    seqs = [s.seq for s in states]
    assert seqs == sorted(set(seqs))


def test_the_last_word_of_a_frozen_estop_is_there_for_a_late_joiner(ros):
    node = make(ros)
    ros.executor.remove_node(node)
    states = collect(ros, 'estop/state')
    ros.until(lambda: states)
    assert states[0].state == STOPPED


def test_the_service_stops_and_names_the_stop(ros):
    make(ros)
    states = collect(ros, 'estop/state')
    to_clear(ros, states)
    answer = call(ros, Trigger, 'estop/stop', Trigger.Request())
    assert answer.success
    assert answer.message == 'stopped: stop_id 2'
    ros.until(lambda: states[-1].state == STOPPED)
    assert [s.state for s in states if s.stop_id == 1 and s.state == RESETTING]


def test_a_stop_through_the_topic_is_latched_with_its_request_id(ros):
    make(ros)
    states = collect(ros, 'estop/state')
    to_clear(ros, states)
    stop = publisher(ros, 'estop/stop_request')
    stop.publish(StopRequest(request_id='one', source='button', reason='pressed'))
    ros.until(lambda: states[-1].state == STOPPED)
    assert list(states[-1].request_ids) == ['one']
    assert states[-1].reason == 'button: pressed'


def test_a_best_effort_publisher_is_heard(ros):
    """A reliable subscription does not match it at all, so there is another one for it."""
    make(ros)
    states = collect(ros, 'estop/state')
    to_clear(ros, states)
    careless = publisher(ros, 'estop/stop_request', best_effort=True)
    careful = publisher(ros, 'estop/stop_request')
    assert (careless.get_subscription_count(), careful.get_subscription_count()) == (1, 2)
    careless.publish(StopRequest(request_id='one', source='wifi button'))
    ros.until(lambda: states[-1].state == STOPPED)
    assert list(states[-1].request_ids) == ['one']


def test_a_best_effort_fleet_request_and_a_best_effort_source_are_heard(ros):
    make(ros)
    states = collect(ros, 'estop/state')
    ros.until(lambda: states)
    fleet = publisher(ros, '/fleet/estop/stop_request', best_effort=True)
    fleet.publish(StopRequest(request_id='all', source='console', reason='fire'))
    ros.until(lambda: 'all' in states[-1].request_ids)
    assert states[-1].reason == 'fleet/console: fire'
    source = publisher(ros, 'estop/source', best_effort=True)
    source.publish(EstopSource(source='button', instance_id='b', seq=1, asserted=True))
    ros.until(lambda: list(states[-1].active_sources) == ['button'])


def test_a_refused_reset_says_why(ros):
    make(ros)
    states = collect(ros, 'estop/state')
    ros.until(lambda: states)
    answer = reset(ros, states)
    assert not answer.success
    assert answer.message == 'robot_gate has not been heard; start it, or look why it hangs'
    assert list(states[-1].reset_blockers) == [answer.message]
    assert 'key_proof is wrong' in reset(ros, states, key_proof='x').message


def test_a_hold_is_not_latched(ros):
    make(ros)
    states = collect(ros, 'estop/state')
    to_clear(ros, states)
    stop = publisher(ros, 'estop/stop_request')
    stop.publish(StopRequest(request_id='h', level=StopRequest.LEVEL_HOLD))
    seen = len(states)
    ros.until(lambda: len(states) > seen + 10)
    assert states[-1].state == CLEAR
    stop.publish(StopRequest(request_id='one'))
    ros.until(lambda: states[-1].state == STOPPED)
    assert list(states[-1].request_ids) == ['one']  # the hold, before it, was heard


def test_a_request_behind_a_backlog_of_holds_is_heard_at_once(ros):
    """Not after a turn of the executor for each hold: a flood would push it out of the queue."""
    node = make(ros)
    states, requests = collect(ros, 'estop/state'), collect(ros, 'estop/stop_request')
    to_clear(ros, states)
    flood = publisher(ros, 'estop/stop_request')
    stop = publisher(ros, 'estop/stop_request')
    ros.executor.remove_node(node)
    for _ in range(15):
        flood.publish(StopRequest(request_id='h', level=StopRequest.LEVEL_HOLD))
    stop.publish(StopRequest(request_id='one'))
    ros.until(lambda: len(requests) == 16)
    alone = SingleThreadedExecutor(context=ros.context)
    alone.add_node(node)
    for _ in range(8):  # two subscriptions of it, the tick, and what else there is
        alone.spin_once(timeout_sec=0.05)
    assert node._core.level == STOPPED
    alone.remove_node(node)
    alone.shutdown(timeout_sec=0)
    ros.executor.add_node(node)
    ros.until(lambda: states[-1].state == STOPPED)
    assert list(states[-1].request_ids) == ['one']


def test_a_second_estop_of_this_machine_does_not_start(ros):
    make(ros)
    with pytest.raises(StartError, match=rf'another estop.*process {os.getpid()}.*stop that one'):
        make(ros)


def test_an_estop_of_another_machine_is_a_stop(ros):
    node = make(ros)
    states = collect(ros, 'estop/state')
    to_clear(ros, states)
    other = publisher(ros, 'estop/state')
    words = EstopState(robot='tek', instance_id='other', state=CLEAR, seq=10**6)
    ros.peer.create_timer(0.025, lambda: other.publish(words))
    mine = lambda: [s for s in states if s.instance_id == node.instance_id]  # noqa: E731
    ros.until(lambda: mine()[-1].state == STOPPED)
    assert 'a second estop (instance other) speaks for this robot' in mine()[-1].reason
    ros.until(lambda: 'second estop' in node.status)


def test_the_end_is_a_stop_that_is_published_and_remembered(ros, home):
    node = make(ros)
    states = collect(ros, 'estop/state')
    to_clear(ros, states)
    node.shut_down()
    ros.executor.remove_node(node)
    ros.until(lambda: states[-1].state == STOPPED)
    assert states[-1].reason == 'estop: estop is shut down'
    kept = lambda: json.loads((home / 'estop/tek.json').read_text())  # noqa: E731
    ros.until(lambda: (kept()['stop_id'], kept()['reason']) == (2, 'estop is shut down'))
    again = make(ros)
    assert again._core.stop_id == 3
    assert 'before it: stop 2 of 20' in again._core.reason
    assert 'by estop: estop is shut down (was not reset)' in again._core.reason


def test_a_damaged_latch_file_is_told_and_replaced(ros, home):
    (home / 'estop').mkdir(parents=True)
    (home / 'estop/tek.json').write_text('{"stop_id": ')
    node = make(ros)
    assert 'is damaged; it is written anew' in node._core.reason
    node._latch.flush(LIMIT_S)
    assert json.loads((home / 'estop/tek.json').read_text())['stop_id'] == 1
    assert node._latch.trouble == ''


def test_a_latch_file_that_cannot_be_written_does_not_hinder(ros, home):
    home.mkdir(parents=True)
    (home / 'estop').write_text('in the way')
    node = make(ros)
    states = collect(ros, 'estop/state')
    ros.until(lambda: 'cannot be written' in node.status)
    to_clear(ros, states)
    publisher(ros, 'estop/stop_request').publish(StopRequest(source='cli'))
    ros.until(lambda: states[-1].state == STOPPED)


def test_a_key_that_others_may_read_blocks_resets_only(ros, home):
    (home / 'keys').mkdir(parents=True)
    (home / 'keys/tek.key').write_bytes(b'k' * 32)
    (home / 'keys/tek.key').chmod(0o644)
    node = make(ros)
    states = collect(ros, 'estop/state')
    ros.until(lambda: states)
    assert any('chmod 600' in b for b in states[-1].reset_blockers)
    assert 'chmod 600' in node.status
    assert call(ros, Trigger, 'estop/stop', Trigger.Request()).success


def test_an_unknown_robot_is_a_start_error(ros):
    with pytest.raises(StartError, match="no robot 'tok'; did you mean 'tek'"):
        make(ros, robot='tok')
    with pytest.raises(StartError, match="no robot ''; known: tek"):
        make(ros, robot='')


def test_another_namespace_is_a_start_error(ros):
    with pytest.raises(StartError, match='start it with -r __ns:=/tek'):
        make(ros, namespace='/elsewhere')


def test_simulated_time_is_a_start_error(ros):
    with pytest.raises(StartError, match='use_sim_time'):
        make(ros, use_sim_time=True)


HEAVY = {'numpy', 'onnxruntime', 'cv2', 'torch'}


def test_the_process_imports_little():
    code = 'import sys, tektra.estop.node; print(*{m.split(".")[0] for m in sys.modules})'
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not HEAVY & set(done.stdout.split())


@contextmanager
def process(*words, program=('-m', 'tektra.estop.node')):
    command = [sys.executable, *program, '--ros-args', '-r', '__ns:=/tek', *words]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait(LIMIT_S)
        child.stdout.close()
        child.stderr.close()


def test_sigterm_stops_and_says_so_before_it_leaves(ros):
    states = collect(ros, 'estop/state')
    with process('-p', 'robot:=tek', program=PATIENT) as child:
        ros.until(lambda: states, wait_s=LIMIT_S)
        to_clear(ros, states)
        child.send_signal(signal.SIGTERM)
        ros.until(lambda: states[-1].state == STOPPED)
        assert states[-1].reason == 'estop: estop is shut down'
        assert child.wait(LIMIT_S) == 0


def test_after_kill_9_the_next_one_starts_stopped_and_knows_why_the_robot_was(ros, home):
    states = collect(ros, 'estop/state')
    with process('-p', 'robot:=tek') as child:
        ros.until(lambda: states, wait_s=LIMIT_S)
        publisher(ros, 'estop/stop_request').publish(
            StopRequest(source='button', reason='pressed', request_id='one')
        )
        latch = Path(home, 'estop/tek.json')
        ros.until(lambda: latch.is_file() and 'pressed' in latch.read_text())
        child.kill()
        child.wait(LIMIT_S)
    first = states[-1].instance_id
    with process('-p', 'robot:=tek'):
        ros.until(lambda: states[-1].instance_id != first, wait_s=LIMIT_S)
    assert states[-1].state == STOPPED
    assert states[-1].stop_id == 3
    assert 'by button: pressed (was not reset)' in states[-1].reason


def test_a_second_process_says_why_it_does_not_start(ros):
    make(ros)
    with process('-p', 'robot:=tek') as child:
        _, said = child.communicate(timeout=LIMIT_S)
        assert child.returncode == 1
    assert said.count('tektra: error: another estop') == 1
    assert 'Traceback' not in said


def test_a_misspelt_parameter_is_an_error_without_a_traceback():
    with process('-p', 'robt:=tek') as child:
        _, said = child.communicate(timeout=LIMIT_S)
        assert child.returncode == 1
    assert "unknown parameter 'robt'; did you mean 'robot'?" in said
    assert 'Traceback' not in said


def test_the_profile_of_the_table_alone_would_not_hear_a_best_effort_publisher(ros):
    """Why estop has two subscriptions."""
    row = topic('estop/stop_request')
    heard = []
    ros.peer.create_subscription(row.message_type(), '/other/stop', heard.append, row.qos())
    careless = QoSProfile(depth=16, reliability=QoSReliabilityPolicy.BEST_EFFORT)
    careful = ros.peer.create_publisher(row.message_type(), '/other/stop', row.qos())
    deaf = ros.peer.create_publisher(row.message_type(), '/other/stop', careless)
    ros.until(lambda: careful.get_subscription_count() == 1)
    assert deaf.get_subscription_count() == 0
