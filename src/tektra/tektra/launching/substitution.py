"""Substitutions of launch files, `$(var x)` and its kin: the grammar and what each one yields.

The grammar is that of launch 3.4 (Jazzy): arguments are parted by exactly one space, a quoted
argument is quoted as a whole, a backslash takes the next character literally.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import yaml

from tektra.launching.errors import LaunchError, Mark, did_you_mean, listing

_NAME = re.compile(r'[A-Za-z][A-Za-z0-9_-]*')


@dataclass(frozen=True)
class Call:
    """One substitution with its arguments, each a template of its own."""

    name: str
    arguments: tuple[Template, ...]


@dataclass(frozen=True)
class Template:
    """Text with substitutions in it."""

    parts: tuple[str | Call, ...]
    mark: Mark

    @property
    def is_text(self) -> bool:
        """Whether there is nothing to substitute."""
        return not any(isinstance(part, Call) for part in self.parts)

    @property
    def text(self) -> str:
        """The template as text; only when `is_text`."""
        return ''.join(part for part in self.parts if isinstance(part, str))


class Context(Protocol):
    """What a substitution may look at."""

    def variable(self, name: str) -> str | None:
        """Return the launch configuration `name`, or None."""

    def variables(self) -> list[str]:
        """Return the names of all launch configurations."""

    def environment(self, name: str) -> str | None:
        """Return the environment variable `name` as the launch file sees it, or None."""

    def directory(self, mark: Mark) -> str:
        """Return the folder that `$(dirname)` means at `mark`."""

    def package_share(self, package: str, mark: Mark) -> str:
        """Return the share folder of a package."""


class _Reader:
    """Reads one template; `_position` is where the next character is."""

    def __init__(self, text: str, mark: Mark) -> None:
        self._text = text
        self._mark = mark
        self._position = 0

    def template(self, quote: str = '') -> Template:
        """Read up to the end, or up to and including the closing `quote`."""
        parts: list[str | Call] = []
        text = ''
        while self._position < len(self._text):
            if quote and self._text[self._position] == quote:
                self._position += 1
                return self._made(parts, text)
            if self._at_call():
                parts, text = [*parts, text] if text else parts, ''
                parts.append(self._call(quote))
            else:
                text += self._character()
        if quote:
            raise self._error(f'a {quote} is not closed')
        return self._made(parts, text)

    def _made(self, parts: list[str | Call], text: str) -> Template:
        return Template(tuple([*parts, text] if text else parts), self._mark)

    def _at_call(self) -> bool:
        return self._text.startswith('$(', self._position)

    def _character(self) -> str:
        """Take one character; a backslash takes the one after it literally."""
        character = self._text[self._position]
        following = self._text[self._position + 1 : self._position + 2]
        if character != '\\' or following in ('', '\n'):
            self._position += 1
            return character
        self._position += 2
        if following == '\\' and self._at_call():
            raise self._error(r'\\ before $( is ambiguous; use \$( for a literal $(')
        return following

    def _call(self, quote: str) -> Call:
        start = self._position
        found = _NAME.match(self._text, start + 2)
        if found is None:
            raise self._error('$( must be followed by the name of a substitution')
        self._position = found.end()
        arguments: list[Template] = []
        while self._next_is(' '):
            self._position += 1
            arguments.append(self._argument(quote))
        if not self._next_is(')'):
            raise self._error(f"'{self._text[start:]}' is not closed by )")
        self._position += 1
        call = Call(found.group(), tuple(arguments))
        _check(call, self._mark)
        return call

    def _next_is(self, character: str) -> bool:
        return self._text.startswith(character, self._position)

    def _argument(self, quote: str) -> Template:
        for mark in ('"', "'"):
            if not quote and self._next_is(mark):
                self._position += 1
                value = self.template(mark)
                if not (self._next_is(' ') or self._next_is(')')):
                    raise self._error('a quoted argument must be quoted as a whole')
                return value
        return self._bare_argument(quote)

    def _bare_argument(self, quote: str) -> Template:
        parts: list[str | Call] = []
        text = ''
        forbidden = f'({quote}' if quote else '(\'"'
        while self._position < len(self._text) and self._text[self._position] not in ' )':
            if self._at_call():
                parts, text = [*parts, text] if text else parts, ''
                parts.append(self._call(quote))
                continue
            if self._text[self._position] in forbidden:
                shown = self._text[self._position]
                raise self._error(f'{shown} in an argument must be escaped or quoted')
            text += self._character()
        if not parts and not text:
            raise self._error('arguments of a substitution are parted by exactly one space')
        return self._made(parts, text)

    def _error(self, problem: str) -> LaunchError:
        return LaunchError(f'{problem} (in {self._text!r})', self._mark)


def parse(text: str, mark: Mark) -> Template:
    """Parse a string of a launch file.

    Raises:
        LaunchError: the grammar is not kept, or a substitution is outside the subset or has the
            wrong number of arguments.
    """
    return _Reader(text, mark).template()


def perform(template: Template, context: Context) -> str:
    """Return the text of a template in a context.

    Raises:
        LaunchError: an unset variable, a value that is not a boolean, an unknown package.
    """
    return ''.join(
        part if isinstance(part, str) else _FUNCTIONS[part.name].perform(part, template, context)
        for part in template.parts
    )


def as_boolean(text: str, what: str, mark: Mark) -> bool:
    """Read the argument of `and`, `or`, `not` or the value of `respawn`: 1, 0 or a YAML boolean.

    Raises:
        LaunchError: anything else.
    """
    if text in ('0', '1'):
        return text == '1'
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = None
    if not isinstance(value, bool):
        raise LaunchError(f"{what} must be 'true' or 'false', not '{text}'", mark)
    return value


def as_condition(text: str, key: str, mark: Mark) -> bool:
    """Read the value of `if` or `unless`: true, false, 1 or 0 in any case.

    Raises:
        LaunchError: anything else; unlike `as_boolean` not 'yes' or 'on' (as in launch 3.4).
    """
    word = text.strip().lower()
    if word not in ('true', 'false', '1', '0'):
        raise LaunchError(f"'{key}' must become true, false, 1 or 0, not '{text}'", mark)
    return word in ('true', '1')


def equal(left: str, right: str) -> bool:
    """Compare as `$(equals)` does: booleans by value, numbers to 9 digits, otherwise as text."""
    truths = ('true', '1')
    booleans = (*truths, 'false', '0')
    if left.lower() in booleans and right.lower() in booleans:
        return (left.lower() in truths) == (right.lower() in truths)
    try:
        return math.isclose(float(left), float(right))
    except ValueError:
        return left == right


@dataclass(frozen=True)
class _Function:
    least: int
    most: int
    perform: Callable[[Call, Template, Context], str]


def _word(value: bool) -> str:
    return 'true' if value else 'false'


def _arguments(call: Call, context: Context) -> list[str]:
    return [perform(argument, context) for argument in call.arguments]


def _booleans(call: Call, template: Template, context: Context) -> list[bool]:
    what = f'an argument of $({call.name})'
    return [as_boolean(text, what, template.mark) for text in _arguments(call, context)]


def _variable(call: Call, template: Template, context: Context) -> str:
    name = perform(call.arguments[0], context)
    value = context.variable(name)
    if value is not None:
        return value
    if len(call.arguments) == 2:
        return perform(call.arguments[1], context)
    hint = did_you_mean(name, context.variables())
    raise LaunchError(f"$(var {name}): no argument or 'let' of that name{hint}", template.mark)


def _environment(call: Call, template: Template, context: Context) -> str:
    name = perform(call.arguments[0], context)
    value = context.environment(name)
    if value is not None:
        return value
    if len(call.arguments) == 2:
        return perform(call.arguments[1], context)
    raise LaunchError(
        f'$(env {name}): the environment variable is not set; '
        f'set it or give a default, $(env {name} value)',
        template.mark,
    )


def _package_share(call: Call, template: Template, context: Context) -> str:
    return context.package_share(perform(call.arguments[0], context), template.mark)


def _equality(wanted: bool) -> Callable[[Call, Template, Context], str]:
    def compare(call: Call, template: Template, context: Context) -> str:
        left, right = _arguments(call, context)
        return _word(equal(left, right) == wanted)

    return compare


_FUNCTIONS = {
    'var': _Function(1, 2, _variable),
    'env': _Function(1, 2, _environment),
    'dirname': _Function(0, 0, lambda call, template, context: context.directory(template.mark)),
    'find-pkg-share': _Function(1, 1, _package_share),
    'equals': _Function(2, 2, _equality(True)),
    'not-equals': _Function(2, 2, _equality(False)),
    'and': _Function(2, 2, lambda call, *rest: _word(all(_booleans(call, *rest)))),
    'or': _Function(2, 2, lambda call, *rest: _word(any(_booleans(call, *rest)))),
    'not': _Function(1, 1, lambda call, *rest: _word(not _booleans(call, *rest)[0])),
}

OUTSIDE_SUBSET = (
    'eval',
    'if',
    'any',
    'all',
    'command',
    'filename',
    'find-exec',
    'file-content',
    'anon',
    'log_dir',
    'find-pkg-prefix',
    'exec-in-pkg',
    'param',
)
"""Substitutions of launch and launch_ros that this runner does not have."""


def _check(call: Call, mark: Mark) -> None:
    function = _FUNCTIONS.get(call.name)
    if function is None:
        allowed = listing(_FUNCTIONS)
        if call.name in OUTSIDE_SUBSET:
            raise LaunchError(f'$({call.name}) is not supported here; supported: {allowed}', mark)
        hint = did_you_mean(call.name, _FUNCTIONS)
        raise LaunchError(f'unknown substitution $({call.name}){hint}; known: {allowed}', mark)
    if call.name in ('equals', 'not-equals') and not all(a.parts for a in call.arguments):
        # launch 3.4 compares with the text '[]' there: EqualsSubstitution.__init__.
        raise LaunchError(
            f"$({call.name}) cannot compare with an empty '' in ros2 launch; "
            f"write $({call.name} 'x$(var name)' x)",
            mark,
        )
    count = len(call.arguments)
    if not function.least <= count <= function.most:
        wanted = str(function.least)
        if function.most != function.least:
            wanted += f' or {function.most}'
        raise LaunchError(f'$({call.name}) takes {wanted} argument(s), not {count}', mark)
