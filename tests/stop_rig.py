"""A robot for tests: the real estop, gate and plant, each a process of its own as on a robot.

In the test's own process they would miss each other's 150 ms whenever the test is busy.
"""

import signal
import subprocess
import sys
import threading
import time

from geometry_msgs.msg import Twist
from tektra_msgs.msg import EstopState, GateState

from starvation import TRIES, Starved, lacks_time, starvation
from tektra.robots.proof import key_file, read_key
from tektra.robots.registry import find_robot
from tektra.runtime.topics import open_subscription
from tektra.stop_client.operator import Operator, Refused, Shown
from tektra.stop_client.operator_client import OperatorClient

STOPPED, DISABLED = GateState.LEVEL_STOPPED, GateState.LEVEL_DISABLED
HOLD, ENABLED = GateState.LEVEL_HOLD, GateState.LEVEL_ENABLED
PERIOD_S = 0.02  # of a joystick
REST_S = 0.5  # of a joystick before it is pushed: it must be neutral for 0.3 s
START_S = 30.0


class Program:
    """A process that ends with the test."""

    def __init__(self, ros, *words):
        self.process = subprocess.Popen(
            [sys.executable, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._ros = ros
        self.lines = []
        self._readers = []
        for stream in (self.process.stdout, self.process.stderr):
            reader = threading.Thread(target=self.lines.extend, args=(stream,), daemon=True)
            reader.start()
            self._readers.append(reader)
            ros.at_end(stream.close)
            ros.at_end(reader.join)
        ros.at_end(lambda: print(self.said))  # shown where the test fails
        ros.at_end(self.process.wait)
        ros.at_end(self.process.kill)

    @property
    def said(self):
        return ''.join(list(self.lines))

    def send(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGKILL):
        """Signal it and return its exit code."""
        self.send(number)
        return self.ended()

    def ended(self):
        """Wait for its end; return its exit code once all that it said has been read."""
        self._ros.until(lambda: self.process.poll() is not None, START_S)
        for reader in self._readers:
            reader.join(START_S)
            assert not reader.is_alive(), 'what it said cannot be read to its end'
        return self.process.returncode


def node_process(ros, name, robot, *words):
    """Start a safety node of a robot; ``words`` are further ROS arguments."""
    given = ['--ros-args', '-r', f'__ns:=/{robot}', '-p', f'robot:={robot}', *words]
    return Program(ros, '-m', f'tektra.{name}.node', *given)


class RealEstop:
    """An estop and what it publishes."""

    def __init__(self, ros, robot='tek'):
        self._ros, self.robot, self.states = ros, robot, []
        open_subscription(ros.peer, 'estop/state', self.states.append, robot)
        self.program = node_process(ros, 'estop', robot)
        ros.until(lambda: self.states, START_S)

    def start_again(self):
        """Replace the process; wait until the new one speaks."""
        old = self.states[-1].instance_id
        self.program = node_process(self._ros, 'estop', self.robot)
        self._ros.until(lambda: self.states[-1].instance_id != old, START_S)


class RealGate:
    """A gate and what it publishes."""

    def __init__(self, ros, robot='tek'):
        self._ros, self.robot, self.states, self._stick = ros, robot, [], None
        open_subscription(ros.peer, 'gate_state', self.states.append, robot)
        self.plant = make_plant(ros, robot)
        self.program = node_process(ros, 'robot_gate', robot)
        ros.until(lambda: self.states and self.state.driver_connected, START_S)

    def start_again(self):
        """Replace the process; wait until the new one speaks."""
        old = self.state.instance_id
        self.program = node_process(self._ros, 'robot_gate', self.robot)
        self._ros.until(lambda: self.state.instance_id != old, START_S)

    @property
    def state(self):
        return self.states[-1]

    @property
    def moving(self):
        return not all(self.state.standstill)

    def news(self):
        """Return its next message: what another subscription has read is not newer than that."""
        read = len(self.states)
        self._ros.until(lambda: len(self.states) > read)
        return self.states[read]

    def shows(self, level):
        """Wait until it shows a level."""
        self._ros.until(lambda: self.state.level == level)
        return True

    def freeze(self):
        """Hear and say nothing any more."""
        self.program.send(signal.SIGSTOP)

    def drive(self, x=0.3):
        """Push the joystick after it was at rest; return what lets go of it."""
        if self._stick is None:
            self._stick = self._ros.peer.create_publisher(
                Twist, f'/{self.robot}/robot/cmd/joystick/cmd_vel', 1
            )
            self._ros.until(lambda: self._stick.get_subscription_count() == 1)
        pushed = Twist()
        pushed.linear.x = x
        begin = time.monotonic() + REST_S

        def push():
            self._stick.publish(pushed if time.monotonic() > begin else Twist())

        timer = self._ros.peer.create_timer(PERIOD_S, push)
        return lambda: self._ros.peer.destroy_timer(timer)

    def retire(self):
        """End gate and robot in good order, so that they leave the discovery at once."""
        for program in (self.program, self.plant):
            program.end(signal.SIGTERM)


class Desk:
    """A person at a robot, who begins anew where the robot has stopped itself for want of time."""

    def __init__(self, ros, robot='tek'):
        self.ros = ros
        self.operator = Operator(robot, 'Ada', lambda: read_key(key_file(robot)))
        self.client = OperatorClient(ros.peer, self.operator)

    @property
    def now(self):
        return self.client.now_ns()

    def estop(self):
        return self.operator.watch.estop(self.now)

    def gate(self):
        return self.operator.watch.gate(self.now)

    def ask(self, request):
        self.ros.until(lambda: self.client.ready(type(request)))
        future = self.client.send(request)
        self.ros.until(future.done)
        return future.result()

    def until(self, done, wait_s=START_S):
        """Wait.

        :raises Starved: if it cannot become true any more, because the robot has stopped itself.
        """

        def look():
            if done():
                return True
            self.not_starved()
            return False

        self.ros.until(look, wait_s)

    def not_starved(self):
        """See that the robot did not stop itself for want of time.

        :raises Starved: if it did.
        """
        why = starvation(self.gate(), self.estop())
        if why:
            raise Starved(why)

    def hears_more(self):
        """Wait for what estop and gate say next: it is newer than what was read before."""
        watch = self.operator.watch
        estop, gate = watch.last_estop()[1], watch.last_gate()[1]
        self.ros.until(lambda: watch.last_estop()[1] > estop and watch.last_gate()[1] > gate)

    def ready(self):
        """Reset and enable; again, if the robot stops itself in between."""
        for _ in range(TRIES - 1):
            try:
                self.reset()
                return self.enable()
            except Starved:
                continue
        self.reset()
        return self.enable()

    def reset(self):
        """Clear the stop: look, ask, and look anew if it has changed in between.

        :raises Starved: if the robot stops itself before it shows that the stop is cleared.
        """
        for _ in range(TRIES):
            self.ros.until(self._agree)
            request = self.possible(self.operator.reset)
            if request is None:
                return
            answer = self.ask(request)
            if answer.success:
                self._shown(self.operator.after_reset)
                return
            self.hears_more()
            assert self._outdated(request) or lacks_time(answer.message), answer.message
        raise AssertionError(f'what is to be reset changes all the time: {answer.message}')

    def enable(self):
        """Let set-points move the robot, as soon as the gate has nothing against it.

        :raises Starved: if the robot stops itself.
        """

        def may():
            gate = self.gate()
            return gate and set(gate.refusing_because) == {'motion is not enabled'}

        self.until(may)
        answer = self.granted(lambda now: self.operator.enable((), now))
        self._shown(lambda now: self.operator.after_enable(answer.gate_epoch, now))

    def granted(self, make):
        """Make a request of the gate when it can be made, have it granted; return the answer.

        :raises Starved: if the robot stops itself before.
        """
        answer = self.ask(self.possible(make, self.until))
        if not answer.success:
            self.hears_more()
            self.not_starved()
        assert answer.success, answer.message
        return answer

    def possible(self, make, until=None):
        """Return a request once the operator does not refuse to make it."""
        made, refused = [], []

        def possible():
            try:
                made.append(make(self.now))
            except Refused as error:
                refused.append(str(error))
            return bool(made)

        try:
            (until or self.ros.until)(possible, START_S)
        finally:
            print(*refused[-1:])  # shown where the test fails
        return made[0]

    def _shown(self, after):
        """Wait until the robot shows what has become of a request, and that it was done."""
        self.ros.until(lambda: after(self.now)[0] is not Shown.NOT_YET, START_S)
        shown, why = after(self.now)
        if shown is not Shown.DONE:
            self.hears_more()
            self.not_starved()
        assert shown is Shown.DONE, why

    def _agree(self):
        """Return whether estop has heard of it, if the gate has tripped."""
        estop, gate = self.estop(), self.gate()
        return estop and gate and not (gate.trip and estop.state == EstopState.STATE_CLEAR)

    def _outdated(self, request):
        """Return whether a reset was asked for an older state than the present one."""
        estop = self.operator.watch.last_estop()[0]
        seen = (request.stop_id, request.reset_nonce)
        return estop.reset_blockers or (estop.stop_id, estop.reset_nonce) != seen


def make_estop(ros, robot='tek'):
    """Return the real estop of a robot of the registry."""
    return RealEstop(ros, robot)


def make_plant(ros, robot='tek', *words):
    """Start the simulated robot."""
    return Program(ros, '-m', 'tektra.cli', 'robot-emulator', '--robot', robot, *words)


def make_gate(ros, robot='tek'):
    """Return the real gate of a robot of the registry, connected to its plant."""
    return RealGate(ros, robot)


def second_robot(home, name='arm', **changes):
    """Put a robot like tek into the registry of a home; ``changes`` are lines of its file."""
    folder = home / 'config' / 'robots'
    folder.mkdir(parents=True, exist_ok=True)
    text = find_robot('tek').path.read_text()
    text = text.replace('name: tek', f'name: {name}').replace('[tek]', f'[{name}]')
    path = folder / f'{name}.yaml'
    path.write_text(text + ''.join(f'{key}: {value}\n' for key, value in changes.items()))
    path.chmod(0o644)
    return path
