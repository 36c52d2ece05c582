"""Playback: what is heard, when, and what the playback clock says about it."""

import numpy as np
import pytest
from playback_support import (
    BLOCK,
    NAMES,
    RATE,
    START_NS,
    Player,
    chunk,
    nanosec,
    ramp,
    samples_of,
    tone,
    word,
)
from tektra_msgs.msg import TurnState

MS = RATE // 1000


@pytest.fixture
def player():
    return Player()


def test_speech_waits_until_its_turn_is_released(player):
    player.say(ramp(960))
    assert not player.core.wants_output
    assert not player.play(960).any()
    assert player.states() == ['QUEUED']
    player.do('PLAY')
    assert np.array_equal(player.play(960), ramp(960))


def test_the_release_may_come_before_the_speech(player):
    player.do('PLAY')
    assert not player.core.wants_output
    player.say(ramp(480), last=True)
    assert player.core.wants_output
    assert np.array_equal(player.play(480), ramp(480))


def test_the_clock_goes_from_queued_to_playing_to_done_to_idle(player):
    player.say(ramp(1000), last=True)
    player.do('PLAY')
    player.play(1200)
    assert player.states() == ['QUEUED', 'PLAYING', 'DONE']
    assert player.clocks[-1].utterance_id == ''
    assert player.last().played_samples == 1000
    assert player.last().queued_samples == 0
    assert not player.core.wants_output


def test_the_clock_ticks_every_20_ms_while_playing(player):
    player.do('PLAY')
    player.say(ramp(RATE), last=True)
    player.play(RATE)
    ticks = [c for c in player.clocks if c.utterance_id == 'reply' and c.state == c.STATE_PLAYING]
    assert len(ticks) == 51  # the first sample, then 50 a second
    assert [c.played_samples for c in ticks[:4]] == [0, 480, 960, 1440]


def test_stamps_say_when_the_sample_leaves_the_loudspeaker():
    player = Player(latency_s=0.04)
    player.do('PLAY')
    player.play(BLOCK)  # idle: nothing is heard
    player.say(ramp(500), last=True)
    began = player.now + 40_000_000
    player.play(720)
    for clock in player.clocks:
        if clock.utterance_id and clock.played_samples:
            assert nanosec(clock.header.stamp) - began == clock.played_samples * 10**9 // RATE
            assert nanosec(clock.first_sample_time) == began
    assert player.last().device_latency_s == pytest.approx(0.04)
    assert nanosec(player.reference[0].header.stamp) == began


def test_a_reply_begins_on_the_first_sample_of_the_next_block(player):
    player.do('PLAY')
    player.say(ramp(480))
    assert player.play(BLOCK)[0] == ramp(1)[0]


def test_an_announcement_plays_when_nothing_else_does(player):
    player.do('PLAY')
    player.say(word(480), last=True)
    player.say(word(480, 5000), turn=0, revision=0, id='notice', session='', last=True)
    out = player.play(960)
    assert np.array_equal(out, np.concatenate((word(480), word(480, 5000))))


def test_a_reply_goes_before_an_announcement_that_waits(player):
    player.say(word(480), turn=0, revision=0, id='first', last=True)
    player.play(BLOCK)
    player.say(word(240, 9000), turn=0, revision=0, id='second', last=True)
    player.say(word(240, 5000), last=True)
    player.do('PLAY')
    out = player.play(720)
    assert np.array_equal(out[:240], word(240, 241))
    assert np.array_equal(out[240:480], word(240, 5000))
    assert np.array_equal(out[480:], word(240, 9000))


def test_a_stale_revision_is_never_heard(player):
    player.say(ramp(480, 20_000), revision=1, id='old', last=True)
    player.say(word(480), revision=2, id='new', last=True)
    player.do('PLAY', revision=2)
    player.say(ramp(480, 20_480), 480, revision=1, id='old')
    assert np.array_equal(player.play(480), word(480))
    assert not player.play(960).any()
    assert player.states('old') == ['QUEUED', 'FLUSHED']
    assert player.last('old').played_samples == 0


def test_a_cancelled_revision_is_dropped_and_stays_dropped(player):
    player.say(ramp(480), revision=1)
    player.do('CANCEL', revision=1)
    player.say(ramp(480), 480, revision=1)
    player.do('PLAY', revision=2)
    assert not player.play(960).any()
    assert player.states() == ['QUEUED', 'FLUSHED']


def test_cancel_does_not_touch_what_was_released(player):
    player.say(ramp(480), last=True)
    player.do('PLAY')
    player.do('CANCEL')
    assert np.array_equal(player.play(480), ramp(480))


