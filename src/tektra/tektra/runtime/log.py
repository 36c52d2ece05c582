"""What a node logs: text or JSON records with ids, and never what was said unless asked.

``TEKTRA_LOG_FORMAT=json`` makes every record one line of JSON; ``TEKTRA_LOG_SPEECH=1`` lets what
was said into the log.
"""

from __future__ import annotations

import json
import os
import re
from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Protocol

FORMAT = 'TEKTRA_LOG_FORMAT'
SPEECH = 'TEKTRA_LOG_SPEECH'
FORMATS = ('text', 'json')
LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')
HIDDEN = '<speech>'

# Shorter single words ("no", "the") are in any log line; hiding them would only garble it.
_SHORTEST = 4
_REMEMBERED = 64  # texts that a node has handled last

IDS = ('session_id', 'turn_seq', 'utterance_id')
_TEXTS = ('text', 'generated_text')


class LogError(ValueError):
    """A log setting of the environment is not one that exists."""


class Sink(Protocol):
    """What writes a line: the logger of rclpy."""

    def debug(self, message: str) -> object:
        """Write at level debug."""

    def info(self, message: str) -> object:
        """Write at level info."""

    def warning(self, message: str) -> object:
        """Write at level warn."""

    def error(self, message: str) -> object:
        """Write at level error."""


@dataclass(frozen=True)
class LogOptions:
    """The settings of one process."""

    as_json: bool = False
    speech: bool = False

    @staticmethod
    def read(environment: Mapping[str, str]) -> LogOptions:
        """Return the settings of an environment.

        :raises LogError: naming the variable, its value and what is allowed.
        """
        chosen = environment.get(FORMAT) or 'text'
        if chosen not in FORMATS:
            raise LogError(f"{FORMAT}='{chosen}' is not one of {', '.join(FORMATS)}")
        speech = environment.get(SPEECH) or '0'
        if speech not in ('0', '1'):
            raise LogError(f"{SPEECH}='{speech}' is not one of 0, 1")
        return LogOptions(chosen == 'json', speech == '1')


def prepare(environment: MutableMapping[str, str] = os.environ) -> LogOptions:
    """Set up the console format of this process; to be called before ``rclpy.init``.

    In JSON the line is the record: rcutils adds neither a prefix nor colours.

    :raises LogError: if a setting is wrong.
    """
    options = LogOptions.read(environment)
    if options.as_json:
        environment['RCUTILS_CONSOLE_OUTPUT_FORMAT'] = '{message}'
        environment['RCUTILS_COLORIZED_OUTPUT'] = '0'
    return options


class Hider:
    """Replaces what was said lately in anything that is to be logged."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque(maxlen=_REMEMBERED)
        self._pattern: re.Pattern[str] | None = None

    def add(self, text: str) -> None:
        """Remember ``text`` (and nothing for ever: the last texts only)."""
        text = ' '.join(text.split())
        if (len(text) < _SHORTEST and ' ' not in text) or text in self._texts:
            return
        self._texts.append(text)
        self._pattern = None

    def clean(self, line: str) -> str:
        """Return ``line`` with every remembered text replaced."""
        if not self._texts:
            return line
        if self._pattern is None:
            longest_first = sorted(self._texts, key=len, reverse=True)
            options = '|'.join(r'\s+'.join(map(re.escape, t.split())) for t in longest_first)
            self._pattern = re.compile(rf'(?<!\w)(?:{options})(?!\w)', re.IGNORECASE)
        return self._pattern.sub(HIDDEN, line)


class NodeLog:
    """The log of one node.

    ``wall`` returns s since the epoch. Not bound to a thread: records are written whole.
    """

    def __init__(
        self,
        sink: Sink,
        node: str,
        instance_id: str,
        options: LogOptions,
        wall: Callable[[], float],
    ) -> None:
        self._sink = sink
        self._node = node
        self._instance_id = instance_id
        self._options = options
        self._wall = wall
        self._hider = Hider()
        self._context: dict[str, str | int] = {}

    # Each level has a line of its own: rclpy refuses two severities from one line.

    def debug(self, message: str) -> None:
        """Log for developers."""
        self._sink.debug(self._record('debug', message))

    def info(self, message: str) -> None:
        """Log what is normal and worth knowing."""
        self._sink.info(self._record('info', message))

    def warning(self, message: str) -> None:
        """Log what works less well than it should."""
        self._sink.warning(self._record('warn', message))

    def error(self, message: str) -> None:
        """Log what failed."""
        self._sink.error(self._record('error', message))

    def speech(self, message: str) -> None:
        """Log what was said, at level info, if the person has asked for that."""
        if self._options.speech:
            self._sink.info(self._record('info', message))

    def hide(self, text: str) -> None:
        """Keep ``text``, which somebody said or is told, out of later records."""
        if not self._options.speech:
            self._hider.add(text)

    def safe(self, text: str) -> str:
        """Return ``text`` without what was said, for anything that is kept or shown elsewhere."""
        return self._hider.clean(text)

    def context(self, session_id: str = '', turn_seq: int = 0, utterance_id: str = '') -> None:
        """Name what is being worked on, for the records that follow; empty and 0: as before."""
        if session_id and session_id != self._context.get('session_id'):
            self._context = {'session_id': session_id}
        if turn_seq:
            self._context['turn_seq'] = turn_seq
        if utterance_id:
            self._context['utterance_id'] = utterance_id

    def _record(self, level: str, message: str) -> str:
        message = self._hider.clean(message)
        if not self._options.as_json:
            return message
        time = datetime.fromtimestamp(self._wall(), timezone.utc)
        record: dict[str, str | int] = {
            'time': time.isoformat(timespec='milliseconds').replace('+00:00', 'Z'),
            'level': level,
            'node': self._node,
            'instance': self._instance_id,
            **self._context,
            'message': message,
        }
        return json.dumps(record, ensure_ascii=False)


def noting(
    message_type: Any, log: NodeLog, callback: Callable[[Any], None]
) -> Callable[[Any], None]:
    """Return ``callback`` for messages of a type, that first notes their ids and words in the log.

    Messages that carry neither cost nothing.
    """
    fields = message_type.get_fields_and_field_types()
    ids = [name for name in IDS if name in fields]
    texts = [name for name in _TEXTS if name in fields]
    if not ids and not texts:
        return callback

    def noted(message: Any) -> None:
        log.context(**{name: getattr(message, name) for name in ids})
        for name in texts:
            log.hide(getattr(message, name))
        callback(message)

    noted.__name__ = getattr(callback, '__name__', 'callback')
    return noted
