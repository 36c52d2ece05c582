"""The worker thread: in order, bounded, with errors handed back."""

import queue
import threading
import time

import pytest

from tektra.runtime.worker import Worker, WorkerFull

WAIT_S = 5.0


def until(done):
    """Wait, within limits, for what another thread does; return whether it came."""
    limit = time.monotonic() + WAIT_S
    while not done() and time.monotonic() < limit:
        time.sleep(0.001)
    return done()


def test_jobs_run_in_order_and_return_their_results():
    worker = Worker('test')
    futures = [worker.submit(lambda i=i: i * i) for i in range(20)]
    assert [future.result(WAIT_S) for future in futures] == [i * i for i in range(20)]
    assert worker.close()


def test_a_job_that_raises_does_not_stop_the_next_one():
    worker = Worker('test')
    bad = worker.submit(lambda: 1 / 0)
    good = worker.submit(lambda: 'still here')
    assert isinstance(bad.exception(WAIT_S), ZeroDivisionError)
    assert good.result(WAIT_S) == 'still here'
    assert worker.close()


def test_a_full_queue_refuses_and_close_cancels_what_waits():
    worker, started, go_on = Worker('test', maxsize=1), threading.Event(), threading.Event()

    def hold():
        started.set()
        go_on.wait(WAIT_S)

    running = worker.submit(hold)
    assert started.wait(WAIT_S)
    waiting = worker.submit(lambda: None)
    assert worker.busy
    assert worker.depth == 1
    with pytest.raises(WorkerFull, match='1 jobs wait'):
        worker.submit(lambda: None)
    assert not worker.close(timeout_s=0.01)  # the running job is not waited for
    assert waiting.cancelled()
    go_on.set()
    running.result(WAIT_S)
    with pytest.raises(RuntimeError, match='closed'):
        worker.submit(lambda: None)


def test_the_worker_is_busy_until_its_result_is_handed_on():
    worker = Worker('test')
    seen = []
    worker.submit(lambda: None).add_done_callback(lambda _: seen.append(worker.busy))
    assert until(lambda: not worker.busy)
    assert seen == [True]
    assert worker.close()


def test_the_worker_is_busy_between_taking_a_job_and_running_it(monkeypatch):
    taken, go_on = threading.Event(), threading.Event()

    class Slow(queue.Queue):
        def get(self, block=True, timeout=None):
            entry = super().get(block, timeout)
            taken.set()
            go_on.wait(WAIT_S)
            return entry

    monkeypatch.setattr(queue, 'Queue', Slow)
    worker = Worker('test')
    worker.submit(lambda: None)
    assert taken.wait(WAIT_S)
    assert worker.busy
    go_on.set()
    assert until(lambda: not worker.busy)
    assert worker.close()


def test_jobs_that_are_refused_or_cancelled_leave_the_worker_idle():
    worker, started, go_on = Worker('test', maxsize=2), threading.Event(), threading.Event()
    running = worker.submit(lambda: (started.set(), go_on.wait(WAIT_S)))
    assert started.wait(WAIT_S)
    worker.submit(lambda: None).cancel()
    worker.submit(lambda: None)
    with pytest.raises(WorkerFull):
        worker.submit(lambda: None)
    worker.close(timeout_s=0.01)
    assert worker.busy
    go_on.set()
    running.result(WAIT_S)
    assert until(lambda: not worker.busy)


def test_a_mark_in_the_queue_finds_the_worker_idle_once_all_before_it_is_done():
    worker = Worker('test')
    seen = []
    worker.submit(lambda: None)
    mark = worker.submit(lambda: None, counts=False)
    mark.add_done_callback(lambda _: seen.append(worker.busy))
    mark.result(WAIT_S)
    assert until(lambda: seen == [False])
    assert worker.close()
