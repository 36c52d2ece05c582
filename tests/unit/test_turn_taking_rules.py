"""Whatever comes in whatever order: the promises that turn_taking makes to everyone else hold."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tektra_msgs.msg import (
    PlaybackClock,
    PlaybackControl,
    TextInput,
    Transcript,
    TurnState,
    VoiceActivity,
)

from tektra.runtime.clock import ManualClock
from tektra.turn_taking.core import TurnTakingCore
from tektra.turn_taking.params import TurnTakingParams
from tektra.turn_taking.tracker import TurnTracker

TEXTS = st.sampled_from(
    ['', 'turn left', 'okay', 'stop', 'go and', 'the house', 'um', 'what time is it']
)
UTTERANCES = st.sampled_from(['a', 'b', 'c', 'd'])
OPENS = (TurnState.PHASE_USER_SPEAKING, TurnState.PHASE_COMMITTED)
CLOSES = (TurnState.PHASE_COMMITTED, TurnState.PHASE_CANCELLED)


class Promises(RuleBasedStateMachine):
    """Feeds the core anything, and checks every message that comes out."""

    def __init__(self):
        super().__init__()
        self.clock = ManualClock(1)
        self.core = TurnTakingCore(TurnTakingParams())
        self.newest = 0
        self.revisions = {}
        self.closed = {}  # turn_seq -> phase
        self.ended = set()  # replied or interrupted
        self.last_commit = None
        self.played = set()
        self.flushed_to = 0
        self.stt_revision = 0
        self.chunk = 100
        self.check(self.core.start(self.clock.now_ns()))

    # ---- what comes in

    @rule(
        utterance=st.sampled_from(['', 'a', 'b', 'c', 'd']),
        event=st.integers(VoiceActivity.EVENT_NONE, VoiceActivity.EVENT_ABORT),
        voiced=st.booleans(),
        chunks=st.integers(1, 30),
    )
    def vad(self, utterance, event, voiced, chunks):
        self.clock.advance(0.032 * chunks)
        self.chunk += chunks
        first = self.chunk * 512
        m = VoiceActivity(
            stream_id='mic', utterance_id=utterance, event=event, speaking=voiced,
            sample_rate=16000, first_sample=first, sample_count=512,
            end_sample=first + 512 if voiced else first - 4096,
        )  # fmt: skip
        self.check(self.core.on_vad(m, self.clock.now_ns()))

    @rule(
        utterance=UTTERANCES, text=TEXTS, final=st.booleans(), stale=st.integers(0, 3),
        restarts=st.integers(0, 1),
    )  # fmt: skip
    def transcript(self, utterance, text, final, stale, restarts):
        self.stt_revision += 1
        m = Transcript(
            stream_id='mic', utterance_id=utterance, revision=max(0, self.stt_revision - stale),
            text=text, is_final=final, language='en', start_sample=restarts,
            end_sample=self.chunk * 512, sample_rate=16000,
        )  # fmt: skip
        self.check(self.core.on_transcript(m, self.clock.now_ns()))

    @rule(text=TEXTS, line=st.integers(0, 20))
    def typed(self, text, line):
        m = TextInput(text=text, input_id=str(line))
        self.check(self.core.on_text(m, self.clock.now_ns()))

    @rule(
        back=st.integers(0, 3),
        revision=st.integers(1, 2),
        state=st.integers(PlaybackClock.STATE_IDLE, PlaybackClock.STATE_DONE),
        ours=st.booleans(),
    )
    def playback(self, back, revision, state, ours):
        m = PlaybackClock(
            session_id=self.core.session_id if ours else 'other',
            turn_seq=max(0, self.newest - back),
            revision=revision, state=state, utterance_id=f'r{self.newest - back}',
        )  # fmt: skip
        self.check(self.core.on_playback(m, self.clock.now_ns()))

    @rule(action=st.integers(0, 3))
    def button(self, action):
        answer, out = self.core.push_to_talk(action, self.clock.now_ns())
        assert answer.success or answer.message
        self.check(out)

    @rule(steps=st.integers(1, 200))
    def time_passes(self, steps):
        for _ in range(steps):
            self.clock.advance(0.1 if steps > 40 else 0.02)
            self.check(self.core.tick(self.clock.now_ns()))

    # ---- what must hold

    @invariant()
    def never_both_an_open_turn_and_a_reply_due(self):
        floor = self.core._floor
        assert floor.turn is None or floor.replies.reply is None

    def check(self, out):
        for m in out:
            assert m.session_id == self.core.session_id
            (self._check_state if isinstance(m, TurnState) else self._check_control)(m)

    def _check_state(self, m):
        seq, phase = m.turn_seq, m.phase
        if seq == 0:
            assert phase in (TurnState.PHASE_EAGER_END, TurnState.PHASE_LISTENING)
            assert not m.text_final
            return
        if seq > self.newest:
            assert phase in OPENS
            assert seq == self.newest + 1
            self.newest = seq
        assert m.revision >= self.revisions.get(seq, 1)
        self.revisions[seq] = m.revision
        if phase == TurnState.PHASE_LISTENING:
            return
        if phase in (TurnState.PHASE_INTERRUPTED, TurnState.PHASE_REPLIED):
            assert self.closed[seq] == TurnState.PHASE_COMMITTED
            assert seq not in self.ended
            self.ended.add(seq)
            return
        assert seq not in self.closed, 'nothing follows the commit or the cancel of a turn'
        assert seq > self.flushed_to
        if phase in CLOSES:
            self.closed[seq] = phase
        if phase == TurnState.PHASE_COMMITTED:
            assert m.text.strip()
            assert m.text_final
            assert m.wait_s >= 0
            self.last_commit = (seq, m.revision)

    def _check_control(self, m):
        key = (m.turn_seq, m.revision)
        if m.command == PlaybackControl.COMMAND_PLAY:
            assert key == self.last_commit
            assert m.turn_seq > self.flushed_to  # released twice: nothing; after a flush: never
            self.played.add(key)
        elif m.command == PlaybackControl.COMMAND_FLUSH and m.turn_seq:
            assert key in self.played
            self.flushed_to = m.turn_seq
        elif m.command == PlaybackControl.COMMAND_CANCEL:
            assert key not in self.played

    def teardown(self):
        for _ in range(400):  # everything that waits ends by itself, except what is paused
            self.clock.advance(0.5)
            self.check(self.core.tick(self.clock.now_ns()))
        replies = self.core._floor.replies
        held = replies.reply is not None and replies.reply.paused
        assert self.core.pending == (held or bool(replies.announcement))
        assert not replies.announcement or replies.announcement_paused


TestPromises = Promises.TestCase
TestPromises.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_a_turn_is_committed_once_and_only_in_its_newest_revision():
    tracker = TurnTracker()
    seq, revision = tracker.open()
    assert (seq, revision) == (1, 1)
    newer = tracker.revise()
    assert not tracker.commit(seq, revision)
    assert tracker.commit(seq, newer)
    assert not tracker.commit(seq, newer)
    assert not tracker.void(seq)


def test_a_second_turn_cannot_open_before_the_first_has_ended():
    tracker = TurnTracker()
    tracker.open()
    with pytest.raises(RuntimeError, match='turn 1 is still open'):
        tracker.open()
    assert tracker.void(1)
    assert tracker.open() == (2, 1)
    tracker.commit(2, 1)
    with pytest.raises(RuntimeError, match='no turn is open'):
        tracker.revise()
