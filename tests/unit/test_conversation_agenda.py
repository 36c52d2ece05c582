"""Virtual time: what moves it, what does not, and in which order things happen."""

from tektra.conversation.agenda import Agenda, VirtualWorker


class Stopwatch:
    """Moves only when work says so."""

    def __init__(self):
        self.ns = 0

    def __call__(self):
        return self.ns

    def work(self, ns):
        self.ns += ns


def until_empty():
    return False


def test_jobs_run_in_order_of_time_and_those_of_one_time_in_order_of_entry():
    agenda, done = Agenda(0, stopwatch=lambda: 0), []
    for when, name in ((30, 'c'), (10, 'a'), (30, 'd'), (20, 'b')):
        agenda.at(when, lambda name=name: done.append((name, agenda.now_ns)))
    agenda.run(until_empty)
    assert done == [('a', 10), ('b', 20), ('c', 30), ('d', 30)]


def test_time_passes_while_a_job_works_and_delays_what_is_due_meanwhile():
    watch, done = Stopwatch(), []
    agenda = Agenda(100, stopwatch=watch)

    def long():
        watch.work(50)
        done.append(agenda.now_ns)

    agenda.at(100, long)
    agenda.at(120, lambda: done.append(agenda.now_ns))
    agenda.at(200, lambda: done.append(agenda.now_ns))
    agenda.run(until_empty)
    assert done == [150, 150, 200]


def test_work_beside_is_measured_and_costs_the_agenda_nothing():
    watch = Stopwatch()
    agenda, seen = Agenda(0, stopwatch=watch), []

    def job():
        watch.work(3)
        seen.append(agenda.beside(lambda: watch.work(40)))
        watch.work(2)
        seen.append(agenda.now_ns)

    agenda.at(0, job)
    agenda.run(until_empty)
    assert seen == [(None, 40), 5]


def test_a_worker_does_one_thing_after_the_other_while_the_agenda_goes_on():
    watch, done = Stopwatch(), []
    agenda = Agenda(0, stopwatch=watch)
    worker = VirtualWorker(agenda)

    def note(name):
        done.append((name, agenda.now_ns))

    agenda.at(0, lambda: worker.do(lambda _: watch.work(100), lambda _: note('first')))
    agenda.at(10, lambda: worker.do(lambda _: watch.work(100), lambda _: note('second')))
    agenda.at(20, lambda: note('agenda'))
    agenda.run(until_empty)
    assert done == [('agenda', 20), ('first', 100), ('second', 200)]


def test_what_a_worker_tells_on_its_way_comes_at_the_time_of_telling():
    watch, done = Stopwatch(), []
    agenda = Agenda(0, stopwatch=watch)
    worker = VirtualWorker(agenda)

    def work(later):
        watch.work(30)
        later(lambda: done.append(('half', agenda.now_ns)))
        watch.work(30)
        return 'all'

    agenda.at(1000, lambda: worker.do(work, lambda got: done.append((got, agenda.now_ns))))
    agenda.run(until_empty)
    assert done == [('half', 1030), ('all', 1060)]


def test_each_job_is_waited_for_when_a_pace_is_kept():
    waited = []
    agenda = Agenda(5, stopwatch=lambda: 0, wait=waited.append)
    agenda.at(3, lambda: None)  # overdue
    agenda.at(9, lambda: None)
    agenda.run(until_empty)
    assert waited == [5, 9]


def test_it_ends_when_it_is_over_although_jobs_are_left():
    agenda, done = Agenda(0, stopwatch=lambda: 0), []

    def again():
        done.append(agenda.now_ns)
        agenda.at(agenda.now_ns + 10, again)

    agenda.at(0, again)
    agenda.run(lambda: len(done) == 4)
    assert done == [0, 10, 20, 30]
