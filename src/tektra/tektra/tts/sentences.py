"""Cuts streamed reply text into sentences, independent of how the text was fragmented."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MAX_CHARS = 200  # about 13 s of speech: longer pieces cost memory and latency
FIRST_MIN_CHARS = (
    20  # the first piece may end at a clause from here on, so that speech begins early
)
FIRST_MAX_CHARS = 100  # and must end here, at a space if need be

_STOPS = '.!?…'
_WIDE_STOPS = '。！？｡︒'  # end a sentence without a space after them
_CLAUSES = ',;:'
_WIDE_CLAUSES = '，、；：'
_DASHES = '—–'
_CLOSERS = '"\'”’»›)]}」』）】〉》'

# Abbreviations before a name or number never end a sentence; the others only before a capital.
_NEVER_LAST = frozenset(
    [
        'mr',
        'mrs',
        'ms',
        'dr',
        'prof',
        'st',
        'sr',
        'sra',
        'srta',
        'jr',
        'hr',
        'fr',
        'mme',
        'mlle',
        'm',
        'sig',
        'dott',
        'nr',
        'no',
        'num',
        'vol',
        'art',
        'fig',
        'bzw',
        'ca',
        'vgl',
        'evtl',
        'inkl',
        'gen',
        'col',
        'capt',
        'lt',
        'sgt',
        'rev',
        'hon',
        'mt',
        'ft',
        'ud',
        'uds',
        'ave',
        'approx',
        'avv',
        'ing',
    ]
)
_SOMETIMES_LAST = frozenset(
    [
        'etc',
        'usw',
        'al',
        'inc',
        'ltd',
        'co',
        'corp',
        'jan',
        'feb',
        'mar',
        'apr',
        'jun',
        'jul',
        'aug',
        'sep',
        'sept',
        'oct',
        'nov',
        'dec',
    ]
)
_INITIALS = re.compile(r'(?:^|[\s("\'„“«])((?:[^\W\d_]\.)*[^\W\d_])$')
_ENUMERATOR = re.compile(r'^\W*(?:\d{1,3}|[^\W\d_])\W*$')
_LOOKAHEAD = 3  # white space looked through for the next letter; more of it ends the sentence


@dataclass(frozen=True)
class Piece:
    """A run of the reply's characters: ``text`` begins ``offset`` characters into the reply."""

    text: str
    offset: int


