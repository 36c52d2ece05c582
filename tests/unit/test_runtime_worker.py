"""The worker thread: in order, bounded, with errors handed back."""

import threading

import pytest

from tektra.runtime.worker import Worker, WorkerFull

WAIT_S = 5.0


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


def test_an_idle_worker_is_not_busy_once_its_result_is_out():
    worker = Worker('test')
    seen = threading.Event()
    worker.submit(lambda: None).add_done_callback(lambda _: worker.busy or seen.set())
    assert seen.wait(WAIT_S)
    assert worker.close()
