"""The node of turn_taking: topics, service, session, and no timer while nothing waits."""

from tektra_msgs.msg import (
    PlaybackClock,
    PlaybackControl,
    TextInput,
    Transcript,
    TurnState,
    VoiceActivity,
)
from tektra_msgs.srv import PushToTalk

from tektra.turn_taking.node import TurnTakingNode


def vad(event, chunk, end_chunk, voiced=False):
    return VoiceActivity(
        stream_id='mic', utterance_id='u1', event=event, speaking=voiced, first_sample=chunk * 512,
        sample_count=512, sample_rate=16000, end_sample=end_chunk * 512, backend='test',
    )  # fmt: skip


def phases(states):
    return [m.phase for m in states]


def test_a_spoken_turn_goes_from_speech_to_reply(ros):
    node = ros.make(TurnTakingNode, 'turn_taking')
    states, controls = ros.collect('turn/state'), ros.collect('audio/playback_control')
    ros.bring_up(node)
    ros.until(lambda: phases(states) == [TurnState.PHASE_LISTENING])
    assert node._timer.is_canceled()
    ears, words = ros.publisher('audio/vad'), ros.publisher('speech/transcript')
    ears.publish(vad(VoiceActivity.EVENT_START, 0, 1, voiced=True))
    ros.until(lambda: states[-1].phase == TurnState.PHASE_USER_SPEAKING)
    assert not node._timer.is_canceled()
    ears.publish(vad(VoiceActivity.EVENT_SILENCE, 36, 31))
    ros.until(lambda: states[-1].phase == TurnState.PHASE_EAGER_END)
    words.publish(
        Transcript(
            stream_id='mic', utterance_id='u1', revision=1, is_final=True, text='turn left',
            end_sample=37 * 512, sample_rate=16000, confidence=0.9, backend='test',
        )
    )  # fmt: skip
    ros.until(lambda: states[-1].text_final)
    ears.publish(vad(VoiceActivity.EVENT_NONE, 38, 31))
    ros.until(lambda: controls)
    ros.until(lambda: states[-1].phase == TurnState.PHASE_COMMITTED)
    committed = states[-1]
    assert (committed.text, committed.turn_seq, committed.revision) == ('turn left', 1, 1)
    assert committed.decision == 'text: finished command, 256 ms of silence'
    assert committed.header.stamp.sec > 0
    play = controls[-1]
    assert (play.command, play.turn_seq) == (PlaybackControl.COMMAND_PLAY, 1)
    assert play.session_id == committed.session_id
    clock = ros.publisher('audio/playback_clock')
    for state in (PlaybackClock.STATE_PLAYING, PlaybackClock.STATE_DONE):
        clock.publish(
            PlaybackClock(
                session_id=committed.session_id, turn_seq=1, revision=1, state=state,
                utterance_id='reply', sample_rate=24000,
            )
        )  # fmt: skip
    ros.until(lambda: states[-1].phase == TurnState.PHASE_LISTENING)
    assert states[-2].phase == TurnState.PHASE_REPLIED
    assert node._timer.is_canceled()


def test_waits_end_by_the_timer_when_no_message_comes(ros):
    node = ros.make(TurnTakingNode, 'turn_taking', {'reply_timeout_s': 1.0})
    states = ros.collect('turn/state')
    ros.bring_up(node)
    lines = ros.publisher('text/input')
    lines.publish(TextInput(text='hello', input_id='1'))
    ros.until(lambda: 'no reply was heard' in states[-1].decision if states else False)
    assert node._timer.is_canceled()


def test_push_to_talk_is_a_service(ros):
    node = ros.make(TurnTakingNode, 'turn_taking')
    states = ros.collect('turn/state')
    ros.bring_up(node)
    client = ros.peer.create_client(PushToTalk, 'push_to_talk')
    ros.until(client.service_is_ready)

    def press(action):
        future = client.call_async(PushToTalk.Request(action=action))
        ros.until(future.done)
        return future.result()

    refused = press(PushToTalk.Request.ACTION_RELEASE)
    assert not refused.success
    assert 'press it first' in refused.message
    pressed = press(PushToTalk.Request.ACTION_PRESS)
    assert pressed.success
    assert pressed.turn_seq == 1
    released = press(PushToTalk.Request.ACTION_RELEASE)
    assert released.turn_id == pressed.turn_id
    ros.until(lambda: TurnState.PHASE_CANCELLED in phases(states))


def test_every_activation_is_a_new_session_and_a_deactivation_ends_what_is_open(ros):
    from lifecycle_msgs.msg import Transition

    node = ros.make(TurnTakingNode, 'turn_taking')
    states = ros.collect('turn/state')
    ros.bring_up(node)
    lines = ros.publisher('text/input')
    lines.publish(TextInput(text='hello', input_id='1'))
    ros.until(lambda: TurnState.PHASE_COMMITTED in phases(states))
    assert ros.change(node, Transition.TRANSITION_DEACTIVATE)
    ros.until(lambda: TurnState.PHASE_INTERRUPTED in phases(states))
    assert ros.change(node, Transition.TRANSITION_ACTIVATE)
    ros.until(lambda: states[-1].decision == 'a new session')
    assert len({m.session_id for m in states}) == 2
    assert ros.change(node, Transition.TRANSITION_DEACTIVATE)
    assert ros.change(node, Transition.TRANSITION_CLEANUP)
    assert ros.change(node, Transition.TRANSITION_CONFIGURE)


def test_under_simulated_time_waits_follow_the_clock(ros):
    from rosgraph_msgs.msg import Clock

    node = ros.make(TurnTakingNode, 'turn_taking', {'use_sim_time': True, 'reply_timeout_s': 5.0})
    states = ros.collect('turn/state')
    clock = ros.publisher('/clock')
    clock.publish(Clock())
    ros.bring_up(node)
    lines = ros.publisher('text/input')
    lines.publish(TextInput(text='hello', input_id='1'))
    ros.until(lambda: TurnState.PHASE_COMMITTED in phases(states))
    time = Clock()
    for step in range(1, 61):
        time.clock.sec, time.clock.nanosec = divmod(step * 100_000_000, 10**9)
        clock.publish(time)
        ros.until(lambda: node.get_clock().now().nanoseconds >= step * 100_000_000)  # noqa: B023
    ros.until(lambda: 'no reply was heard within 5 s' in states[-1].decision)
