"""The tap: what was recorded is what is replayed."""

import io

import pytest

from tektra.runtime.tap import BackendCall, RecordingTap, ReplayTap, TapError, digest


def record():
    sink, ticks = io.StringIO(), iter(range(0, 10**12, 5_000_000))
    tap = RecordingTap(sink, lambda: next(ticks))
    assert tap.call('stt', 'pocketsphinx', 'decode', 'aa', lambda: {'text': 'go'}) == {
        'text': 'go'
    }
    assert tap.call('tts', 'espeak_ng', 'speak', 'hi', lambda: [1, 2]) == [1, 2]
    with pytest.raises(OSError, match='gone'):
        tap.call(
            'stt', 'pocketsphinx', 'decode', 'bb', lambda: (_ for _ in ()).throw(OSError('gone'))
        )
    return sink.getvalue()


def replay(text):
    return ReplayTap([BackendCall.from_json(line) for line in text.splitlines()])


def never():
    raise AssertionError('a replayed call must not run the backend')


def test_a_recording_answers_the_same_calls_without_the_backend():
    tap = replay(record())
    assert tap.call('stt', 'pocketsphinx', 'decode', 'aa', never) == {'text': 'go'}
    assert tap.call('tts', 'espeak_ng', 'speak', 'hi', never) == [1, 2]


def test_a_recorded_failure_fails_again():
    tap = replay(record())
    tap.call('stt', 'pocketsphinx', 'decode', 'aa', never)
    with pytest.raises(RuntimeError, match='OSError: gone'):
        tap.call('stt', 'pocketsphinx', 'decode', 'bb', never)


def test_capabilities_replay_independently_of_each_other():
    tap = replay(record())
    assert tap.call('tts', 'espeak_ng', 'speak', 'hi', never) == [1, 2]
    assert tap.call('stt', 'pocketsphinx', 'decode', 'aa', never) == {'text': 'go'}


def test_another_call_than_the_recorded_one_is_refused_and_named():
    tap = replay(record())
    with pytest.raises(
        TapError, match=r'has pocketsphinx.decode\(aa\), got pocketsphinx.decode\(zz\)'
    ):
        tap.call('stt', 'pocketsphinx', 'decode', 'zz', never)


def test_a_line_that_is_no_call_is_named():
    with pytest.raises(TapError, match='not a recorded backend call'):
        BackendCall.from_json('{"a": 1}')


def test_durations_come_from_the_given_clock():
    first = BackendCall.from_json(record().splitlines()[0])
    assert first.duration_s == 0.005


def test_equal_audio_has_an_equal_digest():
    assert digest(b'\x00\x01') == digest(bytes([0, 1])) != digest(b'\x01\x00')
