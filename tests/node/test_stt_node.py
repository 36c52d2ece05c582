"""The stt node: speech in, transcripts out; engines that break; recordings on the side."""

import numpy as np
import pytest
import soundfile
from rclpy.action import ActionClient
from tektra_msgs.action import Transcribe
from tektra_msgs.msg import AudioChunk, TurnState, VoiceActivity

from speech_maker import silence, speak, white_noise
from tektra.runtime.backends import BackendFailed, BackendUnavailable
from tektra.stt import factories as engines
from tektra.stt.backends.pocketsphinx import Pocketsphinx
from tektra.stt.node import SttNode
from tektra.vad.node import VadNode

WAIT_S = 60.0  # the machine may be busy with other tests


def play(ros, mic, pcm, node=None):
    """Publish audio at the pace of its readers, so that no chunk is dropped."""
    for i, at in enumerate(range(0, len(pcm) - 511, 512)):
        mic.publish(
            AudioChunk(
                stream_id='mic',
                seq=i,
                first_sample=at,
                sample_rate=16000,
                channels=1,
                encoding=AudioChunk.ENCODING_S16LE,
                data=pcm[at : at + 512].tobytes(),
            )
        )
        if i % 8 == 7:
            for _ in range(12):
                ros.executor.spin_once(timeout_sec=0.002)
            if node is not None:  # as slow as the recogniser, as in real time
                ros.until(lambda: not node._busy, WAIT_S)


def scene(*texts):
    parts = [silence(0.6)]
    for text in texts:
        parts += [speak(text), silence(1.2)]
    return np.concatenate(parts)


def finals(heard):
    return [m for m in heard if m.is_final]


def bring_up(ros, **parameters):
    node = ros.bring_up(ros.make(SttNode, 'stt', {'backends': ['pocketsphinx'], **parameters}))
    ros.bring_up(ros.make(VadNode, 'vad', {'audio_timeout_s': 10.0}))
    heard = ros.collect('speech/transcript')
    mic = ros.publisher('audio/mic', readers=2)
    return node, heard, mic


def test_spoken_sentences_are_heard_in_order_with_partials(ros):
    node, heard, mic = bring_up(ros)
    play(ros, mic, scene('how much is fifty divided by five', 'what is your name'), node)
    ros.until(lambda: len(finals(heard)) == 2, WAIT_S)
    texts = [m.text for m in finals(heard)]
    assert texts == ['how much is fifty divided by five', 'what is your name']
    assert any(not m.is_final for m in heard)
    final = finals(heard)[1]
    assert (final.backend, final.language, final.low_confidence) == ('pocketsphinx', 'en', False)
    assert list(final.words) == ['what', 'is', 'your', 'name']
    assert final.start_sample < final.word_start_sample[0] < final.word_end_sample[-1]
    assert final.word_end_sample[-1] <= final.end_sample
    assert final.latency_s > 0


def test_an_eager_end_is_answered_before_vad_has_ended_the_utterance(ros):
    _, heard, mic = bring_up(ros)
    activity, turns = ros.collect('audio/vad'), ros.publisher('turn/state')
    play(ros, mic, scene('how are you')[: -round(0.9 * 16000)])
    ros.until(lambda: any(a.event == VoiceActivity.EVENT_SILENCE for a in activity), WAIT_S)
    assert finals(heard) == []
    turns.publish(
        TurnState(
            phase=TurnState.PHASE_EAGER_END,
            source=TurnState.SOURCE_VOICE,
            utterance_ids=[activity[-1].utterance_id],
        )
    )
    ros.until(lambda: finals(heard), WAIT_S)
    assert finals(heard)[0].text == 'how are you'
    assert all(a.event != VoiceActivity.EVENT_END for a in activity)


def test_noise_makes_no_transcript(ros):
    _, heard, mic = bring_up(ros)
    activity = ros.collect('audio/vad')
    play(ros, mic, np.concatenate((white_noise(2, -30), silence(1))))
    ros.until(lambda: activity and activity[-1].first_sample > 2.5 * 16000, WAIT_S)
    assert heard == []


class Crashing(Pocketsphinx):
    """A recogniser that breaks after half a second of speech."""

    left = 8000

    def feed(self, pcm):
        self.left -= pcm.size
        if self.left < 0:
            raise BackendFailed('the library has crashed')
        super().feed(pcm)


def test_a_recogniser_that_breaks_in_an_utterance_gives_way_and_no_word_is_lost(ros, monkeypatch):
    def made(options):
        path = engines.grammar_path('')
        return {
            'faster_whisper': lambda: Crashing(path),
            'pocketsphinx': lambda: Pocketsphinx(path),
        }

    monkeypatch.setattr('tektra.stt.node.factories', made)
    _, heard, mic = bring_up(ros, backends=['faster_whisper', 'pocketsphinx'])
    states = ros.collect('system/backends')
    play(ros, mic, scene('what is your name'))
    ros.until(lambda: finals(heard), WAIT_S)
    assert (finals(heard)[0].text, finals(heard)[0].backend) == (
        'what is your name',
        'pocketsphinx',
    )
    ros.until(
        lambda: any(s.degraded and 'crashed' in s.event for s in states if s.capability == 'stt')
    )


