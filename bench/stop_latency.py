"""From a stop, by whatever way, to the first stop at the robot's side and to standstill."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench._robots import Robot, Site, site
from bench._stop_ways import by_command, by_word
from geometry_msgs.msg import Twist
from rclpy.publisher import Publisher
from std_srvs.srv import Trigger
from tektra_msgs.msg import GateState, StopRequest

from tektra.launching.domain import choose
from tektra.runtime.ids import new_id
from tektra.runtime.measure import Record, percentile
from tektra.runtime.topics import open_publisher, open_subscription

SAMPLES = int(os.environ.get('TEKTRA_BENCH_SAMPLES', '2000'))  # of the cheap ways
AT_ONCE = 3  # robots that are stopped in turn: a reset takes much longer than a stop
FEW = max(5, SAMPLES // 100)  # of those that need a process to be started again
P99_MS, MAX_MS = 20.0, 50.0  # the design's, for a request under load
WORDS = min(FEW * 2, 48)
DEATHS_EACH = max(5, SAMPLES // 200)
DEAD_MS = 200.0  # estop killed, frozen: the design's
ROBOT_SIDE_MS = 200.0 + 20.0  # its time-out, as it declares it, and a tick
DEATHS = (
    ('estop killed', 'estop', signal.SIGKILL),
    ('estop frozen', 'estop', signal.SIGSTOP),
    ('gate killed', 'gate', signal.SIGKILL),
    ('gate frozen', 'gate', signal.SIGSTOP),
)
BUSY = 4  # processes that only compute: the design's load
FLOOD_HZ = 5000
RAMP_MS = 0.5 / 1.5 * 1e3  # 0.5 m/s at the 1.5 m/s^2 of the shipped robot
DRIVE_S = 1.2  # until 0.5 m/s is reached

_FLOOD = """
import sys, time, rclpy
from geometry_msgs.msg import Twist
rclpy.init(); node = rclpy.create_node('flood')
out = node.create_publisher(Twist, sys.argv[1], 1)
message, due = Twist(), time.monotonic()
while True:
    out.publish(message); due += 1 / float(sys.argv[2])
    time.sleep(max(0.0, due - time.monotonic()))
"""


def run() -> list[Record]:
    """Measure idle, under load, and with ten robots. A part that fails is a row that says so."""
    rows: list[Record] = []
    with _site(AT_ONCE) as some:
        rows += _part('requests', lambda: _requests(some, ''))
        with _load(some.robots[0].name):
            rows += _part('requests, loaded', lambda: _requests(some, ', loaded'))
    with _site(1) as one:
        robot = one.robots[0]
        rows += _part('command', lambda: by_command(one, robot, FEW))
        rows += _part('spoken', lambda: by_word(one, robot, WORDS))
    for death in DEATHS:
        rows += _part(death[0], functools.partial(_deaths, *death))
    with _site(10) as ten:
        rows += _part('ten robots', lambda: _ten(ten))
    return rows


def _part(name: str, measure: Callable[[], list[Record]]) -> list[Record]:
    print(f'{name} ...', file=sys.stderr)
    try:
        rows = measure()
    except (TimeoutError, RuntimeError) as error:
        print(f'{name}: {error}', file=sys.stderr)
        return [Record(f'{name}: not measured, see above', 1, 'failure', None, 0)]
    for row in rows:  # a bench of half an hour may be interrupted
        print(f'  {row.name}: {row.value:.4g} {row.unit}', file=sys.stderr)
    return rows


@contextlib.contextmanager
def _site(count: int) -> Iterator[Site]:
    home = Path(tempfile.mkdtemp(prefix='tektra-bench-'))
    domain = choose(home, {})
    try:
        with site(count, home, domain.number) as made:
            made.make_ready()
            yield made
    finally:
        domain.release()


def _requests(site: Site, how: str) -> list[Record]:
    round_trip = _round_trips(site)
    ways = {robot: _Ways(site, robot) for robot in site.robots}
    site.until(lambda: all(way.ready for way in ways.values()), what='the stop paths')
    found = _series(site, lambda robot: ways[robot].by_topic(), SAMPLES)
    rows = _rows(f'stop by topic{how}', found, round_trip)
    found = _series(site, lambda robot: ways[robot].by_service(), SAMPLES // 4)
    rows += _rows(f'stop by service{how}', found, round_trip)
    first = site.robots[0]
    rows += _standstill(site, first, ways[first].by_topic, how)
    for way in ways.values():
        way.close()
    return rows


class _Ways:
    """The ways into one robot's estop."""

    def __init__(self, site: Site, robot: Robot) -> None:
        self._node = site.node
        self._topic = open_publisher(site.node, 'estop/stop_request', robot.name)
        self._service = site.node.create_client(Trigger, f'/{robot.name}/estop/stop')

    @property
    def ready(self) -> bool:
        """Return whether estop and gate, each with two subscriptions, are matched."""
        return self._topic.get_subscription_count() >= 4 and self._service.service_is_ready()

    def by_topic(self) -> None:
        """Publish one stop."""
        level = StopRequest.LEVEL_STOP
        self._topic.publish(StopRequest(request_id=new_id(), source='bench', level=level))

    def by_service(self) -> None:
        """Call the service."""
        self._service.call_async(Trigger.Request())

    def close(self) -> None:
        """Let go of what DDS holds."""
        self._node.destroy_publisher(self._topic)
        self._node.destroy_client(self._service)


