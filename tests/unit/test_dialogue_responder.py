"""The built-in responder: what it understands, what it says, and what it cannot do."""

import itertools
import random
import re
from datetime import datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsgf_sampler import grammar

from tektra.dialogue.arithmetic import number_text, read_sum
from tektra.dialogue.backend import Line, Remember, ReplyRequest, Say, from_row, to_row
from tektra.dialogue.backends.builtin import ASKED, NAME, BuiltinResponder, understand
from tektra.dialogue.phrases import TABLES
from tektra.dialogue.phrases.en import NUMBERS, cardinal
from tektra.dialogue.phrases.table import REQUIRED, normalise, sentences

NOW = datetime(2026, 3, 9, 14, 5)

INTENTS = {
    'greeting': ['hello', 'Hello!', 'hi there', 'hey robot', 'good morning',
                 'Good evening, Tektra.'],
    'how_are_you': ['how are you', 'How are you doing today?', "how's it going", 'how do you do'],
    'nice': ['nice to meet you', 'pleased to meet you too'],
    'ready': ['are you ready', 'can you hear me', 'are you there'],
    'status': ['status', 'battery level', 'what is your battery status', 'how is your battery'],
    'help': ['help', 'help me', 'can you help me', 'What can you do?', 'what can i say'],
    'time': ['what time is it', "what's the time", 'tell me the time', 'could you tell me the '
    'time',
             'do you know what time it is', 'What time is it now, please?', 'what is the time'],
    'date': ["what is today's date", 'what is the date', 'what day is it', 'what day is today',
             "what's the date today", 'what month is it'],
    'year': ['what year is it'],
    'ask_name': ['what is my name', "what's my name", 'who am i', 'do you remember my name'],
    'tell_name': ['my name is anna', 'My name is Jean-Luc Picard.', 'call me joe', "i'm peter",
                  'i am martha', 'hello my name is tom'.removeprefix('hello ')],
    'who_are_you': ['who are you', 'what are you', 'what is your name', "what's your name",
                    'are you a robot', 'introduce yourself'],
    'who_made_you': ['who made you', 'who built you', 'where are you from'],
    'thanks': ['thanks', 'thank you', 'thank you very much', 'thanks a lot', 'good job'],
    'goodbye': ['goodbye', 'good bye', 'bye bye', 'see you later', 'good night'],
    'yes': ['yes', 'yes please', 'yeah', 'okay', 'sure', 'that is right', "that's correct",
            'right'],
    'no': ['no', 'no thank you', 'no thanks', 'nope', 'that is wrong'],
    'joke': ['tell me a joke', 'tell me another joke'],
    'story': ['tell me a story', 'please tell me a long story', 'can you tell me a story'],
    'about': ['tell me about yourself', 'tell me more about you', 'describe yourself'],
    'repeat': ['say that again', 'say it again', 'repeat', 'repeat that please', 'what did you '
    'say',
               'pardon', 'again', 'Sorry?', 'come again'],
    'count': ['count to ten', 'count up to twenty', 'please count from three to seven'],
    'stop_talking': ['stop talking', 'be quiet', 'shut up', 'quiet', 'never mind', 'enough'],
    'wait': ['stop', 'wait', 'hold on', 'halt'],
    'voice': ['speak louder', 'speak up', 'talk slower'],
    'sum': ['what is two plus two', "What's 3 x 4?", 'how much is ten divided by four',
            'calculate seven minus nine', 'twelve times twelve', '3.5 + 1'],
    'command': ['go forward ten meters', 'turn left', 'please turn right', 'move back', 'come '
    'here',
                'could you open the door', 'robot go home', 'follow me', 'turn around',
                'look at me', 'pick up the red cup', 'emergency stop', 'stop right there', 'wave'],
    'fallback': ['what is the meaning of life', 'i like trains', 'do you dream', 'the red house',
                 'i am tired', 'what is one two three', 'is it raining', 'why', 'potato'],
}  # fmt: skip
ENGLISH = [(text, intent) for intent, texts in INTENTS.items() for text in texts]

