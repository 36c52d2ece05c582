"""Types lines into the conversation, each when the one before has been answered."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from tektra_msgs.msg import TextInput, TurnState

from tektra.cli.client import GraphClient
from tektra.runtime.ids import new_id

ENDED = (TurnState.PHASE_REPLIED, TurnState.PHASE_CANCELLED, TurnState.PHASE_INTERRUPTED)
REPEAT_S = 3.0  # a line that opened no turn is sent again: its reader may just have been restarted


class Typist:
    """Sends ``lines`` one after the other. Feed it every TurnState; call ``work`` often."""

    def __init__(self, client: GraphClient, lines: Sequence[str]) -> None:
        self._publisher = client.publisher('text/input')
        self._clock = client.node.get_clock()
        self._waiting = deque(lines)
        self._line = ''
        self._input_id = ''
        self._turn_id = ''
        self._session_id = ''
        self._sent = 0.0

    @property
    def done(self) -> bool:
        """True once every line was answered (or given up by turn_taking)."""
        return not self._waiting and not self._line

    def on_turn(self, state: TurnState) -> None:
        """Follow the turn of the present line."""
        mine = state.source == TurnState.SOURCE_TEXT and state.text == self._line
        if self._line and mine and state.phase == TurnState.PHASE_COMMITTED:
            self._turn_id = state.turn_id
            self._session_id = state.session_id
        elif self._turn_id and state.session_id != self._session_id:
            self._turn_id = ''  # lost with the turn_taking that had it: it is sent again
        elif self._turn_id and state.turn_id == self._turn_id and state.phase in ENDED:
            self._line, self._turn_id = '', ''

    def work(self) -> None:
        """Send the next line, or the present one again if nobody took it."""
        if not self._line and self._waiting:
            self._line, self._input_id = self._waiting.popleft(), new_id()
            self._sent = 0.0
        untaken = bool(self._line) and not self._turn_id
        ready = self._publisher.get_subscription_count() > 0
        if untaken and ready and time.monotonic() - self._sent > REPEAT_S:
            message = TextInput(input_id=self._input_id, text=self._line, source='cli')
            message.header.stamp = self._clock.now().to_msg()
            self._publisher.publish(message)
            self._sent = time.monotonic()
