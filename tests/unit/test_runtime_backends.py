"""Backends in order: chosen at configure, falling over at run time, retried when healthy."""

import pytest

from tektra.runtime.backends import BackendChain, BackendUnavailable, Health
from tektra.runtime.clock import ManualClock
from tektra.runtime.tap import ReplayTap


class Engine:
    """A real, tiny backend: it repeats a word, and breaks when told to."""

    def __init__(self, name):
        self.name = name
        self.broken = False
        self.stuck = False
        self.closed = False

    def repeat(self, word):
        if self.broken:
            raise OSError('cable out')
        return f'{self.name}:{word}'

    def close(self):
        self.closed = True
        if self.stuck:
            raise OSError('handle is invalid')


class Bench:
    def __init__(self, order=('good', 'plain'), missing=(), tap=None):
        self.clock = ManualClock()
        self.made = {}
        self.changes = []
        self.missing = set(missing)
        factories = {
            name: lambda name=name: self._make(name) for name in ('good', 'plain', 'last')
        }
        self.chain = BackendChain('tts', order, factories, self.changes.append, tap)

    def _make(self, name):
        if name in self.missing:
            raise BackendUnavailable(f'no weights; run: tektra weights pull {name}')
        self.made[name] = Engine(name)
        return self.made[name]

    def say(self, word):
        return self.chain.call('repeat', word, lambda e: e.repeat(word), self.clock.now_ns())


def test_the_first_backend_that_works_is_used():
    bench = Bench(missing=['good'])
    bench.chain.open(0)
    assert bench.chain.active_name == 'plain'
    status = bench.changes[-1]
    assert not status.degraded  # 'good' cannot work here: 'plain' is the best there is
    assert status.entries[0] == (
        'good',
        Health.UNAVAILABLE,
        'no weights; run: tektra weights pull good',
    )


def test_a_backend_that_breaks_loses_nothing_and_is_closed():
    bench = Bench()
    bench.chain.open(0)
    bench.made['good'].broken = True
    assert bench.say('hello') == 'plain:hello'
    assert bench.made['good'].closed
    assert bench.changes[-1].degraded
    assert bench.changes[-1].event == 'good failed: cable out'


def test_a_lost_backend_comes_back_after_its_wait():
    bench = Bench()
    bench.chain.open(0)
    bench.made['good'].broken = True
    bench.say('hello')
    bench.chain.maintain(bench.clock.advance(1.9))
    assert bench.chain.active_name == 'plain'
    bench.chain.maintain(bench.clock.advance(0.2))
    assert bench.chain.active_name == 'good'
    assert bench.made['plain'].closed
    assert not bench.changes[-1].degraded
    assert bench.say('again') == 'good:again'


def test_the_wait_doubles_with_each_failure():
    bench = Bench()
    bench.chain.open(0)
    for wait in (2.0, 4.0, 8.0):
        bench.made['good'].broken = True
        bench.say('x')
        bench.chain.maintain(bench.clock.advance(wait - 0.1))
        assert bench.chain.active_name == 'plain'
        bench.chain.maintain(bench.clock.advance(0.2))
        assert bench.chain.active_name == 'good'


def test_when_nothing_is_left_every_reason_is_named():
    bench = Bench(order=('good', 'last'), missing=['last'])
    bench.chain.open(0)
    bench.made['good'].broken = True
    with pytest.raises(BackendUnavailable) as caught:
        bench.say('hello')
    assert 'good: OSError: cable out' in str(caught.value)
    assert 'last: no weights' in str(caught.value)


def test_an_unknown_backend_in_the_configuration_is_named():
    with pytest.raises(BackendUnavailable, match="backend 'goood' is not known; known: good"):
        Bench(order=('goood',))


def test_a_call_can_be_answered_from_a_recording():
    calls = ReplayTap([])
    bench = Bench(tap=calls)
    bench.chain.open(0)
    with pytest.raises(BackendUnavailable, match='no further call'):
        bench.say('hello')


def test_what_was_missing_at_the_start_is_looked_for_again_and_only_news_is_told():
    bench = Bench(missing=['good'])
    bench.chain.open(0)
    told = len(bench.changes)
    bench.chain.maintain(bench.clock.advance(30))
    bench.chain.maintain(bench.clock.advance(31))  # looked, still missing, same reason
    assert bench.chain.active_name == 'plain'
    assert len(bench.changes) == told
    bench.missing.clear()
    bench.chain.maintain(bench.clock.advance(61))
    assert bench.chain.active_name == 'good'
    assert bench.changes[-1].event == 'good is back'


def test_an_engine_that_cannot_even_be_closed_gives_way_all_the_same():
    bench = Bench()
    bench.chain.open(0)
    bench.made['good'].broken = bench.made['good'].stuck = True
    assert bench.say('hello') == 'plain:hello'
    event = bench.changes[-1].event
    assert event == 'good failed: cable out; closing good failed: handle is invalid'
    assert 'handle is invalid' in bench.changes[-1].entries[0][2]
    bench.made['plain'].stuck = True
    bench.chain.maintain(bench.clock.advance(2.1))
    assert bench.say('again') == 'good:again'
    assert bench.changes[-1].event == 'good is back; closing plain failed: handle is invalid'


def test_a_backend_that_has_worked_for_a_minute_is_soon_tried_again():
    bench = Bench()
    bench.chain.open(0)
    for _ in range(6):
        bench.made['good'].broken = True
        bench.say('x')
        bench.chain.maintain(bench.clock.advance(60.1))
        assert bench.chain.active_name == 'good'
    bench.clock.advance(60.1)
    bench.made['good'].broken = True
    bench.say('x')
    bench.chain.maintain(bench.clock.advance(2.1))
    assert bench.chain.active_name == 'good'


def test_a_backend_may_fail_for_years():
    bench = Bench()
    bench.chain.open(0)
    for _ in range(1100):
        bench.made['good'].broken = True
        bench.say('x')
        bench.chain.maintain(bench.clock.advance(60.1))
    assert bench.chain.active_name == 'good'
