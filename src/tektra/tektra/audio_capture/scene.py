"""Conversation scripts spoken by synthetic voices: what is said, and when the next line is due."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import yaml
from tektra_msgs.msg import PlaybackClock, TurnState

from tektra.runtime.clock import nanoseconds

AFTER_REPLY, INTERRUPT, PAUSE = 'after_reply', 'interrupt', 'pause'
# How long after its cue a line begins, if the script does not say (s).
DEFAULT_AFTER_S = {AFTER_REPLY: 0.8, INTERRUPT: 1.2, PAUSE: 1.0}

_OPEN = (
    TurnState.PHASE_USER_SPEAKING,
    TurnState.PHASE_EAGER_END,
    TurnState.PHASE_REOPENED,
    TurnState.PHASE_COMMITTED,
)
_CLOSED = (TurnState.PHASE_CANCELLED, TurnState.PHASE_INTERRUPTED, TurnState.PHASE_REPLIED)
_AUDIBLE = (PlaybackClock.STATE_PLAYING, PlaybackClock.STATE_DUCKED)


class SceneError(ValueError):
    """A script is not one; the text names the file, the line of the script and the fix."""


@dataclass(frozen=True)
class Line:
    """One line of a script.

    ``when`` is the cue: ``after_reply`` the line before has been answered (or has come to
    nothing), ``interrupt`` its answer has begun to be heard, ``pause`` the line before has ended.
    ``after_s`` (s) after the cue the line begins. ``voice`` is an espeak-ng voice, empty: that of
    ``language`` (BCP 47). ``rate`` 1 is normal speed.
    """

    say: str
    voice: str = ''
    language: str = 'en-US'
    rate: float = 1.0
    when: str = AFTER_REPLY
    after_s: float = DEFAULT_AFTER_S[AFTER_REPLY]


@dataclass(frozen=True)
class Script:
    """A conversation.

    ``max_wait_s`` bounds the wait for a cue of which nothing is seen, ``max_reply_s`` the wait for
    the end of an answer (s).
    """

    lines: tuple[Line, ...]
    name: str = ''
    description: str = ''
    max_wait_s: float = 15.0
    max_reply_s: float = 60.0


def script_of_text(text: str) -> Script:
    """Return a script that speaks ``text``, line by line, each after the answer to the last.

    :raises SceneError: if there is nothing to say.
    """
    lines = tuple(Line(row.strip()) for row in text.splitlines() if row.strip())
    if not lines:
        raise SceneError('the scene has no lines: give at least one')
    return Script(lines, name='lines')


def script_of_yaml(text: str, where: str) -> Script:
    """Return the script in ``text`` (YAML); ``where`` is the file, for errors.

    :raises SceneError: naming what is wrong.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SceneError(f'{where}: not YAML: {" ".join(str(error).split())}') from error
    if (
        not isinstance(data, Mapping)
        or not isinstance(data.get('lines'), list)
        or not data['lines']
    ):
        raise SceneError(f"{where}: a scene needs 'lines:', a list of things to say")
    defaults = _checked(data, ('name', 'description', *_SHARED, *_WAITS, 'lines'), where)
    shared = {key: defaults[key] for key in _SHARED if key in defaults}
    lines = tuple(
        _line(row, shared, f'{where}: lines[{i}]') for i, row in enumerate(defaults['lines'])
    )
    waits = {key: float(defaults[key]) for key in _WAITS if key in defaults}
    return Script(
        lines, str(defaults.get('name', '')), str(defaults.get('description', '')), **waits
    )


_SHARED = ('voice', 'language', 'rate')
_WAITS = ('max_wait_s', 'max_reply_s')
_NUMBERS = ('rate', 'after_s', *_WAITS)


def _line(row: Any, shared: Mapping[str, Any], where: str) -> Line:
    given = {'say': row} if not isinstance(row, Mapping) else row
    values = {**shared, **_checked(given, tuple(f.name for f in fields(Line)), where)}
    if not str(values.get('say', '')).strip():
        raise SceneError(f"{where}: nothing to say; add say: 'text'")
    when = values.setdefault('when', AFTER_REPLY)
    if when not in DEFAULT_AFTER_S:
        raise SceneError(f"{where}: when: '{when}' is not one of {', '.join(DEFAULT_AFTER_S)}")
    values.setdefault('after_s', DEFAULT_AFTER_S[when])
    return Line(**values)


def _checked(data: Mapping[Any, Any], known: tuple[str, ...], where: str) -> dict[str, Any]:
    for key, value in data.items():
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f'known: {", ".join(known)}'
            raise SceneError(f"{where}: unknown key '{key}'; {hint}")
        if key in _NUMBERS:
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not 0 <= value < 1e4
            ):
                raise SceneError(f'{where}: {key}: {value!r} must be a number from 0 to 10000')
        elif key != 'lines' and not isinstance(value, str):
            raise SceneError(
                f"{where}: {key}: {value!r} must be a text; put it in quotes: '{value}'"
            )
    return {str(key): value for key, value in data.items()}


class SceneDirector:
    """Says when each line of a script is due. Times are local ns, of any clock that runs on."""

    def __init__(self, script: Script, now_ns: int) -> None:
        self._script = script
        self._index = 0
        self._begun = False
        self._speaking = False
        self._since_ns = now_ns  # end of the line before; at first: the beginning
        self._cue_ns: int | None = None
        self._open: set[int] = set()
        self._turn_seen = False
        self._committed = False
        self._audible = False

    @property
    def done(self) -> bool:
        """True if no line is left to begin."""
        return self._index >= len(self._script.lines)

    def rewind(self) -> None:
        """Begin again with the first line, once the last one has been answered."""
        self._index = 0

    def on_turn(self, phase: int, turn_seq: int) -> None:
        """Take note of a turn's phase."""
        if phase in _OPEN:
            self._open.add(turn_seq)
            self._turn_seen = True
            self._committed |= phase == TurnState.PHASE_COMMITTED
        elif phase in _CLOSED:
            self._open.discard(turn_seq)
            self._turn_seen = True
        elif phase == TurnState.PHASE_LISTENING:
            self._open.clear()

    def on_playback(self, state: int) -> None:
        """Take note of what the loudspeaker does."""
        self._audible |= self._committed and state in _AUDIBLE

    def begin(self, now_ns: int) -> Line | None:
        """Return the line that begins now, if one is due."""
        if self._speaking or self.done:
            return None
        line = self._script.lines[self._index]
        self._cue_ns = self._cue(line, now_ns)
        if self._cue_ns is None or now_ns < self._cue_ns + nanoseconds(line.after_s):
            return None
        self._index += 1
        self._begun = True
        self._speaking = True
        self._cue_ns = None
        self._turn_seen = self._committed = self._audible = False
        return line

    def end(self, now_ns: int) -> None:
        """The line that began has been spoken."""
        self._speaking = False
        self._since_ns = now_ns

    def _cue(self, line: Line, now_ns: int) -> int | None:
        """Return when the cue of ``line`` came, None if it has not."""
        waited = now_ns - self._since_ns
        if not self._begun or line.when == PAUSE:
            return self._since_ns
        if line.when == INTERRUPT:
            came = self._audible
            limit = self._script.max_wait_s
        else:
            came = self._turn_seen and not self._open
            limit = self._script.max_reply_s if self._open else self._script.max_wait_s
        if not came and waited < nanoseconds(limit):
            return None
        return now_ns if self._cue_ns is None else self._cue_ns
