"""audio_capture as a live node: sources, errors, service, scenes, fast time."""

import array
import socket
import threading
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from lifecycle_msgs.msg import Transition
from tektra_msgs.msg import AudioChunk, TurnState
from tektra_msgs.srv import SetAudioSource

from tektra.audio_capture.backends.scene import Renderer
from tektra.audio_capture.framing import CHUNK, SAMPLE_NS
from tektra.audio_capture.node import AudioCaptureNode
from tektra.audio_capture.scene import Line
from tektra.runtime.node import TektraNode


def write(path, seconds, value=0.25, rate=16000):
    soundfile.write(path, np.full(round(rate * seconds), value, np.float32), rate)
    return str(path)


def capture(ros, **parameters):
    """Bring up audio_capture; return (node, chunks, heartbeats)."""
    chunks, beats = ros.collect('audio/mic'), ros.collect('heartbeat')
    node = ros.make(AudioCaptureNode, 'audio_capture', parameters)
    ros.bring_up(node)
    return node, chunks, beats


def set_source(ros, source, uri='', loop=False):
    client = ros.peer.create_client(SetAudioSource, 'audio_capture/set_source')
    ros.until(client.service_is_ready)
    answer = client.call_async(SetAudioSource.Request(source=source, uri=uri, loop=loop))
    ros.until(answer.done)
    ros.peer.destroy_client(client)
    return answer.result()


def loud(chunks):
    return [c for c in chunks if c.level_dbfs > -60]


def stamp_ns(chunk):
    return chunk.header.stamp.sec * 1_000_000_000 + chunk.header.stamp.nanosec


