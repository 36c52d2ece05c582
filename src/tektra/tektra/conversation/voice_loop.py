"""The voice loop without ROS: the cores wired as the graph wires its nodes, in one thread.

What a chunk of the microphone leads to is what it leads to in the graph, except that messages
take no time and nothing waits for a thread: the peer that the graph is measured against
(bench/overhead), and the place where a recorded conversation runs again, with an agenda whose
stopwatch stands still and engines behind a replaying tap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tektra_msgs.msg import AudioChunk, DialogueReply, TextInput

import tektra.tts.backends
import tektra.vad.backend
from tektra.audio_capture.backend import Block
from tektra.audio_capture.core import CaptureCore
from tektra.audio_capture.framing import CHUNK_NS, RATE
from tektra.audio_playback.backends.silent import SteppedOutput
from tektra.audio_playback.core import PlaybackCore
from tektra.audio_playback.outbox import as_stamp, messages
from tektra.audio_playback.params import AudioPlaybackParams
from tektra.audio_playback.player import Player
from tektra.conversation.agenda import Agenda, Job, VirtualWorker
from tektra.conversation.turns import stamp_ns
from tektra.dialogue import writer
from tektra.dialogue.backend import ReplyPart, Responder
from tektra.dialogue.core import DialogueCore, Outputs, Task
from tektra.dialogue.params import DialogueParams
from tektra.runtime.backends import BackendChain, BackendStatus
from tektra.runtime.clock import nanoseconds, seconds
from tektra.runtime.ids import new_id as mint
from tektra.runtime.pcm import Samples, to_float
from tektra.runtime.tap import DirectTap, Tap
from tektra.stt import factories as stt_factories
from tektra.stt.core import SttCore
from tektra.stt.engine import Engine as Recogniser
from tektra.stt.engine import Job as DecodingJob
from tektra.stt.engine import Result
from tektra.stt.params import SttParams
from tektra.tts.core import Output, TtsCore
from tektra.tts.engine import Engine as Synthesiser
from tektra.tts.engine import Spoken
from tektra.tts.params import TtsParams
from tektra.tts.utterance import Job as SpeechJob
from tektra.turn_taking.core import Outputs as TurnOutputs
from tektra.turn_taking.core import TurnTakingCore
from tektra.turn_taking.params import TurnTakingParams
from tektra.vad.backend import VadBackend
from tektra.vad.core import Detector, VadCore, VadOptions
from tektra.vad.detector import ChainDetector

# Of waits that no message ends. Finer than any node's, so that a node's shows as its own.
TICK_S = 0.005
GUARD_S = 0.1  # of guards against what never comes

NewId = Callable[[], str]
Observer = Callable[[str, Any], None]  # topic, message


@dataclass(frozen=True)
class Settings:
    """The parameters of the nodes."""

    vad: VadOptions = field(default_factory=VadOptions)
    stt: SttParams = field(default_factory=SttParams)
    turn_taking: TurnTakingParams = field(default_factory=TurnTakingParams)
    dialogue: DialogueParams = field(default_factory=DialogueParams)
    tts: TtsParams = field(default_factory=TtsParams)
    audio_playback: AudioPlaybackParams = field(default_factory=AudioPlaybackParams)


@dataclass(frozen=True)
class Engines:
    """The models, loaded."""

    detector: Detector
    recogniser: Recogniser
    responders: BackendChain[Responder]
    synthesiser: Synthesiser

    @staticmethod
    def open(settings: Settings, now_ns: int, tap: Tap | None = None) -> Engines:
        """Load the first engine of each capability that works, as the nodes do.

        :raises BackendUnavailable: if there is none for one of them.
        """
        tap = tap or DirectTap()
        detectors: BackendChain[VadBackend] = BackendChain(
            'vad', ('silero', 'energy'), tektra.vad.backend.factories(), _ignore, tap
        )
        recognisers = BackendChain(
            'stt',
            settings.stt.backends,
            stt_factories.factories(settings.stt.engines()),
            _ignore,
            tap,
        )
        responders = BackendChain(
            'dialogue',
            settings.dialogue.backends,
            writer.factories(settings.dialogue.name),
            _ignore,
            tap,
        )
        for chain in (detectors, recognisers, responders):
            chain.open(now_ns)
        tts = settings.tts
        voices = tektra.tts.backends.factories(tts.voice, tts.language)
        synthesiser = Synthesiser(tts.backends, voices, _ignore, now_ns, tts.language, tap)
        detector = ChainDetector(detectors, tap)
        return Engines(detector, Recogniser(recognisers), responders, synthesiser)


def _ignore(status: BackendStatus) -> None:
    """Which engine is in use is told by what it makes."""


def microphone(pcm: Samples, begin_ns: int) -> Iterator[AudioChunk]:
    """Yield the chunks of audio/mic for a recording (16 kHz mono) that begins at ``begin_ns``.

    Silence follows without end, as from the node.
    """
    core = CaptureCore('recording', begin_ns)
    yield from core.push(Block(to_float(pcm)[:, None], RATE, 0, last=True))
    while True:
        yield from core.silence()


class Bus:
    """Topics without transport: what is published is handled as soon as what is due before it."""

    def __init__(self, agenda: Agenda, observe: Observer) -> None:
        self.agenda = agenda
        self._observe = observe
        self._handlers: dict[str, list[Callable[[Any], None]]] = defaultdict(list)

    @property
    def now_ns(self) -> int:
        """Return local and ROS time: here they are one."""
        return self.agenda.now_ns

    def subscribe(self, topic: str, handle: Callable[[Any], None]) -> None:
        """Have every message of ``topic`` handled."""
        self._handlers[topic].append(handle)

    def publish(self, topic: str, message: Any) -> None:
        """Hand a message to the observer and to all who subscribed."""
        self.agenda.beside(lambda: self._observe(topic, message))
        for handle in self._handlers[topic]:
            self.agenda.soon(_bound(handle, message))

    def publish_now(self, topic: str, message: Any) -> None:
        """Publish a message whose stamp is the present."""
        message.header.stamp = as_stamp(self.now_ns)
        self.publish(topic, message)

    def every(self, period_s: float, job: Job) -> None:
        """Run ``job`` again and again."""

        def again() -> None:
            job()
            self.agenda.at(self.now_ns + nanoseconds(period_s), again)

        again()


def _bound(handle: Callable[[Any], None], message: Any) -> Job:
    return lambda: handle(message)


class VoiceLoop:
    """One conversation. ``observe`` sees every message in the order of publication.

    ``wall`` is the clock that the assistant tells the time by.
    """

    def __init__(
        self,
        engines: Engines,
        agenda: Agenda,
        observe: Observer,
        *,
        wall: Callable[[], datetime],
        settings: Settings | None = None,
        new_id: NewId = mint,
    ) -> None:
        chosen = settings or Settings()
        self._bus = bus = Bus(agenda, observe)
        _Vad(bus, VadCore(engines.detector, chosen.vad, new_id))
        _Stt(bus, SttCore(chosen.stt.options(), chosen.stt.language), engines.recogniser)
        _Dialogue(bus, DialogueCore(chosen.dialogue, wall=wall, new_id=new_id), engines.responders)
        _Tts(bus, TtsCore(chosen.tts.options(), new_id), engines.synthesiser)
        _Playback(bus, PlaybackCore(chosen.audio_playback.options(), new_id=new_id))
        _TurnTaking(bus, TurnTakingCore(chosen.turn_taking, new_id=new_id))

    def hear(self, chunks: Iterator[AudioChunk]) -> None:
        """Play ``chunks`` of audio/mic, each when its last sample would have been heard."""
        bus = self._bus

        def prepare() -> None:
            chunk, _ = bus.agenda.beside(lambda: next(chunks, None))
            if chunk is not None:
                bus.agenda.at(stamp_ns(chunk.header.stamp) + CHUNK_NS, lambda: send(chunk))

        def send(chunk: AudioChunk) -> None:
            bus.publish('audio/mic', chunk)
            prepare()

        prepare()

    def type(self, line: TextInput) -> None:
        """Type a line now."""
        self._bus.publish_now('text/input', line)


class _Vad:
    def __init__(self, bus: Bus, core: VadCore) -> None:
        self._bus, self._core = bus, core
        bus.subscribe('audio/mic', lambda m: self._publish(core.on_chunk(m, bus.now_ns)))
        bus.every(GUARD_S, lambda: self._publish(core.on_tick(bus.now_ns)))

    def _publish(self, found: list[Any]) -> None:
        for message in found:
            self._bus.publish('audio/vad', message)


class _Stt:
    def __init__(self, bus: Bus, core: SttCore, engine: Recogniser) -> None:
        self._bus, self._core, self._engine = bus, core, engine
        self._worker = VirtualWorker(bus.agenda)
        bus.subscribe('audio/mic', lambda m: self._publish(core.on_chunk(m, bus.now_ns)))
        bus.subscribe('audio/vad', lambda m: self._publish(core.on_vad(m, bus.now_ns)))
        bus.subscribe('turn/state', lambda m: self._publish(core.on_turn_state(m, bus.now_ns)))
        bus.every(GUARD_S, lambda: self._publish(core.on_tick(bus.now_ns)))

    def _publish(self, found: list[Any]) -> None:
        for message in found:
            self._bus.publish('speech/transcript', message)
        job = self._core.next_job(self._bus.now_ns)
        if job is not None:
            self._decode(job)

    def _decode(self, job: DecodingJob) -> None:
        now, stopwatch = self._bus.now_ns, self._bus.agenda.stopwatch

        def work(later: Callable[[Job], None]) -> Result:
            began = stopwatch()
            result = self._engine.run(job, now)
            return replace(result, took_s=seconds(stopwatch() - began))

        self._worker.do(work, self._on_result)

    def _on_result(self, result: Result) -> None:
        self._publish(self._core.on_result(result, self._bus.now_ns))


class _TurnTaking:
    def __init__(self, bus: Bus, core: TurnTakingCore) -> None:
        self._bus, self._core, self._ticking = bus, core, False
        handlers = {
            'audio/vad': core.on_vad,
            'speech/transcript': core.on_transcript,
            'text/input': core.on_text,
            'audio/playback_clock': core.on_playback,
        }
        for topic, handle in handlers.items():
            bus.subscribe(topic, self._taking(handle))
        self._emit(core.start(bus.now_ns))

    def _taking(self, handle: Callable[[Any, int], TurnOutputs]) -> Callable[[Any], None]:
        return lambda message: self._emit(handle(message, self._bus.now_ns))

    def _emit(self, outputs: TurnOutputs) -> None:
        for message in outputs:
            is_control = hasattr(message, 'command')
            self._bus.publish_now(
                'audio/playback_control' if is_control else 'turn/state', message
            )
        if self._core.pending and not self._ticking:
            self._ticking = True
            self._bus.agenda.at(self._bus.now_ns + nanoseconds(TICK_S), self._tick)

    def _tick(self) -> None:
        self._ticking = False
        self._emit(self._core.tick(self._bus.now_ns))


class _Dialogue:
    def __init__(self, bus: Bus, core: DialogueCore, chain: BackendChain[Responder]) -> None:
        self._bus, self._core, self._chain = bus, core, chain
        self._worker = VirtualWorker(bus.agenda)
        bus.subscribe('turn/state', lambda m: self._emit(core.on_turn(m, bus.now_ns)))
        bus.subscribe('speech/visemes', lambda m: self._emit(core.on_visemes(m, bus.now_ns)))
        bus.subscribe(
            'audio/playback_clock', lambda m: self._emit(core.on_playback(m, bus.now_ns))
        )
        bus.every(GUARD_S, lambda: self._emit(core.tick(bus.now_ns)))

    def _emit(self, outputs: Outputs) -> None:
        for item in outputs:
            if isinstance(item, Task):
                self._write(item)
            else:
                is_reply = isinstance(item, DialogueReply)
                self._bus.publish_now('dialogue/reply' if is_reply else 'dialogue/event', item)

    def _write(self, task: Task) -> None:
        core, bus, began = self._core, self._bus, self._bus.now_ns

        def work(later: Callable[[Job], None]) -> None:
            def started(name: str) -> None:
                later(lambda: self._emit(core.on_start(task, name, bus.now_ns)))

            def hand_on(part: ReplyPart) -> None:
                later(lambda: self._emit(core.on_part(task, part, bus.now_ns)))

            writer.write(self._chain, task, started, hand_on, began)

        self._worker.do(work, lambda _: self._emit(core.on_end(task, bus.now_ns)))


class _Tts:
    def __init__(self, bus: Bus, core: TtsCore, engine: Synthesiser) -> None:
        self._bus, self._core, self._engine = bus, core, engine
        self._worker = VirtualWorker(bus.agenda)
        bus.subscribe('dialogue/reply', lambda m: self._emit(core.on_reply(m, bus.now_ns)))
        bus.subscribe('turn/state', lambda m: self._emit(core.on_turn_state(m, bus.now_ns)))
        bus.subscribe(
            'audio/playback_clock', lambda m: self._emit(core.on_playback_clock(m, bus.now_ns))
        )
        bus.every(1.0, lambda: self._emit(core.on_tick(bus.now_ns)))

    def _emit(self, out: Output) -> None:
        for message in out.messages:
            is_audio = isinstance(message, AudioChunk)
            self._bus.publish_now('audio/speech' if is_audio else 'speech/visemes', message)
        job = self._core.next_job()
        if job is not None:
            self._speak(job)
        if self._core.more:
            self._bus.agenda.soon(lambda: self._emit(self._core.go_on(self._bus.now_ns)))

    def _speak(self, job: SpeechJob) -> None:
        now = self._bus.now_ns

        def done(spoken: Spoken) -> None:
            out = self._core.on_speech(job, spoken.speech, spoken.backend, self._bus.now_ns)
            self._emit(out)

        self._worker.do(lambda later: self._engine.speak(job.request, job.abort, now), done)


class _Playback:
    BLOCK_S = 0.01  # samples taken at once, as by the node without a loudspeaker

    def __init__(self, bus: Bus, core: PlaybackCore) -> None:
        self._bus = bus
        self._player = Player(core, lambda: None)
        self._output = SteppedOutput(self._player.pull)
        bus.subscribe('audio/speech', lambda m: self._feed(core.on_speech, m))
        bus.subscribe('audio/playback_control', lambda m: self._feed(core.on_control, m))
        bus.subscribe('audio/vad', lambda m: self._feed(core.on_vad, m))
        bus.subscribe('turn/state', lambda m: self._feed(core.on_turn_state, m))

    def _feed(self, handle: Callable[[Any, int], None], message: Any) -> None:
        now = self._bus.now_ns
        if self._player.feed(handle, message, now) and self._player.pulling:
            self._output.wake_at(now)
            self._play()
        self._publish()

    def _play(self) -> None:
        self._output.step(self._bus.now_ns)
        if self._player.pulling:
            self._bus.agenda.at(self._bus.now_ns + nanoseconds(self.BLOCK_S), self._play)
        self._publish()

    def _publish(self) -> None:
        for message in messages(self._player.drain(), as_stamp):
            is_reference = isinstance(message, AudioChunk)
            topic = 'audio/reference' if is_reference else 'audio/playback_clock'
            self._bus.publish(topic, message)
