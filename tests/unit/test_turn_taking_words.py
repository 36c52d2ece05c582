"""What words say about turns: endpointing by text, barge-in rules, continuations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tektra.turn_taking.barge_in import BargeInRules, Judgement
from tektra.turn_taking.endpointing import (
    Endpointing,
    Evidence,
    SilenceStrategy,
    TextStrategy,
    finished,
    unfinished,
)
from tektra.turn_taking.languages import ENGLISH, GERMAN, LANGUAGES, SPANISH
from tektra.turn_taking.words import (
    continuation,
    phrases,
    without_ends,
    without_leading,
    words,
)

FINISHED = (
    'turn left', 'go forward ten meters', 'stop', 'please turn right', 'can you open the door',
    'what time is it', 'what is two plus two', 'how are you', 'who are you', 'hello', 'thank you',
    'yes', 'no', 'yes please', 'turn it on', 'pick up the red cup', 'Go to the kitchen.',
    'I like music.', 'Really?', 'where are you from', 'robot stop', 'what is it for?',
    'say that again',
    'count to ten', 'turn the lights off', 'okay hello', 'turn left please', 'hello robot',
    'could you turn left',
)  # fmt: skip
UNFINISHED = (
    'go to the kitchen and', 'i want the', 'turn left and then', 'um', 'i think um', 'go to',
    'what is',
    'what is two plus', 'it is because', 'go forward ten', 'bring me a', 'tell me about',
    'I mean...',
    'first, second,', 'go to the.', 'please', 'my name is', 'i would like to talk with',
)  # fmt: skip
UNSURE = (
    'the red house', 'go forward', 'my name is anna', 'forty two', 'i like music', 'red', 'turn',
    'where do you come from', 'tell me',
)  # fmt: skip


@pytest.mark.parametrize('text', FINISHED)
def test_a_finished_text_is_recognised(text):
    assert finished(text, ENGLISH)
    assert not unfinished(text, ENGLISH)


@pytest.mark.parametrize('text', UNFINISHED)
def test_an_unfinished_text_is_recognised(text):
    assert unfinished(text, ENGLISH)


@pytest.mark.parametrize('text', UNSURE)
def test_a_text_that_may_go_on_is_left_to_silence(text):
    assert not unfinished(text, ENGLISH)
    assert not finished(text, ENGLISH)


@pytest.mark.parametrize(
    ('text', 'table'),
    [
        ('wie spät ist es', GERMAN),
        ('geh in die küche', GERMAN),
        ('was ist zwei plus zwei', GERMAN),
        ('qué hora es', SPANISH),
        ('gira a la izquierda', SPANISH),
        ('gracias', SPANISH),
    ],
)
def test_other_languages_finish_too(text, table):
    assert finished(text, table)
    assert not unfinished(text, table)


@pytest.mark.parametrize(
    ('text', 'table'), [('ich möchte die', GERMAN), ('und', GERMAN), ('quiero el', SPANISH)]
)
def test_other_languages_stay_open_too(text, table):
    assert unfinished(text, table)


def test_the_first_strategy_with_an_opinion_counts_and_the_limit_holds():
    text, silence = TextStrategy(0.25, 9.0, 'en'), SilenceStrategy(0.7, 1.0)
    both = Endpointing([text, silence], 1.5)
    assert both.wait_s(Evidence('turn left')).wait_s == 0.25
    assert both.wait_s(Evidence('the red house')).wait_s == 0.7
    assert both.wait_s(Evidence('go and')).wait_s == 1.5
    assert Endpointing([silence], 1.5).wait_s(Evidence('turn left')).wait_s == 0.7
    assert Endpointing([text], 1.5).wait_s(Evidence('the red house')).strategy == 'limit'


def test_every_table_is_in_the_form_in_which_words_are_compared():
    for name, table in LANGUAGES.items():
        for field in ('fillers', 'dangling', 'prepositions', 'commands', 'questions', 'may_go_on'):
            for word in getattr(table, field):
                assert words(word) == (word,), (name, field, word)
        assert not table.backchannels & table.stop_phrases, name


RULES = BargeInRules('en', 1, frozenset(), frozenset())


@pytest.mark.parametrize(
    ('text', 'final', 'doubtful', 'expected'),
    [
        ('', False, False, Judgement.WAIT),
        ('', True, False, Judgement.IGNORE),
        ('um', True, False, Judgement.IGNORE),
        ('uh huh', True, False, Judgement.IGNORE),
        ('yeah yeah', True, False, Judgement.IGNORE),
        ('yeah', False, False, Judgement.WAIT),
        ('all', False, False, Judgement.WAIT),
        ('all', True, False, Judgement.INTERRUPT),
        ('all right then', False, False, Judgement.INTERRUPT),
        ('yeah but why', False, False, Judgement.INTERRUPT),
        ('no', False, False, Judgement.INTERRUPT),
        ('no', False, True, Judgement.WAIT),
        ('no', True, True, Judgement.INTERRUPT),
        ('stop', False, True, Judgement.INTERRUPT),
        ('um wait', False, True, Judgement.INTERRUPT),
        ('Stop talking!', False, True, Judgement.INTERRUPT),
    ],
)
def test_barge_in_rules(text, final, doubtful, expected):
    assert RULES.judge(text, 'en', final=final, doubtful=doubtful)[0] is expected


def test_the_longest_phrase_at_the_start_is_taken_away():
    known = phrases('all', 'all right', 'okay')
    assert without_leading(known, words('okay all right go')) == ('go',)


def test_polite_words_at_both_ends_are_taken_away_but_never_all():
    polite = phrases('please', 'can you')
    assert without_ends(polite, words('can you please go please')) == ('go',)
    assert without_ends(polite, words('please please')) == ('please',)


@pytest.mark.parametrize(
    ('text', 'earlier', 'expected'),
    [
        ('turn left then stop', 'turn left', 'then stop'),
        ('Turn left. Then stop.', 'turn left', 'Then stop.'),
        ('turn left', 'turn left', ''),
        ('turn', 'turn left', ''),
        ('go home', 'turn left', 'go home'),
        ('hello', '', 'hello'),
    ],
)
def test_a_continuation_is_what_is_new(text, earlier, expected):
    assert continuation(text, earlier) == expected


@given(
    st.lists(st.sampled_from(['go', 'turn', 'left', 'right', 'now', 'and']), max_size=6),
    st.lists(st.sampled_from(['go', 'turn', 'left', 'right', 'now', 'and']), max_size=6),
)
def test_what_was_said_and_its_continuation_are_the_whole(first, second):
    whole = ' '.join(first + second)
    assert words(continuation(whole, ' '.join(first))) == tuple(second)


@given(st.text(max_size=60))
def test_any_text_can_be_judged(text):
    for table in LANGUAGES.values():
        finished(text, table)
        unfinished(text, table)
    RULES.judge(text, '', final=True, doubtful=False)