def test_a_flush_is_silent_within_10_ms_and_tells_the_sample(player):
    player.do('PLAY')
    player.say(tone(RATE))
    player.play(960)
    player.do('FLUSH')
    player.play(10 * MS)
    assert not player.play(BLOCK).any()
    assert player.states() == ['QUEUED', 'PLAYING', 'FLUSHED']
    assert player.last().played_samples == 960 + 10 * MS
    assert player.last().queued_samples == RATE - 960 - 10 * MS


def test_speech_that_comes_after_its_flush_is_not_heard(player):
    player.do('PLAY')
    player.say(ramp(960))
    player.play(480)
    player.do('FLUSH')
    player.play(480)
    player.say(ramp(960), 960)
    player.say(ramp(960), turn=1, revision=1, id='another')
    assert not player.play(960).any()


def test_a_flush_of_one_turn_leaves_the_next_and_the_announcements(player):
    player.say(word(240), turn=0, revision=0, id='notice', last=True)
    player.say(ramp(480), turn=1)
    player.say(word(240, 7000), turn=2, id='next', last=True)
    player.do('FLUSH', turn=1)
    player.do('PLAY', turn=2)
    assert np.array_equal(player.play(480), np.concatenate((word(240, 7000), word(240))))


def test_a_flush_of_turn_0_takes_announcements_and_released_speech_but_not_what_is_held(player):
    player.do('PLAY', turn=1)
    player.say(ramp(480), turn=1)
    player.say(ramp(480), turn=0, revision=0, id='notice')
    player.say(ramp(240, 7000), turn=2, id='next', last=True)
    player.do('FLUSH', turn=0, revision=0)
    assert not player.play(480).any()
    player.do('PLAY', turn=2)
    assert np.array_equal(player.play(240), ramp(240, 7000))


def test_a_flush_of_one_utterance_leaves_the_others(player):
    player.say(ramp(480), turn=0, revision=0, id='a', last=True)
    player.say(ramp(480, 900), turn=0, revision=0, id='b', last=True)
    player.do('FLUSH', turn=0, revision=0, id='a')
    assert np.array_equal(player.play(480), ramp(480, 900))


def test_commands_of_an_older_session_are_ignored(player):
    player.core.on_turn_state(TurnState(session_id='s2'), player.now)
    player.say(ramp(480), session='s2')
    player.do('PLAY', session='s1')
    assert not player.play().any()
    player.do('PLAY', session='s2')
    player.play()
    player.do('FLUSH', session='s1')
    assert player.play().any()
    assert 'FLUSHED' not in player.states()


def test_a_new_session_cuts_the_speech_of_the_old_one(player):
    player.do('PLAY')
    player.say(tone(RATE))
    player.say(ramp(480), turn=2, id='held')
    player.play(480)
    player.core.on_turn_state(TurnState(session_id='s2'), player.now)
    player.play(480)
    assert player.states() == ['QUEUED', 'PLAYING', 'FLUSHED']
    assert player.states('held') == ['QUEUED', 'FLUSHED']
    player.say(ramp(480), turn=3, id='late', session='s1')
    player.do('PLAY', turn=3, session='s1')
    assert not player.play(480).any()


def test_a_state_of_the_old_session_that_comes_late_changes_nothing(player):
    player.core.on_turn_state(TurnState(session_id='s2'), player.now)
    player.do('PLAY', session='s2')
    player.say(ramp(480), session='s2')
    player.core.on_turn_state(TurnState(session_id='s1'), player.now)
    assert np.array_equal(player.play(480), ramp(480))


def test_playback_that_starts_in_the_middle_of_a_session_follows_it():
    player = Player()
    player.do('PLAY', turn=7, session='s9')
    player.say(ramp(480), 4800, turn=7, session='s9', last=True)
    assert np.array_equal(player.play(480), ramp(480))
    assert player.last().played_samples == 5280
    assert 'begins at sample 4800' in player.core.queue.take_errors()[0]


def test_late_speech_of_an_older_session_does_not_end_the_newest_one():
    player = Player()
    player.core.on_turn_state(TurnState(session_id='s2'), player.now)  # s1 was long before
    player.say(ramp(480), turn=9, session='s0', id='late')
    player.do('PLAY', session='s2')
    player.say(word(480), session='s2', last=True)
    assert np.array_equal(player.play(480), word(480))
    assert player.states('late') == ['QUEUED']


def test_speech_that_comes_before_its_session_waits_for_it(player):
    player.say(word(480), session='s2', last=True)
    assert not player.play(480).any()
    player.core.on_turn_state(TurnState(session_id='s2'), player.now)
    assert not player.play(480).any()
    player.do('PLAY', session='s2')
    assert np.array_equal(player.play(480), word(480))


