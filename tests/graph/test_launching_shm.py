"""Shared memory of real ROS nodes: that of killed ones goes, that of another graph stays."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from launching_support import WAIT_S, make_plan, node, wait_for

from tektra.launching import shm
from tektra.launching.supervisor import Supervisor

pytest.importorskip('rclpy')

OWN_DOMAIN, FOREIGN_DOMAIN = 98, 99
"""Domains of these tests: above those that checkouts take (domain.HIGHEST)."""

NODE = """
import sys, rclpy
from std_msgs.msg import String
rclpy.init()
node = rclpy.create_node('shm_test')
node.create_publisher(String, 'shm_test', 10)
print('ready', flush=True)
sys.stdin.readline()
rclpy.try_shutdown()
"""


class RosNode:
    """A node in a process of its own, and the shared memory that it made."""

    def __init__(self, domain: int) -> None:
        before = set(os.listdir(shm.FOLDER))
        self.process = subprocess.Popen(
            [sys.executable, '-c', NODE],
            env={**os.environ, 'ROS_DOMAIN_ID': str(domain)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == 'ready\n'
        maps = Path(f'/proc/{self.process.pid}/maps').read_text()
        made = set(os.listdir(shm.FOLDER)) - before
        self.files = {name for name in made if f'{shm.FOLDER}/{name}' in maps and 'fast' in name}

    def left(self) -> set[str]:
        """Return which of its files are still there."""
        return self.files & set(os.listdir(shm.FOLDER))

    def end(self) -> None:
        """Let it end in order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(WAIT_S)


@pytest.fixture
def foreign() -> Iterator[RosNode]:
    """Run a node of another graph."""
    node = RosNode(FOREIGN_DOMAIN)
    yield node
    node.end()


def test_the_memory_of_a_killed_node_goes_and_that_of_another_graph_stays(
    foreign: RosNode,
) -> None:
    own = RosNode(OWN_DOMAIN)
    assert own.files
    assert foreign.files
    assert not own.files & set(shm.clean(OWN_DOMAIN))
    assert own.left() == own.files
    own.process.kill()
    own.process.wait(WAIT_S)
    assert own.left() == own.files
    assert own.files <= set(shm.clean(OWN_DOMAIN))
    assert own.left() == set()
    assert foreign.left() == foreign.files


def test_a_supervisor_removes_what_its_killed_nodes_left_and_nothing_of_another_graph(
    tmp_path: Path, foreign: RosNode
) -> None:
    plan = make_plan(tmp_path, node('stubborn'))
    program = Path(plan.processes[0].command[0])
    text = NODE.replace('sys.stdin.readline()', 'import time; time.sleep(1000)')
    program.write_text(f'#!{sys.executable}\nimport signal\n{text}')
    lines: list[str] = []
    variables = {**os.environ, 'ROS_DOMAIN_ID': str(OWN_DOMAIN)}
    supervisor = Supervisor(plan, env=variables, output=lines.append)
    supervisor.start()
    wait_for(lambda: '[stubborn-1] ready' in lines)
    pid = supervisor.processes()[0].pid
    assert pid is not None
    maps = Path(f'/proc/{pid}/maps').read_text().splitlines()
    used = {line.rsplit('/', 1)[1] for line in maps if f'{shm.FOLDER}/' in line and 'fast' in line}
    assert used
    os.kill(pid, 9)
    assert supervisor.wait(WAIT_S) == 1
    assert not used & set(os.listdir(shm.FOLDER))
    assert any('files of shared memory left by killed nodes were removed' in x for x in lines)
    assert foreign.left() == foreign.files
