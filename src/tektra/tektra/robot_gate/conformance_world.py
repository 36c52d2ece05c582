"""The real world of the conformance suite: clock, drivers and a commander that is killed.

As a module, ``python -m tektra.robot_gate.conformance_world ROBOT`` is that commander: it drives
the robot a little until it is killed, and prints what it sees as lines of JSON.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from tektra.launching import domain, shm
from tektra.robot_gate.conformance_rig import (
    CheckFailed,
    Report,
    Rig,
    plan_motion,
)
from tektra.robot_gate.drivers.driver import DriverError, RobotDriver
from tektra.robot_gate.drivers.registry import NEEDS_NODE, make_driver
from tektra.robots.registry import find_robot
from tektra.robots.spec import RobotSpec
from tektra.runtime.clock import NS_PER_S, BootClock

_START_S = 40.0  # until the commander drives; a killed rival is remembered for 20 s
_DRIVE_S = 0.5  # that it is watched before it is killed
_ALONE_S = 2.0  # that a commander drives at the most, if nobody kills it


class RosNodes:
    """Nodes for drivers that need one, each in a context of its own, spun while time passes."""

    def __init__(self, robot: RobotSpec) -> None:
        self._robot = robot
        self._made: dict[int, Any] = {}
        self._count = 0

    def make(self) -> Any:
        """Return a client with a new node in the robot's namespace."""
        from tektra.cli.client import GraphClient

        self._count += 1
        name = f'driver_check_{os.getpid()}_{self._count}'
        return GraphClient(domain.of_ros(os.environ), name, self._robot.namespace)

    def keep(self, driver: RobotDriver, client: Any) -> None:
        """Spin the node until its driver is released."""
        self._made[id(driver)] = client

    def spin(self) -> None:
        """Handle what has arrived."""
        for client in self._made.values():
            for _ in range(4):  # an executor handles one thing a turn
                client.spin(0.0)

    def release(self, driver: RobotDriver) -> None:
        """Destroy the node of a driver that is closed."""
        client = self._made.pop(id(driver), None)
        if client is not None:
            client.close()


class RealWorld:
    """Boot-time clock, drivers of the registry, and a child process to be killed."""

    def __init__(self, robot: RobotSpec) -> None:
        self._robot = robot
        self._clock = BootClock()
        self._nodes = RosNodes(robot)

    def now_ns(self) -> int:
        """Return the boot-time clock."""
        return self._clock.now_ns()

    def slept(self) -> int:
        """Return how often this thread has given up the processor by itself."""
        return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw

    def pause(self, seconds: float) -> None:
        """Sleep, and spin the nodes of drivers that have one."""
        end_ns = self.now_ns() + round(seconds * NS_PER_S)
        self._nodes.spin()
        time.sleep(max(0.0, (end_ns - self.now_ns()) / NS_PER_S))

    def open(self, controller_id: str) -> RobotDriver:
        """Return a new driver, with a node of its own if it needs one."""
        if self._robot.driver.type not in NEEDS_NODE:
            return make_driver(self._robot, controller_id)
        client = self._nodes.make()
        driver = make_driver(self._robot, controller_id, client.node)
        self._nodes.keep(driver, client)
        return driver

    def release(self, driver: RobotDriver) -> None:
        """Close a driver and its node."""
        driver.close()
        self._nodes.release(driver)

    def kill_a_commander(self) -> tuple[Report, int]:
        """Start a commander, let it drive, and kill it with SIGKILL.

        :raises CheckFailed: if it does not come to drive.
        """
        words = [sys.executable, '-m', __spec__.name, self._robot.name]
        child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        reader = threading.Thread(target=_pass_on, args=(child.stdout, lines), daemon=True)
        reader.start()
        try:
            seen = self._watch(child, lines)
            killed_ns = self.now_ns()
        finally:
            child.kill()
            child.wait()
        reader.join()
        if self._robot.driver.type in NEEDS_NODE:
            shm.clean(domain.of_ros(os.environ))  # what the killed one has left of Fast DDS
        if child.returncode != -signal.SIGKILL:
            raise CheckFailed('the commander ended before it was killed; try again')
        while not lines.empty():
            seen = lines.get()
        return _report(seen), killed_ns

    def _watch(self, child: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> str:
        """Return the newest line once the commander has driven for long enough."""
        limit_ns, first_ns = self.now_ns() + round(_START_S * NS_PER_S), 0
        while self.now_ns() < limit_ns:
            try:
                line = lines.get(timeout=0.2)
            except queue.Empty:
                if child.poll() is not None:
                    raise CheckFailed('the commander ended before it could be killed') from None
                continue
            if 'failed' in json.loads(line):
                raise CheckFailed(f'the commander: {json.loads(line)["failed"]}')
            first_ns = first_ns or self.now_ns()
            if self.now_ns() - first_ns >= _DRIVE_S * NS_PER_S:
                return line
        raise CheckFailed(f'the commander did not drive within {_START_S:g} s')


def _pass_on(source: IO[str] | None, lines: queue.SimpleQueue[str]) -> None:
    for line in source or ():
        if line.endswith('\n'):  # the last one may have been cut by the kill
            lines.put(line)


def _report(line: str) -> Report:
    said = json.loads(line)
    return Report(int(said['ns']), float(said['speed']), (said['place'][0], said['place'][1]))


def _print(**values: object) -> None:
    print(json.dumps(values), flush=True)


def command(robot: RobotSpec, world: RealWorld, show: Callable[..., None] = _print) -> None:
    """Drive the robot and show every report at speed, until killed."""
    rig, parent = Rig(robot, world), os.getppid()
    try:
        rig.connect('driver-check-commander', 30.0)
        rig.enable()
        motion = plan_motion(robot, rig.said)
        begun, shown = world.now_ns(), 0
        while (gone_s := (world.now_ns() - begun) / NS_PER_S) < _ALONE_S:
            if os.getppid() != parent:
                break  # whoever watches is gone
            rig.tick(motion.command(gone_s))
            said = rig.said
            speed = motion.speed_of(said)
            if said.seq != shown and speed / motion.speed > 0.9:
                shown = said.seq
                show(ns=said.received_ns, speed=speed, place=motion.place_of(said))
    except (CheckFailed, DriverError) as error:
        show(failed=str(error))
    finally:
        with suppress(DriverError):
            rig.make_safe()


if __name__ == '__main__':
    found = find_robot(sys.argv[1])
    command(found, RealWorld(found))
