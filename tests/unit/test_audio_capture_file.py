"""Recordings of every kind, and what is not one."""

import wave

import numpy as np
import psutil
import pytest
import soundfile

from tektra.audio_capture.backends.file import FileSource
from tektra.audio_capture.core import CaptureCore
from tektra.runtime.backends import BackendUnavailable


def write_tone(path, rate, channels, subtype=None, *, format=None, seconds=1.0, amplitude=0.5):
    t = np.arange(round(rate * seconds)) / rate
    mono = amplitude * np.sin(2 * np.pi * 440 * t)
    soundfile.write(path, np.repeat(mono[:, None], channels, axis=1), rate, subtype, format=format)
    return path


def play(path, **more):
    """Return (chunks, samples) of the whole file through source and core."""
    source, core, chunks = FileSource(str(path), **more), CaptureCore('s', 0), []
    while (block := source.read(0)) is not None:
        chunks += core.push(block)
    source.close()
    return chunks, np.concatenate([np.frombuffer(bytes(c.data), '<i2') for c in chunks])


@pytest.mark.parametrize(
    ('name', 'rate', 'channels', 'subtype', 'tolerance'),
    [
        ('8bit.wav', 16000, 1, 'PCM_U8', 0.01),
        ('16bit.wav', 16000, 1, 'PCM_16', 0.002),
        ('24bit.wav', 48000, 2, 'PCM_24', 0.002),
        ('32bit.wav', 44100, 1, 'PCM_32', 0.002),
        ('float.wav', 22050, 2, 'FLOAT', 0.002),
        ('double.wav', 32000, 1, 'DOUBLE', 0.002),
        ('ulaw.wav', 8000, 1, 'ULAW', 0.02),
        ('six.wav', 96000, 6, 'FLOAT', 0.002),
        ('mono.flac', 44100, 1, 'PCM_16', 0.002),
        ('stereo.flac', 96000, 2, 'PCM_24', 0.002),
        ('mono.ogg', 16000, 1, 'VORBIS', 0.05),
        ('stereo.ogg', 44100, 2, 'VORBIS', 0.05),
        ('mono.mp3', 16000, 1, None, 0.05),
        ('stereo.mp3', 44100, 2, None, 0.05),
    ],
)
def test_a_recording_of_any_format_is_heard_at_16_khz_mono(
    tmp_path, name, rate, channels, subtype, tolerance
):
    chunks, pcm = play(write_tone(tmp_path / name, rate, channels, subtype))
    assert [c.last for c in chunks] == [False] * (len(chunks) - 1) + [True]
    assert all(len(c.data) == 1024 for c in chunks)
    padding = 3000 if name.endswith('mp3') else 512  # mp3 has encoder delay and whole frames
    assert 16000 <= pcm.size <= 16000 + padding
    middle = pcm[4000:12000].astype(float) / 32768
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=tolerance)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(middle.size)))
    assert np.argmax(spectrum) * 16000 / middle.size == pytest.approx(440, abs=2)


def test_16_khz_16_bit_mono_arrives_bit_for_bit(tmp_path):
    pcm = np.random.default_rng(4).integers(-32768, 32768, 12345).astype(np.int16)
    soundfile.write(tmp_path / 'a.wav', pcm, 16000)
    _, heard = play(tmp_path / 'a.wav')
    assert np.array_equal(heard[:12345], pcm)
    assert not heard[12345:].any()


def test_nan_samples_are_silence_and_the_rest_is_heard(tmp_path):
    audio = np.full(48000, 0.25, np.float32)
    audio[1000:1100], audio[2000] = np.nan, np.inf
    soundfile.write(tmp_path / 'nan.wav', audio, 48000, 'FLOAT')
    source, core, chunks = FileSource(str(tmp_path / 'nan.wav')), CaptureCore('s', 0), []
    while (block := source.read(0)) is not None:
        chunks += core.push(block)
    assert core.losses.bad_samples == 101
    assert chunks[20].level_dbfs == pytest.approx(-12.04, abs=0.1)


