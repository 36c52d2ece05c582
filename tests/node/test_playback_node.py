"""audio_playback as a node: speech in, what was heard out, on outputs that are really there."""

import threading
import time

import numpy as np
import pytest
from rosgraph_msgs.msg import Clock
from tektra_msgs.msg import (
    AudioChunk,
    BackendState,
    PlaybackClock,
    PlaybackControl,
    TurnState,
    VoiceActivity,
)

from tektra.audio_playback.node import AudioPlaybackNode
from tektra.audio_playback.params import AudioPlaybackParams
from tektra.runtime.backends import BackendFailed

RATE = 24_000
CHUNK = 960  # 40 ms, as tts sends


def samples(count, first=0):
    return ((np.arange(first, first + count) % 30_000) + 1).astype('<i2')


def speech(pcm, first=0, *, turn=1, id='reply', last=False):
    return AudioChunk(
        session_id='s1' if turn else '',
        turn_seq=turn,
        revision=1 if turn else 0,
        utterance_id=id,
        first_sample=first,
        sample_rate=RATE,
        channels=1,
        encoding=AudioChunk.ENCODING_S16LE,
        data=pcm.tobytes(),
        last=last,
    )


def played(chunks):
    parts = [np.frombuffer(bytes(c.data), dtype='<i2') for c in chunks]
    return np.concatenate(parts) if parts else np.zeros(0, dtype='<i2')


class Stage:
    """The node with everything around it."""

    def __init__(self, ros, **parameters):
        self.ros = ros
        self.clock = ros.collect('audio/playback_clock')
        self.reference = ros.collect('audio/reference')
        self.backends = ros.collect('system/backends')
        self.node = ros.bring_up(ros.make(AudioPlaybackNode, 'audio_playback', parameters))
        run = self.node._run
        for publisher in (run.clock, run.reference):
            ros.until(lambda p=publisher: p.get_subscription_count() == 1)
        self.speech = ros.publisher('audio/speech')
        self.control = ros.publisher('audio/playback_control')
        self.vad = ros.publisher('audio/vad')
        self.turns = ros.publisher('turn/state')
        self.turns.publish(TurnState(session_id='s1', phase=TurnState.PHASE_LISTENING))

    def say(self, pcm, **more):
        for first in range(0, len(pcm), CHUNK):
            last = first + CHUNK >= len(pcm)
            self.speech.publish(speech(pcm[first : first + CHUNK], first, last=last, **more))

    def do(self, command, turn=1):
        self.control.publish(
            PlaybackControl(
                session_id='s1',
                turn_seq=turn,
                revision=min(turn, 1),
                command=getattr(PlaybackControl, f'COMMAND_{command}'),
            )
        )

    def seen(self, state, id='reply'):
        wanted = getattr(PlaybackClock, f'STATE_{state}')
        return [c for c in self.clock if c.state == wanted and c.utterance_id == id]

    def until(self, state, id='reply'):
        self.ros.until(lambda: self.seen(state, id))
        return self.seen(state, id)[-1]


