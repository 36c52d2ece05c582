"""ROS shell of audio_playback."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rclpy.publisher import Publisher
from rclpy.timer import Timer
from tektra_msgs.msg import PlaybackClock, TurnState

from tektra.audio_playback.backend import PlaybackOutput
from tektra.audio_playback.backends.device import DeviceOutput
from tektra.audio_playback.backends.silent import SilentOutput, SteppedOutput
from tektra.audio_playback.core import PlaybackCore
from tektra.audio_playback.herald import Herald
from tektra.audio_playback.outbox import Output, messages
from tektra.audio_playback.params import AudioPlaybackParams
from tektra.audio_playback.player import Player
from tektra.runtime.backends import BackendChain, BackendStatus
from tektra.runtime.clock import BootClock
from tektra.runtime.main import run_node
from tektra.runtime.node import TektraNode

CHECK_S = 0.25  # between looks at a device that plays, and at one that is lost
LINGER_S = 2.0  # a device that has nothing to play is stopped after this

Chain = BackendChain[PlaybackOutput]


@dataclass
class Running:
    """What exists between configure and clean-up."""

    player: Player
    chain: Chain
    lost: bool = False  # the first output that could work is not in use
    clock: Publisher | None = None
    reference: Publisher | None = None
    checks: Timer | None = None
    rest: Timer | None = None
    herald: Herald | None = None
    publishing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def stepped(self) -> SteppedOutput | None:
        """Return the output that is driven by /clock, if that is the one in use."""
        active = self.chain.active
        return active if isinstance(active, SteppedOutput) else None


class AudioPlaybackNode(TektraNode[AudioPlaybackParams]):
    """Plays audio/speech as turn_taking allows, and publishes what was heard.

    Outputs are only touched in the worker; they pull from ``Player``. No timer runs while nothing
    plays.
    """

    params_class = AudioPlaybackParams
    worker_nice = 0  # the outputs' threads are started there
    _run: Running | None = None

    # ---- hooks

    def load(self, params: AudioPlaybackParams) -> Running:
        """Open the loudspeaker, or say why there is none and be silent."""
        core = PlaybackCore(params.options(), to_stamp=self.to_stamp)
        player = Player(core, self._wake_herald)

        def device() -> PlaybackOutput:
            return DeviceOutput(player.pull, BootClock(), params.speaker, params.device_period_s)

        def silent() -> PlaybackOutput:
            if self.simulated:
                return SteppedOutput(player.pull)
            return SilentOutput(player.pull, BootClock(), params.block_s)

        mute = self.simulated or params.speaker == 'none'
        chain: Chain = BackendChain(
            'audio_playback',
            ['silent'] if mute else ['device', 'silent'],
            {'device': device, 'silent': silent},
            lambda status: self._on_output(run, status),
        )
        run = Running(player, chain)
        chain.open(self.now_ns())
        return run

    def setup(self, params: AudioPlaybackParams, loaded: Running) -> None:
        """Make publishers, subscriptions and the timers that run only while something plays."""
        self._run = loaded
        loaded.clock = self.publisher('audio/playback_clock')
        loaded.reference = self.publisher('audio/reference')
        if not self.simulated:
            loaded.herald = Herald(self._publish_noted)
            loaded.checks = self.every(CHECK_S, self._check_output)
            loaded.rest = self.every(LINGER_S, self._rest_output)
            loaded.checks.cancel()
            loaded.rest.cancel()
        core = loaded.player.core
        self.subscribe('audio/speech', lambda chunk: self._feed(core.on_speech, chunk))
        self.subscribe('audio/playback_control', lambda it: self._obey(core.on_control, it))
        self.subscribe('audio/vad', lambda it: self._obey(core.on_vad, it))
        self.subscribe('turn/state', self._on_turn_state)
        self.watch_queue('speech', loaded.player.numbers)
        self.watch_queue('repeats', loaded.player.repeats)

    def start(self) -> None:
        """Say that playback is there, and idle."""
        self._need_run().player.announce(self.now_ns())
        self._publish()

    def on_hot_change(self, params: AudioPlaybackParams) -> None:
        """Duck by the new rules from the next time on."""
        self._need_run().player.core.options = params.options()

    def stop(self) -> None:
        """Go silent, forget what was queued and let the device go."""
        run = self._need_run()
        for timer in (run.checks, run.rest):
            if timer is not None:
                timer.cancel()
        now_ns = self.now_ns()
        run.player.forget(now_ns)
        self._publish()
        self.in_worker(lambda: run.chain.call('sleep', '', lambda output: output.sleep(), now_ns))

    def in_use(self) -> bool:
        """Return whether anything is played, held or paused."""
        player = self._run.player if self._run is not None else None
        return player is not None and (player.pulling or player.numbers()[0] > 0)

    def teardown(self) -> None:
        """Close the output."""
        run, self._run = self._run or self._loaded, None  # without _run, setup failed
        if run is not None:
            if run.herald is not None:
                run.herald.close()
            self.worker.submit(run.chain.close).result(timeout=0.5)

    # ---- callbacks

    def _obey(self, handle: Callable[[Any, int], None], message: Any) -> None:
        """Under simulated time, first mix what was due before the command."""
        self._advance(self.now_ns())
        self._feed(handle, message)

    def _feed(self, handle: Callable[[Any, int], None], message: Any) -> None:
        run, now_ns = self._need_run(), self.now_ns()
        if not run.player.core.wants_output:
            self._advance(now_ns)  # what begins now begins at this time, not at the last tick
        if run.player.feed(handle, message, now_ns):
            self._wake_output(now_ns)
        self._report_losses(run)
        self._publish()

    def _on_turn_state(self, state: TurnState) -> None:
        run = self._need_run()
        self._obey(run.player.core.on_turn_state, state)
        if state.phase in (TurnState.PHASE_EAGER_END, TurnState.PHASE_COMMITTED):
            self._wake_output(self.now_ns())  # a reply is on its way; a device takes time to start

    def on_time(self, now_ns: int) -> None:
        """Under simulated time: mix what has become due."""
        self._advance(now_ns)

    def _advance(self, now_ns: int) -> None:
        run = self._run
        if run is not None and self.active and run.player.pulling and run.stepped is not None:
            run.stepped.step(now_ns)
            self._publish()

    def _wake_herald(self) -> None:
        """Mixing has noted something. In the output's thread."""
        run = self._run
        if run is not None and run.herald is not None:
            run.herald.wake()

    def _publish_noted(self) -> None:
        """In the herald's thread."""
        try:
            self._publish()
        except Exception as error:  # a context that ends, a publisher that is gone
            problem = error
            if self.context.ok():
                self.call_soon(lambda: self.report_error('publish', problem))

    def _publish(self) -> None:
        run = self._run
        if run is None or run.clock is None or run.reference is None or not self.context.ok():
            return
        with run.publishing:  # what is drained first is published first
            for message in messages(run.player.drain(), self.to_stamp):
                if not isinstance(message, PlaybackClock):
                    run.reference.publish(message)
                    continue
                run.clock.publish(message)
                if message.state == PlaybackClock.STATE_IDLE:
                    self.call_soon(self._after_playing)

    def _after_playing(self) -> None:
        run = self._run
        if run is None:
            return
        self._report_losses(run)
        if run.rest is not None and self.active:
            run.rest.reset()

    def _report_losses(self, run: Running) -> None:
        for text in run.player.take_errors():
            self.last_error = text
            self.log.error(text)

    # ---- outputs

    def _wake_output(self, now_ns: int) -> None:
        run = self._need_run()
        if run.stepped is not None:
            if run.player.pulling:
                run.stepped.wake_at(now_ns)
            return
        if run.rest is not None and run.checks is not None:
            run.rest.reset()
            run.checks.reset()
        self.in_worker(lambda: run.chain.call('wake', '', lambda output: output.wake(), now_ns))

    def _check_output(self) -> None:
        """Look after the output while it plays, or while the better one is lost."""
        run = self._need_run()
        if not run.player.pulling and not run.lost and run.checks is not None:
            run.checks.cancel()
        elif not self.worker.busy:
            self.in_worker(lambda: self._tend(run, self.now_ns()))

    def _tend(self, run: Running, now_ns: int) -> None:
        """In the worker: leave a lost device, try to get it back, and go on pulling."""
        run.chain.maintain(now_ns)
        run.chain.call('check', '', lambda output: output.check(), now_ns)
        if run.player.pulling:
            run.chain.call('wake', '', lambda output: output.wake(), now_ns)

    def _rest_output(self) -> None:
        """Let the device sleep once nothing has been played for a while."""
        run, now_ns = self._need_run(), self.now_ns()
        if run.player.pulling or run.rest is None:
            return
        run.rest.cancel()
        self.in_worker(lambda: run.chain.call('sleep', '', lambda output: output.sleep(), now_ns))

    def _on_output(self, run: Running, status: BackendStatus) -> None:
        """In the worker: another output is in use, or the one in use has changed its state."""
        if status.active:
            run.player.set_output(Output(status.active, run.chain.active.latency_s))
        run.lost = status.degraded
        self.on_backend_change(status)

    def _need_run(self) -> Running:
        if self._run is None:
            raise RuntimeError('audio_playback is not configured')
        return self._run


def main() -> int:
    """Run the node."""
    return run_node(lambda: AudioPlaybackNode('audio_playback'))
