"""The ROS shell of turn_taking."""

from __future__ import annotations

from rclpy.publisher import Publisher
from rclpy.service import Service
from tektra_msgs.msg import TurnState
from tektra_msgs.srv import PushToTalk

from tektra.runtime.main import run_node
from tektra.runtime.node import TektraNode
from tektra.turn_taking.core import Outputs, TurnTakingCore
from tektra.turn_taking.params import TurnTakingParams

TICK_S = 0.02  # resolution of waits that no message ends


class TurnTakingNode(TektraNode[TurnTakingParams]):
    """Publishes ``turn/state`` and ``audio/playback_control``; offers ``push_to_talk``."""

    params_class = TurnTakingParams
    _service: Service | None = None

    def setup(self, params: TurnTakingParams, loaded: None) -> None:
        """Make entities. Nothing is decided before the node is active."""
        self.core = TurnTakingCore(params)
        self._states: Publisher = self.publisher('turn/state')
        self._controls: Publisher = self.publisher('audio/playback_control')
        self.subscribe('audio/vad', lambda m: self._emit(self.core.on_vad(m, self.now_ns())))
        self.subscribe(
            'speech/transcript', lambda m: self._emit(self.core.on_transcript(m, self.now_ns()))
        )
        self.subscribe('text/input', lambda m: self._emit(self.core.on_text(m, self.now_ns())))
        self.subscribe(
            'audio/playback_clock', lambda m: self._emit(self.core.on_playback(m, self.now_ns()))
        )
        self._service = self.create_service(PushToTalk, 'push_to_talk', self._push_to_talk)
        self._timer = self.every(TICK_S, lambda: self._emit(self.core.tick(self.now_ns())))
        self._timer.cancel()  # it runs only while the core waits for something

    def start(self) -> None:
        """Begin a new session."""
        self._emit(self.core.start(self.now_ns()))
        self.log.info(f'session {self.core.session_id}')

    def stop(self) -> None:
        """End what is open."""
        self._emit(self.core.stop(self.now_ns()))
        self._timer.cancel()

    def teardown(self) -> None:
        """Release the service, which the base does not know."""
        if self._service is not None:
            self.destroy_service(self._service)
            self._service = None

    def _emit(self, outputs: Outputs) -> None:
        for message in outputs:
            message.header.stamp = self.stamp()
            self.log_context(session_id=message.session_id, turn_seq=message.turn_seq)
            is_state = isinstance(message, TurnState)
            (self._states if is_state else self._controls).publish(message)
            if is_state and message.phase == TurnState.PHASE_COMMITTED:
                self.log.speech(f'heard: {message.text}')
        if self.core.pending and self._timer.is_canceled():
            self._timer.reset()
        elif not self.core.pending and not self._timer.is_canceled():
            self._timer.cancel()

    def _push_to_talk(
        self, request: PushToTalk.Request, response: PushToTalk.Response
    ) -> PushToTalk.Response:
        if not self.active:
            response.message = f'{self.get_name()} is not active'
            return response
        answer, outputs = self.core.push_to_talk(request.action, self.now_ns())
        self._emit(outputs)
        return answer


def main() -> int:
    """Run the node."""
    return run_node(lambda: TurnTakingNode('turn_taking'))