class SentenceSplitter:
    """Takes fragments, gives pieces that concatenate to exactly the text that was put in.

    Pieces depend on the text alone, not on where it was fragmented. ``language`` is BCP 47 (German
    ordinals).
    """

    def __init__(self, language: str = '') -> None:
        self._language = language.lower()
        self._rest = ''
        self._offset = 0

    def push(self, text: str) -> list[Piece]:
        """Return the pieces that are complete now that ``text`` has come."""
        self._rest += text
        return self._drain(final=False)

    def finish(self) -> list[Piece]:
        """Return what is left, once no text follows."""
        return self._drain(final=True)

    def _drain(self, final: bool) -> list[Piece]:
        pieces = []
        while self._rest:
            end = self._cut(self._rest, final)
            if end is None:
                break
            pieces.append(Piece(self._rest[:end], self._offset))
            self._rest = self._rest[end:]
            self._offset += end
        return pieces

    def _cut(self, text: str, final: bool) -> int | None:
        """Return where the first piece of ``text`` ends; None: it takes more text to know."""
        first = self._offset == 0
        limit = FIRST_MAX_CHARS if first else MAX_CHARS
        spoken = False  # a piece has something to say before it may end
        for at, char in enumerate(text):
            if at >= limit:
                return _cut_by_length(text[:limit])
            spoken = spoken or char.isalnum()
            if not spoken:
                continue
            end = self._boundary(text, at, first, final)
            if end == 0:
                continue
            return None if end < 0 else end
        return len(text) if final else None

    def _boundary(self, text: str, at: int, first: bool, final: bool) -> int:
        """Return the end of the piece if one ends with the character ``at``.

        0: none, -1: more text decides.
        """
        char = text[at]
        if char == '\n':
            return at + 1
        if char in _STOPS or char in _WIDE_STOPS:
            return self._after_stop(text, at, first, final)
        if first and at + 1 >= FIRST_MIN_CHARS // (2 if char in _WIDE_CLAUSES else 1):
            if char in _WIDE_CLAUSES:
                return at + 1
            if char in _CLAUSES or char in _DASHES:
                if at + 1 == len(text):
                    return 0 if final else -1
                return at + 2 if text[at + 1].isspace() else 0
        return 0

    def _after_stop(self, text: str, at: int, first: bool, final: bool) -> int:
        wide = text[at] in _WIDE_STOPS
        end = at + 1
        while end < len(text) and (text[end] in _CLOSERS or text[end] in _STOPS + _WIDE_STOPS):
            wide = wide or text[end] in _WIDE_STOPS
            end += 1
        if end == len(text):
            return end if final else -1
        if wide:
            return end
        if not text[end].isspace():
            return 0
        if text[end] == '\n':
            return end + 1
        run = text[at:end]
        if run.strip('!?') == '' and not _ENUMERATOR.match(text[:at]):
            return end + 1
        return self._before_next(text, at, end, first, final)

    def _before_next(self, text: str, at: int, end: int, first: bool, final: bool) -> int:
        """Judge a full stop or closing quote by the letter after the space at ``end``."""
        ahead = text[end : end + _LOOKAHEAD + 1]
        following = ahead.lstrip()[:1]
        if not following and len(ahead) <= _LOOKAHEAD and not final:
            return -1
        if text[at] == '.' and not self._ends_here(text[:at], following):
            return 0
        if following.islower():
            # Most likely the sentence goes on; good enough for an early start.
            return end + 1 if first and at + 1 >= FIRST_MIN_CHARS else 0
        return end + 1

    def _ends_here(self, before: str, following: str) -> bool:
        """Return whether a full stop after ``before`` can end a sentence."""
        if _ENUMERATOR.match(before):
            return False
        word = re.split(r'[\s("\'„“«]', before)[-1].lower()
        if word in _NEVER_LAST:
            return False
        if word in _SOMETIMES_LAST:
            return following.isupper()
        if (
            word.isdigit()
            and int(word) <= 31
            and self._language.startswith(('de', 'da', 'nb', 'fi'))
        ):
            return False
        initials = _INITIALS.search(before)
        if initials is None or initials.group(1) == 'I':
            return True
        # 'e.g.' and 'a.m.' end one only before a capital; 'J.' before a name never does.
        return '.' in initials.group(1) and following.isupper()


def _cut_by_length(text: str) -> int:
    """Return where to cut a text without end: after a clause, a word, or at its length."""
    half = len(text) // 2
    clause = max(
        (
            match.end()
            for match in re.finditer(rf'[{_CLAUSES}{_DASHES}.]["\'”’)]*\s|[{_WIDE_CLAUSES}]', text)
        ),
        default=0,
    )
    if clause > half:
        return clause
    space = max((match.end() for match in re.finditer(r'\s', text)), default=0)
    return space if space > half else len(text)


# Written for the eye: mark-up, and symbols that engines read out by name.
_SILENT = frozenset('*_#`~|<>^\\{}[]•▪●■◦→←✓✔')


def speakable(text: str) -> str:
    """Return ``text`` for an engine: what is not to be read out becomes a space, one for one.

    The result is as long as ``text``, so every offset stays true. Emoji, mark-up and control
    characters go.
    """
    return ''.join(' ' if _is_silent(c) else c for c in text)


def _is_silent(char: str) -> bool:
    if char in _SILENT or char.isspace():
        return True
    kind = unicodedata.category(char)
    return kind in ('Cc', 'Cf', 'Cs', 'Co', 'Cn') or (kind in ('So', 'Sk') and char not in '°©®™')


def has_speech(text: str) -> bool:
    """Return whether there is anything in ``text`` to say."""
    return any(c.isalnum() or c in '%&+=@$€£¥§°' for c in speakable(text))
