"""A robot for chaos: the real estop, robot_gate and emulator, each in a process of its own.

Every rig has its own ROS domain, TEKTRA_HOME and state folder. Whoever is killed stays in the
discovery of its domain for 20 s, so that whoever kills a node takes a new rig, on a new domain.
All waits are bounded, and every process is ended by its pid.
"""

from __future__ import annotations

import fcntl
import gc
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import rclpy
from rclpy.executors import SingleThreadedExecutor
from safety_network import Network
from safety_witness import NS, Late, Moved, Witness
from tektra_msgs.msg import EstopState, GateState

from starvation import starvation
from tektra.robots.proof import read_key
from tektra.robots.registry import find_robot
from tektra.runtime.bare import without_types
from tektra.runtime.clock import BootClock
from tektra.stop_client.client import StopClient
from tektra.stop_client.operator import Operator, Refused
from tektra.stop_client.operator_client import OperatorClient

ROBOT = 'tek'
LINKS = ('tcp', 'udp')
CIRCLE = (0.3, 0.6)  # m/s and rad/s: round and round inside the workspace
# Above the ports that Linux hands out by itself, and beyond what the other layers use.
DOMAINS = range(215, 232)
START_S, ENABLE_S = 30.0, 20.0
TRIES = 4
WATCH_S = 0.8  # for how long a robot that must not move is watched
_PLAYER = Path(__file__).with_name('safety_player.py')
_NAMED = ('--ros-args', '-r', f'__ns:=/{ROBOT}', '-p', f'robot:={ROBOT}')
_next_domain = [0]


