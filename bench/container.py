"""One process a node against several in a container: memory, idle CPU and latency of a typed turn.

Both graphs run one after the other in the same way; the reference of each composed figure is the
figure of one process a node.
"""

import statistics
import time

from bench._graph import Graph, cpu_s, graph, pss_mb
from tektra_msgs.msg import PlaybackClock, TextInput, TurnState

from tektra.runtime.ids import new_id
from tektra.runtime.measure import Record

WATCH_S = 10.0
TURNS = 12
TURN_S = 20.0
LINE = 'what is two plus three'
UNITS = {
    'processes': '',
    'PSS': 'MB',
    'idle CPU': '% of a core',
    'line to first sample, p50': 'ms',
    'line to first sample, max': 'ms',
}


class Talk:
    """Types lines and waits for the first sample of each reply, then for its end."""

    def __init__(self, running: Graph) -> None:
        self._client = running.client
        self._lines = running.client.publisher('text/input')
        self._started = 0.0
        self._replied = False
        running.client.subscribe('audio/playback_clock', self._on_clock)
        running.client.subscribe('turn/state', self._on_turn)
        running.client.wait_for_reader(self._lines)

    def turn(self) -> float:
        """Return the ms from a typed line to the first sample that is played."""
        self._started, self._replied = 0.0, False
        begin = time.monotonic()
        self._lines.publish(TextInput(input_id=new_id(), text=LINE, source='test'))
        if not self._client.wait(lambda: bool(self._started), TURN_S):
            raise RuntimeError(f'no reply within {TURN_S:.0f} s')
        if not self._client.wait(lambda: self._replied, TURN_S):
            raise RuntimeError(f'the reply did not end within {TURN_S:.0f} s')
        return 1000 * (self._started - begin)

    def _on_clock(self, clock: PlaybackClock) -> None:
        if clock.state == PlaybackClock.STATE_PLAYING and not self._started:
            self._started = time.monotonic()

    def _on_turn(self, state: TurnState) -> None:
        self._replied |= state.phase == TurnState.PHASE_REPLIED


def measure(composed: bool) -> dict[str, float]:
    """Return the figures of one graph, by the names of ``UNITS``."""
    arguments = {'input': 'silence', 'speaker': 'none', 'composed': str(composed).lower()}
    with graph(arguments) as (started, _):
        started.settle(3.0)  # start-up work is over
        pids = set(started.pids().values())
        before = sum(map(cpu_s, pids))
        begin = time.monotonic()
        time.sleep(WATCH_S)
        cpu = 100 * (sum(map(cpu_s, pids)) - before) / (time.monotonic() - begin)
        memory = sum(map(pss_mb, pids))
        talk = Talk(started)
        talk.turn()  # the first one warms caches
        times = [talk.turn() for _ in range(TURNS)]
    figures = (len(pids), memory, cpu, statistics.median(times), max(times))
    return dict(zip(UNITS, map(float, figures), strict=True))


def run() -> list[Record]:
    """Return each figure of the composed graph with that of one process a node as reference."""
    apart, composed = measure(False), measure(True)
    rows = [Record(f'{name}, a process a node', apart[name], unit) for name, unit in UNITS.items()]
    rows += [
        Record(f'{name}, composed', composed[name], unit, apart[name])
        for name, unit in UNITS.items()
    ]
    return rows
