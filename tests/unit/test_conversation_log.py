"""The observer: what people read, what report.json says, and when a conversation is over."""

from collections import Counter

import pytest
from builtin_interfaces.msg import Time
from lifecycle_msgs.msg import State
from std_msgs.msg import Header
from tektra_msgs.msg import (
    AudioChunk,
    BackendState,
    DialogueReply,
    NodeHeartbeat,
    PlaybackClock,
    SystemState,
    Transcript,
    TurnState,
    VisemeTrack,
)

from tektra.conversation.core import QUIET_S, STUCK_S, TOPICS, ConversationLog
from tektra.conversation.lines import Kind
from tektra.conversation.roster import ProcessFigures

START_NS = 1_000_000_000_000
RATE = 24_000


def stamp(ms):
    sec, nanosec = divmod(START_NS + round(ms * 1e6), 10**9)
    return Time(sec=sec, nanosec=nanosec)


class Scene:
    """Feeds a log with messages at times in ms; keeps the lines."""

    def __init__(self):
        self.log = ConversationLog()
        self.lines = []
        self.ms = 0

    def at(self, ms):
        self.ms = ms
        return self

    @property
    def now_ns(self):
        return START_NS + round(self.ms * 1e6)

    def feed(self, message):
        self.lines += self.log.feed(message, self.now_ns)
        return self

    def mic(self, last=False):
        self.log.feed_mic(AudioChunk(last=last), self.now_ns)
        return self

    def turn(self, phase, seq=1, revision=1, text='', session='s1', **more):
        more.setdefault('source', TurnState.SOURCE_VOICE)
        return self.feed(
            TurnState(
                header=Header(stamp=stamp(self.ms)),
                session_id=session,
                turn_id=f't{seq}',
                turn_seq=seq,
                revision=revision,
                phase=getattr(TurnState, f'PHASE_{phase}'),
                text=text,
                utterance_ids=[f'u{seq}'],
                **more,
            )
        )

    def hear(self, text, seq=1, final=True, latency_s=0.028):
        return self.feed(
            Transcript(
                utterance_id=f'u{seq}',
                is_final=final,
                text=text,
                stable_text=text[:2],
                latency_s=latency_s if final else 0.0,
            )
        )

    def fragment(self, text, number=0, seq=1, revision=1, last=True, id='r1', **more):
        return self.feed(
            DialogueReply(
                header=Header(stamp=stamp(self.ms)),
                session_id='s1',
                turn_seq=seq,
                revision=revision,
                utterance_id=id,
                seq=number,
                text=text,
                last=last,
                latency_s=0.001,
                backend='builtin',
                **more,
            )
        )

    def speech(self, seq=1, revision=1, id='r1'):
        return self.feed(
            AudioChunk(
                header=Header(stamp=stamp(self.ms)),
                session_id='s1',
                turn_seq=seq,
                revision=revision,
                utterance_id=id,
                data=b'\0\0',
            )
        )

    def words(self, text, per_word=6000, seq=1, id='r1'):
        words, offsets, at = text.split(), [], 0
        for word in words:
            at = text.index(word, at)
            offsets.append(at)
            at += len(word)
        return self.feed(
            VisemeTrack(
                session_id='s1',
                turn_seq=seq,
                utterance_id=id,
                sample_rate=RATE,
                end_sample=len(words) * per_word,
                text=text,
                words=words,
                word_start_sample=[i * per_word for i in range(len(words))],
                word_end_sample=[(i + 1) * per_word for i in range(len(words))],
                word_text_offset=offsets,
                word_text_length=[len(word) for word in words],
                last=True,
            )
        )

    def clock(self, state, played=0, first_ms=None, seq=1, revision=1, id='r1'):
        return self.feed(
            PlaybackClock(
                session_id='s1' if id else '',
                turn_seq=seq if id else 0,
                revision=revision,
                utterance_id=id,
                state=getattr(PlaybackClock, f'STATE_{state}'),
                played_samples=played,
                sample_rate=RATE,
                first_sample_time=Time() if first_ms is None else stamp(first_ms),
            )
        )

    def backend(self, capability, active='', reason='', event='chosen at configure'):
        return self.feed(
            BackendState(
                node=f'/{capability}',
                capability=capability,
                active=active,
                backends=['a'],
                states=[BackendState.STATE_UNAVAILABLE],
                reasons=[reason],
                event=event,
            )
        )

    def commit(self, text='go forward ten meters', seq=1, **more):
        return self.turn(
            'COMMITTED',
            seq,
            text=text,
            heard_backend='pocketsphinx',
            confidence=0.93,
            decision='finished command',
            end_of_speech=stamp(self.ms - 290),
            wait_s=0.256,
            **more,
        )

    def plain(self, *kinds):
        return [line.plain() for line in self.lines if not kinds or line.kind in kinds]

    def rows(self):
        return self.log.report()['turns']


