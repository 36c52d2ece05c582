"""The doctor before real nodes and real shared memory."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import rclpy
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from std_msgs.msg import String

from tektra.doctor.checks.graphs import Neighbours
from tektra.doctor.checks.qos import QosPairs
from tektra.doctor.checks.shared_memory import StaleSharedMemory
from tektra.doctor.finding import Severity
from tektra.doctor.graph import look
from tektra.launching import runfile, shm
from tektra.runtime.bare import without_types

BEST_EFFORT = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=1, reliability=QoSReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(depth=1, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)


class Room:
    """Nodes of a test, on its domain."""

    def __init__(self, domain_id):
        self.domain_id = domain_id
        self.context = rclpy.Context()
        rclpy.init(context=self.context, args=[], domain_id=domain_id)
        self.nodes = []

    def node(self, name):
        made = rclpy.create_node(
            name,
            context=self.context,
            use_global_arguments=False,
            parameter_overrides=without_types(),
        )
        self.nodes.append(made)
        return made

    def look(self):
        return look(self.domain_id, [node.get_fully_qualified_name() for node in self.nodes])

    def close(self):
        for node in self.nodes:
            node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def room(empty_domain_id):
    made = Room(empty_domain_id)
    yield made
    made.close()


def test_a_subscription_that_cannot_hear_a_publisher_is_an_error_that_names_both(room):
    room.node('speaker').create_publisher(String, 'words', BEST_EFFORT)
    room.node('hearer').create_subscription(String, 'words', print, RELIABLE)
    (finding,) = QosPairs(room.look).run()
    assert finding.severity is Severity.ERROR
    assert '/words: /hearer does not hear /speaker' in finding.what
    assert 'eliab' in finding.what
    assert 'runtime/topics.py' in finding.fix


def test_a_late_joiner_that_asks_for_what_is_not_latched_is_an_error(room):
    room.node('speaker').create_publisher(String, 'state', RELIABLE)
    room.node('hearer').create_subscription(String, 'state', print, LATCHED)
    (finding,) = QosPairs(room.look).run()
    assert finding.severity is Severity.ERROR
    assert 'transient local' in finding.what


def test_pairs_that_fit_are_counted(room):
    room.node('speaker').create_publisher(String, 'words', RELIABLE)
    room.node('hearer').create_subscription(String, 'words', print, BEST_EFFORT)
    (finding,) = QosPairs(room.look).run()
    assert finding.severity is Severity.OK
    assert finding.what.startswith('1 pairs')


def test_nodes_that_this_checkout_did_not_start_and_two_of_a_name_are_found(room, tmp_path):
    for name in ('vad', 'vad', 'visitor'):
        room.node(name)
    twice, strangers = Neighbours(room.look, tmp_path).run()
    assert twice.severity is Severity.ERROR
    assert '2 nodes are named /vad' in twice.what
    assert strangers.severity is Severity.WARNING
    assert '/vad, /visitor' in strangers.what


def test_a_node_of_the_running_graph_that_is_not_there_is_found(room, tmp_path):
    room.node('vad')
    lock = runfile.claim(tmp_path)
    lock.describe(room.domain_id, tmp_path / 'l.yaml', {}, ['/vad', '/stt'])
    try:
        (finding,) = Neighbours(room.look, tmp_path).run()
    finally:
        lock.release()
    assert finding.severity is Severity.WARNING
    assert finding.what.endswith('not seen: /stt')


def test_the_nodes_of_the_running_graph_are_no_strangers(room, tmp_path):
    for name in ('vad', 'my_driver', 'tektra_echo_7'):
        room.node(name)
    lock = runfile.claim(tmp_path)
    lock.describe(room.domain_id, tmp_path / 'l.yaml', {}, ['/my_driver'])
    try:
        (finding,) = Neighbours(room.look, tmp_path).run()
    finally:
        lock.release()
    assert finding.severity is Severity.OK, finding


NODE = """
import time, rclpy
rclpy.init()
node = rclpy.create_node('doomed')
print('ready', flush=True)
time.sleep(600)
"""


def test_shared_memory_of_a_killed_node_is_found_and_cleaned_on_request(tektra, empty_domain_id):
    process = subprocess.Popen(
        [sys.executable, '-c', NODE],
        env={**os.environ, 'ROS_DOMAIN_ID': str(empty_domain_id)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == 'ready\n'
        maps = Path(f'/proc/{process.pid}/maps').read_text()
        there = {name for name in os.listdir(shm.FOLDER) if 'fast' in name}
        mine = {name for name in there if f'{shm.FOLDER}/{name}' in maps}
        assert mine
        assert not mine & set(shm.clean(None, dry_run=True)), 'it lives'
        process.send_signal(signal.SIGKILL)
    (finding,) = StaleSharedMemory().run()
    assert finding.severity is Severity.WARNING
    segments = {name for name in mine if 'port' not in name}
    assert segments & set(os.listdir(shm.FOLDER)), 'looking removes nothing'

    _, output = tektra.run('doctor', '--clean')
    assert 'files of dead processes from /dev/shm' in output
    assert not segments & set(os.listdir(shm.FOLDER))


def test_the_verb_prints_json_and_fails_on_an_error(tektra):
    tektra.environment |= {'TEKTRA__TTS__RATE': '9', 'RMW_IMPLEMENTATION': 'rmw_nope_cpp'}
    code, output = tektra.run('doctor', '--json')
    assert code == 1
    rows = json.loads(output)
    assert {row['severity'] for row in rows} <= {'ok', 'note', 'warning', 'error'}
    errors = {row['check']: row for row in rows if row['severity'] == 'error'}
    assert 'TEKTRA__TTS__RATE: tts: rate = 9 is outside' in str(errors['configuration'])
    assert errors['RMW_IMPLEMENTATION']['fix'] == 'unset RMW_IMPLEMENTATION'
    assert any(row['check'] == 'quality of service' for row in rows), 'it goes on to the end'
