"""Announcements of the tts core: what was heard of them, and how they end."""

import pytest
from tektra_msgs.action import Say
from tektra_msgs.msg import PlaybackClock, TurnState
from tts_rig import RATE, SAMPLES_PER_CHAR, Rig, check_whole, say


def test_an_announcement_tells_what_was_heard_when_it_is_over():
    rig = Rig()
    uid = say(rig, 'Battery low. Going home.', rate=2.0)
    assert rig.jobs[0].request.rate == 2.0
    rig.play_out(uid)
    (result,) = rig.said
    assert result.outcome == Say.Result.OUTCOME_DONE
    assert result.spoken_text == 'Battery low. Going home.'
    assert result.played_s == pytest.approx(24 * SAMPLES_PER_CHAR / 22050, abs=0.01)
    assert result.backend == 'tone'
    assert {c.turn_seq for c in rig.chunks(uid)} == {0}


def test_progress_follows_the_playback_clock():
    rig = Rig()
    uid = say(rig, 'Battery low. Going home.')
    rig.played(round(9.0 * SAMPLES_PER_CHAR * RATE / 22050), uid)
    assert rig.core.say_progress(uid) == (pytest.approx(9 * 1000 / 22050, abs=0.001), 7)


def test_a_flushed_announcement_was_interrupted_and_says_what_was_heard():
    rig = Rig()
    uid = say(rig, 'Battery low. Going home.')
    rig.played(round(12 * SAMPLES_PER_CHAR * RATE / 22050), uid, PlaybackClock.STATE_FLUSHED)
    (result,) = rig.said
    assert (result.outcome, result.spoken_text) == (Say.Result.OUTCOME_INTERRUPTED, 'Battery low')


def test_a_cancelled_announcement_ends_where_it_was_published():
    rig = Rig()
    rig.automatic = False
    uid = say(rig, 'One is long enough. ' * 20)
    rig.finish(rig.jobs[0])
    running = rig.jobs[-1]
    rig.take(rig.core.cancel_say(uid, rig.now()))
    assert running.abort.is_set
    assert rig.chunks(uid)[-1].last
    assert rig.said == [], 'what is queued is still heard'
    heard = rig.samples(uid)
    rig.played(heard, uid, PlaybackClock.STATE_DONE)
    (result,) = rig.said
    assert result.outcome == Say.Result.OUTCOME_CANCELLED
    assert result.spoken_text == 'One is long enough'
    assert rig.samples(uid) == heard


def test_an_announcement_cancelled_before_it_sounds_ends_at_once():
    rig = Rig()
    rig.automatic = False
    uid = say(rig, 'Never said.')
    rig.take(rig.core.cancel_say(uid, rig.now()))
    assert [r.outcome for r in rig.said] == [Say.Result.OUTCOME_CANCELLED]
    assert rig.samples(uid) == 0


@pytest.mark.parametrize(('sentences', 'heard'), [(0, ''), (1, 'Battery low')])
def test_an_announcement_whose_engine_is_lost_fails_and_tells_what_was_heard(sentences, heard):
    rig = Rig()
    rig.automatic = False
    uid = say(rig, 'Battery low. Going home.')
    for n in range(sentences):
        rig.finish(rig.jobs[n])
    rig.take(rig.core.on_failed(rig.jobs[-1], 'no voice', rig.now()))
    if rig.samples(uid):
        assert rig.said == []
        rig.play_out(uid)
    (result,) = rig.said
    assert (result.outcome, result.message) == (Say.Result.OUTCOME_FAILED, 'no voice')
    assert result.spoken_text == heard


def test_an_announcement_that_nobody_plays_fails_and_says_why():
    rig = Rig()
    uid = say(rig, 'Anyone?')
    rig.clock.advance(4.9)
    rig.take(rig.core.on_tick(rig.now()))
    assert rig.said == []
    rig.played(100, 'another', PlaybackClock.STATE_PLAYING)
    rig.clock.advance(4.9)
    rig.take(rig.core.on_tick(rig.now()))
    assert rig.said == []
    rig.played(0, uid, PlaybackClock.STATE_PAUSED)
    rig.clock.advance(600)
    rig.take(rig.core.on_tick(rig.now()))
    assert rig.said == []
    rig.played(0, uid)
    rig.clock.advance(5.1)
    rig.take(rig.core.on_tick(rig.now()))
    (result,) = rig.said
    assert result.outcome == Say.Result.OUTCOME_FAILED
    assert 'audio_playback' in result.message


def test_nothing_to_announce_is_done_at_once():
    rig = Rig()
    uid = say(rig, ' ')
    assert [(r.utterance_id, r.outcome) for r in rig.said] == [(uid, Say.Result.OUTCOME_DONE)]


def test_an_announcement_goes_out_beside_a_reply_that_waits():
    rig = Rig()
    rig.reply('word ' * 60, last=True)
    uid = say(rig, 'Door open.')
    assert check_whole(rig, uid) == 'Door open.'
    rig.turn(TurnState.PHASE_INTERRUPTED)
    rig.played(1, uid)
    assert rig.said == []
