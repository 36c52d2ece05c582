"""What no sentence may ever do: move a robot that was not told to, raise, or take long."""

import sys

import pytest
from commands_support import ROBOTS, ROOT, moves, table, understood, vocabulary
from hypothesis import given, settings
from hypothesis import strategies as st

from tektra.commands.languages import LANGUAGES
from tektra.commands.languages.table import TEXTS
from tektra.commands.names import NameReader
from tektra.commands.parser import LONGEST_TEXT
from tektra.commands.results import Ask, NoCommand, Plan, Refuse, RobotNames
from tektra.commands.tokens import PAUSES, fold, phrases, tokens
from tektra.stop_word.words import read_words

# Written by hand, not taken from the tables of the parser: without one of these words no English
# sentence tells a robot to move.
MOTION_WORDS = frozenset(
    'go move drive walk run roll travel head proceed advance step take back backup reverse turn '
    'rotate spin pivot swivel twirl face make do hang navigate come return get look gaze glance '
    'tilt pan raise lift lower drop point wave give nod shake open close shut put hold bring bow '
    'stretch dance follow following walk home position posture pose relax rest reset continue '
    'carry resume keep hands arms play perform show start about'.split()
)
NEGATIONS = {
    'en': ('not', 'never', 'do not', "don't", 'must not', 'no', 'cannot'),
    'de': ('nicht', 'nie', 'niemals', 'nein'),
    'es': ('no', 'nunca', 'jamás', 'sin'),
}
EVERYWHERE = {'en': ('not', 'never', 'zebra', 'if', 'maybe'), 'de': ('nicht', 'nie', 'zebra'),
              'es': ('nunca', 'jamás', 'cebra')}  # fmt: skip
WORDS = sorted({word for _, text, _ in table('en') for word in text.lower().split()})
STILL = [w for w in WORDS if not any(t in MOTION_WORDS for t in tokens(w, {}))]


def moving(language):
    return [text for _, text, _ in table(language) if moves(understood(text, language))]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(STILL), max_size=12))
def test_no_sentence_without_a_motion_verb_moves_anything(words):
    assert not moves(understood(' '.join(words)))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_a_plan_of_any_mixture_of_words_has_a_motion_verb_and_passes_the_checks(words):
    parsed = understood(' '.join(words))
    if moves(parsed):
        assert any(t in MOTION_WORDS for w in words for t in tokens(w, {}))
    if isinstance(parsed, Plan):
        assert [vocabulary().check(step) for step in parsed.steps] == [[]] * len(parsed.steps)
        assert 0 < len(parsed.steps) <= vocabulary().most_steps


@pytest.mark.parametrize('language', LANGUAGES)
def test_a_negation_before_the_verb_never_moves_anything(language):
    sentences = moving(language)
    assert len(sentences) > 20
    for text in sentences:
        words = text.split()
        for at in verbs(words, language):
            for negation in NEGATIONS[language]:
                said = ' '.join([*words[:at], negation, *words[at:]])
                assert not moves(understood(said, language)), said


def verbs(words, language):
    """Return where verbs stand: in English by hand, otherwise wherever a command begins."""
    if language == 'en':
        plain = [tokens(word, {}) for word in words]
        found = [i for i, word in enumerate(plain) if word and word[0] in MOTION_WORDS]
        return found[:1]
    says = phrases('|'.join(frame.say for frame in LANGUAGES[language].frames if not frame.ends))
    folded = [fold(word).strip('.,') for word in words]
    return [at for at in range(len(words)) if says.at(folded, at) is not None][:1]


@pytest.mark.parametrize('language', LANGUAGES)
def test_one_word_too_many_anywhere_moves_nothing(language):
    for text in moving(language):
        words = text.split()
        for at in range(len(words) + 1):
            for extra in EVERYWHERE[language]:
                said = ' '.join([*words[:at], extra, *words[at:]])
                assert not moves(understood(said, language)), said


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300), st.sampled_from(sorted(LANGUAGES)))
def test_any_text_has_an_answer(text, language):
    assert isinstance(understood(text, language), Plan | Ask | Refuse | NoCommand)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(moving('en')), st.text(min_size=1, max_size=3), st.data())
def test_a_damaged_command_is_never_more_than_a_command(text, noise, data):
    at = data.draw(st.integers(0, len(text)))
    parsed = understood(text[:at] + noise + text[at:])
    if isinstance(parsed, Plan):
        assert [e for step in parsed.steps for e in vocabulary().check(step)] == []


@pytest.mark.parametrize(
    'text',
    [
        '',
        ' ',
        '\n\t\0',
        'turn left ' * 1000,
        'a' * 10_000,
        '9' * 10_000,
        'go forward ' + '9' * 5000 + ' metres',
        'no ' * 3000,
        'turn left no right ' * 600,
        '((((((((((',
        'and ' * 3000,
        '\U0001f916' * 5000,
        'go forward \u0661\u0660 metres \u200b\u202e',
        'go forward ² metres',
    ],
)
def test_odd_and_huge_texts_are_answered_and_move_nothing(text):
    for language in LANGUAGES:
        assert not moves(understood(text, language)), text[:40]


