"""Holds at once, stops when confirmed, requests until every gate shows them."""

import pytest
from stop_word_room import estop, gate, transcript, word_list
from tektra_msgs.msg import GateState, StopRequest

from tektra.runtime.clock import ManualClock
from tektra.stop_word.core import StopWordCore, StopWordOptions
from tektra.stop_word.ear import Hit

HOLD, STOP = StopRequest.LEVEL_HOLD, StopRequest.LEVEL_STOP
ENABLED, DISABLED = GateState.LEVEL_ENABLED, GateState.LEVEL_DISABLED


def hit(start=0, end=6000, *, phrase='stop', detector='pocketsphinx', sure=True, own=False):
    return Hit(phrase, detector, 'mic', start, end, 0.9, sure, own)


class Rig:
    """The core with a clock; collects (level, robot, reason) of every new request."""

    def __init__(self, robots=('tek',)):
        self.core = StopWordCore(word_list(), robots, StopWordOptions(), 'en')
        self.clock = ManualClock(1_000_000_000)
        self.seq = 0
        self.asked, self.ids, self.said, self.published = [], [], [], []

    def note(self, due):
        for robot, request in due:
            self.published.append((self.clock.now_ns(), robot, request))
            if (robot, request.request_id) not in self.ids:
                self.ids.append((robot, request.request_id))
                self.asked.append((request.level, robot))

    def hear(self, *hits):
        self.note(self.core.on_hits(hits, self.clock.now_ns()))

    def read(self, *args, own=False, **more):
        message = transcript(*args, **more)
        self.note(self.core.on_transcript(message, own, self.clock.now_ns()))

    def show(self, level=ENABLED, robot='tek', **more):
        self.seq += 1
        state = gate(level, robot=robot, seq=self.seq, **more)
        self.core.on_gate_state(robot, state, self.clock.now_ns())

    def wait(self, seconds, *, answer=True):
        for _ in range(round(seconds / 0.05)):
            self.clock.advance(0.05)
            if answer:
                for robot in {robot for robot, _ in self.ids}:
                    shown = [i for r, i in self.ids if r == robot]
                    stops = STOP in {level for level, who in self.asked if who == robot}
                    now = self.clock.now_ns()
                    self.core.on_estop_state(robot, estop(shown, robot=robot, seq=self.seq), now)
                    level = GateState.LEVEL_STOPPED if stops else GateState.LEVEL_HOLD
                    self.show(level, robot, shown=shown)
            due, said = self.core.on_tick(self.clock.now_ns())
            self.note(due)
            self.said += said


@pytest.fixture
def rig():
    return Rig()


def test_a_hit_is_a_hold_at_once_that_names_word_and_sample(rig):
    rig.hear(hit(end=48_000))
    assert rig.asked == [(HOLD, 'tek')]
    request = rig.published[0][2]
    assert "'stop'" in request.reason and '48000' in request.reason
    assert request.source == 'stop_word'


def test_a_bare_stop_holds_all_robots():
    rig = Rig(('tek', 'tommy'))
    rig.hear(hit())
    assert sorted(rig.asked) == [(HOLD, 'tek'), (HOLD, 'tommy')]


def test_a_hold_is_repeated_at_20_hz_until_the_gate_shows_it(rig):
    rig.hear(hit())
    rig.wait(0.25, answer=False)
    assert len(rig.published) == 6
    rig.wait(0.05)
    count = len(rig.published)
    rig.wait(0.5)
    assert len(rig.published) == count
    assert rig.said == []


def test_a_robot_that_shows_the_hold_and_moves_is_held_again_until_it_stands(rig):
    rig.hear(hit())
    rig.show(GateState.LEVEL_HOLD, shown=[rig.ids[0][1]], standstill=False)
    rig.wait(0.25, answer=False)
    assert len(rig.published) == 6
    rig.wait(0.1)
    assert not rig.core.requests.waiting


def test_a_stop_is_said_again_by_topic_and_service_until_estop_shows_it_too(rig):
    rig.hear(hit())
    rig.hear(hit(500, 6200, detector='microwakeword'))
    rig.wait(1.0)
    assert [level for level, _ in rig.asked] == [HOLD]  # it may still become "stop talking"
    rig.wait(0.5, answer=False)
    assert [level for level, _ in rig.asked] == [HOLD, STOP]
    shown = [request_id for _, request_id in rig.ids]
    rig.show(GateState.LEVEL_STOPPED, shown=shown)
    assert rig.core.requests.waiting
    assert rig.core.requests.call_due(rig.clock.now_ns()) == {'tek'}
    rig.wait(0.1)
    assert not rig.core.requests.waiting
    assert rig.said == []


def test_a_robot_that_does_not_obey_is_named_loudly(rig):
    rig.core.hearing.backend, rig.core.hearing.heard_ns = 'pocketsphinx', rig.clock.now_ns()
    rig.hear(hit())
    rig.wait(3.05, answer=False)
    assert len(rig.said) == 1
    assert 'tek: NOT CONFIRMED: its robot_gate is silent; press its hardware' in rig.said[0]
    rig.core.hearing.heard_ns = rig.clock.now_ns()
    assert 'NOT CONFIRMED' in rig.core.trouble(rig.clock.now_ns())
    assert not rig.core.requests.waiting


def test_one_word_reported_twice_by_a_detector_is_one_hold(rig):
    rig.hear(hit(0, 6000))
    rig.hear(hit(300, 6500))
    rig.wait(3)
    assert rig.asked == [(HOLD, 'tek')]


