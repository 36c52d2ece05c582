"""The tts node: fragments in, complete audio out, over real topics, action and service."""

import pytest
from action_msgs.msg import GoalStatus
from lifecycle_msgs.msg import Transition
from rclpy.action import ActionClient
from tektra_msgs.action import Say
from tektra_msgs.msg import DialogueReply, PlaybackClock, TurnState
from tektra_msgs.srv import ListVoices

from tektra.runtime import pcm
from tektra.tts.node import TtsNode

pytest.importorskip('espeakng_loader')
RATE = 24000
LONG = 'This is one of the sentences of a very long reply. ' * 40


class Bench:
    """A tts node that is up, what it publishes, and a player that plays what the test says."""

    def __init__(self, ros, **parameters):
        self.ros = ros
        self.speech = ros.collect('audio/speech')
        self.tracks = ros.collect('speech/visemes')
        self.beats = ros.collect('heartbeat')
        self.states = ros.collect('system/backends')
        given = {'backends': ['espeak_ng', 'captions'], **parameters}
        self.node = ros.bring_up(ros.make(TtsNode, 'tts', given))
        self.replies = ros.publisher('dialogue/reply')
        self.turns = ros.publisher('turn/state')
        self.clock = ros.publisher('audio/playback_clock')
        node = self.node
        ros.until(lambda: node._speech.get_subscription_count() == 1)
        ros.until(lambda: node._visemes.get_subscription_count() == 1)

    def reply(self, text, **more):
        row = {'session_id': 's', 'turn_seq': 1, 'utterance_id': 'u', **more}
        self.replies.publish(DialogueReply(text=text, **row))

    def turn(self, phase, **more):
        row = {'session_id': 's', 'turn_seq': 1, **more}
        self.turns.publish(TurnState(phase=phase, **row))

    def samples(self, uid):
        return sum(len(c.data) // 2 for c in self.speech if c.utterance_id == uid)

    def ended(self, uid):
        return any(c.last for c in self.speech if c.utterance_id == uid)

    def played(self, uid, samples, state=PlaybackClock.STATE_PLAYING):
        self.clock.publish(
            PlaybackClock(utterance_id=uid, played_samples=samples, state=state, sample_rate=RATE)
        )

    def play_out(self, uid, until=lambda: False):
        """Play an utterance to its end, faster than real time.

        Return how many samples were played.
        """
        played = -1
        while not (self.ended(uid) and played == self.samples(uid)) and not until():
            self.ros.until(
                lambda before=played: self.samples(uid) > before or self.ended(uid) or until()
            )
            played = self.samples(uid)
            self.played(uid, played)
        return played


def announce(bench, text, **more):
    """Send a Say goal; return its handle, the feedback list and the future of the result."""
    client = ActionClient(bench.ros.peer, Say, 'say')
    bench.ros.until(client.server_is_ready)
    feedback = []
    future = client.send_goal_async(
        Say.Goal(text=text, **more), lambda message: feedback.append(message.feedback)
    )
    bench.ros.until(future.done)
    handle = future.result()
    result = handle.get_result_async() if handle.accepted else None
    return handle, feedback, result


def test_reply_fragments_come_out_as_complete_audio_and_visemes(ros):
    bench = Bench(ros)
    for seq, text in enumerate(['Hello, ro', 'bot. I am', ' here.', '']):
        bench.reply(text, seq=seq, last=seq == 3)
    bench.play_out('u')
    chunks = bench.speech
    assert [c.seq for c in chunks] == list(range(len(chunks)))
    assert chunks[-1].last
    assert sum(c.last for c in chunks) == 1
    ends = [c.first_sample + len(c.data) // 2 for c in chunks]
    assert [c.first_sample for c in chunks[1:]] == ends[:-1]
    assert 1.0 * RATE < ends[-1] < 5 * RATE
    assert pcm.level_dbfs(pcm.from_bytes(b''.join(bytes(c.data) for c in chunks))) > -35
    ros.until(lambda: bench.tracks and bench.tracks[-1].last)
    assert ''.join(t.text for t in bench.tracks) == 'Hello, robot. I am here.'
    assert [w for t in bench.tracks for w in t.words] == ['Hello', 'robot', 'I', 'am', 'here']
    assert {t.backend for t in bench.tracks} == {'espeak_ng'}
    assert {'PP', 'sil'} <= {v for t in bench.tracks for v in t.visemes}
    assert bench.tracks[-1].end_sample == ends[-1]


def test_not_more_than_two_seconds_go_out_ahead_of_the_player(ros):
    bench = Bench(ros)
    bench.reply(LONG, last=True)
    ros.until(lambda: bench.samples('u') > 1.9 * RATE)
    bench.played('u', RATE)
    ros.until(lambda: bench.samples('u') > 2.9 * RATE)
    bench.reply('', utterance_id='fence', turn_seq=2, last=True)
    ros.until(lambda: bench.ended('fence'))
    assert bench.samples('u') <= 3.0 * RATE


def test_fragments_without_their_beginning_are_counted_in_the_heartbeat(ros):
    bench = Bench(ros)
    beats = ros.collect('heartbeat')
    bench.reply('the second half.', seq=4, last=True)
    ros.until(
        lambda: beats and beats[-1].queue_dropped[list(beats[-1].queues).index('fragments')] == 1
    )


@pytest.mark.parametrize('phase', [TurnState.PHASE_INTERRUPTED, TurnState.PHASE_CANCELLED])
def test_an_interrupted_reply_publishes_nothing_more(ros, phase):
    bench = Bench(ros)
    bench.reply(LONG, last=True)
    ros.until(lambda: bench.samples('u') > 1.95 * RATE)
    bench.turn(phase)
    bench.turn(TurnState.PHASE_COMMITTED, turn_seq=2)
    ros.until(lambda: bench.node._core._order._oldest_turn == 2)
    bench.played('u', RATE)
    bench.reply('Next.', utterance_id='v', turn_seq=2, last=True)
    ros.until(lambda: bench.ended('v'))
    assert bench.samples('u') <= 2.0 * RATE, 'the player allowed 3 s'
    assert not bench.ended('u')


def test_say_speaks_and_tells_what_was_heard(ros):
    bench = Bench(ros)
    handle, feedback, result = announce(bench, 'Battery low. Going home now.')
    assert handle.accepted
    ros.until(lambda: bench.speech)
    uid = bench.speech[0].utterance_id
    played = bench.play_out(uid)
    bench.played(uid, played, PlaybackClock.STATE_DONE)
    ros.until(result.done)
    answer = result.result()
    assert answer.status == GoalStatus.STATUS_SUCCEEDED
    assert answer.result.outcome == Say.Result.OUTCOME_DONE
    assert answer.result.spoken_text == 'Battery low. Going home now.'
    assert answer.result.played_s == pytest.approx(played / RATE)
    assert answer.result.backend == 'espeak_ng'
    assert feedback[-1].utterance_id == uid
    assert {c.turn_seq for c in bench.speech} == {0}


def test_say_that_is_cancelled_ends_early_and_keeps_only_what_was_heard(ros):
    bench = Bench(ros)
    handle, _, result = announce(bench, LONG)
    ros.until(lambda: bench.speech)
    uid = bench.speech[0].utterance_id
    bench.played(uid, RATE)
    ros.until(lambda: bench.samples(uid) > 2 * RATE)
    cancel = handle.cancel_goal_async()
    ros.until(cancel.done)
    ros.until(lambda: bench.ended(uid))
    played = bench.samples(uid)
    bench.played(uid, played, PlaybackClock.STATE_DONE)
    ros.until(result.done)
    answer = result.result()
    assert answer.status == GoalStatus.STATUS_CANCELED
    assert answer.result.outcome == Say.Result.OUTCOME_CANCELLED
    assert LONG.startswith(answer.result.spoken_text)
    assert 20 < len(answer.result.spoken_text) < 100


def test_say_that_the_player_flushed_was_interrupted(ros):
    bench = Bench(ros)
    _, _, result = announce(bench, LONG)
    ros.until(lambda: bench.speech)
    uid = bench.speech[0].utterance_id
    bench.played(uid, RATE // 2, PlaybackClock.STATE_FLUSHED)
    ros.until(result.done)
    answer = result.result().result
    assert answer.outcome == Say.Result.OUTCOME_INTERRUPTED
    assert answer.spoken_text in ('This is', 'This is one', 'This is one of')


def test_say_with_an_impossible_rate_or_while_inactive_is_refused(ros):
    bench = Bench(ros)
    assert not announce(bench, 'x', rate=9.0)[0].accepted
    assert ros.change(bench.node, Transition.TRANSITION_DEACTIVATE)
    assert not announce(bench, 'x')[0].accepted


def test_deactivating_ends_an_announcement_and_activating_goes_on(ros):
    bench = Bench(ros)
    _, _, result = announce(bench, LONG)
    ros.until(lambda: bench.speech)
    assert ros.change(bench.node, Transition.TRANSITION_DEACTIVATE)
    ros.until(result.done)
    assert result.result().status == GoalStatus.STATUS_ABORTED
    assert 'stopped' in result.result().result.message
    assert ros.change(bench.node, Transition.TRANSITION_CLEANUP)
    ros.bring_up(bench.node)
    bench.ros.until(lambda: bench.replies.get_subscription_count() == 1)
    bench.reply('Again.', utterance_id='v', turn_seq=3, last=True)
    ros.until(lambda: bench.ended('v'))


def list_voices(bench, **more):
    client = bench.ros.peer.create_client(ListVoices, 'list_voices')
    bench.ros.until(client.service_is_ready)
    future = client.call_async(ListVoices.Request(**more))
    bench.ros.until(future.done)
    return future.result()


def test_voices_are_listed_by_language_and_engine(ros):
    bench = Bench(ros)
    every = list_voices(bench)
    assert every.success
    assert len(every.names) > 100
    german = list_voices(bench, language='de')
    assert list(german.names) == ['de']
    assert list(german.languages) == ['de']
    assert list(german.backends) == ['espeak_ng']
    assert 'German' in german.descriptions[0]
    other = list_voices(bench, backend='piper')
    assert not other.success
    assert "'piper' is not in use" in other.message


def test_captions_only_is_said_and_the_reply_still_takes_its_time(ros):
    bench = Bench(ros, backends=['captions'])
    bench.reply('Nobody hears this sentence.', last=True)
    ros.until(lambda: bench.samples('u') > 1.5 * RATE)
    assert not any(any(c.data) for c in bench.speech)
    ros.until(lambda: bench.beats and bench.beats[-1].degraded)
    assert 'captions only' in bench.beats[-1].status


def test_an_unknown_voice_is_told_and_the_usual_one_speaks(ros):
    bench = Bench(ros, voice='germn')
    ros.until(lambda: bench.beats and "voice 'germn' is not known" in bench.beats[-1].status)
    bench.reply('Hello.', last=True)
    ros.until(lambda: bench.samples('u') > 0.2 * RATE)


def test_without_voices_on_disk_espeak_speaks_and_the_reason_is_published(
    ros, monkeypatch, tmp_path
):
    monkeypatch.setenv('TEKTRA_WEIGHTS_PATH', str(tmp_path))
    monkeypatch.setenv('HOME', str(tmp_path))
    bench = Bench(ros, backends=['piper', 'espeak_ng', 'captions'])
    ros.until(lambda: bench.states and bench.states[-1].active == 'espeak_ng')
    assert 'piper' in bench.states[-1].reasons[0]
    bench.reply('Hello.', last=True)
    ros.until(lambda: bench.ended('u'))


def test_a_reply_that_is_empty_ends_at_once(ros):
    bench = Bench(ros)
    bench.reply('', last=True)
    ros.until(lambda: bench.ended('u'))
    assert bench.samples('u') == 0
