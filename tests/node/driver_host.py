"""A host for the tests to kill: drives a robot forward until it is told or made to end.

    python driver_host.py ROBOT_FILE CONTROLLER

Begins with a line on its stdin, so that its start takes no time from a robot that drives. Prints a
line for each thing that happens: ready (to begin), connected, enabled, moving (at full speed),
lost WHY, fault WHAT, rival NAME.
"""

import importlib
import sys
import time
from pathlib import Path

from tektra.robot_gate.drivers.driver import BaseVelocity, DriverCommand, DriverError
from tektra.robots.spec import read_robot
from tektra.runtime.clock import BootClock

CLASSES = {'tcp': 'TcpDriver', 'udp': 'UdpDriver', 'sim': 'SimDriver'}
PERIOD_S = 0.01


def make(robot, controller):
    module = importlib.import_module(f'tektra.robot_gate.drivers.{robot.driver.type}')
    return getattr(module, CLASSES[robot.driver.type])(robot, controller)


def say(told, line):
    if line not in told:
        told.add(line)
        print(line, flush=True)


def main():
    robot = read_robot(Path(sys.argv[1]))
    driver = make(robot, sys.argv[2])
    clock, told, asked = BootClock(), set(), False
    say(told, 'ready')
    sys.stdin.readline()
    driver.connect(clock.now_ns())
    while True:
        now_ns = clock.now_ns()
        try:
            report = driver.read(now_ns)
            if driver.rival():
                say(told, f'rival {driver.rival()}')
            if driver.connected and report is not None:
                say(told, 'connected')
                if not asked:
                    asked = True
                    driver.enable(now_ns)
                if report.enabled:
                    say(told, 'enabled')
                    driver.write(DriverCommand(BaseVelocity(0.3)), now_ns)
                if report.base.x > 0.295:
                    say(told, 'moving')
                if report.fault:
                    say(told, f'fault {report.fault}')
        except DriverError as error:
            say(told, f'lost {error}')
        time.sleep(PERIOD_S)


if __name__ == '__main__':
    main()