@pytest.fixture
def scene():
    return Scene()


def answered(scene, begin=0, seq=1, id='r1', text='Going forward ten meters.'):
    """One whole turn: end of speech at ``begin``, first sample 340 ms later, played to its end."""
    at = scene.at
    at(begin - 800).turn('USER_SPEAKING', seq)
    at(begin - 300).hear('go for', seq, final=False)
    at(begin + 240).hear('go forward ten meters', seq)
    at(begin + 290).commit(seq=seq)
    at(begin + 293).fragment(text, seq=seq, id=id)
    at(begin + 302).speech(seq, id=id).words(text, seq=seq, id=id)
    at(begin + 330).clock('PLAYING', 0, begin + 340, seq, id=id)
    at(begin + 1340).clock('DONE', RATE, begin + 340, seq, id=id)
    return at(begin + 1350).turn('REPLIED', seq).clock('IDLE', id='')


def test_a_conversation_reads_like_one(scene):
    answered(scene)
    assert scene.plain() == [
        'you   > go for (go)',
        'you   > go forward ten meters (pocketsphinx, 0.93)',
        'robot > Going forward ten meters.',
        '        340 ms: endpoint 256, stt 28, dialogue 1, tts 9, graph 46',
    ]


def test_the_report_has_every_field_of_a_turn(scene):
    answered(scene)
    assert scene.rows() == [
        {
            'session_id': 's1',
            'turn_id': 't1',
            'turn_seq': 1,
            'heard': 'go forward ten meters',
            'heard_backend': 'pocketsphinx',
            'reply': 'Going forward ten meters.',
            'reply_text': 'Going forward ten meters.',
            'reply_backend': 'builtin',
            'interrupted': False,
            'played_s': 1.0,
            'decision': 'finished command',
            'latency_ms': {
                'endpoint': 256.0,
                'stt': 28.0,
                'dialogue': 1.0,
                'tts': 9.0,
                'graph': 46.0,
                'total': 340.0,
            },
        }
    ]


def test_topics_may_overtake_each_other(scene):
    """The clock, the speech and the reply are seen before the commit."""
    scene.at(240).fragment('Hello ', last=False).fragment('there.', 1)
    scene.at(250).speech()
    scene.at(345).clock('PLAYING', 0, 340)
    assert not scene.lines
    scene.at(350).hear('hello').turn(
        'COMMITTED', text='hello', heard_backend='x', confidence=-1.0, end_of_speech=stamp(0)
    )
    kinds = [line.kind for line in scene.lines]
    assert kinds == [Kind.HEARD, Kind.REPLY, Kind.LATENCY]
    assert scene.plain()[:2] == ['you   > hello (x)', 'robot > Hello there.']


def test_speculation_that_became_void_is_neither_shown_nor_reported(scene):
    scene.at(200).fragment('Wrong answer.', revision=1, id='void')
    scene.clock('QUEUED', id='void').clock('FLUSHED', id='void')
    scene.at(400).commit(text='go forward ten meters please', revision=2)
    scene.fragment('Right answer.', revision=2, id='right')
    scene.at(500).clock('PLAYING', 0, 480, revision=2, id='right')
    assert 'robot > Right answer.' in scene.plain()
    assert not any('Wrong' in line for line in scene.plain())
    assert scene.rows()[0]['reply_text'] == 'Right answer.'


def test_a_reply_that_is_interrupted_keeps_only_what_was_heard(scene):
    text = 'I am a robot that talks.'
    scene.at(290).commit().fragment(text).words(text).clock('PLAYING', 0, 340)
    scene.at(900).turn('INTERRUPTED')
    scene.at(910).clock('FLUSHED', 3 * 6000 + 500, 340)
    row = scene.rows()[0]
    assert (row['reply'], row['reply_text']) == ('I am a', text)
    assert row['interrupted'] is True
    assert row['played_s'] == pytest.approx(0.771)
    assert scene.plain(Kind.CUT) == ['robot > (cut after "I am a") (0.8 s heard)']