def test_a_recording_is_heard_to_its_end_and_silence_follows(ros, tmp_path):
    path = write(tmp_path / 'a.wav', 0.5, rate=48000)
    _, chunks, beats = capture(ros, source='file', uri=path)
    ros.until(lambda: sum(c.last for c in chunks) > 1)
    assert {c.stream_id for c in chunks} == {chunks[0].stream_id}
    assert all(b.first_sample - a.first_sample == CHUNK for a, b in pairwise(chunks))
    assert len(loud(chunks)) == 16
    assert len({stamp_ns(c) - c.first_sample * SAMPLE_NS // 1000 * 1000 for c in chunks}) >= 1
    drift = [stamp_ns(c) - c.first_sample * SAMPLE_NS for c in chunks]
    assert max(drift) - min(drift) < 5_000_000  # two clocks are read for each stamp
    assert abs(stamp_ns(chunks[0]) - ros.peer.get_clock().now().nanoseconds) < 30_000_000_000
    ros.until(lambda: any(b.backend == 'file' and not b.degraded for b in beats))


@pytest.mark.parametrize(
    ('make', 'says'),
    [
        (lambda p: p.write_text('Dear diary'), 'is not audio'),
        (lambda p: p.write_bytes(b''), 'is empty (0 bytes)'),
        (lambda p: soundfile.write(p, np.empty(0), 16000), 'holds no samples'),
        (lambda p: None, 'file not found'),
        (lambda p: p.mkdir(), 'is a directory'),
    ],
)
def test_an_initial_source_that_cannot_be_played_is_silence_with_the_reason(
    ros, tmp_path, make, says
):
    path = tmp_path / 'in.wav'
    make(path)
    _, chunks, beats = capture(ros, source='file', uri=str(path))
    ros.until(lambda: len(chunks) >= 10)
    assert not loud(chunks)
    ros.until(lambda: any(b.degraded and says in b.status for b in beats))


def test_a_machine_without_a_microphone_listens_to_silence_and_says_so(ros):
    node, chunks, beats = capture(ros, source='auto')
    if node._run.pump.source.label != 'silence':
        pytest.skip('this machine has a microphone')
    ros.until(lambda: len(chunks) >= 3)
    ros.until(
        lambda: any('microphone found' in b.status and b.backend == 'silence' for b in beats)
    )


def test_the_null_device_is_listened_to_in_real_time(ros):
    _, chunks, beats = capture(ros, source='device', uri='null')
    ros.until(lambda: len(chunks) >= 40)
    assert all(b.first_sample - a.first_sample == CHUNK for a, b in pairwise(chunks))
    ros.until(lambda: any(b.backend == 'miniaudio' and not b.degraded for b in beats))
    row = next(b for b in reversed(beats) if b.queues)
    assert list(row.queues) == ['source', 'gaps', 'bad_samples']
    assert list(row.queue_dropped) == [0, 0, 0]


def test_gaps_and_bad_samples_are_in_the_heartbeat(ros, tmp_path):
    audio = np.full(16000, 0.25, np.float32)
    audio[5000:5007] = np.nan
    soundfile.write(tmp_path / 'nan.wav', audio, 16000, 'FLOAT')
    _, _, beats = capture(ros, source='file', uri=str(tmp_path / 'nan.wav'))
    ros.until(lambda: any(list(b.queue_dropped)[2:] == [7] for b in beats))


def test_the_source_can_be_changed_while_listening(ros, tmp_path):
    path = write(tmp_path / 'a.wav', 0.3)
    node, chunks, _ = capture(ros, source='silence', lead_in_s=0.0)
    ros.until(lambda: len(chunks) >= 3)
    answer = set_source(ros, 'file', path)
    assert answer.success, answer.message
    assert path in answer.message
    ros.until(lambda: loud(chunks) and chunks[-1].stream_id == answer.stream_id)
    new = [c for c in chunks if c.stream_id == answer.stream_id]
    assert (new[0].seq, new[0].first_sample) == (0, 0)
    old = [c for c in chunks if c.stream_id != answer.stream_id]
    assert [c.last for c in old] == [False] * (len(old) - 1) + [True]
    assert node.last_error == ''


@pytest.mark.parametrize(
    ('source', 'uri', 'says'),
    [
        ('file', '/nowhere/a.wav', '/nowhere/a.wav: file not found'),
        ('file', '', 'no file named'),
        ('radio', 'x', "source 'radio' is not one of device, file, scene"),
        ('tcp', '0.0.0.0:1', 'would be open to the network'),
        ('topic', '/audio/mic', 'itself publishes'),
        ('device', '99', 'no capture device number 99'),
        ('scene', 'gone.yaml', 'gone.yaml: file not found'),
    ],
)
def test_a_source_that_cannot_be_had_is_refused_and_the_old_one_stays(ros, source, uri, says):
    _, chunks, beats = capture(ros, source='silence')
    answer = set_source(ros, source, uri)
    assert not answer.success
    assert says in answer.message
    assert answer.stream_id == ''
    seen = len(chunks)
    ros.until(lambda: len(chunks) > seen + 3)
    assert len({c.stream_id for c in chunks}) == 1
    assert not any(b.degraded for b in beats)


def test_a_sender_on_tcp_comes_goes_and_comes_again(ros):
    node, chunks, beats = capture(ros, source='tcp', uri='127.0.0.1:0')
    port = node._run.pump.source.port
    data = np.full(4 * CHUNK, 8192, '<i2').tobytes()
    ros.until(lambda: any('nobody sends' in b.status for b in beats))
    for _ in range(2):
        before = len(loud(chunks))
        with socket.create_connection(('127.0.0.1', port), timeout=5) as sender:
            sender.sendall(data)
            ros.until(lambda before=before: len(loud(chunks)) >= before + 3)
        seen = len(chunks)
        ros.until(lambda seen=seen: len([c for c in chunks[seen:] if c.level_dbfs == -120]) >= 3)
    assert len({c.stream_id for c in chunks}) == 1
    firsts = [c.first_sample for c in chunks]
    assert firsts == sorted(firsts)
    ros.until(lambda: max([*(b.queue_depth[1] for b in beats if b.queues), 0]) >= 1)  # gaps


def test_another_topic_can_be_the_microphone(ros):
    row_chunks, beats = ros.collect('audio/mic'), ros.collect('heartbeat')
    node = ros.make(AudioCaptureNode, 'audio_capture', {'source': 'topic', 'uri': '/robot/mic'})
    ros.bring_up(node)
    publisher = ros.peer.create_publisher(AudioChunk, '/robot/mic', 10)
    ros.until(lambda: publisher.get_subscription_count() == 1)
    for i in range(20):
        message = AudioChunk(
            stream_id='r', first_sample=i * 960, sample_rate=48000, channels=2, encoding=1
        )
        message.data = array.array('B', np.full(2 * 960, 8192, '<i2').tobytes())
        publisher.publish(message)
    ros.until(lambda: len(loud(row_chunks)) >= 10)
    ros.until(lambda: any('nobody publishes audio' in b.status for b in beats))
    assert set_source(ros, 'silence').success
    ros.until(lambda: publisher.get_subscription_count() == 0)


def test_a_deactivated_node_does_not_listen_and_begins_a_new_stream(ros):
    node, chunks, _ = capture(ros, source='device', uri='null')
    ros.until(lambda: len(chunks) >= 3)
    source = node._run.pump.source
    assert ros.change(node, Transition.TRANSITION_DEACTIVATE)
    assert source.read(0.1) is None
    assert ros.change(node, Transition.TRANSITION_ACTIVATE)
    ros.until(lambda: len({c.stream_id for c in chunks}) == 2)
    assert ros.change(node, Transition.TRANSITION_DEACTIVATE)
    assert ros.change(node, Transition.TRANSITION_CLEANUP)
    ros.bring_up(node)
    ros.until(lambda: len({c.stream_id for c in chunks}) == 3)


def test_a_scene_waits_for_the_turns_it_causes(ros, tmp_path, monkeypatch):
    monkeypatch.setenv('TEKTRA_CACHE', str(tmp_path))
    renderer = Renderer(tmp_path / 'scenes')
    renderer.path(Line('a')).parent.mkdir()
    for line in (Line('one'), Line('two')):
        write(renderer.path(line), 0.2)
    _, chunks, _ = capture(ros, source='scene', uri='one\ntwo', lead_in_s=0.1)
    turns = ros.publisher('turn/state')
    ros.until(lambda: loud(chunks) and chunks[-1].level_dbfs == -120)
    first = len(loud(chunks))
    ros.until(lambda: chunks[-1].first_sample > loud(chunks)[-1].first_sample + 1.5 * 16000)
    assert len(loud(chunks)) == first
    for phase in (TurnState.PHASE_COMMITTED, TurnState.PHASE_REPLIED):
        turns.publish(TurnState(turn_seq=1, phase=phase))
    ros.until(lambda: any(c.last for c in chunks))
    assert len(loud(chunks)) > first


def test_fast_without_simulated_time_or_with_a_live_source_is_refused(ros):
    node = ros.make(AudioCaptureNode, 'audio_capture', {'fast': True, 'source': 'silence'})
    assert not ros.change(node, Transition.TRANSITION_CONFIGURE)
    assert 'needs use_sim_time = true' in node.last_error
    live = ros.make(AudioCaptureNode, 'live', {'fast': True, 'use_sim_time': True})
    assert not ros.change(live, Transition.TRANSITION_CONFIGURE)
    assert "not with 'auto'" in live.last_error


@dataclass(frozen=True)
class NoParams:
    """A participant has none."""


class Listener(TektraNode):
    """A participant: handles chunks; long work in the worker for every ``work_every``-th."""

    params_class = NoParams
    work_every = 0

    def setup(self, params, loaded):
        self.heard, self.worked_at, self.done_at = [], [], []
        self.subscribe('audio/mic', self._on_chunk)

    def _on_chunk(self, chunk):
        self.heard.append(chunk)
        if self.work_every and chunk.seq % self.work_every == 0:
            self.worked_at.append(self.now_ns())
            self.in_worker(lambda: time.sleep(0.05), lambda _: self.done_at.append(self.now_ns()))


def fast_pair(ros, path, *, work_every=0, **more):
    listener = ros.make(Listener, 'listener', {'use_sim_time': True})
    listener.work_every = work_every
    ros.bring_up(listener)
    node = ros.make(
        AudioCaptureNode,
        'audio_capture',
        {
            'source': 'file',
            'uri': path,
            'fast': True,
            'use_sim_time': True,
            'clock_participants': ['listener'],
            'clock_start_s': 1000.0,
            'lead_in_s': 0.0,
            **more,
        },
    )
    ros.bring_up(node)
    return node, listener


def test_a_recording_runs_as_fast_as_its_listener_can_follow_and_nothing_is_lost(ros, tmp_path):
    _, listener = fast_pair(ros, write(tmp_path / 'a.wav', 8.0))
    ros.until(lambda: any(c.last for c in listener.heard), wait_s=30)
    heard = listener.heard[: 8 * 16000 // CHUNK]
    assert [c.seq for c in heard] == list(range(250))
    assert [stamp_ns(c) for c in heard] == [10**12 + i * CHUNK * SAMPLE_NS for i in range(250)]


def test_time_stands_still_while_a_listener_works(ros, tmp_path):
    _, listener = fast_pair(ros, write(tmp_path / 'a.wav', 2.0), work_every=10, clock_window=2)
    ros.until(lambda: len(listener.done_at) >= 6, wait_s=30)
    took = [b - a for a, b in zip(listener.worked_at, listener.done_at, strict=False)]
    # 50 ms of work; in simulated time no more than the chunks that were on their way
    assert max(took) <= 3 * CHUNK * SAMPLE_NS


def test_time_goes_on_when_a_participant_dies_in_the_middle(ros, tmp_path):
    node, listener = fast_pair(ros, write(tmp_path / 'a.wav', 60.0), participant_timeout_s=0.5)
    ros.until(lambda: len(listener.heard) >= 20)
    assert ros.change(listener, Transition.TRANSITION_DEACTIVATE)
    chunks = ros.collect('audio/mic')
    ros.until(lambda: len(chunks) >= 10)
    assert node.active


def test_a_minute_of_fast_silence_loses_no_chunk(ros, tmp_path):
    path = write(tmp_path / 'a.wav', 60.0, value=0.0)
    _, listener = fast_pair(ros, path)
    ros.until(lambda: any(c.last for c in listener.heard), wait_s=60)
    assert [c.seq for c in listener.heard[:1875]] == list(range(1875))


def test_shutdown_ends_the_threads_and_frees_the_port(ros):
    node, _, _ = capture(ros, source='tcp', uri='127.0.0.1:0')
    port = node._run.pump.source.port
    node.shut_down()
    assert not [t for t in threading.enumerate() if t.name in ('audio-pump', 'audio-network')]
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(('127.0.0.1', port))
