"""The tts core with an engine run at once, a scripted player, and checks of what came out."""

import itertools

import numpy as np
from tektra_msgs.action import Say
from tektra_msgs.msg import AudioChunk, DialogueReply, PlaybackClock, TurnState, VisemeTrack

from tektra.runtime.clock import ManualClock
from tektra.tts.backend import Speech, TimedPhoneme, TimedWord, Voice
from tektra.tts.core import TtsCore, TtsOptions
from tektra.tts.engine import Engine
from tektra.tts.words import spans

RATE = 24000
SAMPLES_PER_CHAR = 1000  # of Tone, at its own 22,050 Hz


class Tone:
    """An engine that makes a tone, 1000 samples a character."""

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
    """The core, an engine run at once, a scripted player, and what was published."""

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
        """Play all of an utterance on a scripted clock, checking the back-pressure.

        Return its length.
        """
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
    """Check that an utterance is complete and without gap, overlap or second ending.

    Return its text.
    """
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


def say(rig, text, **more):
    uid, out = rig.core.say(Say.Goal(text=text, **more), rig.now())
    rig.take(out)
    return uid
