"""The demo on the real graph: what is heard, answered, played and reported."""

import json
import signal
import wave

import numpy as np
import pytest

from launched import END_S, abandoned, wait_until

TURN_KEYS = {
    'session_id', 'turn_id', 'turn_seq', 'heard', 'heard_backend', 'reply', 'reply_backend',
    'interrupted', 'played_s', 'decision', 'latency_ms',
}  # fmt: skip
STAGES = {'endpoint', 'stt', 'dialogue', 'tts', 'graph', 'total'}


def check_report(report):
    """Hold a report against the documented shape."""
    assert {'turns', 'nodes', 'drops', 'wall_s'} <= set(report)
    for turn in report['turns']:
        assert set(turn) >= TURN_KEYS
        assert set(turn['latency_ms']) == STAGES
    for node in report['nodes']:
        assert {'name', 'state', 'backend', 'restarts', 'rss_mb', 'cpu_s'} <= set(node)
        assert node['state'] == 'active'
    assert len(report['nodes']) >= 8


def spoken(path):
    """Return the samples of a reply file."""
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), '<i2'), file.getframerate()


def test_a_recorded_command_is_heard_and_answered_aloud(tektra, test_data):
    recording = test_data / 'speech/robot_commands_en/ps_goforward.wav'
    code, output, report = tektra.demo('--input', str(recording))
    assert code == 0, output
    check_report(report)
    [turn] = report['turns']
    assert turn['heard'] == 'go forward ten meters'
    assert turn['heard_backend'] == 'pocketsphinx'
    assert 'go forward ten meters' in turn['reply']
    assert not turn['interrupted']
    assert turn['latency_ms']['total'] > 0
    samples, rate = spoken(tektra.folder / 'out/reply.wav')
    assert np.abs(samples).max() > 1000
    assert abs(len(samples) / rate - turn['played_s']) < 0.5
    assert 'go forward ten meters' in output


def test_silence_ends_with_heard_nothing(tektra, test_data):
    recording = test_data / 'speech/misc/leopard_empty_silence.wav'
    code, output, report = tektra.demo('--input', str(recording), '--fast')
    assert code != 0
    assert 'heard nothing' in output
    assert report['turns'] == []


def test_typed_lines_are_answered_in_order(tektra):
    code, output, report = tektra.demo('--text', 'hello', '--text', 'what is two plus three')
    assert code == 0, output
    check_report(report)
    assert [turn['heard'] for turn in report['turns']] == ['hello', 'what is two plus three']
    assert 'five' in report['turns'][1]['reply'].lower() or '5' in report['turns'][1]['reply']
    assert [turn['turn_seq'] for turn in report['turns']] == [1, 2]


@pytest.mark.parametrize('speed', [[], ['--fast']], ids=['real time', 'fast'])
def test_the_built_in_scene_of_spoken_questions_is_answered_in_order(tektra, speed):
    code, output, report = tektra.demo('--scene', 'three_questions', *speed)
    assert code == 0, output
    check_report(report)
    heard = [turn['heard'] for turn in report['turns']]
    assert heard == ['hello', 'what time is it', 'who are you'], output
    assert all(turn['reply'] for turn in report['turns'])
    assert 'Tektra' in report['turns'][2]['reply']


def test_speech_over_a_reply_cuts_it_and_the_report_says_what_was_heard(tektra):
    code, output, report = tektra.demo('--scene', 'barge_in')
    assert code == 0, output
    first, stop, last = report['turns']
    assert first['interrupted'], output
    assert first['reply_text'].startswith(first['reply'])
    assert 0 < len(first['reply']) < len(first['reply_text'])
    assert (stop['heard'], last['heard']) == ('stop talking', 'what is your name'), output
    assert 'Tektra' in last['reply']
    samples, rate = spoken(tektra.folder / 'out/reply.wav')
    played = sum(turn['played_s'] for turn in report['turns'])
    assert abs(len(samples) / rate - played) < 0.5


def test_a_file_that_is_not_audio_is_named(tektra, tmp_path):
    path = tmp_path / 'notes.txt'
    path.write_text('these are words, not sound\n' * 100)
    code, output, _ = tektra.demo('--input', str(path))
    assert code != 0
    assert 'notes.txt' in output
    assert 'Traceback' not in output


def test_a_file_that_does_not_exist_is_named_before_anything_starts(tektra, tmp_path):
    code, output, report = tektra.demo('--input', str(tmp_path / 'nothing.wav'))
    assert code != 0
    assert 'nothing.wav' in output
    assert report is None


def test_an_empty_recording_ends_with_heard_nothing(tektra, tmp_path):
    path = tmp_path / 'empty.wav'
    with wave.open(str(path), 'wb') as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
    code, output, _ = tektra.demo('--input', str(path), '--fast')
    assert code != 0
    assert 'heard nothing' in output


def test_a_recording_damaged_in_the_middle_ends_the_demo_and_is_named(tektra, tmp_path):
    soundfile = pytest.importorskip('soundfile')
    path = tmp_path / 'damaged.flac'
    tone = (np.sin(np.arange(4 * 16000) / 20) * 8000).astype(np.int16)
    soundfile.write(path, tone, 16000)
    data = bytearray(path.read_bytes())
    half = len(data) // 2
    data[half:] = np.random.default_rng(1).bytes(len(data) - half)
    path.write_bytes(data)
    code, output, _ = tektra.demo('--input', str(path), '--fast')
    assert code == 1, output
    assert 'heard nothing' in output
    assert 'damaged.flac is damaged' in output.splitlines()[-1]


@pytest.mark.parametrize('moment', ['starting', 'ready', 'speaking'])
def test_ctrl_c_at_any_moment_leaves_nothing_behind(tektra, moment):
    process = tektra.start(
        'demo', '--text', 'tell me a story', '--out', str(tektra.folder / 'out')
    )
    seen = []
    wanted = {'starting': 'domain', 'ready': 'ready', 'speaking': 'robot'}[moment]

    def reached():
        line = process.stdout.readline()
        seen.append(line)
        return wanted in line.lower() or process.poll() is not None

    wait_until(reached, f'no line with {wanted!r}: {seen}')
    mapped = tektra.shared_memory()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=END_S)
    printed = ''.join(seen) + output
    # Once a reply was heard the demo did what it is for.
    unanswered = 'stopped before anything was answered' in printed
    assert unanswered or moment != 'starting', printed
    assert process.returncode == (130 if unanswered else 0), printed
    assert not tektra.leftovers()
    assert mapped or moment == 'starting'
    assert not abandoned(mapped)


def test_what_was_played_is_reported_even_when_cut_by_ctrl_c(tektra):
    process = tektra.start(
        'demo', '--text', 'tell me a story', '--out', str(tektra.folder / 'out')
    )
    wait_until(lambda: 'robot' in process.stdout.readline().lower(), 'no reply')
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=END_S)
    report = json.loads((tektra.folder / 'out/report.json').read_text())
    assert report['turns'][0]['heard'] == 'tell me a story'
