"""What people read of a conversation while it happens, for any view to render."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from tektra_msgs.msg import BackendState, SystemState, Transcript, TurnState

from tektra.conversation.latency import Stages
from tektra.conversation.turns import Reply


class Kind(enum.Enum):
    """What a line is about."""

    PARTIAL = 'what is being heard; replaces the partial before it'
    HEARD = 'what the person said, final'
    NOTHING = 'a sound that came to no turn'
    REPLY = 'what the robot says to it'
    LATENCY = 'how long the person waited, by stage'
    CUT = 'the reply was cut, and where'
    ANNOUNCEMENT = 'what the robot says of its own accord'
    NOTICE = 'what changed in the graph'


@dataclass(frozen=True)
class Line:
    """One line. ``who`` is 'you', 'robot' or empty; ``detail`` is of second importance."""

    kind: Kind
    text: str
    who: str = ''
    detail: str = ''
    session_id: str = ''
    turn_seq: int = 0

    def plain(self) -> str:
        """Return the line as plain text."""
        tail = f' ({self.detail})' if self.detail else ''
        return f'{self.who:<5} > {self.text}{tail}' if self.who else f'{"":7} {self.text}{tail}'


def partial(m: Transcript) -> Line:
    """Return what is heard so far; ``detail`` is the part that will not change."""
    return Line(Kind.PARTIAL, m.text, 'you', m.stable_text)


def heard(m: TurnState) -> Line:
    """Return what the person said."""
    if m.source == TurnState.SOURCE_TEXT:
        detail = 'typed'
    else:
        known = m.confidence >= 0
        parts = [m.heard_backend, f'{m.confidence:.2f}' if known else '']
        parts.append('doubtful' if m.low_confidence else '')
        detail = ', '.join(part for part in parts if part)
    return Line(Kind.HEARD, m.text, 'you', detail, m.session_id, int(m.turn_seq))


def nothing(m: TurnState) -> Line:
    """Return that a sound came to nothing, and why."""
    why = m.decision or 'no words'
    return Line(Kind.NOTHING, f'({why})', 'you', '', m.session_id, int(m.turn_seq))


def reply(r: Reply) -> Line:
    """Return what the robot says."""
    kind = Kind.REPLY if r.turn_seq else Kind.ANNOUNCEMENT
    return Line(kind, r.text.strip(), 'robot', '', r.session_id, r.turn_seq)


def latency(r: Reply, spent: Stages) -> Line:
    """Return how long the person waited."""
    return Line(Kind.LATENCY, spent.line(), '', '', r.session_id, r.turn_seq)


def cut(r: Reply) -> Line:
    """Return where a reply was cut."""
    heard_part = f'cut after "{r.heard}"' if r.heard else 'cut before its first word'
    detail = f'{r.played_s:.1f} s heard'
    return Line(Kind.CUT, f'({heard_part})', 'robot', detail, r.session_id, r.turn_seq)


def backend(m: BackendState) -> Line:
    """Return which engine a capability uses now, and why."""
    lost = [
        f'{name}: {reason}'
        for name, reason in zip(m.backends, m.reasons, strict=False)
        if reason and name != m.active
    ]
    detail = '; '.join(lost)
    return Line(
        Kind.NOTICE, f'{m.capability}: {m.active or "nothing works"}, {m.event}', '', detail
    )


SYSTEM = {
    SystemState.STATE_STARTING: 'starting',
    SystemState.STATE_READY: 'ready',
    SystemState.STATE_DEGRADED: 'degraded',
    SystemState.STATE_FAILED: 'failed',
    SystemState.STATE_STOPPING: 'stopping',
    SystemState.STATE_STOPPED: 'stopped',
}


def system(m: SystemState) -> Line:
    """Return the state of the whole graph."""
    return Line(Kind.NOTICE, f'graph: {SYSTEM.get(m.state, "unknown")}', '', m.reason)
