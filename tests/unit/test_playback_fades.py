"""Duck, pause, resume, cut and underrun: on the sample, and without a click."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playback_support import BLOCK, RATE, Player, jump, ramp, tone
from tektra_msgs.msg import PlaybackClock

from tektra.audio_playback.fades import Ramp

MS = RATE // 1000
# A 200 Hz tone of amplitude 12,000 moves at most 12,000 * 2 pi * 200 / 24,000 = 628 from sample to
# sample.
TONE_JUMP = 630
# A cut lets the last value decay along half a cosine over 120 samples: at most pi / 240 of it a
# sample.
DECAY_JUMP = 12_000 * np.pi / 240


@pytest.fixture
def player():
    made = Player()
    made.do('PLAY')
    made.say(tone(2 * RATE))
    made.play(960)
    return made


def test_a_ramp_is_a_raised_cosine_and_ends_on_its_target():
    gain = Ramp(1.0)
    gain.to(0.0, 4)
    assert gain.take(6) == pytest.approx([0.8536, 0.5, 0.1464, 0, 0, 0], abs=1e-4)
    gain.to(1.0, 4)
    first = gain.take(2)
    assert gain.value == pytest.approx(float(first[-1]))
    gain.to(0.0, 2)  # turned round half-way
    assert gain.take(2)[-1] == 0.0


def test_duck_and_unduck_reach_their_gain_in_time_and_do_not_click(player):
    player.do('DUCK', gain=0.25)
    out = player.play(100 * MS)
    whole = tone(100 * MS, 960)
    assert np.abs(out[20 * MS :] - whole[20 * MS :] * 0.25).max() <= 1
    assert player.last().state == PlaybackClock.STATE_DUCKED
    assert player.last().gain == pytest.approx(0.25)
    player.do('UNDUCK')
    player.play(100 * MS)
    assert np.array_equal(player.play(10 * MS), tone(10 * MS, 960 + 200 * MS))
    assert player.states() == ['QUEUED', 'PLAYING', 'DUCKED', 'PLAYING']
    assert jump(player.heard) <= TONE_JUMP


def test_a_pause_holds_on_a_sample_and_resume_goes_on_from_exactly_there(player):
    player.do('PAUSE')
    player.play(100 * MS)
    paused = player.last()
    assert paused.state == PlaybackClock.STATE_PAUSED
    assert paused.played_samples == 960 + 15 * MS
    assert not player.core.wants_output
    assert not player.play(50 * MS).any()
    player.do('RESUME')
    assert player.core.wants_output
    out = player.play(100 * MS)
    assert np.array_equal(out[15 * MS :], tone(85 * MS, 960 + 30 * MS))
    assert player.states() == ['QUEUED', 'PLAYING', 'PAUSED', 'PLAYING']
    assert jump(player.heard) <= TONE_JUMP


def test_a_flush_does_not_click_and_neither_does_what_follows(player):
    player.say(tone(480), turn=0, revision=0, id='notice', last=True)
    player.do('FLUSH')
    player.play(50 * MS)
    assert jump(player.heard) <= TONE_JUMP + 12_000 * np.pi / 480
    assert player.states('notice') == ['QUEUED', 'PLAYING', 'DONE']


def test_a_flush_while_paused_is_at_once(player):
    player.do('PAUSE')
    player.play(480)
    player.do('FLUSH')
    assert player.states()[-1] == 'FLUSHED'
    assert player.clocks[-1].state == PlaybackClock.STATE_IDLE
    assert not player.core.wants_output


def test_a_flush_in_the_middle_of_a_pause_fade_does_not_click(player):
    player.do('PAUSE')
    player.play(5 * MS, block=5 * MS)
    player.do('FLUSH')
    player.play(20 * MS)
    assert player.states()[-1] == 'FLUSHED'
    assert jump(player.heard) <= TONE_JUMP


def test_sound_that_runs_out_rings_out_and_returns_softly():
    player = Player()
    player.do('PLAY')
    player.say(tone(990))  # ends away from zero
    player.play(1200)
    player.say(tone(990, 990), 990, last=True)
    player.play(2400)
    assert abs(int(tone(990)[-1])) > 10_000
    assert jump(player.heard) <= TONE_JUMP + DECAY_JUMP


def test_a_pause_while_nothing_comes_is_a_pause_when_speech_comes():
    player = Player()
    player.do('PLAY')
    player.say(ramp(240))
    player.play(480)
    player.do('PAUSE')
    player.play(240)
    player.say(ramp(240, 241), 240, last=True)
    assert not player.play(480).any()
    player.do('RESUME')
    player.play(480)
    assert player.states() == ['QUEUED', 'PLAYING', 'UNDERRUN', 'PAUSED', 'PLAYING', 'DONE']


def test_a_voice_over_the_playback_ducks_it_in_the_next_block(player):
    player.hear('START')
    player.play(BLOCK)
    assert player.last().state == PlaybackClock.STATE_DUCKED
    player.play(20 * MS)
    assert np.abs(player.play(BLOCK) - tone(BLOCK, 960 + 720) * 0.25).max() <= 1


def test_turn_taking_releases_the_duck(player):
    player.hear('START')
    player.play(480)
    player.do('UNDUCK', turn=0, revision=0)
    player.play(100 * MS)
    assert player.last().gain == 1.0


def test_a_duck_that_nobody_confirms_ends_by_itself_2500_ms_after_the_speech():
    player = Player()
    player.do('PLAY')
    player.say(tone(8 * RATE))
    player.play(480)
    player.hear('START')
    for _ in range(30):  # someone speaks for 960 ms
        player.play(32 * MS)
        player.hear('NONE')
    player.hear('END')
    player.play(2490 * MS)
    assert player.last().state == PlaybackClock.STATE_DUCKED
    player.play(120 * MS)
    assert player.last().state == PlaybackClock.STATE_PLAYING
    assert player.last().gain == 1.0


def test_a_duck_by_turn_taking_stays_until_turn_taking_ends_it():
    player = Player()
    player.do('PLAY')
    player.say(tone(8 * RATE))
    player.play(480)
    player.hear('START')
    player.do('DUCK', gain=0.1)
    player.hear('END')
    player.play(4 * RATE)
    assert player.last().gain == pytest.approx(0.1)


def test_the_reply_after_a_ducked_one_is_played_at_full_gain(player):
    player.hear('START')
    player.play(480)
    player.do('FLUSH')
    player.play(480)
    player.do('PLAY', turn=2)
    player.say(ramp(480), turn=2, id='next', last=True)
    assert np.array_equal(player.play(480), ramp(480))


def test_a_voice_does_not_duck_when_nothing_plays_or_when_told_not_to():
    for options in ({}, {'self_duck': False}):
        player = Player(**options)
        if options:
            player.do('PLAY')
            player.say(ramp(960))
            player.play(BLOCK)
        player.hear('START')
        player.play(480)
        assert 'DUCKED' not in player.states()


def test_a_gain_command_for_another_turn_changes_nothing(player):
    player.do('PAUSE', turn=5)
    player.do('DUCK', turn=1, revision=9, gain=0.1)
    player.do('PAUSE', id='somebody else')
    assert np.array_equal(player.play(480), tone(480, 960))


def test_a_pause_when_nothing_plays_does_not_hold_the_next_reply():
    player = Player()
    player.do('PAUSE', turn=0, revision=0)
    player.do('PLAY')
    player.say(ramp(480), last=True)
    assert np.array_equal(player.play(480), ramp(480))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_sample_is_heard_once_and_in_order_whatever_comes_when(data):
    """Any interleaving of arrivals, pauses, ducks and blocks of any size."""
    total = data.draw(st.integers(1, 6000))
    source = ramp(total)
    player = Player()
    consumed, sent = [], 0
    core = player.core
    real = core._mixer.apply

    def spy(pcm):
        consumed.append(pcm.copy())
        return real(pcm)

    core._mixer.apply = spy
    for _ in range(data.draw(st.integers(1, 25))):
        action = data.draw(st.sampled_from(['say', 'mix', 'pause', 'resume', 'duck', 'play']))
        if action == 'say':
            if sent == total:
                continue
            size = data.draw(st.integers(1, 2000))
            back = data.draw(st.integers(0, min(sent, 50)))  # some of it again
            part = source[sent - back : sent + size]
            sent = min(total, sent + size)
            player.say(part, int(sent - part.size), last=sent == total)
        elif action == 'mix':
            player.play(data.draw(st.integers(1, 1000)), block=1000)
        elif action == 'play':
            player.do('PLAY')
        else:
            player.do(action.upper(), gain=0.5, turn=0, revision=0)
    player.do('RESUME')
    player.do('UNDUCK')
    player.do('PLAY')
    player.say(source[sent:], sent, last=True)
    player.play(2 * total + 4800, block=1000)
    assert np.array_equal(np.concatenate(consumed), source)
    assert player.last().state == PlaybackClock.STATE_DONE
    assert player.last().played_samples == total
    played = [c.played_samples for c in player.clocks if c.utterance_id == 'reply']
    assert played == sorted(played)
    assert player.core.queue.lost_chunks == 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_without_changes_of_gain_the_output_is_the_speech_bit_for_bit(data):
    """Whole chunks in time: nothing but the samples themselves comes out."""
    cuts = data.draw(st.lists(st.integers(1, 900), min_size=1, max_size=12))
    player = Player()
    player.do('PLAY')
    source, first = ramp(sum(cuts)), 0
    for index, size in enumerate(cuts):
        last = index == len(cuts) - 1
        player.say(source[first : first + size], first, last=last)
        first += size
    out = player.play(first, block=data.draw(st.integers(1, 700)))
    assert np.array_equal(out, source)


@settings(max_examples=60, deadline=None)
@given(
    commands=st.lists(
        st.tuples(
            st.sampled_from(['PAUSE', 'RESUME', 'DUCK', 'UNDUCK', 'FLUSH']), st.integers(1, 900)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_no_order_of_commands_makes_a_click(commands):
    player = Player()
    player.do('PLAY')
    player.say(tone(RATE))
    player.play(480)
    for command, samples in commands:
        player.do(command, gain=0.3)
        player.play(samples, block=100)
    player.play(1000)
    # the tone's own slope plus that of the steepest fade (10 ms) at full amplitude
    assert jump(player.heard) <= TONE_JUMP + 12_000 * np.pi / 480
