"""Xacro into URDF text, by the `xacro` package; its errors get a file, a line and a fix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from tektra.description.model import DescriptionError
from tektra.launching.errors import did_you_mean, listing

# What xacro says, and what there is to do about it.
_FIXES = (
    (r'Undefined substitution argument', 'give it under description.arguments or a default'),
    (r'No such file', 'correct the path; it counts from the file that names it'),
    (r"package '.*' not found", 'install the package or source its workspace'),
    (r'unknown macro name', 'include the file that defines it, or correct the name'),
    (r'Undefined parameters', 'give the macro all of its parameters'),
    (r'Invalid parameter', 'the macro has no such parameter'),
    (r'is not defined', 'define it by <xacro:property> or correct the name'),
    (r'invalid syntax', 'correct the expression'),
)


class _Arguments(dict[str, str]):
    """The arguments of a file; knows which of them the file asked for."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        return super().__getitem__(name)


def is_xacro(path: Path, text: str) -> bool:
    """Return whether a file must be expanded before it is URDF."""
    return path.suffix == '.xacro' or 'http://www.ros.org/wiki/xacro' in text


def expand(path: Path, arguments: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return URDF text, and a sentence for each argument that the file does not know.

    :raises DescriptionError: with file and line as far as xacro knows them.
    """
    try:
        import xacro
    except ImportError:
        raise DescriptionError(
            f'{path}: is xacro, and the package xacro is not installed; ./tektra setup installs '
            'it, on a robot: sudo apt install ros-jazzy-xacro'
        ) from None
    known = _Arguments(arguments)
    try:
        text: str = xacro.process_file(str(path), mappings=known, verbosity=0).toxml()
    except RecursionError:
        raise DescriptionError(
            f'{_file(xacro, path)}: xacro: macros or includes call themselves without end'
            f'{_within(xacro)}; end the recursion by <xacro:if>'
        ) from None
    except ExpatError as error:
        place = f'{_file(xacro, path)}:{error.lineno}'
        what = str(error).partition(': line')[0]
        fix = 'close every element'
        if 'unbound prefix' in what:
            fix = 'add xmlns:xacro="http://www.ros.org/wiki/xacro" to <robot>'
        raise DescriptionError(f'{place}: not valid XML: {what}; {fix}') from None
    except Exception as error:  # the file's expressions are Python: anything may come out
        raise _error(xacro, path, error) from None
    names = listing(sorted(known.asked)) or 'none'
    return text, tuple(
        f"{path}: has no argument '{name}'{did_you_mean(name, known.asked) or f'; known: {names}'}"
        for name in arguments
        if name not in known.asked
    )


def _file(xacro: Any, path: Path) -> Path:
    """Return the file that xacro was reading last."""
    stack = xacro.filestack or [None]
    return Path(stack[-1]) if stack[-1] else path


def _within(xacro: Any) -> str:
    stack = xacro.macrostack or []
    return f", in macro '{stack[-1].body.getAttribute('name')}'" if stack else ''


def _error(xacro: Any, path: Path, error: Exception) -> DescriptionError:
    text = str(error) or type(error).__name__
    file = _file(xacro, path)
    said, *expressions = (part.strip() for part in text.split('when evaluating expression'))
    expressions = [expression[1:-1] for expression in expressions]
    names = [word.rpartition('/')[2] for word in re.findall(r'[\w./-]+', said)]
    if expressions:
        names = [f'${{{expression}}}' for expression in expressions]
    elif xacro.macrostack:
        names.append(f'xacro:{xacro.macrostack[-1].body.getAttribute("name")}')
    line = _line_of(file, names[::-1])
    fix = next((fix for pattern, fix in _FIXES if re.search(pattern, text)), '')
    within = _within(xacro)
    of = f" in '{expressions[0]}'" if expressions else ''
    tail = f'; {fix}' if fix else ''
    return DescriptionError(f'{file}{line}: xacro: {_tidy(said)}{of}{within}{tail}')


def _tidy(said: str) -> str:
    """Return xacro's words without class names, error numbers and repetitions."""
    said = re.sub(r"^<class '[\w.]+'>: ", '', ' '.join(said.split()))
    said = re.sub(r'^"(.*)"$', r'\1', said)
    said = re.sub(r', searching: .*| ?\[Errno \d+\] .*$', '', said) or said.partition('] ')[2]
    if re.fullmatch(r"'[^']*'", said):  # all that a KeyError says
        return f'has no key {said}'
    half = len(said) // 2
    return said[:half] if half > 3 and said[:half] == said[half + 1 :] else said


def _line_of(file: Path, words: list[str]) -> str:
    """Return `:LINE` of the first line that has one of the words, the best word first, or ''."""
    try:
        lines = file.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError):
        return ''
    for word in words:
        start = r'(?<!\w)' if word[:1].isalnum() else ''
        whole = re.compile(rf'{start}{re.escape(word)}(?!\w)')
        for number, line in enumerate(lines, 1):
            if len(word) > 1 and whole.search(line):
                return f':{number}'
    return ''
