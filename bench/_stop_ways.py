"""Ways to stop that begin outside the graph: a command in a terminal, a spoken word."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, product

from bench._robots import Robot, Site
from bench.stop_word import CHUNK, HEARD, RATES, SENTENCES, _chunk, _noisy
from rclpy.publisher import Publisher
from tektra_msgs.msg import GateState
from tests.speech_maker import speak

from tektra.runtime.measure import Record, percentile
from tektra.runtime.pcm import Samples
from tektra.runtime.topics import open_publisher
from tektra.stop_word.backend import SAMPLE_RATE

WORD_MS = 300.0  # design: end of word -> first hold set-point, p95
NOISE_DB = 20.0
LATE_S = 1.5  # a hold that has not come by then is a miss
_NS = 10**9


def by_command(one: Site, robot: Robot, count: int) -> list[Record]:
    """Measure ``tektra stop ROBOT`` from the start of its process."""
    told, done = [], []
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, 'ROS_DOMAIN_ID': str(one.domain), 'TEKTRA_STATE_DIR': state}
        for _ in range(count):
            one.make_ready([robot])
            robot.events()
            begin = one.boot.now_ns()
            process = subprocess.Popen(
                [sys.executable, '-m', 'tektra.cli', 'stop', robot.name],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            told.append(one.wait_for(robot, 'stop', begin, 20.0))
            one.until(lambda p=process: p.poll() is not None, 20.0, 'the end of the command')
            if process.returncode:
                raise RuntimeError(f'tektra stop ended with {process.returncode}')
            done.append((one.boot.now_ns() - begin) / 1e6)
            one.stopped(robot)
    return [
        Record('tektra stop: process start to the robot side, p50', percentile(told, 0.5), 'ms'),
        Record('tektra stop: process start to the robot side, max', max(told), 'ms'),
        Record('tektra stop: process start to confirmed, p50', percentile(done, 0.5), 'ms'),
    ]


def by_word(one: Site, robot: Robot, count: int) -> list[Record]:
    """Measure a synthetic spoken stop through the stop_word node, from the end of the word."""
    late, cases = [], list(islice(product(HEARD, RATES, SENTENCES), count))
    with _stop_word(one, robot):
        mic = open_publisher(one.node, 'audio/mic')
        one.until(mic.get_subscription_count, what='stop_word')
        for n, (voice, rate, text) in enumerate(cases):
            one.make_ready([robot])
            took = _say(one, robot, mic, *_noisy(speak(text, voice, rate=rate), NOISE_DB, n))
            late += [] if took is None else [took]
            robot.operator.send(robot.operator.operator.disable(''))
            one.until(
                lambda: one.level(robot) in (GateState.LEVEL_DISABLED, GateState.LEVEL_STOPPED)
            )
        one.node.destroy_publisher(mic)
    rows = [Record('spoken stop: heard', len(late) / len(cases), f'of {len(cases)}, 20 dB')]
    if late:
        rows += [
            Record('spoken stop: end of word to hold, p50', percentile(late, 0.5), 'ms'),
            Record('spoken stop: end of word to hold, p95', percentile(late, 0.95), 'ms', WORD_MS),
        ]
    return rows


def _say(one: Site, robot: Robot, mic: Publisher, pcm: Samples, end: int) -> float | None:
    """Speak in real time; return ms from sample ``end`` to the gate's hold, None if there is none.

    A hold that comes before the word is over counts as 0.
    """
    begin = one.boot.now_ns()
    end_ns = begin + end * _NS // SAMPLE_RATE
    held = lambda: one.level(robot) == GateState.LEVEL_HOLD  # noqa: E731
    for n in range(pcm.size // CHUNK):
        due_ns = begin + (n + 1) * CHUNK * _NS // SAMPLE_RATE  # when it has been recorded
        one.until(lambda due=due_ns: one.boot.now_ns() >= due or held())
        if held():
            return max(0.0, (one.boot.now_ns() - end_ns) / 1e6)
        mic.publish(_chunk(pcm[n * CHUNK : (n + 1) * CHUNK], n, f'mic-{begin}'))
    one.until(lambda: held() or one.boot.now_ns() > end_ns + LATE_S * _NS)
    return (one.boot.now_ns() - end_ns) / 1e6 if held() else None


@contextmanager
def _stop_word(one: Site, robot: Robot) -> Iterator[None]:
    words = ['--ros-args', '-p', f'robots:=[{robot.name}]']
    process = subprocess.Popen(
        [sys.executable, '-m', 'tektra.stop_word.node', *words],
        env={**os.environ, 'ROS_DOMAIN_ID': str(one.domain)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)
