"""A program of the chaos tests: whatever sends to a robot, in a process that can be killed.

Orders come as lines of JSON on stdin; `{"do": ...}` names a method of `Player`. The rclpy of a
player is its own, so that a player that hangs hangs nobody else. Ends with its stdin.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import SimpleNamespace

import rclpy
from geometry_msgs.msg import Twist
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from tektra_msgs.msg import EstopSource, EstopState, GateState, Setpoint, StopRequest

from tektra.runtime.bare import without_types
from tektra.runtime.topics import open_publisher, open_subscription, topic

ROBOT = 'tek'
STICK = f'/{ROBOT}/robot/cmd/joystick/cmd_vel'
RELAYED = f'/{ROBOT}/relayed/estop_state'
LONGEST_S = 60.0  # that one stream goes on for
MATCHED_S = 10.0  # until a listener is known, at the most; choked discovery takes 4 s
_FLOODS = {
    'estop/stop_request': StopRequest,
    'estop/source': EstopSource,
    'gate/setpoint': Setpoint,
}


class Stream:
    """Publishes one thing at a rate, in a thread, until it is told something else."""

    def __init__(self, publish):
        self._publish = publish
        self._period_s = 0.0
        self._wake = threading.Event()
        self.sent = 0
        threading.Thread(target=self._run, daemon=True).start()

    def at(self, hz):
        """Begin or end (0)."""
        self._period_s = 1.0 / hz if hz else 0.0
        self._wake.set()

    def _run(self):
        while True:
            self._wake.wait()
            self._wake.clear()
            next_s = end_s = time.monotonic()
            end_s += LONGEST_S
            while self._period_s and next_s < end_s:
                self._publish()
                self.sent += 1
                next_s = max(next_s + self._period_s, time.monotonic() - 0.05)
                time.sleep(max(0.0, next_s - time.monotonic()))


class Relay:
    """Stands between estop and gate: passes, drops, delays, doubles, reorders or replays."""

    def __init__(self, node):
        self._out = node.create_publisher(EstopState, RELAYED, topic('estop/state').qos())
        self._mode, self._delay_s = 'pass', 0.0
        self._late = deque()
        self._held = None
        self._old = deque(maxlen=40)  # CLEARs
        self._again = Stream(self._replay)
        open_subscription(node, 'estop/state', self._on_state, ROBOT)
        node.create_timer(0.005, self._release)

    def set(self, mode, delay_s):
        """Change what is done from the next message on."""
        self._mode, self._delay_s = mode, delay_s
        self._again.at(40 if mode == 'replay' else 0)

    def _on_state(self, state):
        if state.state == EstopState.STATE_CLEAR and self._mode == 'pass':
            self._old.append(state)
        if self._mode in ('pass', 'duplicate'):
            for _ in range(3 if self._mode == 'duplicate' else 1):
                self._out.publish(state)
        elif self._mode == 'delay':
            self._late.append((time.monotonic() + self._delay_s, state))
        elif self._mode == 'reorder':
            if self._held is None:
                self._held = state
            else:
                self._out.publish(state)
                self._out.publish(self._held)
                self._held = None

    def _release(self):
        while self._late and self._late[0][0] <= time.monotonic():
            self._out.publish(self._late.popleft()[1])

    def _replay(self):
        if self._old:
            self._old.rotate(-1)
            self._out.publish(self._old[-1])


class Player:
    """Obeys orders. One stick, one bridge, floods, played-back messages, and a relay."""

    def __init__(self, name, relay):
        self.node = Node(name, use_global_arguments=False, parameter_overrides=without_types())
        self._twist = Twist()
        self._stick = None
        self._gate = GateState()
        self._seq = 0
        self._streams = {}
        self._played = []
        self._relay = Relay(self.node) if relay else None

    def stick(self, x, yaw, hz):
        """Command the base as the joystick does; with 0 Hz be silent."""
        twist = Twist()
        twist.linear.x, twist.angular.z = float(x), float(yaw)
        self._twist = twist
        if self._stick is None:
            self._stick = self.node.create_publisher(Twist, STICK, 1)
        self._stream('stick', lambda: self._stick.publish(self._twist)).at(hz)

    def careless(self, kind, value, hz):
        """Command as a script whose fields nobody checks: with an int, or a numpy scalar."""
        import numpy

        twist = Twist()
        twist.linear._check_fields = twist.angular._check_fields = False
        number = getattr(numpy, kind)(value) if kind != 'int' else int(value)
        twist.linear.x = twist.angular.z = number
        self._twist = twist
        if self._stick is None:
            self._stick = self.node.create_publisher(Twist, STICK, 1)
        self._stream('stick', lambda: self._stick.publish(self._twist)).at(hz)

    def bridge(self, x, yaw, hz):
        """Command the base by set-points of the gate's present epoch."""
        if 'bridge' not in self._streams:
            open_subscription(
                self.node, 'gate_state', lambda state: setattr(self, '_gate', state), ROBOT
            )
            self._points = open_publisher(self.node, 'gate/setpoint', ROBOT)
        self._asked = (float(x), float(yaw))
        self._stream('bridge', self._set_point).at(hz)

    def flood(self, name, hz, **fields):
        """Send one kind of message as fast as asked, once it is heard; 0 Hz: be ready."""
        if name not in self._streams:
            out = open_publisher(self.node, name, ROBOT)
            end_s = time.monotonic() + MATCHED_S
            while not out.get_subscription_count() and time.monotonic() < end_s:
                time.sleep(0.01)
            self._stream(name, lambda: out.publish(self._next(_FLOODS[name], fields)))
        self._streams[name].at(hz)

    def relay(self, mode, delay_s=0.0):
        """Change what the relay does."""
        self._relay.set(mode, delay_s)

    def play(self, bag, hz):
        """Send recorded messages again, in a loop: (topic, type, serialized in hex)."""
        if not hz:
            for out, _ in self._played:
                self.node.destroy_publisher(out)
            self._played = []
        for name, kind, texts in bag:
            made, qos = {
                'Twist': (Twist, 1),
                'EstopState': (EstopState, topic('estop/state').qos()),
                'GateState': (GateState, topic('gate_state').qos()),
            }[kind]
            kept = deque(deserialize_message(bytes.fromhex(text), made) for text in texts)
            self._played.append((self.node.create_publisher(made, name, qos), kept))
        self._stream('play', self._play_once).at(hz)

    def end(self):
        """End this process in good order."""
        raise EOFError

    def _stream(self, name, publish):
        if name not in self._streams:
            self._streams[name] = Stream(publish)
        return self._streams[name]

    def _play_once(self):
        for out, kept in list(self._played):
            kept.rotate(-1)
            out.publish(kept[-1])

    def _set_point(self):
        self._seq += 1
        gate = self._gate
        point = Setpoint(
            robot=ROBOT,
            estop_instance_id=gate.estop_instance_id,
            stop_id=gate.stop_id,
            gate_instance_id=gate.instance_id,
            gate_epoch=gate.gate_epoch,
            source='robot_bridge',
            lease_id='chaos',
            seq=self._seq,
            valid_for_s=0.2,
            channel='base',
        )
        point.twist.linear.x, point.twist.angular.z = self._asked
        self._points.publish(point)

    def _next(self, kind, fields):
        self._seq += 1
        message = kind(**fields)
        if kind is StopRequest:
            message.request_id = f'flood-{self._seq}'
        else:
            message.seq = self._seq
        return message