OTHERS = [
    ('de', 'Hallo!', 'greeting'), ('de', 'guten Morgen', 'greeting'),
    ('de', 'wie geht es dir', 'how_are_you'), ('de', "wie geht's", 'how_are_you'),
    ('de', 'was kannst du', 'help'), ('de', 'Hilfe', 'help'),
    ('de', 'Wie spät ist es?', 'time'), ('de', 'welcher Tag ist heute', 'date'),
    ('de', 'wer bist du', 'who_are_you'), ('de', 'wie heißt du', 'who_are_you'),
    ('de', 'ich heiße Jürgen', 'tell_name'), ('de', 'wie heiße ich', 'ask_name'),
    ('de', 'vielen Dank', 'thanks'), ('de', 'auf Wiedersehen', 'goodbye'),
    ('de', 'noch einmal', 'repeat'), ('de', 'sei still', 'stop_talking'),
    ('de', 'geh geradeaus', 'command'), ('de', 'ja bitte', 'yes'), ('de', 'nein', 'no'),
    ('de', 'was ist einundzwanzig mal zwei', 'sum'), ('de', 'zwei und drei', 'sum'),
    ('es', '¡Hola!', 'greeting'), ('es', 'buenos días', 'greeting'),
    ('es', '¿Cómo estás?', 'how_are_you'), ('es', 'qué puedes hacer', 'help'),
    ('es', '¿Qué hora es?', 'time'), ('es', 'qué día es hoy', 'date'),
    ('es', 'quién eres', 'who_are_you'), ('es', 'me llamo Lucía', 'tell_name'),
    ('es', 'cómo me llamo', 'ask_name'), ('es', 'muchas gracias', 'thanks'),
    ('es', 'adiós', 'goodbye'), ('es', 'otra vez', 'repeat'), ('es', 'silencio', 'stop_talking'),
    ('es', 'gira a la izquierda', 'command'), ('es', 'sí', 'yes'), ('es', 'no gracias', 'no'),
    ('es', 'cuánto es treinta y dos por dos', 'sum'),
]  # fmt: skip


def reply(text, **more):
    parts = list(
        BuiltinResponder('Tektra').respond(ReplyRequest(text, NOW, **more), lambda: False)
    )
    said = ''.join(p.text for p in parts if isinstance(p, Say))
    return said, {p.key: p.value for p in parts if isinstance(p, Remember)}


def test_the_tables_of_sentences_are_large_enough():
    assert len(ENGLISH) + len(OTHERS) >= 120


@pytest.mark.parametrize(('text', 'intent'), ENGLISH)
def test_an_english_sentence_is_understood(text, intent):
    assert understand(text, TABLES['en']).intent == intent
    assert reply(text)[0].strip()


@pytest.mark.parametrize(('language', 'text', 'intent'), OTHERS)
def test_a_sentence_of_another_language_is_understood(language, text, intent):
    assert understand(text, TABLES[language]).intent == intent
    assert reply(text, language=f'{language}-XX')[0].strip()


@pytest.mark.parametrize(
    ('text', 'answer'),
    [
        ('what time is it', 'It is 2:05 PM.'),
        ('what is the date', 'Today is Monday, March 9, 2026.'),
        ('what year is it', 'It is 2026.'),
        ('what is two plus two', '2 plus 2 is 4.'),
        ('what is two plus three times four', '2 plus 3 times 4 is 14.'),
        ('how much is ten divided by four', '10 divided by 4 is 2.5.'),
        ('what is ten divided by three', '10 divided by 3 is about 3.333.'),
        ('what is one divided by zero', 'Nothing can be divided by zero.'),
        ('what is minus five plus three', '-5 plus 3 is -2.'),
        ('what is 1,000 plus 1.5', '1000 plus 1.5 is 1001.5.'),
        ('two million three hundred thousand and five minus one',
         '2300005 minus 1 is 2300004.'),
        ('what is three point one four times two', '3.14 times 2 is 6.28.'),
        ('what is a hundred plus twenty-one', '100 plus 21 is 121.'),
        ('count to five', 'One, two, three, four, five.'),
        ('count from three to one', 'Three, two, one.'),
        ('count to one thousand', 'I count between zero and one hundred.'),
        ('count to bananas', 'I count between zero and one hundred.'),
        ('go forward ten meters',
         'I heard: go forward ten meters. I have no body to move yet.'),
        ('what is my name',
         'You have not told me your name yet. Say: my name is, and then your name.'),
        ('who are you', 'I am Tektra, the voice of a robot. My answers come from simple rules. '
         'No language model is connected to me yet.'),
    ],
)  # fmt: skip
def test_the_answer_is(text, answer):
    assert reply(text)[0] == answer


def test_other_languages_answer_in_themselves():
    assert reply('wie spät ist es', language='de')[0] == 'Es ist 14 Uhr 5.'
    assert reply('qué hora es', language='es')[0] == 'Son las 2 y 5 de la tarde.'
    assert reply('was ist sieben geteilt durch zwei', language='de')[0].endswith('ist 3,5.')
    assert reply('hello', language='fi')[0].startswith('Hello')


def test_a_name_is_a_fact_of_the_session_and_is_used():
    said, facts = reply('my name is anna')
    assert facts == {NAME: 'Anna'}
    assert 'Anna' in said
    assert reply('what is my name', facts=facts)[0] == 'Your name is Anna.'
    assert reply('hello', facts=facts)[0].startswith('Hello, Anna.')
    assert reply('goodbye', facts=facts)[0] == 'Goodbye, Anna.'


def test_say_that_again_repeats_what_was_heard_last():
    history = (Line('user', 'x'), Line('assistant', 'The long'), Line('user', 'y'))
    assert reply('say that again', history=history)[0] == 'The long'
    assert reply('say that again')[0] == 'I have not said anything yet.'


