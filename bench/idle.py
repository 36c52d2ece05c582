"""The idle graph (microphone stream of silence, no speech).

CPU and proportional memory, each node and all.
"""

import time

from bench._graph import cpu_s, graph, pss_mb

from tektra.runtime.measure import Record

WATCH_S = 20.0
CPU_BUDGET_PERCENT = 25.0
PSS_BUDGET_MB = 1024.0 * 1.048576


def run() -> list[Record]:
    """Return CPU (per cent of one core) and PSS (MB) of every node and of all together."""
    with graph({'input': 'silence', 'speaker': 'none'}) as (started, _):
        started.settle(3.0)  # start-up work is over
        pids = started.pids()
        before = {name: cpu_s(pid) for name, pid in pids.items()}
        begin = time.monotonic()
        time.sleep(WATCH_S)
        wall = time.monotonic() - begin
        cpu = {name: 100 * (cpu_s(pid) - before[name]) / wall for name, pid in pids.items()}
        memory = {name: pss_mb(pid) for name, pid in pids.items()}
    all_cpu, all_memory = sum(cpu.values()), sum(memory.values())
    rows = [Record(f'idle CPU {name}', cpu[name], '% of a core', all_cpu) for name in pids]
    rows += [Record(f'PSS {name}', memory[name], 'MB', all_memory) for name in pids]
    rows.append(
        Record(
            'idle CPU, all',
            all_cpu,
            '% of a core',
            CPU_BUDGET_PERCENT,
            CPU_BUDGET_PERCENT,
        )
    )
    rows.append(Record('PSS, all', all_memory, 'MB', PSS_BUDGET_MB, PSS_BUDGET_MB))
    return rows
