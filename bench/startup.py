"""Cold start: from the first process to the whole graph READY, embedded backends."""

from bench._graph import graph

from tektra.runtime.measure import Record, percentile

BUDGET_S = 6.0
RUNS = 3
QUIET = {'input': 'silence', 'speaker': 'none'}


def run() -> list[Record]:
    """Return the time to READY (limit: the design's budget) over ``RUNS`` starts."""
    times = []
    for _ in range(RUNS):
        with graph(QUIET) as (_, took_s):
            times.append(took_s)
    return [
        Record(
            'cold start to READY, median',
            percentile(times, 0.5),
            's',
            BUDGET_S,
            BUDGET_S,
        ),
        Record('cold start to READY, worst', max(times), 's', BUDGET_S, BUDGET_S),
    ]
