"""Robots for benchmarks: estop, gate and emulator of each as processes, and what the robot saw."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from tektra_msgs.msg import GateState

from tektra.robots import proof
from tektra.robots.spec import read_robot
from tektra.runtime.bare import without_types
from tektra.runtime.clock import BootClock
from tektra.runtime.share import share_dir
from tektra.stop_client.operator import Operator, Refused
from tektra.stop_client.operator_client import OperatorClient

WAIT_S = 30.0
# Of the programs; each is `python -m`, so that no installation is needed.
ESTOP, GATE = 'tektra.estop.node', 'tektra.robot_gate.node'
EMULATOR = 'tektra.robot_side.emulator'


class Robot:
    """One robot, with its processes by name: estop, gate, emulator."""

    def __init__(self, name: str, home: Path, domain: int, node: Node) -> None:
        self.name = name
        self.log = home / f'{name}.jsonl'
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {**os.environ, 'TEKTRA_HOME': str(home), 'ROS_DOMAIN_ID': str(domain)}
        self._errors = (home / f'{name}.err').open('ab')
        self.start('emulator')
        self.start('estop')
        self.start('gate')
        key = home / 'keys' / f'{name}.key'
        operator = Operator(name, 'bench', lambda: proof.read_key(key))
        self.operator = OperatorClient(node, operator)
        self._witness: TextIO | None = None
        self._rest = ''

    def start(self, which: str) -> None:
        """Start one of the processes."""
        if which == 'emulator':
            words = [EMULATOR, '--robot', self.name, '--log', str(self.log)]
        else:
            module = ESTOP if which == 'estop' else GATE
            words = [module, '--ros-args', '-r', f'__ns:=/{self.name}', '-p']
            words.append(f'robot:={self.name}')
        self.processes[which] = subprocess.Popen(
            [sys.executable, '-m', *words],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )

    def events(self) -> list[dict[str, Any]]:
        """Return what the robot's side wrote down since the last call."""
        if self._witness is None:
            self._witness = self.log.open(encoding='utf-8')
        lines = (self._rest + self._witness.read()).split('\n')
        self._rest = lines.pop()  # torn, until its end is there
        return [json.loads(line) for line in lines]

    def end(self) -> None:
        """End every process."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._errors.close()


class _Asked:
    """What a robot was asked for: asked again at 50 Hz, or when an answer does not come."""

    def __init__(self) -> None:
        self.future: Any = None
        self._next = 0.0
        self._late = 0.0

    def again(self) -> bool:
        """Return whether to ask now."""
        now = time.monotonic()
        if self.future is not None and not self.future.done() and now < self._late:
            return False
        if now < self._next:
            return False
        self._next, self._late = now + 0.02, now + 1.0
        return True


class Site:
    """All robots, and a node that is spun by whoever waits."""

    def __init__(self, names: list[str], home: Path, domain: int) -> None:
        self.boot = BootClock()
        self.domain = domain
        self._context = Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = Node(
            'bench',
            context=self._context,
            start_parameter_services=False,
            parameter_overrides=without_types(),
        )
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.robots = [Robot(name, home, domain, self.node) for name in names]

    def until(self, done: Callable[[], Any], wait_s: float = WAIT_S, what: str = '') -> Any:
        """Spin until ``done()`` is true; return what it returns.

        :raises TimeoutError: naming ``what``.
        """
        end = time.monotonic() + wait_s
        while not (found := done()):
            if time.monotonic() > end:
                raise TimeoutError(f'{what or "something"} did not come within {wait_s:g} s')
            self._executor.spin_once(timeout_sec=0.002)
        return found

    def make_ready(self, robots: list[Robot] | None = None) -> None:
        """Reset and enable, all at once; again, if a gate trips (on a machine that is too busy).

        :raises TimeoutError: naming the robots that could not be enabled.
        """
        waiting: dict[Robot, _Asked] = {one: _Asked() for one in robots or self.robots}
        end = time.monotonic() + WAIT_S
        while waiting:
            if time.monotonic() > end:
                names = ', '.join(one.name for one in waiting)
                raise TimeoutError(f'{names} could not be enabled within {WAIT_S:g} s')
            self._executor.spin_once(timeout_sec=0.002)
            for robot, asked in list(waiting.items()):
                if self.level(robot) == GateState.LEVEL_ENABLED:
                    del waiting[robot]
                elif asked.again():
                    asked.future = self._ask(robot)

    def _ask(self, robot: Robot) -> Any:
        """Ask for what comes next; return the future of the answer, None if it is too early."""
        client, operator = robot.operator, robot.operator.operator
        now_ns = client.now_ns()
        try:
            request = operator.reset(now_ns)
            if request is None and self.level(robot) == GateState.LEVEL_DISABLED:
                request = operator.enable((), now_ns)
        except Refused:
            return None
        if request is None or not client.ready(type(request)):
            return None
        return client.send(request)

    def stopped(self, robot: Robot) -> None:
        """Wait until the gate says that it has stopped, so that nothing older is believed."""
        self._reach(robot, GateState.LEVEL_STOPPED, 5.0)

    def _reach(self, robot: Robot, level: int, wait_s: float = 1.0) -> None:
        self.until(lambda: self.level(robot) == level, wait_s, f'level {level}')

    def level(self, robot: Robot) -> int:
        """Return GateState.LEVEL_* as it was heard last."""
        gate = robot.operator.operator.watch.gate(self.boot.now_ns())
        return GateState.LEVEL_UNKNOWN if gate is None else int(gate.level)

    def wait_for(self, robot: Robot, event: str, after_ns: int, wait_s: float = 5.0) -> float:
        """Return when the robot's side wrote ``event`` down, in ms after ``after_ns``."""

        def found() -> float | None:
            for one in robot.events():
                if one['event'] == event and one['t_ns'] >= after_ns:
                    return (one['t_ns'] - after_ns) / 1e6
            return None

        return float(self.until(found, wait_s, f'{event} of {robot.name}'))

    def close(self) -> None:
        """End everything."""
        for robot in self.robots:
            robot.end()
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.shutdown()


@contextmanager
def site(count: int, home: Path, domain: int) -> Iterator[Site]:
    """Yield a site of ``count`` robots like the shipped one."""
    text = (share_dir() / 'config' / 'robots' / 'tek.yaml').read_text(encoding='utf-8')
    folder = home / 'config' / 'robots'
    folder.mkdir(parents=True)
    names = [f'r{n}' for n in range(1, count + 1)]
    for name in names:
        path = folder / f'{name}.yaml'
        path.write_text(
            text.replace('name: tek\n', f'name: {name}\n').replace('[tek]', f'[{name}]'),
            encoding='utf-8',
        )
        path.chmod(0o644)
        read_robot(path)
    old = os.environ.get('TEKTRA_HOME')
    os.environ['TEKTRA_HOME'] = str(home)
    made = Site(names, home, domain)
    try:
        yield made
    finally:
        made.close()
        if old is None:
            del os.environ['TEKTRA_HOME']
        else:
            os.environ['TEKTRA_HOME'] = old
        shutil.rmtree(home, ignore_errors=True)
