"""Numbers that are spelled out come back as the same number, in every language."""

import math
from fractions import Fraction

import pytest
from commands_support import understood
from hypothesis import given
from hypothesis import strategies as st

from tektra.commands.languages import LANGUAGES
from tektra.commands.numbers import NumberReader, Unclear
from tektra.commands.tokens import tokens

EN = (
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen '
    'fifteen sixteen seventeen eighteen nineteen'
).split()
EN_TENS = 'twenty thirty forty fifty sixty seventy eighty ninety'.split()
DE = (
    'null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn '
    'fünfzehn sechzehn siebzehn achtzehn neunzehn'
).split()
DE_TENS = 'zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig'.split()
ES = (
    'cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince '
    'dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro '
    'veinticinco veintiséis veintisiete veintiocho veintinueve'
).split()
ES_TENS = 'treinta cuarenta cincuenta sesenta setenta ochenta noventa'.split()
ES_HUNDREDS = (
    'ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos '
    'novecientos'
).split()


def english(n, joiner=' and '):
    if n < 20:
        return EN[n]
    if n < 100:
        tens = EN_TENS[n // 10 - 2]
        return tens if n % 10 == 0 else f'{tens}-{EN[n % 10]}'
    rest = f'{joiner}{english(n % 100)}' if n % 100 else ''
    return f'{EN[n // 100]} hundred{rest}'


def german(n):
    if n < 20:
        return DE[n]
    if n < 100:
        tens = DE_TENS[n // 10 - 2]
        unit = 'ein' if n % 10 == 1 else DE[n % 10]
        return tens if n % 10 == 0 else f'{unit}und{tens}'
    count = 'ein' if n < 200 else DE[n // 100]
    return f'{count}hundert{german(n % 100) if n % 100 else ""}'


def spanish(n):
    if n < 30:
        return ES[n]
    if n < 100:
        tens = ES_TENS[n // 10 - 3]
        return tens if n % 10 == 0 else f'{tens} y {ES[n % 10]}'
    if n == 100:
        return 'cien'
    rest = f' {spanish(n % 100)}' if n % 100 else ''
    return f'{ES_HUNDREDS[n // 100 - 1]}{rest}'


SPELLERS = {'en': english, 'de': german, 'es': spanish}
READERS = {tag: NumberReader(language) for tag, language in LANGUAGES.items()}


def read(text, language='en'):
    """Return the number that the whole of ``text`` is, or None."""
    reader = READERS[language]
    words = reader.split(tokens(text, {}))
    try:
        found = reader.read(words, 0)
    except Unclear:
        return None
    return found[0] if found is not None and found[1] == len(words) else None


@pytest.mark.parametrize('language', SPELLERS)
def test_every_number_below_a_thousand_is_read_as_it_is_spelled(language):
    spell = SPELLERS[language]
    assert [n for n in range(1000) if read(spell(n), language) != n] == []
    assert [n for n in range(1000) if read(str(n), language) != n] == []


def test_american_numbers_have_no_and():
    assert [n for n in range(100, 1000) if read(english(n, joiner=' ')) != n] == []


@pytest.mark.parametrize(
    ('language', 'half', 'point'),
    [('en', ' and a half', ' point '), ('de', ' und ein halb', ' Komma '),
     ('es', ' y medio', ' coma ')],
)  # fmt: skip
def test_halves_and_decimals_are_read_behind_any_number(language, half, point):
    spell = SPELLERS[language]
    for n in range(1, 100):
        assert read(spell(n) + half, language) == n + Fraction(1, 2), n
        assert read(spell(n) + point + spell(7), language) == n + Fraction(7, 10), n


@given(st.integers(0, 9999), st.integers(1, 999))
def test_decimals_in_digits_are_read_with_the_mark_of_the_language(whole, decimals):
    value = Fraction(f'{whole}.{decimals}')
    assert read(f'{whole}.{decimals}') == value
    assert read(f'{whole},{decimals}', 'de') == value
    assert read(f'{whole},{decimals}', 'es') == value


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('1/2', Fraction(1, 2)),
        ('1 1/2', Fraction(3, 2)),
        ('2½', Fraction(5, 2)),
        ('¾', Fraction(3, 4)),
        ('a dozen', 12),
        ('a couple of', 2),
        ('a hundred', 100),
        ('1,000', 1000),
        ('two thousand', 2000),
    ],
)
def test_other_ways_to_write_a_number(text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    'text',
    ['1,5', '1.2.3', '1/0', '2/', 'five twenty', '2 3', 'two two', '12345678901234567890', '²',
     '1²', 'half two', '1/2/3', '2-3', ''],
)  # fmt: skip
def test_what_is_no_single_number_is_not_read_as_one(text):
    assert read(text) is None


@pytest.mark.parametrize(
    ('text', 'metres'),
    [
        ('one kilometre', None),
        ('1 m', 1),
        ('120 centimetres', 1.2),
        ('two thousand millimetres', 2),
        ('one yard', 0.9144),
        ('6 feet', 1.8288),
        ('five feet six inches', 1.6764),
        ('two steps', 0.6),
        ('half a foot', 0.1524),
        ('a quarter metre', 0.25),
        ('two metres and a quarter', 2.25),
    ],
)
def test_lengths_come_out_in_metres(text, metres):
    parsed = understood(f'go forward {text}')
    if metres is None:
        assert '20 metres' in parsed.reason
    else:
        assert math.isclose(parsed.steps[0].values['x'], metres)
