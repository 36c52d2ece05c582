"""What the tests of the stop word share: chunks, a room with an echo, gate states."""

import numpy as np
from tektra_msgs.msg import AudioChunk, EstopState, GateState, Transcript

from speech_maker import white_noise
from tektra.robots.registry import site
from tektra.stop_word.words import WordList, read_words, words_file

RATE = 16_000
CHUNK = 512
T0_NS = 1_000_000_000_000  # ROS time of sample 0


def chunk(pcm, first, *, stream='mic', rate=RATE, t0_ns=T0_NS, seq=0, last=False):
    ns = t0_ns + first * 1_000_000_000 // rate
    made = AudioChunk(
        stream_id=stream,
        seq=seq,
        first_sample=first,
        sample_rate=rate,
        channels=1,
        encoding=AudioChunk.ENCODING_S16LE,
        data=np.ascontiguousarray(pcm).tobytes(),
        last=last,
    )
    made.header.stamp.sec, made.header.stamp.nanosec = divmod(ns, 1_000_000_000)
    return made


def chunks(pcm, *, size=CHUNK, **more):
    for at in range(0, len(pcm), size):
        yield chunk(pcm[at : at + size], at, **more)


def quiet(seconds):
    return white_noise(seconds, -60)


def in_quiet_room(*parts):
    pcm = np.concatenate(parts).astype(np.int32)
    return np.clip(
        pcm + white_noise(len(pcm) / RATE + 0.1, -60)[: len(pcm)], -32768, 32767
    ).astype(np.int16)


def end_of_speech(pcm):
    """Return the index after the last sample that is loud."""
    return int(np.flatnonzero(np.abs(pcm.astype(int)) > 300)[-1]) + 1


def echo(played, *, delay_s=0.08, gain_db=-10.0, t60_s=0.3, seed=1):
    """Return what a microphone in a room hears of ``played``, of the same length."""
    rng = np.random.default_rng(seed)
    count = round(0.25 * RATE)
    tail = rng.standard_normal(count) * np.exp(-6.9 * np.arange(count) / RATE / t60_s) * 0.15
    tail[0] = 1.0
    heard = np.convolve(played.astype(float), tail * 10 ** (gain_db / 20))
    heard = np.concatenate((np.zeros(round(delay_s * RATE)), heard))[: len(played)]
    return np.clip(heard, -32768, 32767).astype(np.int16)


def word_list(language='en', robots=('tek',)):
    return WordList(read_words(words_file(), language), site(robots))


def gate(level, *, standstill=True, shown=(), robot='tek', seq=0):
    return GateState(
        robot=robot,
        instance_id='gate-1',
        seq=seq,
        estop_instance_id='estop-1',
        stop_id=1,
        level=level,
        channels=['base'],
        standstill=[standstill],
        request_ids=list(shown),
    )


def estop(shown, *, robot='tek', seq=0):
    return EstopState(
        robot=robot,
        instance_id='estop-1',
        seq=seq,
        stop_id=1,
        state=EstopState.STATE_STOPPED,
        request_ids=list(shown),
    )


def transcript(text, *, final=True, utterance='u', start=0, end=RATE):
    return Transcript(
        text=text,
        is_final=final,
        utterance_id=utterance,
        start_sample=start,
        end_sample=end,
        sample_rate=RATE,
        backend='test',
    )