def claim_domain():
    """Return a domain that nobody holds and that was not used last, with what holds it."""
    folder = Path(tempfile.gettempdir(), f'tektra-test-domains-{os.getuid()}')
    folder.mkdir(exist_ok=True)
    for _ in DOMAINS:
        domain = DOMAINS[_next_domain[0] % len(DOMAINS)]
        _next_domain[0] += 1
        held = os.open(folder / str(domain), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
        else:
            return domain, held
    raise RuntimeError(f'all ROS domains {DOMAINS[0]} to {DOMAINS[-1]} are taken')


class Rig:
    """One robot.

    ``kind``: plain, relay, hung (nodes that can hang), runaway (no brakes), tcp, udp (a network to
    the robot side), or wall (a wall clock that can be stepped).
    """

    def __init__(self, folder, kind='plain'):
        self.kind, self.folder = kind, folder
        self.domain, self._held = claim_domain()
        self._clock = BootClock()
        self._env = {
            **os.environ,
            'ROS_DOMAIN_ID': str(self.domain),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
            'TEKTRA_HOME': str(folder / 'home'),
            'TEKTRA_STATE_DIR': str(folder / 'state'),
        }
        self._step = folder / 'step_s'
        if kind == 'wall':
            self._env['TEKTRA_CHAOS_STEP_FILE'] = str(self._step)
            self.step_wall_clock(0.0)
        self.network = self._between() if kind in LINKS else None
        self.log = folder / 'witness.jsonl'
        self.witness = Witness(self.log)
        self.processes = {}
        self.moving_ns = 0  # when the robot was last seen at speed
        self._open_ros()
        try:
            for name in ('plant', 'estop', 'stick', *(['relay'] if kind == 'relay' else [])):
                self.start(name)
            if self.network is not None:
                self.until(self._find_robot_side, 'the robot side', START_S)
            self.start('gate')
            self.until(lambda: self.estop and self.gate_state, 'the nodes', START_S)
            self.until(lambda: self.gate_state.driver_connected, 'the driver', START_S)
        except BaseException:
            self.close()
            raise

    def _between(self):
        """Put a network between gate and robot side, and say so in the robot's file."""
        network = Network()
        text = find_robot(ROBOT).path.read_text()
        driver = f'type: {self.kind}, host: 127.0.0.1, port: {network.port}, timeout_budget_s: 0.3'
        text, count = re.subn(r'driver:\n(  .*\n)+', f'driver: {{{driver}}}\n', text)
        assert count == 1
        path = self.folder / 'home' / 'config' / 'robots' / f'{ROBOT}.yaml'
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o644)
        return network

    def _find_robot_side(self):
        found = re.search(r'127\.0\.0\.1:(\d+)', (self.folder / 'plant.log').read_text())
        self.network.robot_port = int(found[1]) if found else 0
        return found

    def step_wall_clock(self, seconds):
        """Set how far the wall clock of estop and gate is off."""
        draft = self._step.with_suffix('.new')
        draft.write_text(repr(seconds))
        draft.replace(self._step)

    # ---- processes ------------------------------------------------------------------------------

    def _words(self, name):
        program, remap = [sys.executable, '-m'], ()
        if name == 'plant':
            fault = ['--runaway'] if self.kind == 'runaway' else []
            port = str(self.network.robot_port) if self.network is not None else ''
            place = [f'--{self.kind}', port] if self.network is not None else []
            return [*program, 'tektra.robot_side.emulator', '--robot', ROBOT, '--log',
                    str(self.log), *fault, *place]  # fmt: skip
        if name == 'gate' and self.kind == 'relay':
            remap = ('-r', 'estop/state:=relayed/estop_state')
        if name in ('estop', 'gate'):
            if self.kind in ('hung', 'wall'):
                return [sys.executable, str(_PLAYER), self.kind, name, *_NAMED]
            module = 'tektra.estop.node' if name == 'estop' else 'tektra.robot_gate.node'
            return [*program, module, *_NAMED, *remap]
        part = 'relay' if name == 'relay' else 'player'
        return [sys.executable, str(_PLAYER), part, f'chaos_{name}']

    def start(self, name, *more, words=None):
        """Start a process of the robot, or a player of any other name."""
        out = (self.folder / f'{name}.log').open('ab')
        player = words is None and name not in ('plant', 'estop', 'gate')
        self.processes[name] = subprocess.Popen(
            [*(words or self._words(name)), *more],
            env=self._env,
            stdin=subprocess.PIPE if player else subprocess.DEVNULL,
            stdout=subprocess.PIPE if player else out,
            stderr=out,
            start_new_session=True,
        )
        out.close()
        return self.processes[name]

    def order(self, player, do, **more):
        """Tell a player what to do, and wait until it has begun."""
        process = self.processes.get(player) or self.start(player)
        process.stdin.write(json.dumps({'do': do, **more}).encode() + b'\n')
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], START_S)
        assert ready and process.stdout.readline(), f'{player} does not answer'

    def dismiss(self, player):
        """End a player in good order: its publishers leave the discovery at once."""
        process = self.processes.pop(player)
        process.stdin.close()
        process.wait(10)

    def signal(self, name, number):
        """Send a signal; return when, in boot-time ns."""
        now_ns = self.now()
        self.processes[name].send_signal(number)
        return now_ns

    def kill(self, name):
        """Kill -9 and wait for it; return when."""
        now_ns = self.signal(name, signal.SIGKILL)
        self.processes.pop(name).wait(5)
        return now_ns

    def run_to_end(self, name, *more, limit_s=START_S):
        """Start a node a second time; return (exit code, what it printed)."""
        path = self.folder / f'second_{name}.log'
        path.unlink(missing_ok=True)
        second = f'second_{name}'
        process = self.start(second, *more, words=self._words(name))
        self.until(lambda: process.poll() is not None, f'the end of a second {name}', limit_s)
        del self.processes[second]
        return process.returncode, path.read_text()

    def close(self):
        """End everything, by pid."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
        for process in self.processes.values():
            process.wait(5)
        if self.network is not None:
            self.network.close()
        self._executor.shutdown(timeout_sec=0)
        self.node.destroy_node()
        self._context.try_shutdown()
        del self.node, self._executor, self.stops, self.person
        gc.collect()
        self._context.destroy()
        os.close(self._held)

    # ---- this process as a client ---------------------------------------------------------------

    def _open_ros(self):
        self._context = rclpy.Context()
        rclpy.init(context=self._context, args=[], domain_id=self.domain)
        self.node = rclpy.create_node(
            'chaos', context=self._context, use_global_arguments=False,
            start_parameter_services=False, parameter_overrides=without_types(),
        )  # fmt: skip
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.stops = StopClient(self.node, [ROBOT])
        key = self.folder / 'home' / 'keys' / f'{ROBOT}.key'
        self.operator = Operator(ROBOT, 'chaos', lambda: read_key(key))
        self.person = OperatorClient(self.node, self.operator)

    def now(self):
        """Return boot-time ns."""
        return self._clock.now_ns()

    @property
    def estop(self) -> EstopState | None:
        """Return the newest fresh EstopState."""
        return self.operator.watch.estop(self.now())

    @property
    def gate_state(self) -> GateState | None:
        """Return the newest fresh GateState."""
        return self.operator.watch.gate(self.now())

    def newest_estop(self):
        """Return an EstopState that is fresh; wait for it."""
        self.until(lambda: self.estop, 'estop')
        return self.operator.watch.last_estop()[0]

    def starved(self):
        """Return for what lack of time the robot has stopped itself; empty: it has not."""
        watch = self.operator.watch
        return starvation(watch.last_gate()[0], watch.last_estop()[0])

    def until(self, done, what, limit_s=5.0):
        """Spin until ``done()``; fail with ``what``."""
        end_ns = self.now() + round(limit_s * NS)
        while not done():
            if self.now() > end_ns:
                raise TimeoutError(f'{what}: not within {limit_s} s; {self.story()}')
            self._executor.spin_once(timeout_sec=0.01)

    def settle(self, seconds):
        """Only spin for so long."""
        end_ns = self.now() + round(seconds * NS)
        self.until(lambda: self.now() >= end_ns, 'time', seconds + 5)

    def story(self):
        """Return what estop and gate say now."""
        estop, gate = self.estop, self.gate_state
        said = estop and f'estop {estop.state} {estop.reason!r} {list(estop.reset_blockers)}'
        did = gate and f'gate {gate.level} {gate.trip!r} {gate.refusing_because[0]!r}'
        return f'{said}; {did}'

    def ask(self, request, limit_s=5.0):
        """Send a request of the operator, when its service is known; return the answer."""
        what = type(request)
        self.until(lambda: self.person.ready(what), f'a service for {what.__name__}', limit_s)
        future = self.person.send(request)
        self.until(future.done, f'an answer to {type(request).__name__}', limit_s)
        return future.result()

    # ---- what a person does ---------------------------------------------------------------------

    def stick(self, x=CIRCLE[0], yaw=CIRCLE[1], hz=50):
        """Let the commander command."""
        self.order('stick', 'stick', x=x, yaw=yaw, hz=hz)

    def quiet(self):
        """Let go of the stick."""
        self.order('stick', 'stick', x=0.0, yaw=0.0, hz=0)

    def try_once(self, make):
        """Ask once; return why it was refused, or ''."""
        try:
            request = make(self.now())
        except Refused as error:
            return str(error)
        if request is None:
            return ''
        answer = self.ask(request)
        return '' if answer.success else answer.message

    def reset(self):
        """Reset as a person does: look, ask, look again, within bounds."""
        said = ['']

        def clear():
            state = self.estop
            if state is not None and state.state == EstopState.STATE_STOPPED:
                said[0] = self.try_once(self.operator.reset)
            return state is not None and state.state == EstopState.STATE_CLEAR

        self.until(clear, 'reset', ENABLE_S)

    def enable(self):
        """Enable motion as a person does."""

        def enabled():
            gate = self.gate_state
            if gate is not None and gate.level == GateState.LEVEL_ENABLED:
                return True
            if gate is not None and gate.level == GateState.LEVEL_STOPPED:
                self.reset()  # a trip needs a reset of its own
            self.try_once(lambda now: self.operator.enable((), now))
            return False

        self.until(enabled, 'enable', ENABLE_S)

    def arm(self):
        """Make motion possible: quiet, reset, enable, and wait for the neutral interlock."""
        self.quiet()
        self.reset()
        self.enable()
        self.settle(0.35)
        self.witness.forget()

    def drive(self):
        """Arm, and drive in a circle until the witness has seen it at speed."""
        self.try_to_move(self.stick)

    def try_to_move(self, command, let_go=lambda: None):
        """Arm and let ``command`` move the robot; again, if a busy machine makes the gate trip."""
        for _ in range(TRIES):
            let_go()
            self.arm()
            command()
            try:
                self.until(lambda: self.witness.speed() > 0.9 * CIRCLE[0], 'motion', 3.0)
            except TimeoutError as error:
                trouble = error
            else:
                self.moving_ns = self.now()
                return
        raise trouble

    def request_stop(self, reason='chaos', **more):
        """Stop through the real stop client; return when it was asked."""
        now_ns = self.now()
        self.stops.stop([ROBOT], source='chaos', reason=reason, **more)
        return now_ns

    # ---- what must be true ----------------------------------------------------------------------

    def assert_told_within(self, limit_s, since_ns, *, frame=False):
        """Return the s until the robot side was told to stop; ``frame``: by a STOP frame."""
        look = self.witness.first_stop_frame_ns if frame else self.witness.first_stop_ns
        try:
            self.until(lambda: look(since_ns) is not None, 'a stop', limit_s + 1.0)
        except TimeoutError as error:
            raise Moved(f'never told to stop: {error}') from None
        took_s = (look(since_ns) - since_ns) / NS
        if took_s > limit_s:
            raise Late(f'told to stop after {took_s:.3f} s, later than {limit_s} s')
        return took_s

    def assert_at_rest_within(self, limit_s, since_ns):
        """Return the s until the robot stood still."""
        try:
            self.until(lambda: not self.witness.moving(), 'standstill', limit_s + 2.0)
        except TimeoutError as error:
            raise Moved(str(error)) from None
        took_s = ((self.witness.last_motion_ns(since_ns) or since_ns) - since_ns) / NS
        if took_s > limit_s:
            raise Late(f'at rest after {took_s:.3f} s, later than {limit_s} s')
        return took_s

    def assert_never_moved_after(self, since_ns, watch_s=WATCH_S):
        """Watch on, and fail if the robot has moved since."""
        self.settle(watch_s)
        moved_ns = self.witness.last_motion_ns(since_ns)
        if moved_ns is not None:
            raise Moved(f'moved {(moved_ns - since_ns) / NS:.3f} s after: {self.story()}')


class Rigs:
    """Hands out one rig at a time, and a new one where the last is spoilt or of another kind."""

    def __init__(self):
        self._rig = None
        self._folder = None

    def get(self, kind):
        """Return a running rig of a kind."""
        if self._rig is not None and self._rig.kind != kind:
            self.drop()
        if self._rig is None:
            self._folder = tempfile.TemporaryDirectory(prefix='tektra-chaos-')
            self._rig = Rig(Path(self._folder.name), kind)
        return self._rig

    def drop(self):
        """End the rig; the next one is new."""
        rig, self._rig = self._rig, None
        if rig is not None:
            rig.close()
            self._folder.cleanup()
