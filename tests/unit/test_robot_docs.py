"""The table of a robot's file in docs/safety.md is made from the file's own description."""

import dataclasses
import typing
from pathlib import Path

from tektra.robots.spec import RobotSpec

DOCS = Path(__file__).parents[2] / 'docs' / 'safety.md'
BEGIN, END = '<!-- robot file: begin -->\n', '<!-- robot file: end -->\n'


def rows(cls, where=''):
    """Yield (key, meaning, unit and range, default) of a class and of those in it."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if 'item' not in field.metadata:
            continue
        item, key = field.metadata['item'], where + field.name
        below = inner(hints[field.name])
        yield key, item.doc, allowed(item), '' if below else default(field)
        if below:
            yield from rows(below[0], key + below[1])


def inner(hint):
    """Return the class of a nested record and what stands between its key and theirs."""
    if dataclasses.is_dataclass(hint):
        return hint, '.'
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    for one in args:
        if dataclasses.is_dataclass(one):
            return one, '[].' if origin is tuple else '.NAME.' if origin is dict else '.'
    return None


def allowed(item):
    low_high = f'{item.low:g} to {item.high:g}' if item.low is not None else ''
    return ', '.join(item.choices) or f'{low_high} {item.unit}'.strip()


def default(field):
    if field.default is dataclasses.MISSING:
        return '**required**'
    value = field.default
    if value is None or value in ('', ()):
        return ''
    return f'`{str(value).lower() if isinstance(value, bool) else value}`'


def table():
    lines = ['| key | meaning | allowed | default |', '|---|---|---|---|']
    seen = set()
    for key, *rest in rows(RobotSpec):
        axis = key.replace('.angular.', '.linear.').replace('.lateral.', '.linear.')
        if axis in seen:  # the three axes of a base have the same keys
            continue
        seen.add(axis)
        lines.append(
            f'| `{key}` | ' + ' | '.join(text.replace('<', '&lt;') for text in rest) + ' |'
        )
    return '\n'.join(lines) + '\n'


def test_the_documentation_tells_of_every_key_of_a_robots_file():
    text = DOCS.read_text()
    shown = text.partition(BEGIN)[2].partition(END)[0]
    assert shown == table(), f'put this between the two marks of {DOCS}:\n{table()}'


def test_every_key_says_what_it_means():
    assert not [key for key, doc, *_ in rows(RobotSpec) if not doc]