def test_without_any_recogniser_the_node_stays_up_and_says_why(ros, monkeypatch):
    def nothing():
        raise BackendUnavailable('no weights here; pull them')

    monkeypatch.setattr('tektra.stt.node.factories', lambda options: {'pocketsphinx': nothing})
    _, heard, mic = bring_up(ros)
    beats = ros.collect('heartbeat')
    play(ros, mic, scene('what is your name'))
    ros.until(lambda: finals(heard), WAIT_S)
    assert finals(heard)[0].text == ''
    assert 'pull them' in finals(heard)[0].reject_reason
    ros.until(lambda: any(b.degraded and 'pull them' in b.status for b in beats))


# ---- the action


def ask(ros, **goal):
    """Send a goal; return its handle and the feedback that comes."""
    client, feedback = ActionClient(ros.peer, Transcribe, 'transcribe'), []
    ros.until(client.server_is_ready)
    sent = client.send_goal_async(
        Transcribe.Goal(**goal), feedback_callback=lambda f: feedback.append(f.feedback)
    )
    ros.until(sent.done)
    assert sent.result().accepted
    return sent.result(), feedback


def answer(ros, handle):
    future = handle.get_result_async()
    ros.until(future.done, WAIT_S)
    return future.result().result


@pytest.fixture
def stt(ros):
    return ros.bring_up(ros.make(SttNode, 'stt', {'backends': ['pocketsphinx']}))


def test_a_file_is_transcribed_with_progress_and_word_times(ros, stt, tmp_path):
    path = tmp_path / 'two.wav'
    soundfile.write(path, scene('what is your name', 'how are you'), 16000)
    handle, feedback = ask(ros, path=str(path))
    result = answer(ros, handle)
    assert result.success, result.message
    assert result.text == 'what is your name how are you'
    assert len(result.words) == 7
    assert 0.5 < result.word_start_s[0] < result.word_end_s[-1] < result.duration_s
    assert result.backend == 'pocketsphinx'
    progress = [f.progress for f in feedback]
    assert progress == sorted(progress)
    assert len(progress) >= 3
    assert any(f.partial for f in feedback)


def test_raw_samples_are_transcribed(ros, stt):
    stereo = np.repeat(scene('how are you'), 2)
    handle, _ = ask(ros, data=stereo.tobytes(), sample_rate=16000, channels=2)
    assert answer(ros, handle).text == 'how are you'


@pytest.mark.parametrize(
    ('goal', 'said'),
    [
        ({'path': '/nowhere/a.wav'}, '/nowhere/a.wav'),
        ({'data': b'\0\0', 'sample_rate': 16000}, 'channels = 0'),
        ({}, 'either path or data'),
    ],
)
def test_a_recording_that_cannot_be_read_is_refused_by_name(ros, stt, goal, said):
    result = answer(ros, ask(ros, **goal)[0])
    assert not result.success
    assert said in result.message


def test_silence_is_transcribed_as_no_words(ros, stt):
    result = answer(ros, ask(ros, data=silence(2).tobytes(), sample_rate=16000, channels=1)[0])
    assert (result.success, result.text, list(result.words)) == (True, '', [])


def test_the_node_is_busy_from_the_first_to_the_last_of_a_recording(ros, stt, tmp_path):
    beats = ros.collect('heartbeat')
    ros.until(lambda: beats and beats[-1].state == 3 and not beats[-1].busy)
    path = tmp_path / 'long.wav'
    soundfile.write(path, np.tile(scene('please open the window in the kitchen'), 3), 16000)
    handle, _ = ask(ros, path=str(path))
    done = handle.get_result_async()
    ros.until(lambda: beats[-1].busy)  # it is being read now, by a thread of its own
    beats.clear()
    ros.until(lambda: beats and done.done(), WAIT_S)
    busy = [beat.busy for beat in beats]
    assert busy[0]
    assert busy == sorted(busy, reverse=True)  # no pause between reading and the last piece
    ros.until(lambda: not beats[-1].busy)


def test_a_recording_can_be_cancelled(ros, stt, tmp_path):
    path = tmp_path / 'long.wav'
    soundfile.write(path, np.tile(scene('please open the window in the kitchen'), 20), 16000)
    handle, feedback = ask(ros, path=str(path))
    ros.until(lambda: feedback, WAIT_S)
    cancelled = handle.cancel_goal_async()
    ros.until(cancelled.done)
    result = answer(ros, handle)
    assert (result.success, result.message) == (False, 'cancelled')
    assert stt._recordings.next_job() is None


def test_live_speech_does_not_wait_for_a_recording(ros, tmp_path):
    node, heard, mic = bring_up(ros)
    path = tmp_path / 'long.wav'
    soundfile.write(path, np.tile(scene('please open the window in the kitchen'), 8), 16000)
    handle, feedback = ask(ros, path=str(path))
    ros.until(lambda: feedback, WAIT_S)
    play(ros, mic, scene('what is your name'))
    ros.until(lambda: finals(heard), WAIT_S)
    assert finals(heard)[0].text == 'what is your name'
    assert node._recordings.next_job() is not None  # the recording is not done yet
    assert handle.status not in (4, 5, 6)
