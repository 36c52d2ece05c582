"""The espeak-ng engine for real: sound, times, voices, abort, recording."""

import io
import itertools
import subprocess
import sys
import threading
import wave

import numpy as np
import pytest

from tektra.runtime import pcm
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.tap import BackendCall, RecordingTap, ReplayTap
from tektra.tts.backend import Abort, Speech, SpeechRequest, VoiceUnknown
from tektra.tts.backends import factories
from tektra.tts.engine import Engine

pytest.importorskip('espeakng_loader')
TEXT = 'Hello, robot. Go forward 3.5 meters—then “stop”.'


@pytest.fixture(scope='module')
def espeak():
    from tektra.tts.backends.espeak_ng import EspeakNg

    return EspeakNg()


def speak(espeak, text=TEXT, **more):
    return espeak.synthesize(SpeechRequest(text, more.pop('language', 'en-US'), **more), Abort())


def test_a_sentence_is_heard_and_lasts_as_long_as_a_person_would(espeak):
    speech = speak(espeak)
    assert speech.sample_rate == 22050
    assert 2.0 < speech.samples / speech.sample_rate < 6.0
    assert pcm.level_dbfs(pcm.from_bytes(speech.pcm)) > -35


def test_phonemes_and_words_rise_and_lie_inside_the_audio(espeak):
    speech = speak(espeak)
    assert [TEXT[w.offset : w.offset + w.length] for w in speech.words] == [
        'Hello', 'robot', 'Go', 'forward', '3.5', 'meters', 'then', 'stop',
    ]  # fmt: skip
    for rows in (speech.phonemes, speech.words):
        assert all(0 <= r.start <= r.end <= speech.samples for r in rows)
        assert all(a.end <= b.start for a, b in itertools.pairwise(rows))
    assert ''.join(p.ipa for p in speech.phonemes).startswith('həlˈoʊ')


def test_a_word_is_loud_where_its_times_say_and_the_pause_is_not(espeak):
    speech = speak(espeak, 'Stop. Go.')
    sound = pcm.from_bytes(speech.pcm)
    first, second = speech.words
    assert pcm.level_dbfs(sound[first.start : first.end]) > -35
    assert pcm.level_dbfs(sound[first.end + 500 : second.start]) < -50


def test_rate_and_pitch_do_what_they_say(espeak):
    normal, fast = speak(espeak), speak(espeak, rate=2.0)
    assert 0.4 < fast.samples / normal.samples < 0.65

    def pitch_hz(speech):
        """Return the median fundamental frequency by autocorrelation."""
        sound, found = pcm.to_float(pcm.from_bytes(speech.pcm)), []
        for at in range(0, sound.size - 1024, 512):
            frame = sound[at : at + 1024]
            if frame.std() > 0.015:
                echo = np.correlate(frame, frame, 'full')[1023:]
                found.append(speech.sample_rate / (40 + np.argmax(echo[40:400])))
        return np.median(found)

    assert pitch_hz(speak(espeak, pitch=0.5)) < 0.9 * pitch_hz(normal)
    assert pitch_hz(speak(espeak, pitch=1.8)) > 1.3 * pitch_hz(normal)


@pytest.mark.parametrize(
    ('language', 'voice'),
    [
        ('en', 'en-us'), ('en-US', 'en-us'), ('en_GB', 'en-gb'), ('de-AT', 'de'),
        ('es-MX', 'es-419'),
        ('fr', 'fr-fr'), ('it', 'it'), ('pt-BR', 'pt-br'), ('zh-CN', 'cmn'),
    ],
)  # fmt: skip
def test_a_language_tag_finds_its_voice(espeak, language, voice):
    assert espeak.resolve_voice('', language) == voice
    assert speak(espeak, '1 2 3', language=language).samples > 10000


def test_every_listed_voice_can_speak(espeak):
    names = [voice.name for voice in espeak.voices()]
    assert len(names) == len(set(names)) > 100
    for name in names:
        assert speak(espeak, 'na 1 ᎣᏏᏲ', voice=name).samples > 1000, name


def test_a_variant_changes_the_voice(espeak):
    assert espeak.resolve_voice('en-us+f3', 'de') == 'en-us+f3'
    assert speak(espeak, voice='en-us+f3').pcm != speak(espeak, voice='en-us').pcm


