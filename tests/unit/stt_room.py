"""A room for SttCore: audio, a scripted vad and a scripted recogniser, all in one thread."""

import numpy as np
from builtin_interfaces.msg import Time
from tektra_msgs.msg import AudioChunk, TurnState, VoiceActivity

from tektra.runtime.backends import BackendChain
from tektra.stt.backend import Hypothesis
from tektra.stt.core import SttCore, SttOptions
from tektra.stt.engine import Engine

CHUNK = 512
VOICE, QUIET = 8000, 3  # sample values; a chunk of VOICE is one "word" for the recogniser


class Echo:
    """Hears the value of samples as words: 'w17' for a run of samples of value 17."""

    def __init__(self):
        self.audio, self.fed, self.starts, self.fail_after = [], 0, 0, None
        self.closed = False

    def start(self):
        self.audio = []
        self.starts += 1

    def feed(self, pcm):
        self.fed += pcm.size
        if self.fail_after is not None and self.fed > self.fail_after:
            raise RuntimeError('the recogniser has crashed')
        self.audio.append(pcm)

    def words(self):
        pcm = np.concatenate(self.audio) if self.audio else np.empty(0, np.int16)
        loud = pcm[np.abs(pcm.astype(int)) >= 100]
        values = [int(v) for v in loud[np.r_[True, loud[1:] != loud[:-1]]]] if loud.size else []
        return [f'w{v}' for v in values]

    def partial(self):
        words = self.words()
        return Hypothesis(' '.join(words), 'en', 0.5) if words else None

    def finish(self):
        words = self.words()
        if not words:
            return Hypothesis(reject_reason='noise')
        return Hypothesis(' '.join(words), 'en', 0.9)

    def close(self):
        self.closed = True


class Room:
    """Speech is given as numbers, one a word of 0.32 s; time runs with the audio."""

    def __init__(self, backends=None, **options):
        self.backends = backends or {'echo': Echo()}
        self.states = []
        chain = BackendChain(
            'stt',
            list(self.backends),
            {n: self._maker(n) for n in self.backends},
            self.states.append,
        )
        chain.open(0)
        self.engine = Engine(chain)
        self.core = SttCore(SttOptions(**options), 'en')
        self.sample, self.now_ns, self.out = 0, 0, []
        self.utterance, self.start, self.end = '', 0, 0
        self.count, self.stream, self.working = 0, 'mic', True
        self.jobs = []

    def _maker(self, name):
        def make():
            found = self.backends[name]
            if isinstance(found, Exception):
                raise found
            return found

        return make

    # ---- time and sound

    def chunk(self, value):
        stamp_ns = self.sample * 62_500
        message = AudioChunk(
            stream_id=self.stream,
            first_sample=self.sample,
            sample_rate=16000,
            channels=1,
            encoding=AudioChunk.ENCODING_S16LE,
            data=np.full(CHUNK, value, '<i2').tobytes(),
        )
        message.header.stamp = Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        self.out += self.core.on_chunk(message, self.now_ns)
        self.sample += CHUNK
        self.now_ns += 32_000_000
        self.work()

    def vad(self, event=0, speaking=True, probability=0.95):
        self.out += self.core.on_vad(
            VoiceActivity(
                stream_id=self.stream,
                utterance_id=self.utterance,
                event=event,
                probability=probability,
                speaking=speaking,
                first_sample=self.sample - CHUNK,
                sample_count=CHUNK,
                sample_rate=16000,
                start_sample=self.start,
                end_sample=self.end,
            ),
            self.now_ns,
        )
        self.work()

    def say(self, *values, probability=0.95, chunks=10):
        """Speak; opens an utterance, or resumes the open one."""
        event = 0
        if not self.utterance:
            self.count += 1
            self.utterance, self.start = f'u{self.count}', self.sample
            event = VoiceActivity.EVENT_START
        elif self.paused:
            event = VoiceActivity.EVENT_RESUME
        self.paused = False
        for value in values:
            for _ in range(chunks):
                self.chunk(value)
                self.end = self.sample
                self.vad(event, True, probability)
                event = 0

    def pause(self, chunks=6, event=VoiceActivity.EVENT_SILENCE):
        """Be quiet; the last chunk carries SILENCE."""
        for i in range(chunks):
            self.chunk(QUIET)
            last = i == chunks - 1
            self.vad(event if last else 0, False, 0.02)
        self.paused = True

    def finish(self, event=VoiceActivity.EVENT_END):
        self.pause(16, event)
        self.utterance = ''

    def quiet(self, seconds):
        for _ in range(round(seconds * 16000 / CHUNK)):
            self.chunk(QUIET)

    def eager_end(self, utterance='', **fields):
        self.out += self.core.on_turn_state(
            TurnState(
                phase=TurnState.PHASE_EAGER_END,
                source=TurnState.SOURCE_VOICE,
                utterance_ids=[utterance or self.utterance],
                **fields,
            ),
            self.now_ns,
        )
        self.work()

    def tick(self, seconds):
        self.now_ns += round(seconds * 1e9)
        self.out += self.core.on_tick(self.now_ns)
        self.work()

    def work(self):
        """Let the engine do all there is to do."""
        while self.working and (job := self.core.next_job(self.now_ns)) is not None:
            self.jobs.append(job)
            self.out += self.core.on_result(self.engine.run(job, self.now_ns), self.now_ns)

    # ---- what came out

    @property
    def finals(self):
        return [m for m in self.out if m.is_final]

    @property
    def partials(self):
        return [m for m in self.out if not m.is_final]