def _series(site: Site, stop: Callable[[Robot], None], count: int) -> list[float]:
    """Return ms from the call to the first stop at the robot's side, one robot after another."""
    found: list[float] = []
    while len(found) < count:
        site.make_ready()
        for robot in site.robots:
            if site.level(robot) != GateState.LEVEL_ENABLED:
                continue  # tripped meanwhile, since the machine is too busy
            robot.events()
            begin = site.boot.now_ns()
            stop(robot)
            found.append(site.wait_for(robot, 'stop', begin))
            if len(found) % 200 == 0:
                print(f'  {len(found)} of {count}', file=sys.stderr)
        for robot in site.robots:
            site.stopped(robot)
    return found


def _standstill(one: Site, robot: Robot, stop: Callable[[], object], how: str) -> list[Record]:
    """Return the time to zero from 0.5 m/s, against the ramp."""
    stick = one.node.create_publisher(Twist, f'/{robot.name}/robot/cmd/joystick/cmd_vel', 1)
    one.until(stick.get_subscription_count)
    forward, found = Twist(), []
    while len(found) < FEW:
        one.make_ready([robot])
        forward.linear.x = 0.5 if len(found) % 2 else -0.5  # there and back
        robot.events()
        _drive(one, stick, forward, DRIVE_S)
        if not any(event['event'] == 'moves' for event in robot.events()):
            continue  # tripped, since the machine is too busy
        begin = one.boot.now_ns()
        stop()
        found.append(one.wait_for(robot, 'standstill', begin))
        one.stopped(robot)
    one.node.destroy_publisher(stick)
    return [
        Record(f'time to zero from 0.5 m/s{how}, p50', percentile(found, 0.5), 'ms', RAMP_MS),
        Record(f'time to zero from 0.5 m/s{how}, max', max(found), 'ms', RAMP_MS),
    ]


def _deaths(name: str, which: str, how: signal.Signals) -> list[Record]:
    """Each on a new site: the discovery of the old one remembers the dead for 20 s."""
    found = []
    for _ in range(DEATHS_EACH):
        with _site(1) as one:
            found.append(_death(one, one.robots[0], which, how))
    limit = DEAD_MS if which == 'estop' else ROBOT_SIDE_MS
    return [
        Record(f'{name}, p50 of {len(found)}', percentile(found, 0.5), 'ms', limit),
        Record(f'{name}, max', max(found), 'ms', limit, limit),
    ]