@pytest.mark.parametrize('speaker', ['none', 'null'])
def test_speech_is_played_when_released_and_the_clock_and_reference_say_so(ros, speaker):
    stage = Stage(ros, speaker=speaker)
    pcm = samples(RATE // 2)
    stage.say(pcm)
    stage.until('QUEUED')
    assert not stage.seen('PLAYING')
    stage.do('PLAY')
    done = stage.until('DONE')
    ros.until(lambda: stage.reference and stage.reference[-1].last)
    heard = played(stage.reference)
    assert np.array_equal(heard[: pcm.size], pcm)
    assert (done.played_samples, done.underruns) == (pcm.size, 0)
    assert done.backend == ('silent' if speaker == 'none' else 'device')
    assert done.device_latency_s == pytest.approx(0 if speaker == 'none' else 0.03)
    assert len(stage.seen('PLAYING')) >= 20  # 50 Hz for half a second
    ros.until(lambda: stage.clock[-1].state == PlaybackClock.STATE_IDLE)
    took = done.header.stamp.sec - done.first_sample_time.sec
    took += (done.header.stamp.nanosec - done.first_sample_time.nanosec) / 1e9
    assert took == pytest.approx(0.5, abs=0.1)


def test_an_idle_node_has_no_thread_that_runs_and_no_timer(ros):
    stage = Stage(ros, speaker='null')
    stage.say(samples(CHUNK), turn=0, id='notice')
    stage.until('DONE', 'notice')
    run = stage.node._run
    ros.until(lambda: not run.player.pulling and not run.chain.active._awake)
    assert not stage.node.in_use()
    assert run.checks.is_canceled()
    assert run.rest.is_canceled()
    stage.say(samples(CHUNK), turn=0, id='another')
    stage.until('DONE', 'another')


def test_a_voice_ducks_the_reply_and_a_flush_ends_it(ros):
    stage = Stage(ros, speaker='none')
    stage.do('PLAY')
    stage.say(samples(5 * RATE))
    ros.until(lambda: stage.clock[-1].played_samples + stage.clock[-1].queued_samples == 5 * RATE)
    stage.vad.publish(VoiceActivity(event=VoiceActivity.EVENT_START, utterance_id='u'))
    ros.until(lambda: any(c.gain == pytest.approx(0.25) for c in stage.seen('DUCKED')))
    stage.do('FLUSH')
    flushed = stage.until('FLUSHED')
    assert 0 < flushed.played_samples < 5 * RATE
    assert flushed.played_samples + flushed.queued_samples == 5 * RATE
    assert flushed.first_sample_time.sec > 0
    ros.until(lambda: stage.clock[-1].state == PlaybackClock.STATE_IDLE)


def test_a_pause_holds_and_resume_goes_on_without_losing_a_sample(ros):
    stage = Stage(ros, speaker='none')
    pcm = samples(RATE // 2)
    stage.do('PLAY')
    stage.say(pcm)
    stage.until('PLAYING')
    stage.do('PAUSE')
    paused = stage.until('PAUSED')
    ros.until(lambda: not stage.node._run.player.pulling)
    assert stage.node.in_use()
    stage.do('RESUME')
    assert stage.until('DONE').played_samples == pcm.size
    ros.until(lambda: len({c.stream_id for c in stage.reference if c.last}) == 2)
    whole = played(stage.reference)
    after = int(paused.played_samples) + 360  # the fade back takes 15 ms
    tail = pcm[after:]
    found = np.flatnonzero(whole == tail[0])
    assert any(np.array_equal(whole[i : i + tail.size], tail) for i in found)


def test_no_loudspeaker_is_said_and_the_clock_runs_all_the_same(ros):
    stage = Stage(ros, speaker='no such loudspeaker')
    ros.until(lambda: stage.backends)
    state = stage.backends[-1]
    assert (state.active, list(state.states)) == (
        'silent',
        [BackendState.STATE_UNAVAILABLE, BackendState.STATE_ACTIVE],
    )
    assert "no playback device named like 'no such loudspeaker'" in state.reasons[0]
    stage.say(samples(CHUNK), turn=0, id='notice')
    assert stage.until('DONE', 'notice').backend == 'silent'


def test_an_unplugged_loudspeaker_is_said_playback_goes_on_silently_and_it_comes_back(ros):
    stage = Stage(ros, speaker='null')
    pcm = samples(10 * RATE)  # 250 chunks: the topic keeps 256
    stage.say(pcm)
    queue = stage.node._run.player.core.queue
    ros.until(lambda: queue.queued_s == 10)
    stage.do('PLAY')
    stage.until('PLAYING')
    stage.node._run.chain.active._device.stop()  # what miniaudio does when the device is gone
    ros.until(lambda: any(b.active == 'silent' for b in stage.backends))
    lost = next(b for b in stage.backends if b.active == 'silent')
    assert lost.degraded
    assert 'unplugged or suspended' in lost.reasons[0]
    ros.until(lambda: stage.clock[-1].backend == 'silent')
    ros.until(lambda: stage.backends[-1].active == 'device')
    assert stage.backends[-1].event == 'device is back'
    ros.until(lambda: stage.clock[-1].backend == 'device')
    before = stage.clock[-1].played_samples
    ros.until(lambda: stage.clock[-1].played_samples > before + RATE // 2)
    stage.do('FLUSH')
    cut = stage.until('FLUSHED')
    # every sample that counts as heard was given to an output, in order
    ros.until(lambda: stage.reference[-1].last)
    whole, sure = played(stage.reference), int(cut.played_samples) - 240
    assert np.array_equal(whole[:sure], pcm[:sure])


def test_a_chunk_that_cannot_be_played_is_an_error_in_the_heartbeat(ros):
    stage = Stage(ros, speaker='none')
    beats = ros.collect('heartbeat')
    bad = speech(samples(10))
    bad.channels = 2
    stage.speech.publish(bad)
    ros.until(lambda: beats and '2 channels; send mono' in beats[-1].last_error)
    assert beats[-1].queue_dropped[list(beats[-1].queues).index('speech')] == 1
    for _ in range(2):
        stage.speech.publish(speech(samples(CHUNK), id='twice'))
    ros.until(lambda: beats[-1].queue_dropped[list(beats[-1].queues).index('repeats')] == 1)
    stage.say(samples(CHUNK), turn=0, id='notice')
    stage.until('DONE', 'notice')


def test_deactivating_cuts_what_plays_and_activating_begins_anew(ros):
    from lifecycle_msgs.msg import Transition

    stage = Stage(ros, speaker='none')
    stage.say(samples(5 * RATE), turn=0, id='long')
    stage.until('PLAYING', 'long')
    assert ros.change(stage.node, Transition.TRANSITION_DEACTIVATE)
    stage.until('FLUSHED', 'long')
    assert ros.change(stage.node, Transition.TRANSITION_ACTIVATE)
    stage.say(samples(CHUNK), turn=0, id='notice')
    stage.until('DONE', 'notice')
    assert ros.change(stage.node, Transition.TRANSITION_DEACTIVATE)
    assert ros.change(stage.node, Transition.TRANSITION_CLEANUP)
    assert threading.active_count() < 30


def test_deactivating_lets_the_device_go_at_once(ros):
    from lifecycle_msgs.msg import Transition

    stage = Stage(ros, speaker='null')
    stage.say(samples(5 * RATE), turn=0, id='long')
    stage.until('PLAYING', 'long')
    output = stage.node._run.chain.active
    assert output._awake
    assert ros.change(stage.node, Transition.TRANSITION_DEACTIVATE)
    ros.until(lambda: not output._awake)


def test_loading_again_leaves_what_runs_alone(ros):
    stage = Stage(ros, speaker='none')
    run = stage.node._run
    another = stage.node.load(AudioPlaybackParams(speaker='none'))
    assert stage.node._run is run
    another.chain.close()
    stage.say(samples(CHUNK), turn=0, id='notice')
    stage.until('DONE', 'notice')


class Simulation(Stage):
    """The same under /clock, which the test moves on as playback follows."""

    def __init__(self, ros):
        self.now_ns = 1_000_000_000_000
        super().__init__(ros, use_sim_time=True)
        self.time = ros.publisher('/clock', readers=2)
        self.progress = ros.collect('clock/progress')
        self.tick(0.0)

    def tick(self, seconds=0.032):
        self.now_ns += round(seconds * 1e9)
        stamp = Clock()
        stamp.clock.sec, stamp.clock.nanosec = divmod(self.now_ns, 10**9)
        self.time.publish(stamp)
        self.ros.until(lambda: any(p.header.stamp == stamp.clock for p in self.progress[-4:]))

    def heard(self):
        """Samples that were heard, as far as the clock has said so."""
        return max((c.played_samples for c in self.clock[-64:] if c.utterance_id), default=0)

    def arrived(self):
        """Samples of the reply that the node has."""
        queue = self.node._run.player.core.queue
        reply = queue.playing or queue.next()
        return reply.played + reply.queued if reply else 0

    def mixed(self):
        """Samples of the reply that the node has played."""
        reply = self.node._run.player.core.queue.playing
        return reply.played if reply else 0


@pytest.mark.slow
def test_a_two_minute_reply_loses_no_sample_and_waits_for_the_clock(ros):
    stage = Simulation(ros)
    total, size = 120 * RATE, 4800
    pcm, sent = samples(total), 0
    stage.do('PLAY')
    while not stage.seen('DONE'):
        while sent < min(total, stage.heard() + 2 * RATE):  # as tts: at most 2 s ahead
            part = pcm[sent : sent + size]
            stage.speech.publish(speech(part, sent, last=sent + size >= total))
            sent += size
        ros.until(lambda all=sent: stage.arrived() == all or stage.seen('DONE'))
        stage.tick(0.5)
        ros.until(lambda: stage.heard() >= stage.mixed() - 480)
    ros.until(lambda: stage.reference and stage.reference[-1].last)
    done = stage.seen('DONE')[-1]
    assert (done.played_samples, done.underruns) == (total, 0)
    assert np.array_equal(played(stage.reference)[:total], pcm)


def test_simulated_time_stands_still_while_nobody_moves_it(ros):
    stage = Simulation(ros)
    stage.do('PLAY')
    stage.say(samples(4 * CHUNK))
    stage.until('QUEUED')
    began = stage.now_ns
    for _ in range(3):
        stage.tick(0.02)
    ros.until(lambda: stage.seen('PLAYING'))
    first = stage.seen('PLAYING')[0].first_sample_time
    assert first.sec * 10**9 + first.nanosec == began
    assert max(c.played_samples for c in stage.seen('PLAYING')) <= 3 * 480
    end = time.monotonic() + 0.2  # real time passes, simulated time does not
    while time.monotonic() < end:
        ros.executor.spin_once(timeout_sec=0.02)
    assert not stage.seen('DONE')


def test_under_simulated_time_nothing_is_heard_before_it_came(ros):
    stage = Simulation(ros)
    stage.turns.publish(TurnState(session_id='s1', phase=TurnState.PHASE_COMMITTED))
    for name in ('one', 'two', 'three'):
        stage.tick()
        came = stage.now_ns
        stage.say(samples(CHUNK), turn=0, id=name)  # 40 ms: it ends within a tick
        stage.until('QUEUED', name)
        stage.tick()
        stage.tick()
        stage.tick()
        first = stage.until('DONE', name).first_sample_time
        assert first.sec * 10**9 + first.nanosec == came


def test_a_lost_device_is_reported_by_its_check():
    from tektra.audio_playback.backends.device import DeviceOutput
    from tektra.runtime.clock import ManualClock

    clock = ManualClock()
    output = DeviceOutput(lambda n, now: None, clock, 'null', 0.02)
    output.check()  # asleep: nothing to miss
    output.wake()
    clock.advance(0.4)
    output._device.stop()
    with pytest.raises(BackendFailed, match='NULL Playback Device'):
        output.check()
    output.close()
