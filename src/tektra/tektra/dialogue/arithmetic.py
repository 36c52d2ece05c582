"""Sums in words and digits: from a sentence to an exact value and back to words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from tektra.dialogue.phrases.table import Numbers

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*|[-+*/\u00d7\u00f7]")
_SYMBOLS = {'+': '+', '-': '-', '*': '*', '/': '/', '\u00d7': '*', '\u00f7': '/'}
LARGEST = 10**12  # greater results are not read out usefully
_EXACT_PLACES = 6  # decimals that are said exactly; beyond them rounded to
_ABOUT_PLACES = 3


@dataclass(frozen=True)
class Sum:
    """An expression and its value; None: a division by zero."""

    spoken: str
    value: Fraction | None


def tokens(text: str) -> list[str] | None:
    """Return numbers, words and operators of normalised ``text``; None: there is more in it."""
    found = _TOKEN.findall(text)
    return found if ''.join(found) == text.replace(' ', '') else None


def read_number(words: list[str], at: int, n: Numbers) -> tuple[Fraction, int] | None:
    """Return the number that begins at ``words[at]`` and the index behind it, if there is one."""
    if at < len(words) and words[at][0].isdigit():
        return _digits(words[at], n), at + 1
    total, part, start, i = 0, 0, at, at
    while i < len(words):
        word = words[i]
        if word in n.articles and i == start and _multiplied(words, i + 1, n):
            part = 1
        elif word in n.small and _adds(part, n.small[word]):
            part += n.small[word]
        elif word in n.hundreds and part < 100:
            part = max(1, part) * n.hundreds[word]
        elif word in n.scales and (total == 0 or n.scales[word] < total):
            total, part = total + max(1, part) * n.scales[word], 0
        elif not (word in n.joiners and i > start and _goes_on(part, words, i + 1, n)):
            break
        i += 1
    if i == start:
        return None
    value = Fraction(total + part)
    return _with_decimals(value, words, i, n)


def _adds(part: int, small: int) -> bool:
    """Return whether a small number may follow: 'twenty' + 'one', but not 'five' + 'one'."""
    rest = part % 100
    return rest == 0 or (rest % 10 == 0 and rest >= 20 and 0 < small < 10)


def _goes_on(part: int, words: list[str], at: int, n: Numbers) -> bool:
    return at < len(words) and words[at] in n.small and _adds(part, n.small[words[at]])


def _multiplied(words: list[str], at: int, n: Numbers) -> bool:
    return at < len(words) and (words[at] in n.hundreds or words[at] in n.scales)


def _digits(word: str, n: Numbers) -> Fraction:
    group = '.' if n.decimal_mark == ',' else ','
    plain = word
    if re.fullmatch(
        rf'\d{{1,3}}(?:{re.escape(group)}\d{{3}})+(?:{re.escape(n.decimal_mark)}\d+)?', word
    ):
        plain = word.replace(group, '')
    return Fraction(plain.replace(',', '.', 1).replace(',', ''))


def _with_decimals(
    value: Fraction, words: list[str], at: int, n: Numbers
) -> tuple[Fraction, int] | None:
    if at >= len(words) or words[at] not in n.points:
        return value, at
    i, scale = at + 1, Fraction(1, 10)
    while i < len(words):
        digit = int(words[i]) if words[i].isdigit() else n.small.get(words[i], -1)
        if not 0 <= digit <= 9:
            break
        value, scale, i = value + digit * scale, scale / 10, i + 1
    return (value, i) if i > at + 1 else None


def _read_operator(words: list[str], at: int, n: Numbers) -> tuple[str, int] | None:
    for spoken, symbol in n.operators.items():
        parts = spoken.split()
        if words[at : at + len(parts)] == parts:
            return symbol, at + len(parts)
    if at < len(words) and words[at] in _SYMBOLS:
        return _SYMBOLS[words[at]], at + 1
    return None


def _read_signed(words: list[str], at: int, n: Numbers) -> tuple[Fraction, int] | None:
    sign = _read_operator(words, at, n)
    if sign is not None and sign[0] == '-':
        number = read_number(words, sign[1], n)
        return (-number[0], number[1]) if number else None
    return read_number(words, at, n)


def read_sum(text: str, n: Numbers) -> Sum | None:
    """Return the sum that normalised ``text`` is (* and / before + and -), or None."""
    try:
        words = tokens(text)
        first = _read_signed(words, 0, n) if words else None
    except ValueError:  # digits like '1.2.3'
        return None
    if words is None or first is None:
        return None
    (value, i), terms, spoken = first, [], number_text(first[0], n)
    zero = False
    while i < len(words):
        operator = _read_operator(words, i, n)
        try:
            number = _read_signed(words, operator[1], n) if operator else None
        except ValueError:
            return None
        if operator is None or number is None:
            return None
        symbol, i = operator[0], number[1]
        spoken += f' {n.spoken[symbol]} {number_text(number[0], n)}'
        if symbol == '*':
            value *= number[0]
        elif symbol == '/':
            zero = zero or number[0] == 0
            value = value / number[0] if number[0] else value
        else:
            terms.append(value)
            value = number[0] if symbol == '+' else -number[0]
    if ' ' not in spoken:
        return None
    return Sum(spoken, None if zero else sum(terms, Fraction(0)) + value)


def is_exact(value: Fraction) -> bool:
    """Return whether ``number_text`` says all of ``value``."""
    exact: bool = (value * 10**_EXACT_PLACES).denominator == 1
    return exact


def number_text(value: Fraction, n: Numbers) -> str:
    """Return ``value`` in digits, with the decimal mark of the language, rounded unless exact."""
    if value.denominator == 1:
        return str(value.numerator)
    places = _EXACT_PLACES if is_exact(value) else _ABOUT_PLACES
    scaled = round(value * 10**places)
    sign, digits = '-' if scaled < 0 else '', str(abs(scaled)).rjust(places + 1, '0')
    whole, decimals = digits[:-places], digits[-places:].rstrip('0')
    return f'{sign}{whole}{n.decimal_mark}{decimals}' if decimals else f'{sign}{whole}'