def _death(one: Site, robot: Robot, which: str, how: signal.Signals) -> float:
    one.make_ready([robot])
    stick = one.node.create_publisher(Twist, f'/{robot.name}/robot/cmd/joystick/cmd_vel', 1)
    one.until(stick.get_subscription_count)
    turn = Twist()
    turn.angular.z = 0.5
    _drive(one, stick, turn, 0.5)
    robot.events()
    begin = one.boot.now_ns()
    robot.processes[which].send_signal(how)
    return one.wait_for(robot, 'stop', begin)


def _ten(ten: Site) -> list[Record]:
    fleet = open_publisher(ten.node, '/fleet/estop/stop_request')
    ten.until(lambda: fleet.get_subscription_count() >= 2 * len(ten.robots))
    found, tripped = [], 0
    for _ in range(FEW):
        ten.make_ready()
        ready = [robot for robot in ten.robots if ten.level(robot) == GateState.LEVEL_ENABLED]
        tripped += len(ten.robots) - len(ready)
        for robot in ready:
            robot.events()
        begin = ten.boot.now_ns()
        fleet.publish(
            StopRequest(request_id=new_id(), source='bench', level=StopRequest.LEVEL_STOP)
        )
        found += [ten.wait_for(robot, 'stop', begin) for robot in ready]
        for robot in ten.robots:
            ten.stopped(robot)
    return [
        Record('fleet stop, 10 robots, p50', percentile(found, 0.5), 'ms'),
        Record('fleet stop, 10 robots, p99', percentile(found, 0.99), 'ms', P99_MS),
        Record('fleet stop, 10 robots, max', max(found), 'ms', MAX_MS),
        Record('tripped by itself before the stop', tripped, f'of {FEW * len(ten.robots)}'),
    ]


def _rows(name: str, found: list[float], reference: list[float]) -> list[Record]:
    p50, p99 = percentile(reference, 0.5), percentile(reference, 0.99)
    return [
        Record(f'{name}, p50 of {len(found)}', percentile(found, 0.5), 'ms', p50),
        Record(f'{name}, p99', percentile(found, 0.99), 'ms', p99, P99_MS),
        Record(f'{name}, max', max(found), 'ms', max(reference), MAX_MS),
    ]


def _round_trips(one: Site) -> list[float]:
    """Return ms of a message to this very process over DDS and back: the peer."""
    heard: list[int] = []
    out = open_publisher(one.node, 'estop/stop_request', 'nobody')
    into = open_subscription(
        one.node, 'estop/stop_request', lambda _: heard.append(one.boot.now_ns()), 'nobody'
    )
    one.until(out.get_subscription_count)
    found = []
    for _ in range(200):
        heard.clear()
        begin = one.boot.now_ns()
        out.publish(StopRequest(request_id='x'))
        one.until(lambda: heard)
        found.append((heard[0] - begin) / 1e6)
    one.node.destroy_publisher(out)
    one.node.destroy_subscription(into)
    return found


def _drive(one: Site, stick: Publisher, asked: Twist, seconds: float) -> None:
    """Be neutral for long enough, then ask at 50 Hz."""
    _wait(one, 0.4)
    end = one.boot.now_ns() + round(seconds * 1e9)
    while one.boot.now_ns() < end:
        stick.publish(asked)
        _wait(one, 0.02)


def _wait(one: Site, seconds: float) -> None:
    end = one.boot.now_ns() + round(seconds * 1e9)
    one.until(lambda: one.boot.now_ns() >= end)


@contextlib.contextmanager
def _load(robot: str) -> Iterator[None]:
    """Keep ``BUSY`` processes computing and flood a command input at ``FLOOD_HZ``."""
    busy = [subprocess.Popen([sys.executable, '-c', 'while True: pass']) for _ in range(BUSY)]
    topic = f'/{robot}/robot/cmd/nav2/cmd_vel'
    flood = subprocess.Popen([sys.executable, '-c', _FLOOD, topic, str(FLOOD_HZ)])
    try:
        yield
    finally:
        for process in (*busy, flood):
            process.kill()
            process.wait()
