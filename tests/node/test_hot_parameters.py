"""Parameters at run time: hot ones are taken over by the working node, others are refused."""

from lifecycle_msgs.msg import Transition
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from tektra_msgs.msg import AudioChunk, DialogueReply, VoiceActivity

from tektra.audio_playback.node import AudioPlaybackNode
from tektra.tts.node import TtsNode
from tektra.vad.node import VadNode

RATE = 16000


def set_parameter(ros, node, name, value):
    """Set over the service, as ``ros2 param set`` does; return (accepted, reason)."""
    client = ros.peer.create_client(SetParameters, f'{node.get_name()}/set_parameters')
    ros.until(client.service_is_ready)
    wanted = [Parameter(name, value=value).to_parameter_msg()]
    future = client.call_async(SetParameters.Request(parameters=wanted))
    ros.until(future.done)
    ros.peer.destroy_client(client)
    (result,) = future.result().results
    return result.successful, result.reason


def vad(ros):
    return ros.make(VadNode, 'vad', {'backends': ['energy']})


def test_a_parameter_that_is_not_hot_is_refused_while_the_node_works_and_says_what_to_do(ros):
    node = ros.bring_up(vad(ros))
    accepted, reason = set_parameter(ros, node, 'min_speech_s', 0.2)
    assert not accepted
    assert '/vad: min_speech_s' in reason
    assert 'needs cleanup, the change, then configure' in reason
    assert 'threshold' in reason
    assert node.get_parameter('min_speech_s').value == 0.128


def test_after_clean_up_it_may_change_and_the_next_configure_uses_it(ros):
    node = ros.bring_up(vad(ros))
    assert ros.change(node, Transition.TRANSITION_DEACTIVATE)
    assert not set_parameter(ros, node, 'min_speech_s', 0.2)[0]
    assert ros.change(node, Transition.TRANSITION_CLEANUP)
    assert set_parameter(ros, node, 'min_speech_s', 0.2) == (True, '')
    ros.bring_up(node)
    assert node._core._options.min_speech_s == 0.2


def test_a_hot_value_out_of_range_or_of_the_wrong_type_is_refused(ros):
    node = ros.bring_up(vad(ros))
    accepted, reason = set_parameter(ros, node, 'threshold', 2.0)
    assert not accepted
    assert 'threshold = 2 is outside 0.05..0.95' in reason
    accepted, reason = set_parameter(ros, node, 'threshold', 'high')
    assert not accepted
    assert "threshold = 'high' must be a number" in reason
    assert node.get_parameter('threshold').value == 0.5


def test_simulated_time_cannot_be_switched_at_run_time(ros):
    node = vad(ros)
    accepted, reason = set_parameter(ros, node, 'use_sim_time', True)
    assert not accepted
    assert 'use_sim_time is read when the process starts' in reason


def test_vad_ends_an_utterance_by_the_pause_that_was_set_a_moment_ago(ros):
    node = ros.bring_up(vad(ros))
    heard = ros.collect('audio/vad')
    assert set_parameter(ros, node, 'end_silence_s', 0.3)[0]
    mic = ros.publisher('audio/mic')

    def speak(loud, first, count):
        for seq in range(first, first + count):
            value = 8000 if loud else 0
            wave = [value if n % 16 < 8 else -value for n in range(512)]
            mic.publish(
                AudioChunk(
                    stream_id='mic',
                    seq=seq,
                    first_sample=seq * 512,
                    sample_rate=RATE,
                    channels=1,
                    encoding=AudioChunk.ENCODING_S16LE,
                    data=b''.join(v.to_bytes(2, 'little', signed=True) for v in wave),
                )
            )
            ros.executor.spin_once(timeout_sec=0.005)

    speak(False, 0, 20)
    speak(True, 20, 20)
    speak(False, 40, 12)  # 384 ms: more than 0.3 s, less than the 0.7 s it began with

    def ended():
        return any(m.event == VoiceActivity.EVENT_END for m in heard)

    ros.until(ended)


def test_tts_speaks_the_next_reply_at_the_volume_that_was_set(ros):
    node = ros.bring_up(ros.make(TtsNode, 'tts', {'backends': ['espeak_ng']}))
    chunks = ros.collect('audio/speech')
    replies = ros.publisher('dialogue/reply')

    def loudest(uid, turn):
        replies.publish(
            DialogueReply(
                utterance_id=uid, session_id='s', turn_seq=turn, text='Good morning.', last=True
            )
        )
        ros.until(lambda: any(c.utterance_id == uid and c.last for c in chunks))
        pcm = b''.join(bytes(c.data) for c in chunks if c.utterance_id == uid)
        return max(
            abs(int.from_bytes(pcm[i : i + 2], 'little', signed=True))
            for i in range(0, len(pcm), 2)
        )

    before = loudest('one', 1)
    assert set_parameter(ros, node, 'volume', 0.1) == (True, '')
    after = loudest('two', 2)
    assert 0 < after < before / 5


def test_playback_takes_over_a_new_duck_gain(ros):
    node = ros.bring_up(ros.make(AudioPlaybackNode, 'audio_playback', {'speaker': 'none'}))
    assert set_parameter(ros, node, 'duck_gain', 0.5) == (True, '')
    assert node._need_run().player.core.options.duck_gain == 0.5
    assert not set_parameter(ros, node, 'speaker', 'auto')[0]
