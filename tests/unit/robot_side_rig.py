"""One robot side on a clock that the test moves, and the frames of a host for it."""

from pathlib import Path

from tektra.robot_side.motion import MS, TICK_MS
from tektra.robot_side.plant import Plant
from tektra.robot_side.session import RobotSession
from tektra.robots.spec import read_robot
from tektra.wire.messages import (
    Enable,
    Grant,
    Heartbeat,
    Hello,
    JointSetpoint,
    Refuse,
    Setpoint,
    Stop,
    Telemetry,
)
from tektra.wire.payloads import pack, unpack

ROOT = Path(__file__).resolve().parents[2]
TEK = read_robot(ROOT / 'config/robots/tek.yaml')
HOST = 'host'
FORWARD = (0.4, 0.0, 0.0)


class RobotRig:
    """A session with its plant; ``granted`` is the grant of the rig's own host."""

    def __init__(self, robot=TEK, **plant):
        self.now_ns = 1_000_000_000
        self.plant = Plant(robot, **plant)
        self.events = []
        self._ids = iter(range(1000, 10**6))
        self.session = RobotSession(
            robot,
            self.plant,
            self.now_ns,
            new_id=lambda: next(self._ids),
            report=lambda event, facts: self.events.append((event, dict(facts))),
        )
        self._nonces = 0
        self.id = self.sequence = self.seen = 0
        self.shown = None
        self.grant = None
        self.enable_id = 0

    def hello(self, controller='gate-1', peer=HOST, nonce=None, robot='tek'):
        """Ask for a session; return the answers as messages."""
        if nonce is None:
            self._nonces += 1
            nonce = self._nonces.to_bytes(16, 'little')
        return self.give(pack(Hello(nonce, robot, controller), 0, 0), peer)

    def connect(self, controller='gate-1'):
        [grant] = self.hello(controller)
        assert isinstance(grant, Grant), grant
        self.sequence = self.seen = 0
        self.run(0.03, beat=False)
        return self

    def give(self, frame, peer=HOST):
        """Hand over a frame; return the answers as messages."""
        return self.take(self.session.receive(frame, peer, self.now_ns))

    def take(self, replies):
        messages = []
        for reply in replies:
            message = unpack(reply.frame)
            messages.append(message)
            if isinstance(message, Grant):
                self.grant, self.id = message, reply.frame.session
            if isinstance(message, Telemetry):
                self.shown, self.seen = message, reply.frame.sequence
            if isinstance(message, Refuse) and reply.frame.session == self.id:
                self.shown = None
        return messages

    def send(self, message, *, sequence=None, session=None, peer=HOST):
        """Send a message as the next frame; return why it was refused, or nothing."""
        if sequence is None:
            self.sequence += 1
            sequence = self.sequence
        self.give(pack(message, self.id if session is None else session, sequence), peer)
        return self.events_of('frame')[-1].get('refused', '')

    def events_of(self, name):
        return [facts for event, facts in self.events if event == name]

    def tick(self, ms=TICK_MS):
        self.now_ns += ms * MS
        return self.take(self.session.tick(self.now_ns))

    def run(self, seconds, *, beat=True, base=None, joints=()):
        """Let time pass, with heartbeats and set-points if asked for."""
        for step in range(round(seconds * 1000 / TICK_MS)):
            if beat and step % 20 == 0:
                self.send(Heartbeat(self.seen))
            if (base is not None or joints) and step % 2 == 0:
                self.send(self.setpoint(base, joints))
            self.tick()

    def setpoint(self, base=FORWARD, joints=(), valid_for_ms=200):
        return Setpoint(self.enable_id, self.seen, valid_for_ms, base, tuple(joints))

    def enable(self):
        """Send an ENABLE of a new decision; return why it was refused, or nothing."""
        self.enable_id += 1
        return self.send(Enable(self.enable_id, self.seen))

    def enabled(self):
        """Connect, enable and return itself."""
        self.connect()
        assert self.enable() == ''
        self.tick()
        return self

    def moving(self):
        """Return itself while its base drives."""
        self.enabled().run(0.5, base=FORWARD)
        assert self.plant.base.x > 0.3
        return self

    def stop(self, category=1, **more):
        return self.send(Stop(category), **more)

    def speed(self):
        """Return the highest speed of anything, m/s or rad/s."""
        base = self.plant.base
        speeds = (base.x, base.y, base.yaw, *self.plant.velocities.values())
        return max(map(abs, speeds))


def joint(name, position, velocity=0.0):
    return JointSetpoint(list(TEK.joints).index(name), position, velocity)