@pytest.mark.parametrize(
    ('voice', 'language', 'close'),
    [('germn', 'en', 'german'), ('enx', 'en', 'en'), ('en-us+f33', 'en', 'f3'), ('', 'xx-YY', '')],
)
def test_a_voice_that_is_not_there_is_named_with_close_ones(espeak, voice, language, close):
    with pytest.raises(VoiceUnknown) as raised:
        espeak.resolve_voice(voice, language)
    assert close in str(raised.value)
    assert (voice or language).rpartition('+')[2] in str(raised.value)


def test_abort_stops_between_two_buffers_of_the_library(espeak):
    class AfterTwo(Abort):
        """Set when the library has asked twice, as if another thread had done it."""

        asked = 0

        @property
        def is_set(self):
            self.asked += 1
            return self.asked > 2

    whole = speak(espeak, TEXT * 4)
    cut = espeak.synthesize(SpeechRequest(TEXT * 4, 'en-US'), AfterTwo())
    assert cut.aborted
    assert 0 < cut.samples <= 0.13 * cut.sample_rate < whole.samples / 10
    abort = Abort()
    abort.set()
    assert espeak.synthesize(SpeechRequest(TEXT, 'en-US'), abort).pcm == b''
    assert speak(espeak).samples > 0, 'the library goes on after an abort'


def test_two_threads_take_turns(espeak):
    results = {}

    def work(name, text):
        results[name] = [speak(espeak, text).words for _ in range(10)]

    threads = [
        threading.Thread(target=work, args=args)
        for args in (('a', 'one two'), ('b', 'three four five'))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {len(words) for words in results['a']} == {2}
    assert {len(words) for words in results['b']} == {3}


@pytest.mark.parametrize(
    'text', ['', ' ', '\x00', '!!!', '[[h@l@U]] <b>x</b>', '\ud800', 'a' * 5000]
)
def test_odd_text_does_no_harm(espeak, text):
    assert speak(espeak, text).samples >= 0


def test_a_recorded_synthesis_is_replayed_without_the_engine():
    sink = io.StringIO()
    request = SpeechRequest('Replay me.', 'en-US')
    make = factories('', 'en-US')
    order = ('espeak_ng', 'captions')
    live = Engine(order, make, print, 0, 'en-US', RecordingTap(sink, lambda: 0))
    spoken = live.speak(request, Abort(), 0)
    calls = [BackendCall.from_json(line) for line in sink.getvalue().splitlines()]
    replay = Engine(order, make, print, 0, 'en-US', ReplayTap(calls))
    again = replay.speak(request, Abort(), 0)
    assert again == spoken
    assert again.speech.samples > 10000
    assert Speech.from_json(spoken.speech.to_json()) == spoken.speech


def test_the_render_command_writes_a_wav(tmp_path):
    path = tmp_path / 'x.wav'
    command = [sys.executable, '-m', 'tektra.tts.render', '--out', str(path)]
    subprocess.run([*command, '--rate', '1.5', 'Go forward ten meters.'], check=True, timeout=60)
    with wave.open(str(path)) as wav:
        assert (wav.getnchannels(), wav.getsampwidth(), wav.getframerate()) == (1, 2, 22050)
        assert 15000 < wav.getnframes() < 60000
    failed = subprocess.run(
        [*command, '--voice', 'englsh', 'x'],
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert failed.returncode == 1
    assert "voice 'englsh' is not known" in failed.stderr
    assert 'Traceback' not in failed.stderr


def test_the_core_does_not_load_the_library():
    code = (
        'import sys, tektra.tts.node; '
        'print([m for m in sys.modules if "espeak" in m or "piper" in m])'
    )
    out = subprocess.run([sys.executable, '-c', code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == '[]'


def test_without_the_package_the_fix_is_told(monkeypatch):
    from tektra.tts.backends import espeak_ng

    monkeypatch.setitem(sys.modules, 'espeakng_loader', None)
    monkeypatch.setattr(espeak_ng.Library, '_one', None)
    with pytest.raises(BackendUnavailable, match='pip install espeakng-loader'):
        espeak_ng.EspeakNg()