def test_speech_of_sessions_that_nobody_announces_is_dropped_beyond_a_few(player):
    for n in range(100):
        player.say(ramp(48), session=f'other{n}', id=f'u{n}')
    assert len(player.core.queue) == 4
    assert player.states('u95') == ['QUEUED', 'FLUSHED']
    player.core.on_turn_state(TurnState(session_id='other99'), player.now)
    assert len(player.core.queue) == 1
    player.play(BLOCK)
    assert player.states('u98') == ['QUEUED', 'FLUSHED']
    assert player.states('u99') == ['QUEUED']


def test_an_announcement_is_heard_before_any_session_is_known():
    player = Player()
    player.core.on_turn_state(TurnState(session_id=''), player.now)
    player.say(word(480), turn=0, revision=0, session='s7', last=True)
    assert np.array_equal(player.play(480), word(480))


def test_a_reply_that_is_begun_anew_takes_the_place_of_the_one_before_at_once(player):
    player.do('PLAY')
    player.say(tone(RATE), id='broken')
    player.play(960)
    player.say(word(480), id='anew', last=True)
    assert NAMES[player.clocks[-1].state] == 'QUEUED'  # it is known before the other one ends
    out = player.play(960)
    assert np.array_equal(out[240:720], word(480))  # after a fade of 10 ms
    assert player.states('broken') == ['QUEUED', 'PLAYING', 'FLUSHED']
    assert player.states('anew') == ['QUEUED', 'PLAYING', 'DONE']


def test_a_reply_that_is_begun_anew_before_its_release_leaves_nothing_of_the_first(player):
    player.say(ramp(480, 9000), id='broken')
    player.say(word(480), id='anew', last=True)
    player.do('PLAY')
    assert np.array_equal(player.play(480), word(480))
    assert [c.utterance_id for c in player.clocks[:3]] == ['broken', 'anew', 'broken']


def test_an_underrun_is_silence_that_is_counted_and_ends_when_speech_comes(player):
    player.do('PLAY')
    player.say(ramp(360))
    player.play(960)
    player.say(ramp(240, 361), 360, last=True)
    player.play(480)
    done = player.last()
    assert player.states() == ['QUEUED', 'PLAYING', 'UNDERRUN', 'PLAYING', 'DONE']
    assert (done.underruns, done.underrun_samples, done.played_samples) == (1, 600, 600)
    assert np.array_equal(player.heard[:360], ramp(360))
    # the first 5 ms after the gap fade in; the rest is untouched
    assert np.array_equal(player.heard[960 + 120 : 1200], ramp(120, 481))


def test_an_end_without_samples_closes_an_utterance_that_starves(player):
    player.do('PLAY')
    player.say(ramp(240))
    player.play(480)
    player.say(ramp(0), 240, last=True)
    player.play(BLOCK)
    assert player.states()[-1] == 'DONE'
    assert player.last().played_samples == 240


def test_an_empty_reply_is_done_without_a_sound(player):
    player.do('PLAY')
    player.say(ramp(0), last=True)
    assert player.core.wants_output
    assert not player.play().any()
    assert player.states() == ['QUEUED', 'DONE']
    assert nanosec(player.last().first_sample_time) == 0


def test_an_utterance_whose_producer_has_died_is_given_up(player):
    player.do('PLAY')
    player.say(ramp(240))
    player.play(int(10.5 * RATE))
    assert player.states()[-1] == 'FLUSHED'
    assert 'no speech for 10 s' in player.core.queue.take_errors()[0]
    assert not player.core.wants_output


def test_a_starving_reply_gives_way_to_the_reply_of_a_newer_turn(player):
    player.do('PLAY')
    player.say(ramp(240))
    player.play(480)
    player.do('PLAY', turn=2)
    player.say(ramp(240, 8000), turn=2, id='next', last=True)
    assert np.array_equal(player.play(240), ramp(240, 8000))
    assert player.states()[-1] == 'FLUSHED'


def test_a_repeat_is_dropped_and_a_gap_becomes_silence(player):
    player.do('PLAY')
    player.say(ramp(480))
    player.say(ramp(480, 241), 240)  # half of it is known
    player.say(ramp(480, 961), 960)  # 240 samples never came
    player.say(ramp(0), 1440, last=True)
    out = player.play(1440)
    assert np.array_equal(out[:720], ramp(720))
    assert np.array_equal(out[1080:], ramp(360, 1081))
    assert not out[840:960].any()
    assert player.core.queue.repeated_chunks == 1
    assert player.core.queue.lost_chunks == 1
    assert '240 samples before 960 never came' in player.core.queue.take_errors()[0]
    assert player.last().played_samples == 1440


