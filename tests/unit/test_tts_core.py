"""The tts core: what is spoken, when it may go out, and what is void."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tektra_msgs.action import Say
from tektra_msgs.msg import AudioChunk, DialogueReply, PlaybackClock, TurnState, VisemeTrack

from tektra.runtime import pcm
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.clock import ManualClock
from tektra.tts.backend import Abort, Speech, SpeechRequest, TimedPhoneme, TimedWord, Voice
from tektra.tts.backends.captions import Captions
from tektra.tts.core import TtsCore, TtsOptions
from tektra.tts.engine import Engine
from tektra.tts.words import spans

RATE = 24000
SAMPLES_PER_CHAR = 1000  # of Tone, at its own 22,050 Hz


class Tone:
    """An engine whose audio tells where it came from: a rising count of samples, 1000 a character."""

    rate = 22050

    def __init__(self):
        self.spoken = []
        self.break_at = None

    def voices(self):
        return [Voice('tone', ('en-US',), 'tone')]

    def resolve_voice(self, voice, language):
        return 'tone'

    def synthesize(self, request, abort):
        if self.break_at is not None and len(self.spoken) >= self.break_at:
            raise RuntimeError('the tone is off')
        self.spoken.append(request.text)
        samples = SAMPLES_PER_CHAR * len(request.text)
        sound = (8000 * np.sin(2 * np.pi * 200 * np.arange(samples) / self.rate)).astype('<i2')
        words = tuple(
            TimedWord(o, n, o * SAMPLES_PER_CHAR, (o + n) * SAMPLES_PER_CHAR)
            for o, n in spans(request.text)
        )
        phonemes = (TimedPhoneme('ˈaɪ', 0, samples // 2), TimedPhoneme('', samples // 2, samples))
        return Speech(self.rate, sound.tobytes(), phonemes, words, abort.is_set)

    def close(self):
        pass


class Rig:
    """The core with an engine run at once, a scripted player, and everything that was published."""

    def __init__(self, options=None, engine=None):
        self.clock = ManualClock(10**9)
        ids = itertools.count()
        self.core = TtsCore(options or TtsOptions(), lambda: f'id{next(ids)}')
        self.engine = engine or Tone()
        self.out, self.said, self.seq = [], [], itertools.count()
        self.jobs = []
        self.counts, self.ended = {}, set()
        self.automatic = True

    def now(self):
        return self.clock.now_ns()

    def take(self, output):
        self.out += output.messages
        self.said += output.said
        for chunk in output.messages:
            if isinstance(chunk, AudioChunk):
                uid = chunk.utterance_id
                self.counts[uid] = self.counts.get(uid, 0) + len(chunk.data) // 2
                self.ended |= {uid} if chunk.last else set()
        if self.core.more:
            self.take(self.core.go_on(self.now()))
        while (job := self.core.next_job()) is not None:
            self.jobs.append(job)
            if not self.automatic:
                return
            self.finish(job)

    def finish(self, job):
        if isinstance(self.engine, Engine):
            done = self.engine.speak(job.request, job.abort, self.now())
            self.take(self.core.on_speech(job, done.speech, done.backend, self.now()))
            return
        speech = self.engine.synthesize(job.request, job.abort)
        self.take(self.core.on_speech(job, speech, 'tone', self.now()))

    def reply(self, text, *, uid='u', turn=1, revision=0, seq=0, last=False, **more):
        self.take(
            self.core.on_reply(
                DialogueReply(
                    session_id=more.pop('session', 's'),
                    turn_seq=turn,
                    revision=revision,
                    utterance_id=uid,
                    seq=seq,
                    text=text,
                    last=last,
                    **more,
                ),
                self.now(),
            )
        )

    def turn(self, phase, *, turn=1, revision=0, session='s'):
        state = TurnState(session_id=session, turn_seq=turn, revision=revision, phase=phase)
        self.take(self.core.on_turn_state(state, self.now()))

    def played(self, samples, uid='u', state=PlaybackClock.STATE_PLAYING):
        clock = PlaybackClock(
            session_id='s', utterance_id=uid, state=state, played_samples=samples, sample_rate=RATE
        )
        self.take(self.core.on_playback_clock(clock, self.now()))

    def chunks(self, uid='u'):
        return [m for m in self.out if isinstance(m, AudioChunk) and m.utterance_id == uid]

    def tracks(self, uid='u'):
        return [m for m in self.out if isinstance(m, VisemeTrack) and m.utterance_id == uid]

    def samples(self, uid='u'):
        return self.counts.get(uid, 0)

    def play_out(self, uid='u', step_s=0.02):
        """Play all of an utterance on a scripted clock, checking the back-pressure; return its length."""
        ahead = round(2.0 * RATE)
        played = 0
        for _ in range(100_000):
            assert self.samples(uid) <= played + ahead
            if uid in self.ended and played == self.samples(uid):
                self.played(played, uid, PlaybackClock.STATE_DONE)
                return played
            self.clock.advance(step_s)
            played = min(self.samples(uid), played + round(step_s * RATE))
            self.played(played, uid)
        raise AssertionError('never ends')


def check_whole(rig, uid='u'):
    """Check that an utterance is complete and without gap, overlap or second ending; return its text."""
    chunks, tracks = rig.chunks(uid), rig.tracks(uid)
    assert [c.seq for c in chunks] == list(range(len(chunks)))
    assert [c.last for c in chunks] == [False] * (len(chunks) - 1) + [True]
    at = 0
    for chunk in chunks:
        assert chunk.first_sample == at
        assert (chunk.sample_rate, chunk.channels, chunk.encoding) == (RATE, 1, 1)
        at += len(chunk.data) // 2
    assert [t.seq for t in tracks] == list(range(len(tracks)))
    assert [t.last for t in tracks] == [False] * (len(tracks) - 1) + [True]
    at_sample = offset = 0
    for track in tracks:
        assert (track.start_sample, track.text_offset) == (at_sample, offset)
        at_sample, offset = track.end_sample, offset + len(track.text)
    assert at_sample == at
    return ''.join(t.text for t in tracks)


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
    assert list(second.word_start_sample)[0] == length
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
    assert rig.core.ignored == 2
    rig.reply('Next.', uid='v', turn=2, last=True)
    assert check_whole(rig, 'v') == 'Next.'


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


# ---- announcements -------------------------------------------------------------------------------------------------


def say(rig, text, **more):
    uid, out = rig.core.say(Say.Goal(text=text, **more), rig.now())
    rig.take(out)
    return uid


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