def test_the_recording_can_start_again_at_its_end(tmp_path):
    pcm = np.arange(1, 1001, dtype=np.int16)
    soundfile.write(tmp_path / 'a.wav', pcm, 16000)
    source = FileSource(str(tmp_path / 'a.wav'), loop=True)
    blocks = [source.read(0) for _ in range(10)]
    joined = np.concatenate([b.samples[:, 0] for b in blocks]) * 32768
    assert np.array_equal(joined[:2500], np.tile(pcm, 3)[:2500])
    assert not any(b.last for b in blocks)
    firsts = [b.first_frame for b in blocks]
    assert firsts == list(np.cumsum([0] + [len(b.samples) for b in blocks[:-1]]))


def test_a_wav_without_samples_ends_at_once_and_says_so(tmp_path):
    soundfile.write(tmp_path / 'none.wav', np.empty(0, np.int16), 16000)
    source = FileSource(str(tmp_path / 'none.wav'))
    assert source.problem == f'{tmp_path}/none.wav holds no samples'
    block = source.read(0)
    assert block.last
    assert block.samples.size == 0
    assert source.read(0) is None


@pytest.mark.parametrize(
    ('make', 'says'),
    [
        (lambda p: None, 'file not found'),
        (lambda p: p.mkdir(), 'is a directory'),
        (lambda p: p.write_bytes(b''), 'is empty (0 bytes)'),
        (lambda p: p.write_text('Dear diary, ' * 100), 'is not audio'),
        (lambda p: p.write_bytes(b'RIFF\x24\x00\x00\x00WAVEfmt '), 'is not audio'),
        (lambda p: p.symlink_to('/dev/null'), 'is not a regular file'),
    ],
)
@pytest.mark.parametrize('suffix', ['wav', 'txt', 'raw'])
def test_what_is_not_a_recording_is_named_with_the_fix(tmp_path, make, says, suffix):
    path = tmp_path / f'thing.{suffix}'
    make(path)
    with pytest.raises(BackendUnavailable) as refused:
        FileSource(str(path))
    assert says in str(refused.value)
    assert str(path) in str(refused.value)


def test_an_impossible_sample_rate_is_refused(tmp_path):
    soundfile.write(tmp_path / 'slow.wav', np.zeros(10, np.int16), 10)
    with pytest.raises(BackendUnavailable, match='sample rate 10 Hz is outside'):
        FileSource(str(tmp_path / 'slow.wav'))


def test_a_truncated_recording_is_heard_as_far_as_it_goes(tmp_path):
    write_tone(tmp_path / 'whole.wav', 16000, 1, 'PCM_16')
    data = (tmp_path / 'whole.wav').read_bytes()
    (tmp_path / 'cut.wav').write_bytes(data[: len(data) // 2])
    chunks, pcm = play(tmp_path / 'cut.wav')
    assert chunks[-1].last
    assert pcm.size == pytest.approx(8000, abs=512)


def test_mp3_read_in_small_blocks_is_the_same_as_in_one(tmp_path):
    path = write_tone(tmp_path / 'a.mp3', 44100, 1, seconds=2.0)
    source, blocks = FileSource(str(path)), []
    while (block := source.read(0)) is not None:
        blocks.append(block.samples)
    whole, _ = soundfile.read(path, dtype='float32', always_2d=True)
    assert np.array_equal(np.concatenate(blocks), whole)


def hour_of_silence(path):
    """Write an hour of zeros that takes no room on the disk."""
    size = 2 * 3600 * 16000
    with wave.open(str(path), 'wb') as out:
        out.setparams((1, 2, 16000, 0, 'NONE', ''))
        out.writeframes(b'')
    with path.open('r+b') as out:
        header = bytearray(out.read(44))
        header[4:8], header[40:44] = (36 + size).to_bytes(4, 'little'), size.to_bytes(4, 'little')
        out.seek(0)
        out.write(header)
        out.truncate(44 + size)


def test_an_hour_of_silence_is_never_in_memory(tmp_path):
    hour_of_silence(tmp_path / 'hour.wav')
    source, core = FileSource(str(tmp_path / 'hour.wav')), CaptureCore('s', 0)
    before = psutil.Process().memory_info().rss
    frames = chunks = 0
    while (block := source.read(0)) is not None:
        frames += len(block.samples)
        if frames % (16000 * 60) < 16000:  # a second of every minute, to be quick
            chunks += len(core.push(block))
    grown = psutil.Process().memory_info().rss - before
    assert frames == 3600 * 16000
    assert chunks > 1800
    assert grown < 20_000_000  # the file is 115 MB
