"""The vad node: audio in, events out, whatever breaks."""

import numpy as np
from tektra_msgs.msg import AudioChunk, VoiceActivity

from speech_maker import silence, speak, white_noise
from tektra.runtime.backends import BackendFailed
from tektra.vad import backend as backends
from tektra.vad.node import VadNode


def chunks(pcm, stream='mic'):
    for at in range(0, len(pcm) - 511, 512):
        yield AudioChunk(
            stream_id=stream,
            seq=at // 512,
            first_sample=at,
            sample_rate=16000,
            channels=1,
            encoding=AudioChunk.ENCODING_S16LE,
            data=pcm[at : at + 512].tobytes(),
        )


def events(heard):
    return [m.event for m in heard if m.event]


def scene():
    return np.concatenate((silence(0.5), speak('go forward ten meters'), silence(1.2)))


def feed(ros, mic, pcm):
    """Publish at the pace of the reader, so that no chunk is dropped."""
    for i, chunk in enumerate(chunks(pcm)):
        mic.publish(chunk)
        if i % 16 == 15:
            for _ in range(20):
                ros.executor.spin_once(timeout_sec=0.001)


def test_a_spoken_sentence_is_one_utterance(ros):
    ros.bring_up(ros.make(VadNode, 'vad'))
    heard = ros.collect('audio/vad')
    mic = ros.publisher('audio/mic')
    pcm = scene()
    feed(ros, mic, pcm)
    ros.until(lambda: VoiceActivity.EVENT_END in events(heard))
    found = events(heard)
    assert found[0] == VoiceActivity.EVENT_START
    assert found[-1] == VoiceActivity.EVENT_END
    end = heard[-1]
    loud = np.flatnonzero(np.abs(pcm.astype(int)) > 300)
    assert abs(int(end.start_sample) - loud[0]) < 3200
    assert abs(int(end.end_sample) - loud[-1]) < 4800
    assert end.backend == 'silero'


def test_a_node_says_that_it_is_busy_while_somebody_speaks(ros):
    node = ros.bring_up(ros.make(VadNode, 'vad', {'audio_timeout_s': 10.0}))
    beats = ros.collect('heartbeat')
    mic = ros.publisher('audio/mic')
    ros.until(lambda: beats and beats[-1].state == 3 and not beats[-1].busy)
    for chunk in chunks(np.tile(speak('go forward ten meters'), 10)):
        mic.publish(chunk)  # one at a time: a lost one would end the utterance
        ros.until(lambda end=chunk.first_sample + 512: node._core._next == end)
        if node._core.utterance_open:
            break
    beats.clear()
    ros.until(lambda: beats and beats[-1].busy)
    node.stop()
    ros.until(lambda: not beats[-1].busy)


def test_an_utterance_ends_when_the_source_falls_silent_for_good(ros):
    node = ros.bring_up(ros.make(VadNode, 'vad', {'audio_timeout_s': 0.3}))
    heard = ros.collect('audio/vad')
    mic = ros.publisher('audio/mic')
    feed(ros, mic, scene()[:24_000])
    ros.until(lambda: VoiceActivity.EVENT_END in events(heard))
    assert not node._core.utterance_open


class Broken:
    """Works for ten frames."""

    def __init__(self):
        self.left = 10

    def probability(self, frame):
        self.left -= 1
        if self.left < 0:
            raise BackendFailed('the model has gone')
        return 0.0

    def reset(self):
        pass

    def close(self):
        pass


def test_a_detector_that_breaks_gives_way_to_the_next_and_the_node_says_so(ros, monkeypatch):
    real = backends.factories()
    monkeypatch.setattr('tektra.vad.node.factories', lambda: {**real, 'silero': Broken})
    ros.bring_up(ros.make(VadNode, 'vad'))
    heard = ros.collect('audio/vad')
    beats, states = ros.collect('heartbeat'), ros.collect('system/backends')
    mic = ros.publisher('audio/mic')
    room = np.concatenate((white_noise(1.0, -60), speak('turn left'), white_noise(1.2, -60)))
    feed(ros, mic, room)
    ros.until(lambda: VoiceActivity.EVENT_END in events(heard))
    assert heard[-1].backend == 'energy'
    ros.until(lambda: any(b.degraded and 'loudness' in b.status for b in beats))
    ros.until(lambda: any(s.active == 'energy' and s.degraded for s in states))
    assert any('the model has gone' in r for s in states for r in s.reasons)


def test_audio_of_another_rate_is_reported_and_the_node_goes_on(ros):
    ros.bring_up(ros.make(VadNode, 'vad'))
    heard, beats = ros.collect('audio/vad'), ros.collect('heartbeat')
    mic = ros.publisher('audio/mic')
    mic.publish(
        AudioChunk(
            stream_id='x', sample_rate=48000, channels=1, encoding=AudioChunk.ENCODING_S16LE
        )
    )
    ros.until(lambda: any('sample_rate = 48000' in b.status for b in beats))
    feed(ros, mic, scene())
    ros.until(lambda: VoiceActivity.EVENT_END in events(heard))
    ros.until(lambda: beats[-1].status == '')
