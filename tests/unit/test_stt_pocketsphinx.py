"""The pocketsphinx backend on synthetic and real speech: what it hears and what not."""

import numpy as np
import pytest

from speech_maker import silence, speak, white_noise
from tektra.runtime.backends import BackendUnavailable
from tektra.stt.backends.pocketsphinx import Pocketsphinx, read_dictionary
from tektra.stt.factories import grammar_path
from tektra.stt.recordings import load_file

CHUNK = 512


@pytest.fixture(scope='module')
def backend():
    made = Pocketsphinx(grammar_path(''))
    yield made
    made.close()


def hear(backend, pcm, size=CHUNK):
    backend.start()
    for at in range(0, pcm.size, size):
        backend.feed(pcm[at : at + size])
    return backend.finish()


def padded(pcm):
    return np.concatenate((silence(0.4), pcm, silence(0.2)))


@pytest.mark.parametrize(
    ('text', 'voice'),
    [
        ('what is your name', 'en-us'),
        ('tell me about yourself', 'en-us'),
        ('what can you do', 'en-us+m3'),
        ('how are you', 'en-us'),
        ('look left', 'en-us'),
    ],
)
def test_a_sentence_of_the_grammar_is_heard_and_sure(backend, text, voice):
    heard = hear(backend, padded(speak(text, voice)))
    assert (heard.text, heard.low_confidence, heard.language) == (text, False, 'en')
    assert 0.4 < heard.confidence <= 1


def test_words_have_times_in_order(backend):
    pcm = padded(speak('what is your name'))
    words = hear(backend, pcm).words
    assert [w.text for w in words] == ['what', 'is', 'your', 'name']
    times = [t for w in words for t in (w.start, w.end)]
    assert times == sorted(times)
    assert 0.3 * 16000 < times[0] < times[-1] <= pcm.size


@pytest.mark.parametrize(
    'text',
    [
        'the weather in london is rather cold',
        'please open the window in the kitchen',
        'there are many books on the shelf',
    ],
)
def test_other_speech_is_dictation_and_doubtful(backend, text):
    heard = hear(backend, padded(speak(text)))
    assert heard.low_confidence
    assert heard.text != ''
    assert heard.confidence <= 0.5


def test_the_same_audio_gives_the_same_words_whatever_came_before(backend):
    pcm = padded(speak('what is your name'))
    fresh = hear(backend, pcm)
    hear(backend, padded(speak('please open the window in the kitchen', 'en-us+f3')))
    hear(backend, white_noise(2, -20))
    assert hear(backend, pcm) == fresh


@pytest.mark.parametrize('size', [160, 4096, 100_000])
def test_the_words_do_not_depend_on_how_the_audio_is_cut(backend, size):
    pcm = padded(speak('tell me about yourself'))
    assert hear(backend, pcm, size).text == hear(backend, pcm).text


def test_quiet_speech_is_heard_as_loud_speech_is(backend):
    pcm = padded(speak('what is your name'))
    assert hear(backend, pcm // 10).text == 'what is your name'


@pytest.mark.parametrize(
    'pcm',
    [np.empty(0, np.int16), silence(1), silence(4), white_noise(2, -20), white_noise(3, -50)],
    ids=['none', 'silence', 'long silence', 'loud noise', 'quiet noise'],
)
def test_no_words_are_heard_in(backend, pcm):
    heard = hear(backend, pcm)
    assert heard.text == ''
    assert heard.reject_reason in ('', 'noise')


def test_partials_grow_while_the_audio_streams_in(backend):
    pcm = padded(speak('what is seven plus eight'))
    backend.start()
    seen = []
    for at in range(0, pcm.size, 4800):
        backend.feed(pcm[at : at + 4800])
        partial = backend.partial()
        if partial is not None:
            seen.append(partial.text)
    assert len(seen) >= 2
    assert len(seen[-1].split()) > len(seen[0].split())
    backend.finish()


def test_a_segment_that_was_not_finished_is_forgotten(backend):
    backend.start()
    backend.feed(padded(speak('please open the window in the kitchen')))
    assert hear(backend, padded(speak('how are you'))).text == 'how are you'


def test_a_person_says_go_forward_ten_meters(backend, test_data):
    pcm = load_file(str(test_data / 'speech/robot_commands_en/ps_goforward.wav'))
    heard = hear(backend, pcm)
    assert (heard.text, heard.low_confidence) == ('go forward ten meters', False)


def test_no_order_in_a_coffee_shop_is_a_command(backend, test_data):
    files = sorted((test_data / 'speech/commands_barista').glob('*-*.wav'))[:6]
    assert files
    for file in files:
        assert hear(backend, load_file(str(file))).low_confidence, file.name


def test_a_kitchen_is_not_a_command(backend, test_data):
    pcm = load_file(str(test_data / 'speech/commands_barista/noise_kitchen.wav'))
    for at in range(0, 5 * 48_000, 48_000):
        heard = hear(backend, pcm[at : at + 48_000])
        assert not heard.text or heard.low_confidence


def test_every_word_of_the_grammar_has_a_pronunciation(backend):
    assert backend._grammar.lookup_word('tektra') == 'T EH K T R AH'
    for sentence in (
        'go forward one hundred meters',
        'hey tektra turn to the left',
        'my name is amy',
    ):
        assert backend._sentences.accept(sentence)
    assert not backend._sentences.accept('go forward ten')


# ---- what can go wrong with the files


def test_a_grammar_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BackendUnavailable, match=r'no\.jsgf does not exist'):
        Pocketsphinx(tmp_path / 'no.jsgf')


@pytest.mark.parametrize(
    'text', ['not a grammar at all', '#JSGF V1.0;\ngrammar g;\npublic <g> = xyzzyx;\n']
)
def test_a_grammar_that_cannot_be_used_is_refused_with_the_fix(tmp_path, text):
    path = tmp_path / 'g.jsgf'
    path.write_text(text)
    with pytest.raises(BackendUnavailable, match=r'g\.jsgf is not a JSGF grammar.*g\.dict'):
        Pocketsphinx(path)


def test_a_dictionary_line_without_phones_is_named(tmp_path):
    path = tmp_path / 'g.dict'
    path.write_text('robot R OW B AA T\ntektra\n')
    with pytest.raises(BackendUnavailable, match=r"g\.dict:2: 'tektra' has no phones"):
        read_dictionary(path)


def test_another_language_than_english_is_refused():
    with pytest.raises(BackendUnavailable, match="English only, not for 'de'"):
        Pocketsphinx(grammar_path(''), 'de')


def test_a_grammar_that_is_neither_a_file_nor_shipped_is_named():
    with pytest.raises(BackendUnavailable, match=r"grammar 'klingon\.jsgf'"):
        grammar_path('klingon.jsgf')
