"""The tts node: replies in, speech and mouth shapes out; ``say`` and ``list_voices``."""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from tektra_msgs.action import Say
from tektra_msgs.msg import AudioChunk, DialogueReply, PlaybackClock, TurnState
from tektra_msgs.srv import ListVoices

from tektra.resources.gate import within_plan
from tektra.resources.survey import plan_here
from tektra.runtime.backends import BackendStatus
from tektra.runtime.main import run_node
from tektra.runtime.node import TektraNode
from tektra.tts.backend import Abort, SpeechRequest
from tektra.tts.backends import factories
from tektra.tts.core import Output, SayResult, TtsCore
from tektra.tts.engine import Engine, Spoken
from tektra.tts.params import TtsParams
from tektra.tts.utterance import Job

MAINTAIN_S = 2.0
TICK_S = 1.0
# Between bursts of chunks that go out ahead of playback. All two seconds of them at once kept both
# cores busy for 20 ms, and the first sample waited for that; so they come at ten times real time.
BURST_S = 0.02
FEEDBACK_S = 0.1
MAX_SAY_CHARS = 20000


class TtsNode(TektraNode[TtsParams]):
    """Speaks replies.

    The engine runs in the worker; the core and all publishing in the executor thread.
    """

    params_class = TtsParams

    def load(self, params: TtsParams) -> tuple[Engine, str]:
        """Open the first engine that works and let it say a word, as a warm-up."""
        order, made = within_plan(
            plan_here(),
            'tts',
            params.backends,
            factories(params.voice, params.language),
            ('piper',) if params.voice else (),
        )
        engine = Engine(order, made, self._on_backends, self.now_ns(), params.language)
        engine.speak(
            SpeechRequest('ready.', params.language, params.voice),
            Abort(),
            self.now_ns(),
        )
        return engine, engine.check(params.voice, params.language)

    def setup(self, params: TtsParams, loaded: tuple[Engine, str]) -> None:
        """Make topics, the action and the service."""
        self._engine, self._voice_note = loaded
        self._core = TtsCore(params.options())
        self._goals: dict[str, Future[SayResult]] = {}
        self._handles: dict[str, Any] = {}
        self._notes: deque[str] = deque(maxlen=32)
        self._fed_back_ns = 0
        self._speech = self.publisher('audio/speech')
        self._visemes = self.publisher('speech/visemes')
        self.subscribe('dialogue/reply', self._on_reply)
        self.subscribe('turn/state', self._on_turn_state)
        self.subscribe('audio/playback_clock', self._on_playback_clock)
        self.watch_queue('pieces', lambda: (self._core.pending, 0))
        self.watch_queue('fragments', lambda: (0, self._core.lost_fragments))
        self._list_voices = self.create_service(ListVoices, 'list_voices', self._on_list_voices)
        self._say = ActionServer(
            self,
            Say,
            'say',
            self._on_say,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )
        self._burst = self.every(BURST_S, self._go_on)
        self._burst.cancel()  # it runs only while more may go out
        self.every(MAINTAIN_S, self._maintain)
        self.every(TICK_S, lambda: self._emit(self._core.on_tick(self.now_ns())))
        self._show_degraded(self._engine.status())

    def on_hot_change(self, params: TtsParams) -> None:
        """Speak what is begun from now on at the new rate, pitch and volume."""
        self._core.options = params.options()

    def stop(self) -> None:
        """Stop speaking; announcements under way end as failed."""
        self._emit(Output(said=self._core.stop()))
        self._burst.cancel()

    def in_use(self) -> bool:
        """Return whether speech is made, or still sent ahead of what is heard."""
        return self._core.speaking

    def teardown(self) -> None:
        """Release the engines and what ROS made for us."""
        for name in ('_say', '_list_voices'):
            made = self.__dict__.pop(name, None)
            if made is not None:
                made.destroy() if name == '_say' else self.destroy_service(made)
        engine = self.__dict__.pop('_engine', None)
        if engine is not None:
            self.worker.submit(engine.close)

    # ---- topics --------------------------------------------------------------

    def _on_reply(self, fragment: DialogueReply) -> None:
        self._emit(self._core.on_reply(fragment, self.now_ns()))

    def _on_turn_state(self, state: TurnState) -> None:
        self._emit(self._core.on_turn_state(state, self.now_ns()))

    def _on_playback_clock(self, clock: PlaybackClock) -> None:
        self._emit(self._core.on_playback_clock(clock, self.now_ns()))
        self._feed_back(clock.utterance_id)

    def _emit(self, out: Output) -> None:
        """Publish, end announcements, and give the engine its next piece."""
        stamp = self.stamp()
        for message in out.messages:
            message.header.stamp = stamp
            publisher = self._speech if isinstance(message, AudioChunk) else self._visemes
            publisher.publish(message)
        for result in out.said:
            future = self._goals.pop(result.utterance_id, None)
            if future is not None:
                future.set_result(result)
        if not self.active:
            return
        job = self._core.next_job()
        if job is not None:
            self._run_job(job)
        if self._core.more and self._burst.is_canceled():
            self._burst.reset()

    def _go_on(self) -> None:
        self._burst.cancel()
        self._emit(self._core.go_on(self.now_ns()))

    # ---- engine --------------------------------------------------------------

    def _run_job(self, job: Job) -> None:
        engine = self._engine

        def speak() -> Spoken:
            return engine.speak(job.request, job.abort, self.now_ns())

        future = self.worker.submit(speak)
        future.add_done_callback(lambda done: self.call_soon(lambda: self._on_spoken(job, done)))

    def _on_spoken(self, job: Job, done: Future[Spoken]) -> None:
        if done.cancelled() or not self.active:
            return
        error = done.exception()
        if error is not None:
            self.report_error('speech', error)
            self._emit(self._core.on_failed(job, str(error), self.now_ns()))
            return
        spoken = done.result()
        if spoken.note and spoken.note not in self._notes:
            self._notes.append(spoken.note)
            self.log.warning(spoken.note)
        self._emit(self._core.on_speech(job, spoken.speech, spoken.backend, self.now_ns()))

    def _maintain(self) -> None:
        if not self.worker.busy:
            engine = self._engine
            self.in_worker(lambda: engine.maintain(self.now_ns()))

    def _on_backends(self, status: BackendStatus) -> None:
        self.on_backend_change(status)
        self.call_soon(lambda: self._show_degraded(status))

    def _show_degraded(self, status: BackendStatus) -> None:
        reasons = '; '.join(f'{name}: {why}' for name, _, why in status.entries if why)
        if status.active == 'captions':
            self.set_degraded(f'captions only, nothing is heard ({reasons or "as configured"})')
        else:
            self.set_degraded(getattr(self, '_voice_note', '') if status.active else reasons)

    # ---- action and service --------------------------------------------------------------

    def _on_goal(self, goal: Say.Goal) -> GoalResponse:
        refused = ''
        if not self.active:
            refused = 'tts is not active'
        elif len(goal.text) > MAX_SAY_CHARS:
            refused = f'{len(goal.text)} characters are more than {MAX_SAY_CHARS}'
        elif goal.rate != 0 and not 0.25 <= goal.rate <= 4.0:
            refused = f'rate {goal.rate:g} is outside 0.25..4'
        if refused:
            self.log.warning(f'say refused: {refused}')
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_cancel(self, handle: Any) -> CancelResponse:
        for uid, known in self._handles.items():
            if known.goal_id == handle.goal_id:
                # Later: the goal is to be in the state 'canceling' when its result comes.
                self.call_soon(partial(self._cancel_say, uid))
        return CancelResponse.ACCEPT

    def _cancel_say(self, uid: str) -> None:
        self._emit(self._core.cancel_say(uid, self.now_ns()))

    async def _on_say(self, handle: Any) -> Say.Result:
        """Speak one announcement and tell what was heard of it."""
        future: Future[SayResult] = Future()
        uid, out = self._core.say(handle.request, self.now_ns())
        self._goals[uid] = future
        self._handles[uid] = handle
        self._emit(out)
        if handle.is_cancel_requested:
            self._cancel_say(uid)
        result: SayResult = await self.await_future(future)
        self._handles.pop(uid, None)
        if result.outcome == Say.Result.OUTCOME_CANCELLED:
            handle.canceled()
        elif result.outcome == Say.Result.OUTCOME_FAILED:
            handle.abort()
        else:
            handle.succeed()
        return Say.Result(
            outcome=result.outcome,
            spoken_text=result.spoken_text,
            played_s=result.played_s,
            backend=result.backend,
            message=result.message,
        )

    def _feed_back(self, uid: str) -> None:
        handle = self._handles.get(uid)
        progress = self._core.say_progress(uid)
        now = self.now_ns()
        if handle is None or progress is None or now - self._fed_back_ns < FEEDBACK_S * 1e9:
            return
        self._fed_back_ns = now
        played_s, offset = progress
        handle.publish_feedback(
            Say.Feedback(utterance_id=uid, played_s=played_s, text_offset=offset)
        )

    async def _on_list_voices(
        self, request: ListVoices.Request, response: ListVoices.Response
    ) -> ListVoices.Response:
        """Return the voices of the engine in use that match."""
        engine = self._engine
        status, found = await self.await_future(
            self.worker.submit(lambda: (engine.status(), engine.voices()))
        )
        if request.backend and request.backend != status.active:
            reason = {name: why for name, _, why in status.entries}.get(request.backend, '')
            response.success = False
            response.message = (
                f"backend '{request.backend}' is not in use ({reason or 'not first'})"
            )
            return response
        wanted = request.language.lower().replace('_', '-')
        for voice in found:
            if wanted and not any(tag.lower().startswith(wanted) for tag in voice.languages):
                continue
            response.names.append(voice.name)
            response.languages.append(voice.languages[0])
            response.backends.append(status.active)
            response.descriptions.append(voice.description)
        response.success = True
        response.message = f'{len(response.names)} voices'
        return response


def main() -> int:
    """Run the node."""
    return run_node(lambda: TtsNode('tts'))


if __name__ == '__main__':
    sys.exit(main())
