"""ROS shell of stt: audio, vad and turns in; transcripts out; action ``transcribe``."""

from __future__ import annotations

import sys
from concurrent.futures import Future
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from tektra_msgs.action import Transcribe
from tektra_msgs.msg import AudioChunk, Transcript, TurnState, VoiceActivity

from tektra.resources.gate import within_plan
from tektra.resources.survey import plan_here
from tektra.runtime.backends import BackendChain, BackendUnavailable
from tektra.runtime.ids import new_id
from tektra.runtime.main import run_node
from tektra.runtime.node import TektraNode
from tektra.runtime.worker import Worker
from tektra.stt.backend import SttBackend
from tektra.stt.core import SttCore
from tektra.stt.engine import Engine, Job, Result
from tektra.stt.factories import factories
from tektra.stt.params import SttParams
from tektra.stt.recordings import (
    Recording,
    RecordingError,
    Recordings,
    detector,
    load_data,
    load_file,
    speech_pieces,
)
from tektra.vad.core import ChunkError

TICK_S = 0.1
MAINTAIN_S = 2.0
SLOW_S = 10.0  # how long the loss of audio is shown


class SttNode(TektraNode[SttParams]):
    """Turns speech into words; recognisers run in the worker, all else in the executor."""

    params_class = SttParams
    _engine: Engine | None = None

    # ---- hooks -------------------------------------------------------------------------

    def load(self, params: SttParams) -> Engine:
        """Load the first recogniser that works; without one the node stays, and says why."""
        engines = params.engines()
        order, made = within_plan(
            plan_here(), 'stt', params.backends, factories(engines), engines.wanted
        )
        chain: BackendChain[SttBackend] = BackendChain('stt', order, made, self.on_backend_change)
        try:
            chain.open(self.now_ns())
        except BackendUnavailable as error:
            self.log.error(str(error))
        return Engine(chain)

    def setup(self, params: SttParams, loaded: Engine) -> None:
        """Make topics and the action."""
        self._engine = loaded
        self._core = SttCore(params.options(), params.language)
        self._recordings = Recordings()
        self._files = Worker('stt-recordings')  # reading a file must not delay live speech
        self._busy = False
        self._problem = ''
        self._dropped = (0, 0)  # samples, and since when (local ns)
        self._running: dict[str, tuple[Recording | None, Any, Future[str]]] = {}
        self._out = self.publisher('speech/transcript')
        self.subscribe('audio/mic', self._on_chunk)
        self.subscribe('audio/vad', self._on_vad)
        self.subscribe('turn/state', self._on_turn_state)
        self.every(TICK_S, self._tick)
        self.every(MAINTAIN_S, self._maintain)
        self.watch_queue('audio', lambda: (round(self._core.backlog_s * 1000), self._core.dropped))
        self._action = ActionServer(
            self,
            Transcribe,
            'transcribe',
            self._on_transcribe,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
        )
        self.log.info(f'hearing with {loaded.description or "nothing"}')
        self._show_degraded()

    def stop(self) -> None:
        """Drop what is under way."""
        self._core.stop()
        for key in list(self._running):
            self._end(key, 'stt was deactivated')

    def in_use(self) -> bool:
        """Return whether speech or a recording is being heard."""
        return not self._core.idle or bool(self._running)

    def teardown(self) -> None:
        """Release the recognisers."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        for key in list(self._running):
            self._end(key, 'stt was shut down')
        self._action.destroy()
        self._files.close()
        self.worker.submit(engine.close)
        self.set_degraded('')

    # ---- live speech -------------------------------------------------------------------

    def _on_chunk(self, chunk: AudioChunk) -> None:
        try:
            found = self._core.on_chunk(chunk, self.now_ns())
        except ChunkError:
            return  # vad hears the same and says so
        self._publish(found)

    def _on_vad(self, activity: VoiceActivity) -> None:
        self._publish(self._core.on_vad(activity, self.now_ns()))

    def _on_turn_state(self, state: TurnState) -> None:
        self._publish(self._core.on_turn_state(state, self.now_ns()))

    def _tick(self) -> None:
        self._publish(self._core.on_tick(self.now_ns()))
        self._note_drops()

    def _publish(self, found: list[Transcript]) -> None:
        for message in found:
            self._out.publish(message)
        self._work()

    # ---- work for the engine -----------------------------------------------------------

    def _work(self) -> None:
        """Give the engine its next job: live speech first, then recordings."""
        engine = self._engine
        if self._busy or engine is None:
            return
        now = self.now_ns()
        job = self._core.next_job(now)
        live = job is not None
        if job is None:
            job = self._recordings.next_job()
        else:
            self._recordings.displaced()
        if job is None:
            return
        self._busy = True
        self.in_worker(
            lambda: engine.run(job, now),
            lambda result: self._on_result(engine, job, result, live),
        )

    def _on_result(self, engine: Engine, job: Job, result: Result, live: bool) -> None:
        if engine is not self._engine:
            return
        self._busy = False
        if result.problem != self._problem:
            self._problem = result.problem
            self._show_degraded()
        if live:
            self._publish(self._core.on_result(result, self.now_ns()))
            return
        recording = self._recordings.on_result(job, result)
        if recording is not None:
            self._report(recording)
        self._work()

    def _maintain(self) -> None:
        engine = self._engine
        if engine is not None and self._core.idle and not self._busy:
            now = self.now_ns()
            self.in_worker(lambda: engine.maintain(now))

    def _note_drops(self) -> None:
        lost, since = self._dropped
        now = self.now_ns()
        if self._core.dropped > lost:
            self._dropped = (self._core.dropped, now)
            self._show_degraded()
        elif since and now - since > SLOW_S * 1e9:
            self._dropped = (lost, 0)
            self._show_degraded()

    def _show_degraded(self) -> None:
        slow = f'slower than speech: {self._dropped[0] / 16000:.1f} s of audio dropped'
        problems = [slow] if self._dropped[1] else []
        if self._problem or not (self._engine and self._engine.backend):
            problems.append(self._problem or 'no recogniser works: typed input only')
        self.set_degraded('; '.join(problems))

    # ---- recordings --------------------------------------------------------------------

    def _on_goal(self, goal: Transcribe.Goal) -> GoalResponse:
        return GoalResponse.ACCEPT if self.active else GoalResponse.REJECT

    def _on_cancel(self, handle: Any) -> CancelResponse:
        key = bytes(handle.goal_id.uuid).hex()
        # Later: the goal is to be in the state 'canceling' when its result comes.
        self.call_soon(lambda: self._end(key, 'cancelled'))
        return CancelResponse.ACCEPT

    async def _on_transcribe(self, handle: Any) -> Transcribe.Result:
        """Read, find speech, decode piece by piece, and answer."""
        key = bytes(handle.goal_id.uuid).hex()
        began = self._boot.now_ns()
        ended: Future[str] = Future()
        self._running[key] = (None, handle, ended)
        goal = handle.request
        reading = self._files.submit(lambda: _read(goal, key or new_id()))
        try:
            recording: Recording = await self.await_future(reading)
        except RecordingError as error:
            self._running.pop(key, None)
            handle.abort()
            return Transcribe.Result(success=False, message=str(error), confidence=-1.0)
        if not ended.done():
            self._running[key] = (recording, handle, ended)
            self._recordings.add(recording)
            self._report(recording)
            self._work()
        problem: str = await self.await_future(ended)
        self._running.pop(key, None)
        self._recordings.remove(recording)
        return self._answer(handle, recording, problem, (self._boot.now_ns() - began) / 1e9)

    def _answer(
        self, handle: Any, recording: Recording, problem: str, latency_s: float
    ) -> Transcribe.Result:
        if handle.is_cancel_requested:
            handle.canceled()
        elif problem:
            handle.abort()
        else:
            handle.succeed()
        timed = recording.words
        return Transcribe.Result(
            success=not problem,
            message=problem,
            text=recording.text,
            language=recording.language,
            confidence=recording.confidence,
            words=[word.text for word, _, _ in timed],
            word_start_s=[start for _, start, _ in timed],
            word_end_s=[end for _, _, end in timed],
            duration_s=recording.pcm.size / 16000,
            latency_s=latency_s,
            backend=recording.backend,
        )

    def _report(self, recording: Recording) -> None:
        """Tell how far a recording is; end its goal when it is done."""
        entry = self._running.get(recording.key)
        if entry is None:
            return
        so_far = f'{recording.text} {recording.partial}'.strip()
        entry[1].publish_feedback(Transcribe.Feedback(progress=recording.progress, partial=so_far))
        if recording.done:
            self._end(recording.key, recording.problem)

    def _end(self, key: str, problem: str) -> None:
        entry = self._running.get(key)
        if entry is not None and not entry[2].done():
            entry[2].set_result(problem)


def _read(goal: Transcribe.Goal, key: str) -> Recording:
    """Load the audio of a goal and find the speech in it; takes long.

    :raises RecordingError: if the goal names no audio, two, or one that cannot be read.
    """
    if bool(goal.path) == bool(len(goal.data)):
        raise RecordingError('give either path or data')
    if goal.path:
        pcm = load_file(goal.path)
    else:
        pcm = load_data(memoryview(goal.data), goal.sample_rate, goal.channels)
    vad = detector()
    pieces = speech_pieces(pcm, vad)
    vad.close()
    return Recording(key, pcm, pieces)


def main() -> int:
    """Run the node."""
    return run_node(lambda: SttNode('stt'))


if __name__ == '__main__':
    sys.exit(main())
