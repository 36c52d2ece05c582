"""Mouth shapes of phonemes, and words of texts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tektra.tts.backend import Abort, SpeechRequest, TimedPhoneme, TimedWord
from tektra.tts.visemes import VISEMES, of_phoneme, shapes
from tektra.tts.words import estimated, heard_until, spans, timed

# Pangrams, the vowels and clusters of each language, numbers and foreign sounds.
SAMPLES = {
    'en-US': 'The quick brown fox jumps over the lazy dog. Measure church judge thing this '
    'singing boy loud fire hour bird here there poor button little water rhythm '
    'pleasure yacht why 1984',
    'en-GB': 'The beige hue on the waters of the loch impressed all, including the French '
    'queen. Near hair tour nurse goat price mouth choice lot strut foot 23rd bath '
    'dance',
    'de': 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Ich auch, '
    'Pfütze, Tschüss, Genie, Träume, Restaurant, Jeans, über öfter Äpfel Mädchen '
    'Löwe 1999',
    'es': 'El veloz murciélago hindú comía feliz cardillo y kiwi. La cigüeña tocaba el '
    'saxofón; guerra, perro, pero, llave, año, chico, jamón, ciudad, huevo, '
    'cuidado, dedo, lago, 2024',
    'fr': 'Portez ce vieux whisky au juge blond qui fume. Un bon vin blanc, œuf, peu, '
    'lune, huit, oui, agneau, camping, garçon, hier, deux, feuille, oiseau, rue, '
    '1997',
    'it': 'Ma la volpe, col suo balzo, ha raggiunto il quieto Fido. Gnocchi, figlio, sci,'
    ' zaino, pizza, giorno, cento, chiesa, uomo, guerra, sbaglio, città, 1861',
    'pt': 'Luís argüia à Júlia que brações, fé, chá, óxido, pôr, zângão eram palavras do '
    'português. Filho, vinho, mãe, põe, muito, rato, carro, jeito, queijo, tia, '
    'dia, 1974',
    'pt-BR': 'Um pequeno jabuti xereta viu dez cegonhas felizes. Coração, tia, dia, '
    'caminhão, trem, porta, Brasil',
    'nl': 'Pa’s wijze lynx bezag vroom het fikse aquaduct. Schip, ui, huis, geen, goed, '
    'jongen, eeuw',
    'pl': 'Zażółć gęślą jaźń. Pchnąć w tę łódź jeża lub ośm skrzyń fig. Chrząszcz brzmi w'
    ' trzcinie',
    'sv': 'Flygande bäckasiner söka hwila på mjuka tuvor. Sjuksköterska, kjol, tjugo, barn, kort',
    'ru': 'Съешь же ещё этих мягких французских булок, да выпей чаю. Щука, жюри, объём',
    'zh': '你好，世界。今天天气很好，我们去公园吃饭吧。女儿 学校 知识 四十',
    'hi': 'नमस्ते दुनिया, आप कैसे हैं? घर, ठंडा, ढोल, ज्ञान, ऋषि, छोटा',
    'ja': 'こんにちは せかい りょこう つづき ふじさん',
}


@pytest.mark.parametrize('language', SAMPLES)
def test_every_phoneme_that_espeak_makes_has_a_shape(language):
    pytest.importorskip('espeakng_loader')
    from tektra.tts.backends.espeak_ng import EspeakNg

    speech = EspeakNg().synthesize(SpeechRequest(SAMPLES[language], language), Abort())
    seen = {p.ipa for p in speech.phonemes}
    assert len(seen) > 10
    missing = {ipa: of_phoneme(ipa)[1] for ipa in seen if of_phoneme(ipa)[1]}
    assert missing == {}
    used = {s.viseme for s in shapes(speech.phonemes)}
    assert used <= set(VISEMES)
    assert len(used) >= 9


@pytest.mark.parametrize(
    ('ipa', 'visemes'),
    [
        ('p', ['PP']),
        ('f', ['FF']),
        ('θ', ['TH']),
        ('d', ['DD']),
        ('k', ['kk']),
        ('tʃ', ['CH']),
        ('s', ['SS']),
        ('n', ['nn']),
        ('ɹ', ['RR']),
        ('ˈɑː', ['aa']),
        ('e', ['E']),
        ('ɪ', ['I']),
        ('oʊ', ['O', 'U']),
        ('ˈaɪ', ['aa', 'I']),
        ('ɔ̃', ['O']),
        ('', ['sil']),
        ('ˈ', ['sil']),
    ],
)
def test_phonemes_have_the_shapes_of_the_reference(ipa, visemes):
    assert of_phoneme(ipa) == (visemes, [])


def test_an_unknown_sound_is_told_and_shows_no_shape():
    assert of_phoneme('☃') == ([], ['☃'])


def test_a_diphthong_moves_the_mouth_and_pauses_close_it_once():
    rows = shapes(
        [
            TimedPhoneme('', 0, 100),
            TimedPhoneme('', 100, 200),
            TimedPhoneme('ˈaɪ', 200, 400),
            TimedPhoneme('', 400, 500),
        ]
    )
    assert [(r.start, r.viseme, r.ipa) for r in rows] == [
        (0, 'sil', ''),
        (200, 'aa', 'ˈaɪ'),
        (300, 'I', ''),
        (400, 'sil', ''),
    ]


@given(st.lists(st.tuples(st.sampled_from(['a', 'aɪ', 't', '', 'tʃ', '☃']), st.integers(0, 50))))
def test_shapes_rise_strictly(rows):
    phonemes, at = [], 0
    for ipa, length in rows:
        phonemes.append(TimedPhoneme(ipa, at, at + length))
        at += length
    starts = [s.start for s in shapes(phonemes)]
    assert starts == sorted(set(starts))


def test_words_are_found_without_their_punctuation():
    text = '“Hello,” she said—twice: don’t (really) pay $5!'
    found = [text[o : o + n] for o, n in spans(text)]
    assert found == ['Hello', 'she', 'said', 'twice', 'don’t', 'really', 'pay', '$5']
    assert spans('... — !') == []
    assert len(spans('你好，世界')) == 4


def test_a_word_ends_with_its_last_sound_not_after_the_pause():
    phonemes = [TimedPhoneme('a', 0, 50), TimedPhoneme('', 50, 100), TimedPhoneme('o', 100, 150)]
    assert timed('a. b', [(0, 0), (3, 100)], phonemes, 200) == (
        TimedWord(0, 1, 0, 50),
        TimedWord(3, 1, 100, 150),
    )


def test_a_number_spoken_as_several_words_is_one_word():
    assert timed('1,234 m', [(0, 0), (1, 10), (3, 20), (6, 40)], [], 60) == (
        TimedWord(0, 5, 0, 40),
        TimedWord(6, 1, 40, 60),
    )


def test_estimated_words_fill_the_time_in_order():
    words = estimated('  one three  ', 900)
    assert [(w.start, w.end) for w in words] == [(0, 300), (400, 900)]
    assert estimated('...', 900) == ()


def test_a_word_counts_as_heard_when_its_last_sample_was_played():
    words = [TimedWord(0, 3, 0, 100), TimedWord(4, 5, 100, 200)]
    assert [heard_until(words, n) for n in (0, 99, 100, 199, 200, 999)] == [0, 0, 3, 3, 9, 9]


def test_words_that_the_engine_joins_share_their_time():
    assert timed('so I am it', [(3, 100), (8, 160)], [], 200) == (
        TimedWord(0, 2, 100, 124),
        TimedWord(3, 1, 124, 136),
        TimedWord(5, 2, 136, 160),
        TimedWord(8, 2, 160, 200),
    )
