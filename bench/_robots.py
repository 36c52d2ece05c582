"""Robots for benchmarks: estop, gate and emulator of each as processes, and what the robot saw."""

from __future__ import annotations

import contextlib
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
        """Reset and enable; again, if the gate trips meanwhile (on a machine that is too busy)."""
        for robot in robots or self.robots:
            client, operator = robot.operator, robot.operator.operator
            end = time.monotonic() + WAIT_S
            while self.level(robot) != GateState.LEVEL_ENABLED and time.monotonic() < end:
                self._ask(client, lambda o=operator, c=client: o.reset(c.now_ns()))
                with contextlib.suppress(TimeoutError):
                    self._reach(robot, GateState.LEVEL_DISABLED)
                    self._ask(client, lambda o=operator, c=client: o.enable((), c.now_ns()), 1.0)
                    self._reach(robot, GateState.LEVEL_ENABLED)
            if self.level(robot) != GateState.LEVEL_ENABLED:
                raise TimeoutError(f'{robot.name} could not be enabled')

    def stopped(self, robot: Robot) -> None:
        """Wait until the gate says that it has stopped, so that nothing older is believed."""
        self._reach(robot, GateState.LEVEL_STOPPED, 5.0)

    def _reach(self, robot: Robot, level: int, wait_s: float = 1.0) -> None:
        self.until(lambda: self.level(robot) == level, wait_s, f'level {level}')

    def level(self, robot: Robot) -> int:
        """Return GateState.LEVEL_* as it was heard last."""
        gate = robot.operator.operator.watch.gate(self.boot.now_ns())
        return GateState.LEVEL_UNKNOWN if gate is None else int(gate.level)

    def _ask(
        self, client: OperatorClient, make: Callable[[], Any], wait_s: float = WAIT_S
    ) -> None:
        """Ask again until an operator's request is granted."""
        end = time.monotonic() + wait_s
        why = ''
        while time.monotonic() < end:
            self._executor.spin_once(timeout_sec=0.005)
            try:
                request = make()
            except Refused as refused:
                why = str(refused)
                continue
            if request is None:
                return
            future = client.send(request)
            self.until(future.done, what='an answer')
            if future.result().success:
                return
            why = future.result().message
        raise TimeoutError(f'not granted within {wait_s:g} s: {why}')

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