def test_the_word_said_twice_is_a_stop(rig):
    rig.hear(hit(0, 6000))
    rig.wait(0.6)
    rig.hear(hit(9000, 15_000))
    rig.wait(1.5)
    assert [level for level, _ in rig.asked] == [HOLD, HOLD, STOP]


def test_two_doubtful_words_are_two_holds_and_no_stop(rig):
    rig.hear(hit(0, 6000, sure=False))
    rig.wait(0.6)
    rig.hear(hit(9000, 15_000, sure=False))
    rig.wait(3)
    assert [level for level, _ in rig.asked] == [HOLD, HOLD]


def test_the_word_said_again_later_is_another_hold(rig):
    rig.hear(hit(0, 6000))
    rig.wait(1.0)
    rig.hear(hit(34_000, 40_000))
    rig.wait(3)
    assert [level for level, _ in rig.asked] == [HOLD, HOLD]


def test_a_second_detector_makes_it_a_stop(rig):
    rig.hear(hit())
    rig.hear(hit(500, 6200, detector='microwakeword'))
    rig.wait(1.5)
    assert [level for level, _ in rig.asked] == [HOLD, STOP]


def test_stop_talking_heard_by_two_detectors_stays_a_hold(rig):
    rig.hear(hit())
    rig.hear(hit(500, 6200, detector='microwakeword'))
    rig.wait(0.5)
    rig.read('stop talking', final=False)
    rig.wait(3)
    assert [level for level, _ in rig.asked] == [HOLD]


def test_a_final_transcript_that_is_a_command_makes_it_a_stop_at_once(rig):
    rig.hear(hit())
    rig.wait(1.0)
    rig.read('please stop')
    assert [level for level, _ in rig.asked] == [HOLD, STOP]


def test_a_partial_stop_waits_for_the_next_word(rig):
    rig.hear(hit())
    rig.read('stop', final=False)
    assert [level for level, _ in rig.asked] == [HOLD]
    rig.read('stop the music', final=False)
    rig.read('stop the music')
    rig.wait(3)
    assert [level for level, _ in rig.asked] == [HOLD]


def test_a_final_text_without_the_word_keeps_a_repetition_from_becoming_a_stop(rig):
    rig.hear(hit(0, 6000))
    rig.hear(hit(9000, 15_000))
    rig.read('the shop on top', end=20_000)
    rig.wait(3)
    assert STOP not in [level for level, _ in rig.asked]


@pytest.mark.parametrize('via', ['hit', 'partial', 'final'])
def test_emergency_stop_is_a_stop_at_once(rig, via):
    if via == 'hit':
        rig.hear(hit(phrase='emergency stop'))
    else:
        rig.read('emergency stop', final=via == 'final')
    assert rig.asked == [(STOP, 'tek')]


def test_a_transcript_of_the_word_that_was_not_spotted_is_a_hold(rig):
    rig.show(ENABLED)
    rig.read('stop')
    assert rig.asked == [(HOLD, 'tek')]


def test_a_transcript_of_the_word_does_not_bother_robots_that_cannot_move(rig):
    rig.show(DISABLED)
    rig.read('stop')
    assert rig.asked == []


def test_own_voice_is_neither_a_hold_nor_a_confirmation(rig):
    rig.hear(hit(own=True))
    rig.read('stop', own=True)
    assert rig.asked == []


def test_it_searches_while_a_robot_may_move_or_is_unknown(rig):
    now = rig.clock.now_ns
    assert rig.core.searching(now())  # nobody has spoken for the robot yet
    rig.show(DISABLED)
    assert not rig.core.searching(now())
    for level, still in ((DISABLED, False), (ENABLED, True), (GateState.LEVEL_HOLD, True), (0, 1)):
        rig.show(level, standstill=bool(still))
        assert rig.core.searching(now())
    rig.show(DISABLED)
    rig.clock.advance(0.35)
    assert rig.core.searching(now())  # the gate has fallen silent


def test_it_searches_on_after_a_hold_until_no_confirmation_can_come(rig):
    rig.show(ENABLED)
    rig.hear(hit())
    rig.clock.advance(0.2)
    rig.show(DISABLED)
    assert rig.core.searching(rig.clock.now_ns())


def test_without_audio_for_0_3_s_it_does_not_listen_and_says_so(rig):
    hearing = rig.core.hearing
    hearing.backend = 'pocketsphinx'
    assert not rig.core.health('i', rig.clock.now_ns()).listening
    hearing.heard_ns = rig.clock.now_ns()
    assert rig.core.health('i', rig.clock.now_ns()).listening
    rig.clock.advance(0.31)
    assert not rig.core.health('i', rig.clock.now_ns()).listening
    assert 'no audio' in rig.core.trouble(rig.clock.now_ns())


def test_a_search_that_falls_behind_is_not_listening(rig):
    hearing = rig.core.hearing
    hearing.backend, hearing.heard_ns = 'pocketsphinx', rig.clock.now_ns()
    hearing.received, hearing.searched = 16_000, 4_000
    health = rig.core.health('i', rig.clock.now_ns())
    assert health.lag_s == pytest.approx(0.75)
    assert not health.listening


def test_without_a_detector_it_does_not_listen(rig):
    rig.core.hearing.heard_ns = rig.clock.now_ns()
    assert not rig.core.health('i', rig.clock.now_ns()).listening