def test_an_utterance_at_another_rate_is_resampled_and_counts_its_own_samples(player):
    player.do('PLAY')
    source = tone(22_050, rate=22_050, hz=440)
    for first in range(0, 22_050, 882):
        player.say(source[first : first + 882], first, rate=22_050, last=first + 882 == 22_050)
    out = player.play(RATE + 480)
    done = player.last()
    assert (done.state, done.sample_rate, done.played_samples) == (done.STATE_DONE, 22_050, 22_050)
    middle = out[2400:21_600].astype(float)
    wanted = tone(RATE, hz=440)[2400:21_600].astype(float)
    assert np.abs(middle - wanted).max() < 60  # of 12,000


def test_a_producer_that_does_not_wait_is_cut_at_60_s(player):
    player.do('PLAY')
    for second in range(62):
        player.say(ramp(RATE), second * RATE)
    assert player.core.queue.queued_s == 60
    assert player.core.queue.lost_chunks == 2
    assert 'must wait for the playback clock' in player.core.queue.take_errors()[0]
    player.play(61 * RATE, block=RATE)
    assert player.states()[-1] == 'FLUSHED'
    assert player.last().played_samples == 60 * RATE


@pytest.mark.parametrize(
    ('change', 'text'),
    [
        ({'encoding': 0}, 'encoding 0'),
        ({'channels': 2}, '2 channels; send mono'),
        ({'sample_rate': 0}, '0 Hz is outside'),
        ({'data': b'123'}, '3 bytes'),
        ({'utterance_id': ''}, 'no utterance_id'),
    ],
)
def test_a_chunk_that_cannot_be_played_is_refused_with_the_reason(player, change, text):
    message = chunk(ramp(48))
    for name, value in change.items():
        setattr(message, name, value)
    player.core.on_speech(message, player.now)
    assert text in player.core.queue.take_errors()[0]
    assert player.core.queue.lost_chunks == 1
    assert not len(player.core.queue)


def test_memory_of_void_speech_is_bounded(player):
    for n in range(2000):
        player.say(ramp(10), revision=n + 1, id=f'r{n}')
        player.do('CANCEL', revision=n + 1)
    book = player.core.queue._book
    assert max(len(book._void_ids), len(book._cancelled), len(book._released)) <= 256
    assert not len(player.core.queue)


def test_the_reference_is_what_was_mixed_and_nothing_while_idle(player):
    player.play(480)
    assert not player.reference
    player.do('PLAY')
    player.say(ramp(1000))
    player.play(1440)  # 440 of them an underrun
    player.say(ramp(1000, 1001), 1000, last=True)
    player.play(1440)
    player.play(4800)
    heard = player.heard[480:]
    played = samples_of(player.reference)
    assert np.array_equal(played, heard[: played.size])
    assert not heard[played.size :].any()
    assert [c.seq for c in player.reference] == list(range(len(player.reference)))
    ends = [c.first_sample + len(c.data) // 2 for c in player.reference]
    assert [c.first_sample for c in player.reference[1:]] == ends[:-1]
    assert [c.last for c in player.reference[:-1]] == [False] * (len(player.reference) - 1)
    assert player.reference[-1].last
    sizes = [len(c.data) // 2 for c in player.reference[:-1]]
    assert all(768 <= size <= 1024 for size in sizes)
    assert len({c.stream_id for c in player.reference}) == 1


def test_the_reference_of_the_next_reply_is_a_stream_of_its_own(player):
    for turn in (1, 2):
        player.do('PLAY', turn=turn)
        player.say(ramp(480), turn=turn, id=f'r{turn}', last=True)
        player.play(960)
    assert [c.first_sample for c in player.reference] == [0, 0]
    assert len({c.stream_id for c in player.reference}) == 2


def test_time_starts_where_the_test_says(player):
    assert player.now == START_NS


def test_a_two_minute_reply_that_keeps_2_s_ahead_is_played_to_the_last_sample(player):
    total, size, sent = 120 * RATE, 960, 0
    pcm = ramp(total)
    player.do('PLAY')
    while player.states()[-1:] != ['DONE']:
        played = player.last().played_samples if player.clocks else 0
        while sent < min(total, played + 2 * RATE):
            player.say(pcm[sent : sent + size], sent, last=sent + size == total)
            sent += size
        player.play(4800)
    assert np.array_equal(player.heard[:total], pcm)
    assert (player.last().played_samples, player.last().underruns) == (total, 0)