def test_anything_else_says_that_no_language_model_is_connected():
    said, _ = reply('what is the meaning of life')
    assert 'No language model is connected' in said
    assert 'what is the meaning of life' in said


def test_stop_over_a_reply_means_the_voice_and_otherwise_the_body():
    assert reply('stop', interrupts=True)[0] == 'Okay.'
    assert reply('stop')[0] == 'I heard: stop. I have no body to move yet.'


def test_doubtful_words_are_asked_back_once():
    said, facts = reply('turn lift', low_confidence=True)
    assert said == 'Did you say: turn lift?'
    assert facts == {ASKED: 'turn lift'}
    said, cleared = reply('yes', facts={ASKED: 'turn left'})
    assert said.startswith('I heard: turn left')
    assert cleared == {ASKED: ''}
    assert reply('no', facts={ASKED: 'turn left'})[0] == 'Then please say it again.'
    again, cleared = reply('grmbl', low_confidence=True, facts={ASKED: 'turn left'})
    assert again.startswith('I am still not sure')
    assert cleared == {ASKED: ''}
    assert reply('what is two plus two', facts={ASKED: 'x'})[0] == '2 plus 2 is 4.'


def test_a_doubtful_stop_is_never_asked_back():
    assert reply('stop talking', low_confidence=True)[0] == 'Okay.'


def test_the_story_is_about_two_minutes_long():
    said, _ = reply('tell me a story')
    assert 280 <= len(said.split()) <= 520  # 150 to 200 words a minute
    assert said.count('\n\n') >= 4


def test_a_cancelled_reply_stops_between_sentences():
    written = []
    for part in BuiltinResponder('T').respond(
        ReplyRequest('tell me a story', NOW), lambda: len(written) >= 3
    ):
        written.append(part)
    assert len(written) == 3


def test_fragments_are_sentences_and_add_up():
    text = 'One. Two is 3.5! Really?\n\nYes.'
    assert sentences(text) == ['One. ', 'Two is 3.5! ', 'Really?\n\n', 'Yes.']


@pytest.mark.parametrize('tag', TABLES)
def test_a_language_has_every_text_and_its_placeholders_fit(tag):
    texts = TABLES[tag].texts
    assert set(texts) >= REQUIRED
    for key, text in texts.items():
        holes = set(re.findall(r'{(\w+)}', text))
        assert holes == set(re.findall(r'{(\w+)}', TABLES['en'].texts[key])), key


@given(st.text(max_size=80), st.sampled_from(sorted(TABLES)))
def test_any_text_gets_a_reply(text, language):
    assert reply(text, language=language)[0].strip()
    assert reply(text, language=language, low_confidence=True)[0].strip()


@given(st.integers(0, 100))
def test_a_number_in_words_is_read_back(n):
    assert read_sum(f'{normalise(cardinal(n))} plus zero', NUMBERS).value == n


@given(st.integers(-999_999, 999_999), st.integers(1, 9999), st.sampled_from('+-*/'))
def test_sums_in_digits_are_exact(a, b, operator):
    value = {'+': Fraction(a + b), '-': Fraction(a - b), '*': Fraction(a * b), '/': Fraction(a, b)}
    assert read_sum(f'{a} {operator} {b}', NUMBERS).value == value[operator]


@given(st.fractions(min_value=-1000, max_value=1000, max_denominator=9999))
def test_a_value_in_digits_is_close(value):
    assert abs(Fraction(number_text(value, NUMBERS)) - value) <= Fraction(1, 1000)


def test_parts_survive_the_tap():
    for part in (Say('a'), Remember('k', 'v')):
        assert from_row(to_row(part)) == part
    with pytest.raises(ValueError, match='not a part'):
        from_row(['dance'])


# ---- the grammar of the small recogniser


def test_every_phrase_of_the_recogniser_has_an_answer():
    said = grammar().sentences('phrase', random.Random(1), 6000)
    assert len(said) > 200
    lost = sorted(s for s in said if understand(s, TABLES['en']).intent in ('fallback', 'command'))
    assert lost == []


def test_every_command_of_the_recogniser_is_known_as_a_command():
    rules = grammar()
    rng = random.Random(2)
    known = ('command', 'wait')
    commands = rules.sentences('command', rng, 6000)
    assert len(commands) > 100
    assert [s for s in commands if understand(s, TABLES['en']).intent not in known] == []
    addressed = rules.sentences('utterance', rng, 3000)
    assert [s for s in addressed if understand(s, TABLES['en']).intent == 'fallback'] == []


def test_addressing_the_robot_changes_nothing():
    for address, request in itertools.product(
        ('hello robot', 'hey tektra', 'okay robot', 'robot'),
        ('turn left', 'what time is it', 'what is two plus two', 'tell me a story'),
    ):
        plain = understand(request, TABLES['en']).intent
        assert understand(f'{address} {request}', TABLES['en']).intent == plain
