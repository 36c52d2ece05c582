"""The ROS shell of dialogue."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rclpy.service import Service
from tektra_msgs.msg import DialogueEvent, DialogueReply
from tektra_msgs.srv import ResetSession

from tektra.dialogue.backend import ReplyPart, Responder
from tektra.dialogue.core import DialogueCore, Outputs, Task
from tektra.dialogue.params import DialogueParams
from tektra.dialogue.writer import factories, write
from tektra.runtime.backends import BackendChain, BackendUnavailable
from tektra.runtime.main import run_node
from tektra.runtime.node import TektraNode

TICK_S = 0.1  # resolution of waits that no message ends


def local_time() -> datetime:
    """Return the wall clock in the local time zone."""
    return datetime.now().astimezone()


class DialogueNode(TektraNode[DialogueParams]):
    """Publishes ``dialogue/reply`` and ``dialogue/event``; offers ``reset_session``."""

    params_class = DialogueParams
    _service: Service | None = None
    _chain: BackendChain[Responder] | None = None

    def load(self, params: DialogueParams) -> BackendChain[Responder]:
        """Open the first responder that works."""
        chain = BackendChain(
            'dialogue', params.backends, factories(params.name), self.on_backend_change
        )
        chain.open(self.now_ns())
        return chain

    def setup(self, params: DialogueParams, loaded: BackendChain[Responder]) -> None:
        """Make entities."""
        self._chain = loaded
        self.core = DialogueCore(params, wall=local_time, own_name=self.get_name())
        self._replies = self.publisher('dialogue/reply')
        self._events = self.publisher('dialogue/event')
        self.subscribe('turn/state', lambda m: self._emit(self.core.on_turn(m, self.now_ns())))
        self.subscribe(
            'speech/visemes', lambda m: self._emit(self.core.on_visemes(m, self.now_ns()))
        )
        self.subscribe(
            'audio/playback_clock', lambda m: self._emit(self.core.on_playback(m, self.now_ns()))
        )
        self.subscribe('system/state', lambda m: self._emit(self.core.on_system(m, self.now_ns())))
        self._service = self.create_service(ResetSession, 'reset_session', self._reset)
        self._timer = self.every(TICK_S, lambda: self._emit(self.core.tick(self.now_ns())))
        self._timer.cancel()  # it runs only while the core waits for something

    def stop(self) -> None:
        """Stop writing and waiting."""
        outputs = self.core.stop(self.now_ns())
        if self.context.ok():
            self._emit(outputs)
        self._timer.cancel()

    def teardown(self) -> None:
        """Release the service and the responder, which the base does not know."""
        if self._service is not None:
            self.destroy_service(self._service)
            self._service = None
        chain, self._chain = self._chain, None
        if chain is not None:
            self.worker.submit(chain.close)  # it may be in use there

    def _emit(self, outputs: Outputs) -> None:
        for item in outputs:
            if isinstance(item, Task):
                self._write(item)
                continue
            item.header.stamp = self.stamp()
            self.log.hide(item.text)
            is_reply = isinstance(item, DialogueReply)
            (self._replies if is_reply else self._events).publish(item)
            if not is_reply and item.kind == DialogueEvent.KIND_ASSISTANT_TURN:
                self.log.speech(f'said: {item.text}')
        if self.core.pending and self._timer.is_canceled():
            self._timer.reset()
        elif not self.core.pending and not self._timer.is_canceled():
            self._timer.cancel()

    def _write(self, task: Task) -> None:
        """Have a responder write the reply in the worker; its parts come back in order."""
        self.in_worker(lambda: self._run_responder(task))

    def _run_responder(self, task: Task) -> None:
        """Run in the worker."""
        chain = self._chain
        if chain is None:
            return

        def started(name: str) -> None:
            self._later(lambda: self.core.on_start(task, name, self.now_ns()))

        def hand_on(part: ReplyPart) -> None:
            self._later(lambda: self.core.on_part(task, part, self.now_ns()))

        try:
            write(chain, task, started, hand_on, self.now_ns())
        except BackendUnavailable as error:
            self._fail(task, error)
            return
        self._later(lambda: self.core.on_end(task, self.now_ns()))

    def _fail(self, task: Task, error: BackendUnavailable) -> None:
        self.call_soon(lambda: self.report_error('no responder', error))
        self._later(lambda: self.core.on_end(task, self.now_ns(), failed=True))

    def _later(self, step: Callable[[], Outputs]) -> None:
        """Run ``step`` of the core in the executor thread, if the node is still active then."""

        def take() -> None:
            if self.active:
                self._emit(step())

        self.call_soon(take)

    def _reset(
        self, request: ResetSession.Request, response: ResetSession.Response
    ) -> ResetSession.Response:
        ok, message, forgotten, outputs = self.core.reset(request.session_id, self.now_ns())
        response.success, response.message, response.forgotten_turns = ok, message, forgotten
        self._emit(outputs)
        return response


def main() -> int:
    """Run the node."""
    return run_node(lambda: DialogueNode('dialogue'))