def test_a_reply_still_playing_is_reported_as_far_as_it_was_heard(scene):
    text = 'One two three four.'
    scene.at(290).commit().fragment(text).words(text).clock('PLAYING', 2 * 6000, 340)
    assert scene.rows()[0]['reply'] == 'One two'


def test_a_typed_line_is_said_to_be_typed_and_counts_from_its_commit(scene):
    scene.at(0).turn(
        'COMMITTED', text='help', source=TurnState.SOURCE_TEXT, heard_backend='text', revision=1
    )
    scene.at(5).fragment('Say stop.').at(12).speech().clock('PLAYING', 0, 20)
    assert scene.plain()[0] == 'you   > help (typed)'
    assert scene.rows()[0]['latency_ms']['total'] == 20
    assert scene.rows()[0]['latency_ms']['endpoint'] == 0


def test_a_turn_without_a_reply_has_no_latency(scene):
    scene.at(290).commit()
    row = scene.rows()[0]
    assert (row['reply'], row['played_s'], row['interrupted']) == ('', 0.0, False)
    assert set(row['latency_ms'].values()) == {None}
    assert not scene.log.answered


def test_an_announcement_is_shown_and_belongs_to_no_turn(scene):
    scene.fragment('I cannot hear at the moment.', seq=0, revision=0, id='a1')
    assert scene.plain() == ['robot > I cannot hear at the moment.']
    assert scene.lines[0].kind is Kind.ANNOUNCEMENT
    assert not scene.rows()


def test_a_doubtful_turn_says_so_and_a_noise_is_shown_as_nothing(scene):
    scene.commit(text='stop', low_confidence=True)
    scene.turn('CANCELLED', 2, decision='noise')
    assert scene.plain() == ['you   > stop (pocketsphinx, 0.93, doubtful)', 'you   > (noise)']


def test_changes_of_the_graph_are_told_once(scene):
    for _ in range(3):
        scene.feed(SystemState(state=SystemState.STATE_DEGRADED, reason='no loudspeaker'))
        scene.backend('tts', 'espeak_ng', 'no voice on disk')
    scene.backend('tts', 'espeak_ng', 'broke', event='piper failed: broke')
    assert scene.plain() == [
        '        graph: degraded (no loudspeaker)',
        '        tts: espeak_ng, chosen at configure (a: no voice on disk)',
        '        tts: espeak_ng, piper failed: broke (a: broke)',
    ]


def beat(node, instance='i1', dropped=0, status='', backend=''):
    return NodeHeartbeat(
        node=f'/{node}',
        instance_id=instance,
        state=State.PRIMARY_STATE_ACTIVE,
        status=status,
        backend=backend,
        queues=['mic'],
        queue_depth=[0],
        queue_dropped=[dropped],
    )


def test_nodes_and_drops_are_reported_over_restarts(scene):
    scene.feed(beat('vad', 'i1', 2, backend='silero')).feed(beat('vad', 'i1', 3))
    scene.feed(beat('vad', 'i2', 1))
    scene.feed(
        SystemState(
            nodes=['/vad', '/stt'],
            node_states=[State.PRIMARY_STATE_ACTIVE, 0],
            backends=['silero', ''],
            tiers=[2, 2],
        )
    )
    figures = {'vad': ProcessFigures(1, 61.5, 2.25)}
    report = scene.log.report(lambda name: figures.get(name, ProcessFigures()), wall_s=3.14159)
    assert report['drops'] == {'vad/mic': 4}
    assert report['wall_s'] == 3.142
    assert report['nodes'] == [
        {'name': 'stt', 'state': 'missing', 'backend': '', 'restarts': 0}
        | {'rss_mb': None, 'cpu_s': None},
        {'name': 'vad', 'state': 'active', 'backend': 'silero', 'restarts': 1}
        | {'rss_mb': 61.5, 'cpu_s': 2.25},
    ]
    assert '        /vad was restarted' in scene.plain(Kind.NOTICE)


# ---- the end


def test_a_conversation_is_over_a_second_after_everything_was_answered(scene):
    scene.at(-900).mic()
    answered(scene)
    assert scene.log.ended(scene.at(5000).now_ns) is None  # someone may still speak
    scene.at(5000).mic(last=True)
    assert scene.log.ended(scene.at(5900).now_ns) is None
    scene.at(5900).mic(last=True)  # the silence after the end says so again: no news
    ending = scene.log.ended(scene.at(5000 + QUIET_S * 1000).now_ns)
    assert (ending.answered, ending.reason, ending.timed_out) == (1, '', False)
    assert scene.log.answered


