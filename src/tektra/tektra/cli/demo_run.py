"""One demo: starts the graph, watches the conversation, types lines, and ends in good order."""

from __future__ import annotations

import threading
import time
from typing import Any

from tektra_msgs.msg import AudioChunk, NodeHeartbeat, SystemState, TurnState

from tektra.audio_capture.backends.miniaudio import open_microphone
from tektra.cli.client import GraphClient
from tektra.cli.demo import DEFAULT_SCENE, DemoOptions
from tektra.cli.demo_view import DemoView
from tektra.cli.errors import UserError
from tektra.cli.graph_run import GraphRun, configured, launch_file
from tektra.cli.inspect import usage
from tektra.cli.typist import Typist
from tektra.cli.wav_sink import WavSink
from tektra.conversation.core import TOPICS, ConversationLog
from tektra.conversation.lines import Kind
from tektra.conversation.roster import ProcessFigures
from tektra.launching.events import EventKind, ProcessEvent, describe_exit
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.clock import NS_PER_S, BootClock, nanoseconds

READY_S = 60.0
ENGINES_S = 1.0  # after READY, for the heartbeats that name the engines
ROLES = {
    'audio_capture': 'input',
    'vad': 'voice activity',
    'stt': 'hearing',
    'dialogue': 'answers',
    'tts': 'voice',
    'audio_playback': 'speaker',
}
STOP_S = 12.0
QUIET_MICROPHONE_S = 300.0  # with a microphone: five minutes without a turn end the demo
STALLED_S = 120.0  # otherwise: nothing at all has happened for so long
UP = (SystemState.STATE_READY, SystemState.STATE_DEGRADED)


def microphone_problem() -> str:
    """Return why there is no microphone to listen to; empty: there is one."""
    try:
        open_microphone('auto', BootClock()).close()
    except BackendUnavailable as error:
        return str(error)
    return ''


