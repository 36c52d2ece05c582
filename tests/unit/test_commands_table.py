"""Sentences and what they come to: commands_en.tsv, commands_de.tsv, commands_es.tsv."""

import pytest
from commands_support import came_to, expectation, moves, same, table, understood

LANGUAGES = ('en', 'de', 'es')


@pytest.mark.parametrize('language', LANGUAGES)
def test_every_sentence_of_the_table_comes_to_what_it_says(language):
    wrong = []
    for line, text, expected in table(language):
        parsed = understood(text, language)
        if not same(expectation(expected), came_to(parsed)):
            wrong.append(f'{line}: {text!r}: expected {expected}, came to {parsed}')
    assert wrong == [], '\n'.join(wrong)


@pytest.mark.parametrize('language', LANGUAGES)
def test_capitals_and_missing_punctuation_change_nothing_but_what_a_comma_says(language):
    for _, text, expected in table(language):
        spoken = understood(text.upper(), language)
        assert same(expectation(expected), came_to(spoken)), text
        if moves(understood(text.replace(', ', ' '), language)):
            assert moves(understood(text, language)), text


def test_half_of_the_english_table_moves_nothing():
    kinds = [expectation(expected)[0] for _, _, expected in table('en')]
    assert len(kinds) >= 240
    assert kinds.count('plan') <= len(kinds) / 2
    assert min(kinds.count(kind) for kind in ('ask', 'refuse', 'none')) >= 20


@pytest.mark.parametrize('language', ['de', 'es'])
def test_half_of_the_other_tables_moves_nothing_either(language):
    kinds = [expectation(expected)[0] for _, _, expected in table(language)]
    assert len(kinds) >= 60
    assert kinds.count('plan') <= len(kinds) / 2 + 1


@pytest.mark.parametrize('language', LANGUAGES)
def test_no_sentence_is_listed_twice(language):
    texts = [text.lower() for _, text, _ in table(language)]
    assert len(texts) - len(set(texts)) <= 2  # 'stop' and 'Stop!' are two
