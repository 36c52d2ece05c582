"""The tables of sentences: what each is expected to come to, and what it came to."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path

from tektra.commands.command import Command
from tektra.commands.parser import parse
from tektra.commands.results import Ask, NoCommand, Plan, Refuse, RobotNames
from tektra.commands.vocabulary import read_vocabulary

ROOT = Path(__file__).parents[2]
ROBOTS = (RobotNames('tek', ('tek',)), RobotNames('r2', ('r2', 'artoo')))


@functools.cache
def vocabulary():
    """Return the shipped vocabulary, whatever the user of this machine has."""
    motions = (path.stem for path in sorted((ROOT / 'config' / 'motions').glob('*.yaml')))
    return read_vocabulary(ROOT / 'config' / 'commands.yaml', motions)


def understood(text, language='en', robots=ROBOTS):
    return parse(text, language=language, vocabulary=vocabulary(), robots=robots)


def moves(parsed):
    """Return whether anything may move because of what was said."""
    return isinstance(parsed, Plan) and any(vocabulary().moves(c) for c in parsed.steps)


def table(language):
    """Return (line, sentence, expected) of a table of sentences."""
    path = Path(__file__).with_name(f'commands_{language}.tsv')
    lines = enumerate(path.read_text(encoding='utf-8').splitlines(), 1)
    return [(n, *line.split('\t')) for n, line in lines if line and not line.startswith('#')]


def expectation(text):
    """Return (kind, steps, robots, everybody, confirmed) of the second column."""
    if text in ('ask', 'refuse', 'hold-refuse', 'none'):
        return text, (), (), False, False
    called, rest = re.fullmatch(r'(?:@(\S+) )?(.*)', text).groups()
    confirmed = rest.endswith(' confirm')
    steps = tuple(_step(step) for step in rest.removesuffix(' confirm').split('; '))
    everybody = called == 'all'
    robots = tuple(called.split(',')) if called and not everybody else ()
    return 'plan', steps, robots, everybody, confirmed


def _step(text):
    name, *pairs = text.split()
    given = dict(pair.split('=') for pair in pairs)
    values = {key: _number(text) for key, text in given.items() if re.match(r'-?\d', text)}
    return Command(name, values, {k: v for k, v in given.items() if k not in values})


def _number(text):
    if text.endswith('deg'):
        return math.radians(float(text.removesuffix('deg')))
    return float(text)


def came_to(parsed):
    """Return what ``expectation`` returns, of what the parser made of a sentence."""
    if isinstance(parsed, Plan):
        return 'plan', parsed.steps, parsed.robots, parsed.everybody, bool(parsed.confirm)
    kind = {Ask: 'ask', Refuse: 'refuse', NoCommand: 'none'}[type(parsed)]
    if isinstance(parsed, Refuse) and parsed.hold:
        kind = 'hold-refuse'
    return kind, (), (), False, False


def same(one, other):
    """Return whether two results agree, numbers to a millionth."""
    steps_agree = len(one[1]) == len(other[1]) and all(
        a.name == b.name
        and dict(a.texts) == dict(b.texts)
        and a.values.keys() == b.values.keys()
        and all(math.isclose(a.values[k], b.values[k], abs_tol=1e-6) for k in a.values)
        for a, b in zip(one[1], other[1], strict=True)
    )
    return one[0] == other[0] and steps_agree and one[2:] == other[2:]
