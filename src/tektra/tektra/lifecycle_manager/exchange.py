"""One transition of one node, from the request to the verified state. Pure."""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass, field

from tektra_msgs.msg import NodeHeartbeat

from tektra.lifecycle_manager.steps import PRIMARY, STATE_NAMES, TRANSITIONS
from tektra.runtime.clock import seconds

GET_STATE = 0  # in place of a transition id
EXPLAIN_S = 2.0  # for the heartbeat that says why a transition failed
READS = 4  # of the state, at most
_serials = itertools.count(1)


@dataclass(frozen=True)
class Request:
    """What to ask ``node`` (fully qualified): a lifecycle_msgs/Transition id, or GET_STATE."""

    node: str
    transition: int
    serial: int = field(default=0, compare=False)
    instance_id: str = field(default='', compare=False)


class Phase(enum.Enum):
    """Where an exchange is."""

    ASKED = 'asked'
    EXPLAINING = 'explaining'  # refused; the next heartbeat says whether, and why
    VERIFYING = 'verifying'
    DONE = 'done'
    FAILED = 'failed'


class Exchange:
    """Asks for a transition until it is answered, then reads the state back.

    A request can get lost (a killed process is still matched by discovery for 20 s), and so can
    its answer: the heartbeat stands in for it.
    """

    def __init__(
        self, node: str, transition: int, instance_id: str, timeout_s: float, now_ns: int
    ) -> None:
        self.transition = transition
        self.phase = Phase.ASKED
        self.error = ''
        self._node = node
        self._instance_id = instance_id
        self._name, self.wanted = TRANSITIONS[transition]
        self._timeout_s = timeout_s
        self._began_ns = now_ns
        self._sent_ns = -1
        self._serial = 0
        self._beats = 0  # since the request, showing nothing of it
        self._reads = 0
        self._verifying_ns = -1
        self._beat_state = 0
        self._said = ''
        self._refused = False

    def due(self, now_ns: int, unheard_s: float) -> Request | None:
        """Return what is to be sent now; the phase may become DONE or FAILED by time."""
        waited = seconds(now_ns - self._began_ns)
        if self.phase in (Phase.DONE, Phase.FAILED):
            return None
        if waited > self._timeout_s:
            self._fail(f'{self._name}: not finished within {self._timeout_s:g} s')
            return None
        since = seconds(now_ns - self._sent_ns) if self._sent_ns >= 0 else float('inf')
        if self.phase is Phase.EXPLAINING:
            if since > EXPLAIN_S:
                self._fail_as_said()
            return None
        if self.phase is Phase.ASKED:
            unheard = since > unheard_s and self._beats >= 2
            return self._send(self.transition, now_ns) if self._sent_ns < 0 or unheard else None
        if self._verifying_ns < 0:
            self._verifying_ns = now_ns
        if self._sent_ns >= 0 and since <= unheard_s:
            return None
        verifying_s = seconds(now_ns - self._verifying_ns)
        if verifying_s > unheard_s and self._beat_state == self.wanted:
            self.phase = Phase.DONE  # the answer was lost, but the node itself says so
            return None
        if self._reads >= READS:
            self._fail(f'{self._name}: done, it said, but its state cannot be read')
            return None
        self._reads += 1
        return self._send(GET_STATE, now_ns)

    def _send(self, what: int, now_ns: int) -> Request:
        self._sent_ns, self._serial, self._beats = now_ns, next(_serials), 0
        return Request(self._node, what, self._serial, self._instance_id)

    def on_unsent(self) -> None:
        """Take note that the last request could not be sent: it is due again."""
        self._sent_ns = -1
        if self.phase is Phase.VERIFYING:
            self._reads -= 1

    def on_answer(self, request: Request, success: bool, now_ns: int) -> None:
        """Take the answer to a change of state."""
        if self.phase is not Phase.ASKED or request.transition != self.transition:
            return
        if success:
            self._verify()
        elif request.serial == self._serial:
            self.phase, self._sent_ns, self._refused = Phase.EXPLAINING, now_ns, True

    def on_state(self, request: Request, state: int) -> None:
        """Take the answer to a question for the state."""
        if self.phase is not Phase.VERIFYING or request.serial != self._serial:
            return
        if state == self.wanted:
            self.phase = Phase.DONE
        elif state in PRIMARY:
            self._fail(
                f'{self._name}: answered with success, but the node is '
                f'{STATE_NAMES[state]} and not {STATE_NAMES[self.wanted]}'
            )

    def on_beat(self, beat: NodeHeartbeat) -> None:
        """Take a heartbeat of the instance that was asked."""
        self._beat_state, self._said = int(beat.state), str(beat.last_error)
        if self.phase not in (Phase.ASKED, Phase.EXPLAINING):
            return
        if beat.state == self.wanted:
            self._verify()
        elif beat.state not in PRIMARY:
            self.phase, self._beats = Phase.ASKED, 0  # it is at it
        elif self._refused:
            self._fail_as_said()
        else:
            self._beats += 1

    def _verify(self) -> None:
        self.phase, self._sent_ns, self._reads = Phase.VERIFYING, -1, 0
        self._verifying_ns = -1

    def _fail_as_said(self) -> None:
        said = self._said or 'the node gave no reason'
        self._fail(said if said.startswith(self._name) else f'{self._name}: {said}')

    def _fail(self, error: str) -> None:
        self.phase, self.error = Phase.FAILED, error