def _stepped_node(name):
    """Return estop or gate whose wall clock is off by what a file says."""
    step = Path(os.environ['TEKTRA_CHAOS_STEP_FILE'])
    true, true_now = time.time, Clock.now

    def now(clock):
        moment = true_now(clock)
        wall = clock.clock_type in (ClockType.ROS_TIME, ClockType.SYSTEM_TIME)
        return moment + Duration(seconds=float(step.read_text())) if wall else moment

    time.time = lambda: true() + float(step.read_text())
    Clock.now = now
    if name == 'estop':
        from tektra.estop.node import EstopNode

        return EstopNode('estop')
    from tektra.robot_gate.node import RobotGateNode

    return RobotGateNode()


def _hung_node(name):
    """Return estop or gate with one callback that never returns, for a message that says so."""
    if name == 'estop':
        from tektra.estop.node import EstopNode

        class Hung(EstopNode):
            def _on_source(self, msg):
                while msg.source == 'hang':
                    pass
                super()._on_source(msg)

        return Hung('estop')
    from tektra.robot_gate.node import RobotGateNode

    class HungGate(RobotGateNode):
        def _on_health(self, health):
            while health.language == 'hang':
                pass
            super()._on_health(health)

    return HungGate()


def main():
    """Play a part: `player NAME`, `relay NAME`, or a real node that can hang."""
    part, name = sys.argv[1], sys.argv[2]
    if part == 'hung':
        from tektra.runtime.main import run_node

        return run_node(lambda: _hung_node(name))
    if part == 'wall':
        from tektra.runtime.main import run_node

        return run_node(lambda: _stepped_node(name))
    rclpy.init(args=[])
    player = Player(name, relay=part == 'relay')
    over = SimpleNamespace(now=False)

    def obey():
        for line in sys.stdin:
            order = json.loads(line)
            try:
                getattr(player, order.pop('do'))(**order)
            except EOFError:
                break
            print('done', flush=True)
        over.now = True

    threading.Thread(target=obey, daemon=True).start()
    while not over.now:
        rclpy.spin_once(player.node, timeout_sec=0.1)
    player.node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == '__main__':
    sys.exit(main())
