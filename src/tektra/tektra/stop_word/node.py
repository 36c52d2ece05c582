"""ROS shell of stop_word: audio/mic in, holds and stops out, a sign of life at 5 Hz.

Words are searched in a thread of its own, so that the beat and the requests never wait for it.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from rclpy.context import Context
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger
from tektra_msgs.msg import AudioChunk, EstopState, GateState, StopRequest, Transcript

from tektra.robots.records import RecordError
from tektra.robots.registry import site
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.main import StartError, run_node
from tektra.runtime.plain import PlainNode
from tektra.runtime.topics import open_publisher, open_subscription
from tektra.runtime.worker import Worker, WorkerFull
from tektra.stop_word.backend import Spotter, SpotterOptions, factories
from tektra.stop_word.core import StopWordCore
from tektra.stop_word.ear import Ear, Hit
from tektra.stop_word.params import StopWordParams
from tektra.stop_word.words import WordList, read_words, words_file
from tektra.vad.core import ChunkError

TICK_S = 0.05  # requests are repeated at 20 Hz
HEALTH_S = 0.2
QUEUE = 256  # chunks that may wait for the search: 2 s at least, with room for the reference
_NUMBER = re.compile(r'\d+(\.\d+)?')
RETRY_S = 2.0  # between attempts to load a detector again that broke


class StopWordNode(PlainNode):
    """Hears "stop". One thread searches, the executor decides and publishes."""

    params_class = StopWordParams

    def __init__(
        self,
        name: str = 'stop_word',
        *,
        context: Context | None = None,
        parameter_overrides: list[Parameter] | None = None,
    ) -> None:
        try:
            super().__init__(
                name,
                context=context,
                parameter_overrides=parameter_overrides,
            )
            robots = site(self.params.robots)
            language = read_words(words_file(), self.params.language)
        except RecordError as error:
            raise StartError(str(error)) from error
        if not robots:
            raise StartError('stop_word: robots is empty: name the robots that it is to hold')
        params: StopWordParams = self.params
        words = WordList(language, robots)
        names = [robot.name for robot in robots]
        self._core = StopWordCore(words, names, params.options(), params.language)
        hold = language.hold[0].phrase
        self._spotters = SpotterOptions(words.targets(), params.sure_score, hold, params.model)
        self._ear: Ear | None = None
        self._loaded: list[Spotter] = []
        self._problem = ''
        self._retry_ns = 0
        self._said = ''
        self._soon: deque[Callable[[], None]] = deque()
        self._wake = self.create_guard_condition(self._run_soon)
        self._worker = Worker('stop_word', maxsize=QUEUE, nice=0)
        self._connect(names)
        self._in_worker(self._load, lambda _: None)

    def _connect(self, names: list[str]) -> None:
        self._out = {n: open_publisher(self, 'estop/stop_request', n) for n in names}
        self._health = open_publisher(self, '/stop_word/health')
        open_subscription(self, 'audio/mic', self._on_chunk)
        open_subscription(self, 'audio/reference', self._on_reference)
        open_subscription(self, 'speech/transcript', self._on_transcript)
        for robot in names:
            open_subscription(self, 'gate_state', partial(self._on_gate_state, robot), robot)
            open_subscription(self, 'estop/state', partial(self._on_estop_state, robot), robot)
        self._stop_services = {n: self.create_client(Trigger, f'/{n}/estop/stop') for n in names}
        self.create_timer(TICK_S, self._tick, clock=self.steady)
        self.create_timer(HEALTH_S, self._beat_health, clock=self.steady)

    def shut_down(self) -> None:
        """Stop searching and release the models."""
        if self._worker.close():
            for spotter in self._loaded:
                spotter.close()
        self._loaded = []

    # ---- in the worker

    def _load(self) -> None:
        """Load every detector that can be; keep on without those that cannot."""
        loaded: list[Spotter] = []
        for name in self.params.backends:
            try:
                loaded.append(factories(self._spotters)[name]())
            except BackendUnavailable as error:
                why = f'{name}: {error}'
                self._call_soon(partial(self.log.info, f'detector not in use: {why}'))
        for broken in self._loaded:
            broken.close()
        self._loaded = loaded
        self._ear = Ear(loaded, self._core_options().ear)
        self._core.hearing.backend = '+'.join(spotter.name for spotter in loaded)

    def _core_options(self) -> Any:
        return self.params.options()

    def _search(self, chunk: AudioChunk, search: bool) -> list[Hit]:
        assert self._ear is not None
        hits = self._ear.on_chunk(chunk, search)
        self._core.hearing.lost_samples = self._ear.lost_samples
        return hits

    def _note_reference(self, chunk: AudioChunk) -> None:
        assert self._ear is not None
        self._ear.on_reference(chunk)

    def _is_own(self, message: Transcript) -> bool:
        assert self._ear is not None
        return self._ear.heard_self(message)

    # ---- in the executor

    def _on_chunk(self, chunk: AudioChunk) -> None:
        now = self.boot.now_ns()
        hearing = self._core.hearing
        count = len(chunk.data) // 2
        search = self._core.searching(now)
        if self._in_worker(lambda: self._search(chunk, search), partial(self._on_hits, count)):
            hearing.heard_ns = now
            hearing.received += count

    def _on_hits(self, count: int, hits: list[Hit] | None) -> None:
        self._core.hearing.searched += count
        if hits:
            for hit in (hit for hit in hits if hit.own):
                self.log.info(f"'{hit.phrase}' at sample {hit.end} is the robot's own voice")
            self._publish(self._core.on_hits(hits, self.boot.now_ns()))

    def _on_reference(self, chunk: AudioChunk) -> None:
        self._core.hearing.played_ns = self.boot.now_ns()
        self._in_worker(lambda: self._note_reference(chunk), lambda _: None)

    def _on_transcript(self, message: Transcript) -> None:
        def decide(own: bool | None) -> None:
            now = self.boot.now_ns()
            self._publish(self._core.on_transcript(message, bool(own), now))

        self.log.hide(message.text)
        # A search that hangs must not hold up the one detector that is left.
        hangs = self._core.behind
        if hangs or not self._in_worker(lambda: self._is_own(message), decide):
            decide(False)

    def _on_gate_state(self, robot: str, state: GateState) -> None:
        self._core.on_gate_state(robot, state, self.boot.now_ns())

    def _on_estop_state(self, robot: str, state: EstopState) -> None:
        self._core.on_estop_state(robot, state, self.boot.now_ns())

    def _tick(self) -> None:
        now = self.boot.now_ns()
        due, said = self._core.on_tick(now)
        self._publish(due)
        for robot in self._core.requests.call_due(now):
            service = self._stop_services[robot]
            if service.service_is_ready():  # its answer is not waited for: the state is
                service.call_async(Trigger.Request())
        for text in said:
            self.last_error = text
            self.log.error(text)
        if self._retry_ns and now >= self._retry_ns:
            if self._in_worker(self._load, lambda _: None):
                self._retry_ns = 0

    def _beat_health(self) -> None:
        now = self.boot.now_ns()
        message = self._core.health(self.instance_id, now)
        message.listening = message.listening and not self._problem
        message.header.stamp = self.stamp()
        self._health.publish(message)
        self.status = self._problem or self._core.trouble(now)
        said = _NUMBER.sub('', self.status)  # once, and not with every tenth of a second
        if said and said != self._said:
            self.log.warning(self.status)
        self._said = said

    def _publish(self, due: list[tuple[str, StopRequest]]) -> None:
        for robot, request in due:
            request.header.stamp = self.stamp()
            self._out[robot].publish(request)

    # ---- between the threads

    def _in_worker(self, job: Callable[[], Any], then: Callable[[Any], None]) -> bool:
        """Run ``job`` in the worker, then ``then(result)`` here; return whether it was taken.

        What is not taken is a gap in the audio, which the ear counts.
        """
        try:
            future = self._worker.submit(job)
        except (WorkerFull, RuntimeError):
            return False
        future.add_done_callback(lambda done: self._call_soon(lambda: self._finish(done, then)))
        return True

    def _finish(self, done: Future[Any], then: Callable[[Any], None]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            self._problem = ''
            then(done.result())
            return
        then(None)
        self._problem = f'{error}' if isinstance(error, ChunkError) else f'search failed: {error}'
        if not isinstance(error, ChunkError) and not self._retry_ns:
            self.report_error('search', error)
            self._core.hearing.backend = ''
            self._retry_ns = self.boot.now_ns() + round(RETRY_S * 1e9)

    def _call_soon(self, job: Callable[[], None]) -> None:
        self._soon.append(job)
        self._wake.trigger()

    def _run_soon(self) -> None:
        while self._soon:
            self._soon.popleft()()


def main() -> None:
    """Run stop_word in a process of its own."""
    sys.exit(run_node(StopWordNode))


if __name__ == '__main__':
    main()
