"""The tts core: what is spoken, when it may go out, and what is void."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tektra_msgs.msg import PlaybackClock, TurnState
from tts_rig import RATE, SAMPLES_PER_CHAR, Rig, Tone, check_whole

from tektra.dialogue.heard import heard_text
from tektra.runtime import pcm
from tektra.runtime.backends import BackendUnavailable
from tektra.tts.backend import Abort, SpeechRequest
from tektra.tts.backends.captions import Captions
from tektra.tts.core import TtsOptions
from tektra.tts.engine import Engine


def test_a_reply_becomes_audio_with_word_times_and_mouth_shapes():
    rig = Rig()
    rig.reply('Hi there. ', uid='u')
    rig.reply('You ok?', seq=1, last=True)
    assert check_whole(rig) == 'Hi there. You ok?'
    first, second = rig.tracks()
    assert list(first.words) == ['Hi', 'there']
    assert list(second.words) == ['You', 'ok']
    assert list(second.word_text_offset) == [10, 14]
    assert list(second.word_text_length) == [3, 2]
    assert list(first.visemes) == ['aa', 'I', 'sil']
    assert list(first.phonemes) == ['ˈaɪ', '', '']
    length = round(10 * SAMPLES_PER_CHAR * RATE / 22050)
    assert first.end_sample == second.start_sample == length
    assert next(iter(second.word_start_sample)) == length
    assert list(first.viseme_start_sample) == [0, length // 4, length // 2]
    assert first.backend == 'tone'
    for track in rig.tracks():
        for times in (track.viseme_start_sample, track.word_start_sample, track.word_end_sample):
            assert list(times) == sorted(times)
            assert all(track.start_sample <= t <= track.end_sample for t in times)


def test_the_resampled_audio_is_the_tone_without_seams():
    rig = Rig()
    rig.reply('a' * 30, last=True)
    rig.play_out()
    assert not rig.core.speaking
    sound = np.concatenate([pcm.from_bytes(bytes(c.data)) for c in rig.chunks()]).astype(float)
    ideal = 8000 * np.sin(2 * np.pi * 200 * np.arange(sound.size) / RATE)
    middle = slice(2000, -2000)
    assert np.abs(sound - ideal)[middle].max() < 80
    assert rig.chunks()[3].level_dbfs == pytest.approx(20 * np.log10(8000 / 32768) - 3.01, abs=0.2)
    assert all(len(c.data) <= 2 * 960 for c in rig.chunks())


def test_before_any_word_of_the_player_two_seconds_go_out():
    rig = Rig()
    rig.reply('word ' * 40, last=True)
    assert 1.95 * RATE <= rig.samples() <= 2.0 * RATE
    assert rig.core.speaking  # although the engine has nothing to do
    rig.played(0, state=PlaybackClock.STATE_QUEUED)
    assert rig.samples() <= 2.0 * RATE
    rig.played(RATE)
    assert 2.95 * RATE <= rig.samples() <= 3.0 * RATE


def test_a_two_minute_reply_loses_no_sample_and_is_never_held_in_full():
    rig = Rig()
    text = 'This is one sentence of a long reply. ' * 75
    held = 0
    words = text.split(' ')
    for seq, word in enumerate(words):
        rig.reply(word + ' ' * (seq < len(words) - 1), seq=seq, last=seq == len(words) - 1)
        utterance = rig.core._open.get('u')
        if utterance is not None:
            held = max(held, len(utterance.sounds) + (utterance.job is not None))
    length = rig.play_out()
    assert length == sum(
        round(SAMPLES_PER_CHAR * len(t) * RATE / 22050) for t in rig.engine.spoken
    )
    assert length > 120 * RATE
    assert ''.join(rig.engine.spoken) == text
    assert check_whole(rig) == text
    assert held <= 2
    assert len(rig.core._open) == 0


@pytest.mark.parametrize('text', ['', '   ', '😀', '...\n'])
def test_an_empty_reply_ends_at_once(text):
    rig = Rig()
    rig.reply(text, last=True)
    assert check_whole(rig) == text
    assert rig.samples() == 0
    assert rig.jobs == []


def test_an_end_that_comes_late_closes_with_an_empty_chunk():
    rig = Rig()
    rig.reply('One. Two')
    rig.reply('.', seq=1)
    rig.reply('', seq=2, last=True)
    assert check_whole(rig) == 'One. Two.'
    rig = Rig()
    rig.reply('One.\n')
    assert not rig.chunks()[-1].last
    rig.reply('', seq=1, last=True)
    assert check_whole(rig) == 'One.\n'


WAYS = {
    'the turn was reopened': lambda rig: rig.turn(TurnState.PHASE_REOPENED, revision=1),
    'the turn came to nothing': lambda rig: rig.turn(TurnState.PHASE_CANCELLED),
    'the reply was interrupted': lambda rig: rig.turn(TurnState.PHASE_INTERRUPTED),
    'a newer revision is answered': lambda rig: rig.reply('x', uid='v', revision=1),
    'a newer turn was committed': lambda rig: rig.turn(TurnState.PHASE_COMMITTED, turn=2),
    'the reply was cancelled': lambda rig: rig.reply('', seq=1, cancelled=True),
    'the player flushed it': lambda rig: rig.played(10, state=PlaybackClock.STATE_FLUSHED),
    'another session began': lambda rig: rig.turn(TurnState.PHASE_LISTENING, session='t', turn=0),
}


@pytest.mark.parametrize('way', WAYS)
def test_void_speech_is_stopped_and_never_heard_of_again(way):
    rig = Rig()
    rig.turn(TurnState.PHASE_EAGER_END)
    rig.automatic = False
    rig.reply('One sentence here. Another sentence here. A third one.', last=False)
    (job,) = rig.jobs
    rig.finish(job)
    running = rig.jobs[-1]
    assert running is not job
    assert not running.abort.is_set
    before = len(rig.chunks())
    assert before > 0
    WAYS[way](rig)
    assert running.abort.is_set
    rig.automatic = True
    rig.finish(running)
    rig.played(RATE)
    rig.reply('More. Still more. ', seq=1, last=True)
    rig.reply('Begin again.', seq=0, last=True)
    assert len(rig.chunks()) == before
    rig.turn(TurnState.PHASE_COMMITTED, turn=3, session='t' if 'session' in way else 's')
    rig.reply('New.', uid='w', turn=3, last=True, session='t' if 'session' in way else 's')
    assert check_whole(rig, 'w') == 'New.'


def test_a_person_who_only_begins_to_speak_does_not_silence_the_reply():
    rig = Rig()
    rig.turn(TurnState.PHASE_COMMITTED)
    rig.reply('word ' * 40, last=True)
    rig.turn(TurnState.PHASE_USER_SPEAKING, turn=2)
    rig.turn(TurnState.PHASE_CANCELLED, turn=2)
    rig.play_out()
    assert check_whole(rig) == 'word ' * 40


def test_a_void_that_comes_before_its_reply_holds():
    rig = Rig()
    rig.turn(TurnState.PHASE_REOPENED, revision=2)
    rig.reply('Too old.', revision=1, last=True)
    assert rig.out == []
    rig.reply('Right.', uid='v', revision=2, last=True)
    assert check_whole(rig, 'v') == 'Right.'


def test_a_respawned_tts_ignores_a_reply_it_did_not_hear_begin():
    rig = Rig()
    rig.reply('the second half.', seq=4)
    rig.reply('', seq=5, last=True)
    rig.played(500)
    assert rig.out == []
    assert rig.core.lost_fragments == 2
    rig.reply('Next.', uid='v', turn=2, last=True)
    assert check_whole(rig, 'v') == 'Next.'


def test_a_fragment_is_lost_only_if_it_would_have_been_spoken():
    rig = Rig()
    rig.reply('One. ')
    rig.reply('One. ')  # a repeat
    rig.reply('', seq=1, last=True, cancelled=True)
    rig.reply('Two.', seq=1)  # late
    rig.turn(TurnState.PHASE_COMMITTED, turn=3)
    rig.reply('Void.', uid='v', turn=2, seq=1)
    assert rig.core.lost_fragments == 0
    rig.reply('A. ', uid='w', turn=3)
    rig.reply('C. ', uid='w', turn=3, seq=2)
    assert rig.core.lost_fragments == 1


def test_an_announcement_of_dialogue_is_given_up_when_playback_is_gone():
    rig = Rig()
    rig.reply('word ' * 60, turn=0, last=True)
    rig.played(100)
    rig.clock.advance(4.9)
    rig.take(rig.core.on_tick(rig.now()))
    assert len(rig.core._open) == 1
    rig.clock.advance(0.2)
    rig.take(rig.core.on_tick(rig.now()))
    assert len(rig.core._open) == 0
    rig.reply('word ' * 60, uid='v', turn=1, last=True)
    rig.clock.advance(600)
    rig.take(rig.core.on_tick(rig.now()))
    assert len(rig.core._open) == 1, 'a reply waits for its turn'


def test_a_session_that_is_over_says_nothing_more():
    rig = Rig()
    rig.turn(TurnState.PHASE_LISTENING, session='old', turn=0)
    rig.turn(TurnState.PHASE_LISTENING, session='new', turn=0)
    rig.turn(TurnState.PHASE_COMMITTED, session='old', turn=1)
    rig.reply('Old.', session='old', last=True)
    assert rig.out == []
    rig.reply('New.', uid='n', session='new', last=True)
    assert check_whole(rig, 'n') == 'New.'


@settings(max_examples=60, deadline=None)
@given(
    st.text('ab, .!?😀\n1', max_size=200),
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.lists(st.integers(0, 3), min_size=1, max_size=5),
)
def test_every_character_and_sample_goes_out_once_in_any_order_of_events(text, sizes, delays):
    rig = Rig(TtsOptions(ahead_s=0.5))
    rig.automatic = False
    fragments, at = [], 0
    for size in itertools.cycle(sizes):
        fragments.append(text[at : at + size])
        at += size
        if at >= len(text):
            break
    waiting, played = [], 0
    for seq, fragment in enumerate(fragments):
        rig.reply(fragment, seq=seq, last=seq == len(fragments) - 1)
        for _ in range(delays[seq % len(delays)]):
            played = settle(rig, waiting, played)
    for _ in range(3000):
        if rig.chunks() and rig.chunks()[-1].last:
            break
        played = settle(rig, waiting, played)
    assert check_whole(rig) == text


def settle(rig, waiting, played):
    """Let the engine finish what is out, and the player go on by half a second."""
    waiting += [job for job in rig.jobs if job not in waiting]
    for job in [j for j in rig.jobs if not hasattr(rig, 'done') or j not in rig.done]:
        rig.done = [*getattr(rig, 'done', []), job]
        rig.finish(job)
    played = min(rig.samples(), played + RATE // 2)
    rig.played(played)
    return played


def make_engine(*backends, changes=None):
    table = {f'b{i}': (lambda b=b: b) for i, b in enumerate(backends)}
    heard = changes if changes is not None else []
    return Engine(tuple(table), table, heard.append, 0, 'en-US')


def test_an_engine_that_breaks_in_a_reply_is_replaced_without_losing_or_repeating_a_sentence():
    first, second, changes = Tone(), Tone(), []
    first.break_at = 2
    rig = Rig(engine=make_engine(first, second, changes=changes))
    text = 'One is said. Two is said. Three is said. Four is said.'
    rig.reply(text, last=True)
    rig.play_out()
    assert first.spoken + second.spoken == [
        'One is said. ',
        'Two is said. ',
        'Three is said. ',
        'Four is said.',
    ]
    assert len(first.spoken) == 2
    assert check_whole(rig) == text
    assert [t.backend for t in rig.tracks()] == ['b0', 'b0', 'b1', 'b1']
    assert changes[-1].degraded
    assert 'the tone is off' in changes[-1].event


def test_an_engine_that_recovers_is_used_again():
    first, second = Tone(), Tone()
    first.break_at = 0
    engine = make_engine(first, second)
    request = SpeechRequest('x', 'en-US')
    assert engine.speak(request, Abort(), 0).backend == 'b1'
    first.break_at = None
    engine.maintain(10**9)
    assert engine.speak(request, Abort(), 10**9).backend == 'b1'
    engine.maintain(3 * 10**9)
    assert engine.speak(request, Abort(), 3 * 10**9).backend == 'b0'


def test_when_no_engine_is_left_the_reply_ends_and_says_so():
    broken = Tone()
    broken.break_at = 1
    engine = make_engine(broken)
    rig = Rig()
    rig.automatic = False
    rig.reply('One. Two. ', last=True)
    done = engine.speak(rig.jobs[0].request, rig.jobs[0].abort, 0)
    rig.take(rig.core.on_speech(rig.jobs[0], done.speech, done.backend, 0))
    with pytest.raises(BackendUnavailable, match='the tone is off'):
        engine.speak(rig.jobs[1].request, rig.jobs[1].abort, 0)
    rig.take(rig.core.on_failed(rig.jobs[1], 'gone', 0))
    assert rig.chunks()[-1].last
    assert rig.samples() == round(5 * SAMPLES_PER_CHAR * RATE / 22050)
    closing = rig.tracks()[-1]
    assert closing.last
    assert closing.text_offset == len('One. '), 'the rest was never spoken'
    assert heard_text(rig.tracks(), rig.samples(), 'One. Two. ') == 'One.'


def test_when_the_engine_is_lost_what_it_has_made_is_still_spoken_in_full():
    rig = Rig()
    rig.automatic = False
    first = 'This sentence is much longer than the two seconds that go out ahead of the player. '
    rig.reply(first + 'Two. ', last=True)
    rig.finish(rig.jobs[0])
    rig.take(rig.core.on_failed(rig.jobs[1], 'gone', 0))
    assert not rig.ended
    length = rig.play_out()
    assert length == round(len(first) * SAMPLES_PER_CHAR * RATE / 22050)
    assert [t.last for t in rig.tracks()] == [False, True]
    assert heard_text(rig.tracks(), length, first + 'Two. ') == first.strip()


def test_captions_only_is_silence_of_the_time_that_speaking_takes():
    rig = Rig(engine=make_engine(Captions()))
    text = 'This sentence has exactly ten syllables. ' * 6
    rig.reply(text, last=True)
    length = rig.play_out() / RATE
    assert check_whole(rig) == text
    assert 6 * 10 / 3.83 < length < 6 * 14 / 3.83
    assert all(not any(c.data) and c.level_dbfs == -120 for c in rig.chunks())
    track = rig.tracks()[0]
    assert list(track.words) == ['This', 'sentence', 'has', 'exactly', 'ten', 'syllables']
    assert list(track.visemes) == []


def test_rate_pitch_voice_language_and_volume_reach_the_engine_and_the_audio():
    rig = Rig(TtsOptions(voice='mine', language='en-GB', rate=1.5, pitch=1.2, volume=0.5))
    rig.reply('Hi.', last=True)
    rig.reply('Hi.', uid='v', turn=2, last=True, language='de', voice='')
    rig.reply('Hi.', uid='w', turn=3, last=True, voice='other')
    asked = [
        (j.request.voice, j.request.language, j.request.rate, j.request.pitch) for j in rig.jobs
    ]
    assert asked == [
        ('mine', 'en-GB', 1.5, 1.2),
        ('', 'de', 1.5, 1.2),
        ('other', 'en-GB', 1.5, 1.2),
    ]
    sound = np.concatenate([pcm.from_bytes(bytes(c.data)) for c in rig.chunks()])
    assert 3900 < np.abs(sound[500:-500]).max() < 4100
