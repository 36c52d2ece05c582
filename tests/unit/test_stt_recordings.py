"""Recordings beside the conversation: reading them, finding speech, giving way."""

import numpy as np
import pytest
import soundfile
from stt_room import Echo

from speech_maker import silence, speak, white_noise
from tektra.runtime.backends import BackendChain
from tektra.stt.engine import Engine, Want
from tektra.stt.recordings import (
    Recording,
    RecordingError,
    Recordings,
    detector,
    load_data,
    load_file,
    speech_pieces,
)


def tone(value, seconds):
    return np.full(round(seconds * 16000), value, np.int16)


def engine():
    chain = BackendChain('stt', ['echo'], {'echo': Echo}, lambda status: None)
    chain.open(0)
    return Engine(chain)


def run(recordings, made, steps=1000):
    while steps and (job := recordings.next_job()) is not None:
        recordings.on_result(job, made.run(job, 0))
        steps -= 1


def test_a_recording_is_decoded_piece_by_piece_with_its_times():
    pcm = np.concatenate((tone(101, 1.5), tone(0, 2), tone(102, 0.5)))
    recording = Recording('r', pcm, [(0, 24_000), (56_000, 64_000)])
    recordings = Recordings()
    recordings.add(recording)
    run(recordings, engine())
    assert recording.done
    assert recording.text == 'w101 w102'
    assert [start for start, _ in recording.found] == [0, 56_000]
    assert recording.progress == 1.0
    assert recording.backend == 'echo'


def test_live_speech_takes_the_engine_and_the_piece_begins_again_without_loss():
    pcm = np.concatenate([tone(101 + i, 1) for i in range(5)])
    recording, recordings, made = Recording('r', pcm, [(0, pcm.size)]), Recordings(), engine()
    recordings.add(recording)
    run(recordings, made, steps=3)
    assert recording.progress == pytest.approx(0.6)
    recordings.displaced()
    job = recordings.next_job()
    assert (job.begin, job.want) == (True, Want.PARTIAL)
    run(recordings, made)
    assert recording.text == 'w101 w102 w103 w104 w105'


def test_no_job_is_longer_than_a_second():
    recordings = Recordings()
    recordings.add(Recording('r', tone(101, 10), [(0, 160_000)]))
    assert recordings.next_job().audio.size == 16_000


def test_two_recordings_are_done_one_after_the_other():
    first = Recording('1', tone(101, 1), [(0, 16_000)])
    second = Recording('2', tone(102, 1), [(0, 16_000)])
    recordings = Recordings()
    recordings.add(first)
    recordings.add(second)
    run(recordings, engine())
    assert (first.text, second.text) == ('w101', 'w102')


def test_a_cancelled_recording_is_forgotten_and_its_late_result_too():
    recording, recordings = Recording('r', tone(101, 3), [(0, 48_000)]), Recordings()
    recordings.add(recording)
    job = recordings.next_job()
    recordings.remove(recording)
    assert recordings.on_result(job, engine().run(job, 0)) is None
    assert recordings.next_job() is None


def test_a_recording_without_speech_is_done_at_once():
    recordings, recording = Recordings(), Recording('r', tone(0, 3), [])
    recordings.add(recording)
    assert recording.done
    assert recording.progress == 1.0
    assert recordings.next_job() is None


# ---- speech in a recording


def test_silence_and_noise_are_not_speech():
    pcm = np.concatenate((silence(2), white_noise(3, -30), silence(1)))
    assert speech_pieces(pcm, detector()) == []


def test_each_sentence_is_a_piece_with_some_audio_around_it():
    one, two = speak('go forward ten meters'), speak('what is your name')
    pcm = np.concatenate((silence(1), one, silence(2), two))
    pieces = speech_pieces(pcm, detector())
    assert len(pieces) == 2
    assert 0 < pieces[0][0] <= 16_000 < pieces[0][1]
    assert pieces[0][1] <= pieces[1][0] < 48_000 + one.size < pieces[1][1] <= pcm.size


def test_long_speech_is_cut_into_pieces():
    pcm = np.tile(speak('tell me about yourself and what can you do')[:30_000], 25)
    pieces = speech_pieces(pcm, detector())
    assert len(pieces) >= 2
    assert all(stop - start <= 20.1 * 16000 for start, stop in pieces)
    assert pieces[-1][1] > pcm.size - 16_000


# ---- reading


@pytest.mark.parametrize(
    ('name', 'rate', 'channels', 'subtype'),
    [
        ('a.wav', 16000, 1, 'PCM_16'),
        ('a.wav', 96000, 6, 'PCM_24'),
        ('a.wav', 8000, 1, 'PCM_U8'),
        ('a.wav', 44100, 2, 'FLOAT'),
        ('a.flac', 48000, 2, 'PCM_16'),
        ('a.ogg', 44100, 1, 'VORBIS'),
        ('a.mp3', 44100, 2, 'MPEG_LAYER_III'),
    ],
)
def test_a_file_of_any_kind_becomes_16_khz_mono(tmp_path, name, rate, channels, subtype):
    t = np.arange(2 * rate) / rate
    wave = 0.4 * np.sin(2 * np.pi * 440 * t)
    soundfile.write(tmp_path / name, np.column_stack([wave] * channels), rate, subtype=subtype)
    pcm = load_file(str(tmp_path / name))
    assert pcm.dtype == np.int16
    assert pcm.size == pytest.approx(32_000, rel=0.05)
    spectrum = np.abs(np.fft.rfft(pcm[4000:28_000].astype(float)))
    assert np.argmax(spectrum) * 16000 / 24_000 == pytest.approx(440, abs=2)


def test_raw_samples_become_16_khz_mono():
    stereo = np.repeat(tone(1000, 1.0), 2)
    assert load_data(stereo.tobytes(), 16000, 2).size == 16_000
    assert load_data(stereo.tobytes(), 32000, 1).size == pytest.approx(16_000, abs=50)


@pytest.mark.parametrize(
    ('data', 'rate', 'channels', 'said'),
    [
        (b'\0\0', 10, 1, 'sample_rate = 10 '),
        (b'\0\0', 16000, 0, 'channels = 0 '),
        (b'\0\0\0', 16000, 1, '3 bytes'),
        (b'\0\0', 16000, 2, '2 bytes'),
    ],
)
def test_raw_samples_that_cannot_be_read_name_the_field(data, rate, channels, said):
    with pytest.raises(RecordingError, match=said):
        load_data(data, rate, channels)


def test_a_file_that_is_not_there_or_not_audio_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r'nowhere\.wav'):
        load_file(str(tmp_path / 'nowhere.wav'))
    text = tmp_path / 'text.wav'
    text.write_text('this is not audio')
    with pytest.raises(RecordingError, match=r'text\.wav is not audio'):
        load_file(str(text))
