"""The robot side of the example in docs/drivers.md: a base that takes JSON over UDP.

``python tests/toy_robot.py ROBOT [PORT]`` listens on the host and port of the robot's file, or on
another port (0: any that is free), until SIGTERM. Prints where.
"""

import json
import select
import signal
import socket
import sys
import time

from tektra.robot_side.plant import Plant
from tektra.robots.registry import find_robot

STEP_S = 0.005
REPORT_S = 0.02
TIMEOUT_S = 0.2  # without a set-point the base stops after this
LEASE_S = 0.3  # without a word its controller has lost the robot after this


class Toy:
    def __init__(self, robot, port):
        self.plant = Plant(robot)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((robot.driver.host, port))
        self.owner, self.address = '', None
        self.sent_seq, self.seen_seq = 0, -1
        self.heard_s = self.commanded_s = self.reported_s = self.stepped_s = time.monotonic()

    def run(self, ended):
        while not ended:
            if select.select([self.socket], [], [], STEP_S)[0]:
                self.receive(*self.socket.recvfrom(2048))
            self.step(time.monotonic())

    def receive(self, data, address):
        said, now_s = json.loads(data), time.monotonic()
        if self.owner != said['id']:
            if self.owner and now_s - self.heard_s < LEASE_S:
                refusal = {'owner': self.owner, 'timeout_s': TIMEOUT_S}
                self.socket.sendto(json.dumps(refusal).encode(), address)
                return
            self.plant.disable()  # a new controller begins with a robot at rest
            self.owner, self.seen_seq = said['id'], -1
        if said['seq'] > self.seen_seq:  # not one that was held up on the way
            self.address, self.heard_s, self.seen_seq = address, now_s, said['seq']
            self.obey(said, now_s)

    def obey(self, said, now_s):
        what = said['do']
        if what == 'velocity':
            self.plant.command_base(said['x'], 0.0, said['yaw'])
            self.commanded_s = now_s
        elif what == 'on':
            self.plant.enable()
        elif what == 'stop' and said['category'] > 0:
            self.plant.brake()
            self.off_when_still = said['category'] == 1
        elif what in ('off', 'stop'):
            self.plant.disable()
        elif what == 'bye':
            self.plant.disable()
            self.owner = ''

    off_when_still = False

    def step(self, now_s):
        if now_s - self.commanded_s >= TIMEOUT_S:
            self.plant.brake()
        self.plant.step(min(1.0, now_s - self.stepped_s))
        self.stepped_s = now_s
        if self.off_when_still and self.plant.at_standstill:
            self.off_when_still = False
            self.plant.disable()
        if self.address and now_s - self.reported_s >= REPORT_S:
            self.reported_s = now_s
            self.report()

    def report(self):
        self.sent_seq += 1
        report = {
            'owner': self.owner,
            'timeout_s': TIMEOUT_S,
            'seq': self.sent_seq,
            'on': self.plant.enabled,
            'velocity': [self.plant.base.x, self.plant.base.yaw],
            'pose': list(self.plant.pose),
            'battery': self.plant.battery,
        }
        self.socket.sendto(json.dumps(report).encode(), self.address)


def main():
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    robot = find_robot(sys.argv[1])
    toy = Toy(robot, int(sys.argv[2]) if len(sys.argv) > 2 else robot.driver.port)
    host, port = toy.socket.getsockname()
    print(f'{robot.name}: udp {host}:{port}', flush=True)
    toy.run(ended)


if __name__ == '__main__':
    main()
