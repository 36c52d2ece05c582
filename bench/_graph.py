"""Starts the whole graph for a benchmark and waits until it is READY."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tektra_msgs.msg import NodeHeartbeat, SystemState

from tektra.cli.client import GraphClient
from tektra.cli.graph_run import GraphRun, launch_file

READY_S = 60.0
UP = (SystemState.STATE_READY, SystemState.STATE_DEGRADED)


class Graph:
    """A running graph: who beats, since when it is up."""

    def __init__(self, run: GraphRun, client: GraphClient) -> None:
        self.run = run
        self.client = client
        self.beats: dict[str, NodeHeartbeat] = {}
        self.system: SystemState | None = None
        client.subscribe('heartbeat', lambda beat: self.beats.__setitem__(beat.node, beat))
        client.subscribe('system/state', lambda state: setattr(self, 'system', state))

    def up(self) -> bool:
        return self.system is not None and self.system.state in UP

    def pids(self) -> dict[str, int]:
        return {name: beat.pid for name, beat in sorted(self.beats.items())}

    def settle(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.client.wait(lambda: time.monotonic() > end, seconds + 1)


@contextlib.contextmanager
def graph(
    args: Mapping[str, str], watch: Callable[[Graph], None] = lambda _: None
) -> Iterator[tuple[Graph, float]]:
    """Give a graph that is up, and the s from the start of the first process until then.

    ``watch`` is called before that start, to subscribe to what is said from the first moment on.
    """
    run = GraphRun(launch_file(), args, output=lambda _: None)
    client = GraphClient(run.domain_id, 'tektra_bench')
    try:
        started = Graph(run, client)
        watch(started)
        begin = time.monotonic()
        run.supervisor.start()
        while not started.up():
            client.spin(0.02)
            run.supervisor.poll()
            if time.monotonic() - begin > READY_S:
                reason = started.system.reason if started.system else 'no system state'
                raise RuntimeError(f'not READY after {READY_S:.0f} s: {reason}')
        yield started, time.monotonic() - begin
    finally:
        client.close()
        run.supervisor.request_stop('benchmark ended')
        run.supervisor.wait(10.0)
        run.release()


def pss_mb(pid: int) -> float:
    """Return the proportional set size of a process in MB.

    Shared pages are divided among users.
    """
    for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
        if line.startswith('Pss:'):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def cpu_s(pid: int) -> float:
    """Return user + system CPU time of a process in s."""
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100.0