def test_a_conversation_is_not_over_while_a_turn_is_open_or_a_reply_plays(scene):
    scene.at(0).mic(last=True).turn('USER_SPEAKING')
    assert scene.log.ended(scene.at(9000).now_ns) is None
    scene.at(9000).commit().fragment('A long reply.').clock('PLAYING', 0, 9050)
    assert scene.log.ended(scene.at(30_000).now_ns) is None
    scene.at(30_000).clock('DONE', 20 * RATE, 9050)
    assert scene.log.ended(scene.at(31_100).now_ns).answered == 1


def test_an_open_turn_of_a_session_that_is_gone_does_not_hold_up_the_end(scene):
    scene.mic(last=True).turn('USER_SPEAKING').turn('LISTENING', 0, session='s2')
    assert scene.log.ended(scene.at(1500).now_ns) is not None


def test_an_announcement_is_heard_out(scene):
    scene.at(0).mic(last=True).clock('PLAYING', 0, 5, seq=0, revision=0, id='a1')
    assert scene.log.ended(scene.at(3000).now_ns) is None
    scene.at(3000).clock('DONE', RATE, 5, seq=0, revision=0, id='a1')
    assert scene.log.ended(scene.at(4100).now_ns) is not None


def test_a_deadline_ends_it_whatever_goes_on(scene):
    scene.at(0).turn('USER_SPEAKING')
    ending = scene.log.ended(scene.at(2000).now_ns, deadline_ns=START_NS + 2 * 10**9)
    assert ending.timed_out


def test_typed_lines_that_were_not_taken_yet_are_waited_for(scene):
    scene.log.expect_turns(2)
    scene.log.input_ended(scene.now_ns)
    answered(scene)
    assert scene.log.ended(scene.at(9000).now_ns) is None
    answered(scene, 9000, 2, 'r2')
    assert scene.log.ended(scene.at(12_000).now_ns).answered == 2


def test_nothing_heard_is_said_as_that(scene):
    scene.mic().mic(last=True)
    assert scene.log.ended(scene.at(1100).now_ns).reason == 'heard nothing'
    scene.turn('CANCELLED', decision='noise')
    assert scene.log.ended(scene.at(9000).now_ns).reason == 'heard nothing (1 sound without words)'


def test_no_speech_recognition_is_the_reason_when_there_is_none(scene):
    scene.mic(last=True).backend('stt', '', 'no model: tektra weights pull stt')
    reason = scene.log.ended(scene.at(1100).now_ns).reason
    assert reason == 'heard nothing: no speech recognition: no model: tektra weights pull stt'


def test_no_audio_is_said_with_the_status_of_the_capture(scene):
    scene.feed(beat('audio_capture', status='microphone unplugged'))
    scene.log.input_ended(scene.now_ns)
    reason = scene.log.ended(scene.at(1100).now_ns).reason
    assert reason == 'no audio: microphone unplugged'


def test_words_without_a_reply_end_after_a_while_with_that_reason(scene):
    scene.mic(last=True).commit()
    assert scene.log.ended(scene.at(5000).now_ns) is None
    ending = scene.log.ended(scene.at(STUCK_S * 1000).now_ns)
    assert (ending.answered, ending.reason) == (0, 'heard words but got no reply')


def test_a_reply_that_nobody_heard_says_why(scene):
    scene.mic(last=True).commit().fragment('Hello.')
    scene.feed(beat('tts', status='piper: broken voice'))
    ending = scene.log.ended(scene.at(STUCK_S * 1000).now_ns)
    assert ending.reason == 'replied, but nothing was played: piper: broken voice'


def test_without_any_voice_a_written_reply_is_an_answer(scene):
    scene.backend('tts', '', 'espeakng-loader is not installed')
    scene.mic(last=True).commit().fragment('Hello.')
    ending = scene.log.ended(scene.at(1500).now_ns)
    assert (ending.answered, ending.reason) == (1, '')


def test_the_topics_are_in_the_table_and_each_message_is_taken():
    from tektra.runtime.topics import topic

    log = ConversationLog()
    for name in TOPICS:
        log.feed(topic(name).message_type()(), START_NS)
    assert Counter(TOPICS).most_common(1)[0][1] == 1