def test_digits_above_the_line_are_not_digits_of_a_number():
    assert not moves(understood('go forward 1² metres'))


def test_the_work_grows_with_the_length_and_not_faster():
    for unit in ('turn left and ', 'turn left no right no ', 'go go ', 'two and a half ', 'not '):
        short, long = work(unit * 4), work(unit * 16)
        assert long < 8 * short + 2000, unit


def work(text):
    """Return how many Python functions a sentence needs: the time, without the machine's."""
    understood(text)
    calls = 0

    def count(frame, event, arg):
        nonlocal calls
        calls += event == 'call'

    sys.setprofile(count)
    try:
        understood(text)
    finally:
        sys.setprofile(None)
    return calls


def test_a_stop_at_the_beginning_of_a_long_speech_still_holds():
    parsed = understood('stop ' + 'you are about to hit the wall and ' * 500)
    assert [step.name for step in parsed.steps] == ['hold']
    assert isinstance(understood('turn left ' + 'and wave ' * (LONGEST_TEXT // 4)), Refuse)


def test_more_steps_than_a_plan_may_have_are_refused_with_the_number():
    ten = ' and '.join(['nod'] * 10)
    assert len(understood(ten).steps) == 10
    parsed = understood(ten + ' and nod')
    assert isinstance(parsed, Refuse)
    assert '10' in parsed.reason


def test_a_refused_range_is_named_in_the_units_that_people_say():
    assert '100 metres' in understood('go forward one hundred metres').reason
    assert '20 metres' in understood('go forward one hundred metres').reason
    assert '720 degrees' in understood('turn left a thousand degrees').reason
    assert '0,01 Meter' in understood('fahr hundert Meter vorwärts', 'de').reason
    assert '15 metres' in understood('go forward fifteen metres').confirm


def test_what_was_not_understood_is_read_back():
    assert '"purple"' in understood('turn left purple').question
    assert '"{ rest }"' in understood('turn left {rest}').question


def test_no_robot_has_to_be_known_and_any_name_may_be():
    assert understood('wave', robots=()).robots == ()
    odd = (RobotNames('left_one', ('(', '', '[x|', 'Señor Größe')), RobotNames('c3po'))
    assert understood('c three po wave', robots=odd).robots == ('c3po',)
    assert understood('C3PO, wave', robots=odd).robots == ('c3po',)
    assert understood('left one, wave', robots=odd).robots == ('left_one',)
    assert understood('senor groesse wave', robots=odd).robots == ('left_one',)
    assert isinstance(understood('r2, wave', robots=odd), NoCommand)


def test_a_name_is_found_with_every_language():
    for language in LANGUAGES.values():
        assert NameReader(language, ROBOTS).at(['tek'], 0)[0].robots == ('tek',)


@pytest.mark.parametrize('tag', ['en', 'en-GB', 'EN', ''])
def test_a_region_does_not_matter_and_english_is_assumed(tag):
    assert moves(understood('turn left', tag))


def test_a_language_without_a_table_commands_nothing():
    assert understood('turn left', 'fr') == NoCommand()
    assert understood('turn left', 'de') == NoCommand()


@pytest.mark.parametrize('language', LANGUAGES)
def test_every_language_has_every_text(language):
    table_ = LANGUAGES[language]
    asked = {frame.ask for frame in table_.frames if frame.ask}
    assert set(table_.texts) == TEXTS
    assert asked <= TEXTS
    for frame in table_.frames:
        assert frame.command in ('', *vocabulary().commands), frame
        for key, text in frame.texts.items():
            spec = vocabulary().commands[frame.command].texts.get(key)
            assert spec is None or text in vocabulary().choices(spec), frame


def test_the_words_that_never_are_a_stop_never_hold():
    """config/stop_words.yaml, which stop_word listens by, and the parser agree."""
    for language in LANGUAGES:
        words = read_words(ROOT / 'config' / 'stop_words.yaml', language)
        for phrase in words.neither:
            assert not isinstance(understood(phrase, language), Plan), phrase
        for keyword in words.hold:
            assert [s.name for s in understood(keyword.phrase, language).steps] == ['hold']
        for keyword in words.stop:
            assert [s.name for s in understood(keyword.phrase, language).steps] == ['stop']


def test_pauses_are_the_only_marks_that_are_not_words():
    assert {t for t in tokens('a, b. c? d! e; f: g', {}) if not t.isalnum()} == PAUSES
    assert tokens('go #forward', {}) == ['go', '#', 'forward']
