"""ROS shell of audio_capture."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Any

from rclpy.publisher import Publisher
from rclpy.subscription import Subscription
from rclpy.time import Time
from rclpy.timer import Timer
from rosgraph_msgs.msg import Clock as ClockMessage
from tektra_msgs.msg import AudioChunk, ClockProgress, PlaybackClock, TurnState
from tektra_msgs.srv import SetAudioSource

from tektra.audio_capture.backend import FollowsTurns
from tektra.audio_capture.backends.topic import TopicSource
from tektra.audio_capture.core import CaptureCore, plain_stamp
from tektra.audio_capture.fast_clock import FastClock
from tektra.audio_capture.framing import CHUNK_S
from tektra.audio_capture.params import AudioCaptureParams
from tektra.audio_capture.pump import Pump, Stream
from tektra.audio_capture.sources import KINDS, Opened, Request, check_fast, open_source
from tektra.runtime.backends import BackendStatus, BackendUnavailable
from tektra.runtime.clock import BootClock, nanoseconds
from tektra.runtime.ids import new_id
from tektra.runtime.main import run_node
from tektra.runtime.node import TektraNode
from tektra.runtime.params import ParameterError
from tektra.runtime.topics import topic

# Wall time before simulated time runs: the lead-in of a recording then takes a few ms, too few for
# an observer's subscriptions to be matched. Participants are waited for in any case.
HEAD_START_S = 1.0
IDLE_CLOCK_S = 0.25  # between ticks while simulated time has not begun to run

IDLE_TURN = (
    TurnState.PHASE_UNKNOWN,
    TurnState.PHASE_LISTENING,
    TurnState.PHASE_CANCELLED,
    TurnState.PHASE_REPLIED,
)
SILENT_PLAYBACK = (
    PlaybackClock.STATE_UNKNOWN,
    PlaybackClock.STATE_IDLE,
    PlaybackClock.STATE_FLUSHED,
    PlaybackClock.STATE_DONE,
)


@dataclass
class Running:
    """What exists between configure and clean-up."""

    params: AudioCaptureParams
    opened: Opened
    mic: Publisher
    clock: Publisher | None
    fast: FastClock | None = None
    pump: Pump | None = None
    topic_in: Subscription | None = None


class AudioCaptureNode(TektraNode[AudioCaptureParams]):
    """Publishes what is heard on audio/mic; ``~/set_source`` changes what is listened to."""

    params_class = AudioCaptureParams
    _run: Running | None = None
    _problem = ''
    _starter: Timer | None = None

    # ---- hooks ----------------------------------------------------------------------------------

    def load(self, params: AudioCaptureParams) -> Opened:
        """Open the source; what cannot be opened is silence, and says so."""
        request = self._request(params, params.source, params.uri, params.loop)
        if params.fast and not self.simulated:
            raise ParameterError('fast = true needs use_sim_time = true, here and in every node')
        if params.fast:
            check_fast(request)
        return open_source(request, BootClock(), self.on_backend_change)

    def setup(self, params: AudioCaptureParams, loaded: Opened) -> None:
        """Make the topic, the service, and /clock if asked."""
        clock = self.publisher('/clock') if params.fast else None
        self._run = Running(params, loaded, self.publisher('audio/mic'), clock)
        self._service = self.create_service(SetAudioSource, '~/set_source', self._on_set_source)
        self.subscribe('turn/state', self._on_turn)
        self.subscribe('audio/playback_clock', self._on_playback)
        if params.fast:
            self.subscribe('clock/progress', self._on_progress)
            start = nanoseconds(params.clock_start_s) or time.time_ns()
            self._run.fast = self._fast_clock(params, start)
            # Nodes that join before time runs must see it too.
            self._own_timers.append(
                self.create_timer(IDLE_CLOCK_S, self._show_time, clock=self._steady)
            )
            self.publish_clock(start)
        self._listen_to_topic()
        self.watch_queue('source', lambda: self._pump_numbers()[0])
        self.watch_queue('gaps', lambda: self._pump_numbers()[1])
        self.watch_queue('bad_samples', lambda: self._pump_numbers()[2])
        self.condition(loaded.notice or loaded.chain.active.problem)

    def start(self) -> None:
        """Begin to listen, with a new stream."""
        run = self._need_run()
        if run.fast is not None:
            run.fast = self._fast_clock(run.params, run.fast.now_ns)
        run.pump = Pump(self._stream(run.opened), self, BootClock(), run.fast)
        self.log.info(f'listening to {run.pump.source.label}')
        if run.fast is None:
            run.pump.start()
        else:
            self._starter = self.create_timer(HEAD_START_S, self._start_fast, clock=self._steady)

    def _start_fast(self) -> None:
        """Let simulated time run, once whoever only watches has joined too."""
        self._end_head_start()
        if self._run is not None and self._run.pump is not None:
            self._run.pump.start()

    def _end_head_start(self) -> None:
        if self._starter is not None:
            self.destroy_timer(self._starter)
            self._starter = None

    def stop(self) -> None:
        """Stop listening: the device is closed."""
        self._end_head_start()
        run = self._run
        if run is not None and run.pump is not None:
            run.pump.stop()
            stream = run.pump.stream
            run.opened = Opened(run.opened.request, stream.chain, stream.notice)
            run.pump = None

    def teardown(self) -> None:
        """Release the source."""
        run, self._run = self._run, None
        if run is None:
            if self._loaded is not None:  # setup failed
                self._loaded.chain.close()
            return
        run.opened.chain.close()
        self.destroy_service(self._service)
        self.set_degraded('')
        self._problem = ''

    # ---- outlet of the pump: called from its thread ---------------------------------------------

    def publish(self, chunk: AudioChunk) -> None:
        """Send a chunk; ``Outlet``."""
        run = self._run
        if run is not None and self.context.ok():
            run.mic.publish(chunk)

    def publish_clock(self, now_ns: int) -> None:
        """Send simulated time; ``Outlet``."""
        run = self._run
        if run is not None and run.clock is not None and self.context.ok():
            run.clock.publish(ClockMessage(clock=plain_stamp(now_ns)))

    def condition(self, problem: str) -> None:
        """Show what is wrong with the source; ``Outlet``."""
        if problem != self._problem:
            self._problem = problem
            self.call_soon(lambda: self.set_degraded(problem))

    def dropped(self, node: str) -> None:
        """Say that time goes on without ``node``; ``Outlet``."""
        self.log.warning(f'fast: {node} has not answered, time no longer waits for it')

    def error(self, error: Exception) -> None:
        """Report an error of the pump; ``Outlet``."""
        if self.context.ok():
            self.call_soon(lambda: self.report_error('capture', error))

    # ---- callbacks ------------------------------------------------------------------------------

    def _on_clock(self, message: Any) -> None:
        """Time waits for others, never for its own source: no progress is reported."""

    def _on_progress(self, message: ClockProgress) -> None:
        run = self._need_run()
        if run.fast is None or run.pump is None:
            return
        done = Time.from_msg(message.header.stamp).nanoseconds
        with run.pump.condition:
            run.fast.on_progress(message.node, done, message.busy, self._boot.now_ns())
            run.pump.condition.notify()

    def _on_turn(self, message: TurnState) -> None:
        run = self._need_run()
        if run.pump is None:
            return
        source = run.pump.source
        if isinstance(source, FollowsTurns):
            source.on_turn(message.phase, message.turn_seq)
        if run.fast is not None:
            with run.pump.condition:
                run.fast.on_turn(message.phase not in IDLE_TURN)

    def _on_playback(self, message: PlaybackClock) -> None:
        run = self._need_run()
        if run.pump is None:
            return
        source = run.pump.source
        if isinstance(source, FollowsTurns):
            source.on_playback(message.state)
        if run.fast is not None:
            with run.pump.condition:
                run.fast.on_playback(message.state not in SILENT_PLAYBACK)

    def _show_time(self) -> None:
        run = self._need_run()
        if run.fast is not None and run.pump is None:
            self.publish_clock(run.fast.now_ns)

    async def _on_set_source(
        self, asked: SetAudioSource.Request, response: SetAudioSource.Response
    ) -> SetAudioSource.Response:
        run = self._need_run()
        try:
            opened = await self.await_future(self.worker.submit(lambda: self._open(run, asked)))
        except BackendUnavailable as error:
            response.message = str(error)
            return response
        if self._run is not run:  # cleaned up meanwhile
            opened.chain.close()
            response.message = 'audio_capture is no longer configured'
            return response
        response.stream_id = self._adopt(run, opened)
        response.success = True
        response.message = f'listening to {opened.chain.active.label}'
        return response

    # ---- helpers --------------------------------------------------------------------------------

    def _need_run(self) -> Running:
        if self._run is None:
            raise RuntimeError('audio_capture is not configured')
        return self._run

    def _request(self, params: AudioCaptureParams, kind: str, uri: str, loop: bool) -> Request:
        return Request(kind, uri, loop, params.allow_remote, self.resolve_topic_name('audio/mic'))

    def _fast_clock(self, params: AudioCaptureParams, start_ns: int) -> FastClock:
        names = [self._absolute(name) for name in params.clock_participants]
        return FastClock(
            start_ns,
            names,
            self._boot.now_ns(),
            window=params.clock_window,
            timeout_ns=nanoseconds(params.participant_timeout_s),
        )

    def _absolute(self, name: str) -> str:
        return name if name.startswith('/') else f'{self.get_namespace().rstrip("/")}/{name}'

    def _open(self, run: Running, asked: SetAudioSource.Request) -> Opened:
        """In the worker: open what the service asks for, or raise why not."""
        if asked.source not in KINDS or asked.source == 'auto':
            raise BackendUnavailable(
                f"source '{asked.source}' is not one of {', '.join(KINDS[1:])}"
            )
        uri = asked.uri or (run.params.uri if asked.source == run.params.source else '')
        request = self._request(run.params, asked.source, uri, asked.loop)
        if run.fast is not None:
            check_fast(request)

        def publish_if_adopted(status: BackendStatus) -> None:
            if self._run is run and run.opened.request is request:
                self.on_backend_change(status)

        return open_source(request, BootClock(), publish_if_adopted).required()

    def _adopt(self, run: Running, opened: Opened) -> str:
        """Go over to a newly opened source; return the id of its stream."""
        old, run.opened = run.opened, opened
        self.on_backend_change(opened.chain.status(f'chosen: {opened.chain.active.label}'))
        self._listen_to_topic()
        if run.pump is None:  # inactive: the stream begins with the next activation
            old.chain.close()
            return ''
        stream = self._stream(opened)
        run.pump.swap(stream)
        return stream.core.stream_id

    def _stream(self, opened: Opened) -> Stream:
        run = self._need_run()
        params = run.params
        core = CaptureCore(
            new_id(),
            0,
            plain_stamp if run.fast is not None else self.to_stamp,
            channel=params.channel,
            frame_id=params.frame_id,
        )
        spoken = opened.request.kind in ('file', 'scene') and not opened.notice
        return Stream(
            opened.chain,
            core,
            lead_in=round(params.lead_in_s / CHUNK_S) if spoken else 0,
            keep_on=params.after_end == 'silence',
            notice=opened.notice,
        )

    def _listen_to_topic(self) -> None:
        """Subscribe to what a topic source names, and no longer to the one before."""
        run = self._need_run()
        if run.topic_in is not None:
            self._own_subscriptions.remove(run.topic_in)
            self.destroy_subscription(run.topic_in)
            run.topic_in = None
        source = run.opened.chain.active
        if isinstance(source, TopicSource):
            row = topic('audio/mic')
            run.topic_in = self.create_subscription(
                AudioChunk, source.topic, self._guard(source.on_chunk, False), row.qos()
            )
            self._own_subscriptions.append(run.topic_in)

    def _pump_numbers(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
        """Return (blocks, dropped), (gaps, samples lost in them), (0, samples repaired)."""
        run = self._run
        if run is None or run.pump is None:
            return (0, 0), (0, 0), (0, 0)
        depth = (0, 0)
        with contextlib.suppress(BackendUnavailable):
            depth = run.pump.source.queue
        losses = run.pump.stream.core.losses
        return depth, (losses.gaps, losses.lost_samples), (0, losses.bad_samples)


def main() -> int:
    """Run the node in this process."""
    return run_node(lambda: AudioCaptureNode('audio_capture'))
