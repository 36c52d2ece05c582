"""Who watches the robot: sources that may demand a stop, and those whose silence is one."""

from __future__ import annotations

from collections.abc import Mapping

from tektra_msgs.msg import EstopSource

from tektra.runtime import words
from tektra.runtime.clock import nanoseconds, seconds

MAX_OTHERS = 32  # sources that the robot's file does not name, so that memory is bounded
TRUSTED_BEATS = 2  # in a row, of one instance, with a rising seq


class _Source:
    """What is known about one of them."""

    def __init__(self) -> None:
        self.asserted = False
        self.reason = ''
        self.heard_ns: int | None = None  # last beat that was in order
        self._instance_id = ''
        self._seq = 0
        self._in_order = 0

    @property
    def trusted(self) -> bool:
        return self._in_order >= TRUSTED_BEATS

    def on_beat(self, beat: EstopSource, now_ns: int) -> bool:
        """Take a beat; return whether it begins to assert.

        An assertion counts whoever sends it and in whatever order. Everything that makes things
        less safe (being alive, taking an assertion back) needs beats in order. A repeat says
        nothing.
        """
        begins = bool(beat.asserted) and not self.asserted
        if beat.asserted:
            self.asserted, self.reason = True, words.reason(beat.reason)
        instance_id = beat.instance_id[: words.ID_CHARS]
        known = self.heard_ns is not None and instance_id == self._instance_id
        if known and beat.seq == self._seq:
            return begins
        self._in_order = self._in_order + 1 if known and beat.seq > self._seq else 1
        self._instance_id, self._seq, self.heard_ns = instance_id, beat.seq, now_ns
        if self.trusted and not beat.asserted:
            self.asserted, self.reason = False, ''
        return begins


class Sources:
    """All of them. ``required``: name -> longest silence in s."""

    def __init__(self, required: Mapping[str, float]) -> None:
        self._limits_ns = {name: nanoseconds(limit) for name, limit in required.items()}
        self._known = {name: _Source() for name in required}
        self._overrun = ''  # a source that asserted when there was no room to remember it

    def on_beat(self, beat: EstopSource, now_ns: int) -> str:
        """Take a beat; return the name of the source if it begins to assert, else ''."""
        name = words.name(beat.source)
        source = self._known.get(name) or self._new(name)
        if source is not None:
            return name if source.on_beat(beat, now_ns) else ''
        if not beat.asserted:
            return ''
        begins, self._overrun = not self._overrun, name
        return name if begins else ''

    def reason(self, name: str) -> str:
        """Return why a source asserts, in its own words."""
        source = self._known.get(name)
        return source.reason if source is not None else ''

    def demands(self, now_ns: int) -> dict[str, str]:
        """Return name -> why it is a stop, for all that assert or are required and silent."""
        found: dict[str, str] = {}
        for name, source in self._known.items():
            if source.asserted:
                why = f': {source.reason}' if source.reason else ''
                found[name] = f"source '{name}' demands a stop{why}"
            elif name in self._limits_ns:
                silent = self._silent(name, source, now_ns)
                if silent:
                    found[name] = silent
        if self._overrun:
            found[self._overrun] = (
                f"source '{self._overrun}' demands a stop, and there are more sources than the "
                f'{MAX_OTHERS} that can be remembered'
            )
        return found

    def advice(self, name: str, now_ns: int) -> str:
        """Return what to do about a source that is in ``demands``."""
        if name == self._overrun:
            return 'find out who sends so many names on estop/source, then restart estop'
        source = self._known[name]
        if not source.asserted:
            return 'start it, or look at its link'
        if source.heard_ns is None or now_ns - source.heard_ns > nanoseconds(2.0):
            return 'it is silent now: bring it back, so that it can take this back'
        return 'release it there'

    def _new(self, name: str) -> _Source | None:
        others = [n for n in self._known if n not in self._limits_ns]
        if len(others) >= MAX_OTHERS:
            idle = [n for n in others if not self._known[n].asserted]
            if not idle:
                return None
            del self._known[min(idle, key=lambda n: self._known[n].heard_ns or 0)]
        return self._known.setdefault(name, _Source())

    def _silent(self, name: str, source: _Source, now_ns: int) -> str:
        if source.heard_ns is None:
            return f"source '{name}' has never been heard"
        silence = now_ns - source.heard_ns
        if silence > self._limits_ns[name]:
            return f"source '{name}' has been silent for {seconds(silence):.1f} s"
        if not source.trusted:
            return f"source '{name}' has begun anew, or its beats are out of order"
        return ''