class DemoRun:
    """The graph, the observer and the report of one demo."""

    def __init__(self, options: DemoOptions, stop: threading.Event) -> None:
        """``stop``: set when the person has had enough."""
        self._options = options
        self._stop = stop
        self._view = DemoView(options.verbose)
        self._log = ConversationLog()
        self._wav = WavSink(options.out / 'reply.wav')
        self._began = time.monotonic()
        self._restarts: dict[str, int] = {}
        self._usage: dict[str, tuple[float, float]] = {}
        self._pids: dict[str, int] = {}
        self._typist: Typist | None = None
        self._client: GraphClient | None = None
        self._system: SystemState | None = None
        self._backends: dict[str, str] = {}
        self._capture_problem = ''
        self._up = False
        self._live = False
        self._last_turn = time.monotonic()
        self._started = False
        path = launch_file()
        args = configured(path, self._launch_arguments(), options.settings)
        self._run = GraphRun(path, args, self._on_process, self._view.on_output)

    @property
    def answered(self) -> bool:
        """True once a reply has been heard."""
        return self._log.answered

    def converse(self) -> str:
        """Run until the conversation is over; return why nothing was answered, or empty.

        :raises UserError: if the graph does not come up.
        """
        client = GraphClient(self._run.domain_id, 'tektra_demo')
        self._client = client
        for name in TOPICS:
            client.subscribe(name, self._feed)
        client.subscribe('audio/mic', self._feed_mic)
        client.subscribe('audio/reference', self._wav.write)
        self._view.note(f'starting the graph on ROS domain {self._run.domain_id}')
        self._started = True
        self._run.supervisor.start()
        self._wait_until_up(client)
        if self._options.lines:
            self._typist = Typist(client, self._options.lines)
            self._log.expect_turns(len(self._options.lines))
        return self._until_over(client)

    def close(self) -> None:
        """Stop every process and give everything back."""
        self._usage.update({name: usage(pid) for name, pid in self._pids.items()})
        if self._client is not None:
            self._client.close()
        if self._started:
            self._run.supervisor.request_stop('demo ended')
            self._run.supervisor.wait(STOP_S)
        self._wav.close()
        if self._wav.error:
            self._view.warn(self._wav.error)
        self._run.release()
        self._view.close()

    def report(self) -> dict[str, object]:
        """Return what report.json says."""
        return self._log.report(self._figures, time.monotonic() - self._began)

    # ---- what the graph is started with

    def _launch_arguments(self) -> dict[str, str]:
        options = self._options
        args = {'input': 'silence'}
        if options.speaker != 'auto':  # otherwise the configuration may name one
            args['speaker'] = options.speaker
        if options.recording is not None:
            args |= {'input': 'file', 'input_uri': str(options.recording.resolve())}
        elif not options.lines:
            args |= self._spoken_input()
        if options.fast:
            if self._live:
                raise UserError('--fast needs --input or --scene: a microphone has one speed')
            args |= {'fast': 'true', 'use_sim_time': 'true', 'speaker': 'none'}
        return args

    def _spoken_input(self) -> dict[str, str]:
        scene = self._options.scene
        if not scene:
            problem = microphone_problem()
            if not problem:
                self._live = True
                self._view.note('listening to the microphone; say "hello"; Ctrl-C ends')
                return {'input': 'device'}
            scene = DEFAULT_SCENE
            self._view.note(f'{problem}; a built-in scene with synthetic voices speaks instead')
        return {'input': 'scene', 'input_uri': scene}

    # ---- while it runs

    def _wait_until_up(self, client: GraphClient) -> None:
        begin = time.monotonic()

        def up() -> bool:
            if self._run.supervisor.poll() is not None:
                raise UserError('the graph ended while it was starting; see it with: --verbose')
            return self._stop.is_set() or self._is_up()

        def told() -> bool:
            return self._stop.is_set() or all(self._backends.get(node) for node in ROLES)

        if not client.wait(up, READY_S):
            why = self._system.reason if self._system is not None else 'no node answers'
            raise UserError(f'the graph is not ready after {READY_S:.0f} s: {why}')
        took = time.monotonic() - begin
        client.wait(told, ENGINES_S)
        self._up = self._is_up()
        if self._up:
            self._view.note(f'ready after {took:.1f} s: {self._engines()}')

    def _is_up(self) -> bool:
        return self._system is not None and self._system.state in UP

    def _engines(self) -> str:
        """Return what hears, answers, speaks and plays, in one line."""
        known = [(role, self._backends.get(node, '')) for node, role in ROLES.items()]
        return ', '.join(f'{role} {backend}' for role, backend in known if backend)

    def _until_over(self, client: GraphClient) -> str:
        self._last_turn = time.monotonic()
        if self._options.recording is not None and self._capture_problem:
            return f'heard nothing: {self._capture_problem}'
        while not self._stop.is_set():
            client.spin(0.05)
            if self._typist is not None:
                self._typist.work()
                if self._typist.done:
                    self._typist = None
                    self._log.input_ended(_now_ns())
            ending = self._log.ended(_now_ns(), self._deadline_ns())
            if ending is not None:
                return self._explained(ending.reason)
            if self._run.supervisor.poll() is not None:
                return 'the graph ended by itself'
        return ''

    def _explained(self, reason: str) -> str:
        """Return ``reason`` with what was wrong with the recording; say that if all was well."""
        problem = self._capture_problem if self._options.recording is not None else ''
        if problem and not reason:
            self._view.warn(problem)
        return f'{reason}: {problem}' if reason and problem else reason

    def _deadline_ns(self) -> int:
        patience = QUIET_MICROPHONE_S if self._live else STALLED_S
        left = self._last_turn + patience - time.monotonic()
        return _now_ns() + max(-NS_PER_S, nanoseconds(left))

    def _feed(self, message: Any) -> None:
        if isinstance(message, SystemState):
            self._system = message
            reasons = dict(zip(message.nodes, message.reasons, strict=True))
            self._capture_problem = reasons.get('/audio_capture', '')
        elif isinstance(message, TurnState):
            self._last_turn = time.monotonic()
            if self._typist is not None:
                self._typist.on_turn(message)
        elif isinstance(message, NodeHeartbeat):
            name = message.node.lstrip('/')
            self._pids[name] = message.pid
            self._backends[name] = message.backend
        for line in self._log.feed(message, _now_ns()):
            news = self._up or line.kind is not Kind.NOTICE
            if news or self._options.verbose:
                self._view.show(line)

    def _feed_mic(self, chunk: AudioChunk) -> None:
        if not self._options.lines:
            self._log.feed_mic(chunk, _now_ns())
        if self._options.recording is not None or self._options.scene:
            self._last_turn = time.monotonic()  # sound still comes: it ends by itself

    def _on_process(self, event: ProcessEvent) -> None:
        if event.node:
            self._restarts[event.node.lstrip('/')] = event.restarts
        if event.kind is EventKind.GAVE_UP and event.exit_code is not None:
            self._view.warn(f'{event.name} keeps ending: {describe_exit(event.exit_code)}')

    def _figures(self, node: str) -> ProcessFigures:
        memory, cpu = self._usage.get(node.lstrip('/'), (None, None))
        return ProcessFigures(self._restarts.get(node.lstrip('/'), 0), memory, cpu)


def _now_ns() -> int:
    return time.time_ns()
