"""A room for timed scripts: person, vad, stt and playback around the real core."""

import itertools

from builtin_interfaces.msg import Time
from tektra_msgs.msg import (
    PlaybackClock,
    PlaybackControl,
    TextInput,
    Transcript,
    TurnState,
    VoiceActivity,
)

from tektra.runtime.clock import ManualClock
from tektra.turn_taking.core import TurnTakingCore
from tektra.turn_taking.params import TurnTakingParams

STEP_MS, TICK_MS = 4, 20
CHUNK_MS, CHUNK, RATE = 32, 512, 16000
SOFT_END, HARD_END = 6, 22  # chunks of silence: 192 ms and 704 ms
IDLE_EVERY = 4  # chunks between messages of vad while nobody speaks
PARTIAL_MS = 320
ROS_EPOCH_NS = 1_000_000_000_000  # ROS time of the first sample: not the local clock

_PHASES = (
    'LISTENING', 'USER_SPEAKING', 'EAGER_END', 'COMMITTED', 'REOPENED', 'CANCELLED',
    'INTERRUPTED', 'REPLIED',
)  # fmt: skip
PHASE = {getattr(TurnState, f'PHASE_{name}'): name for name in _PHASES}
_COMMANDS = ('PLAY', 'DUCK', 'UNDUCK', 'PAUSE', 'RESUME', 'FLUSH', 'CANCEL')
COMMAND = {getattr(PlaybackControl, f'COMMAND_{name}'): name for name in _COMMANDS}


def ids():
    """Return a source of ids that are the same in every run."""
    counter = itertools.count(1)
    return lambda: f'id-{next(counter)}'


class Speech:
    """What vad and stt know of one utterance."""

    def __init__(self, number, first_chunk):
        self.id = f'u{number}'
        self.start = self.end = self.heard_from = first_chunk * CHUNK
        self.silent = 0
        self.words = []  # (time at which the word is complete, word)
        self.revision = 0
        self.finalised_to = -1


class Room:
    """Advance with ``wait``; read ``story`` and ``sent``. Times in s since the start."""

    def __init__(self, *, stt_s=0.1, reply_after_s=0.3, reply_s=3.0, **params):
        self.core = TurnTakingCore(TurnTakingParams(**params), new_id=ids())
        self.clock = ManualClock(5_000_000_000)
        self._zero = self.clock.now_ns()
        self.stt_s, self.reply_after_s, self.reply_s = stt_s, reply_after_s, reply_s
        self.vad_alive = self.stt_alive = self.playback_alive = True
        self.partials = True
        self.doubtful = False
        self.sent = []  # (s, message)
        self._due = []  # (ms, serial, callable)
        self._serial = itertools.count()
        self._ms = 0
        self._chunk = 0
        self._voiced_until = -1
        self._numbers = itertools.count(1)
        self.speech = None
        self.speeches = {}
        self._left_open = None
        self._pending_words = []
        self.playing = None  # (turn_seq, revision, utterance_id, started ms)
        self._take(self.core.start(self.now))

    # ---- the script

    @property
    def now(self):
        return self.clock.now_ns()

    @property
    def t(self):
        return self._ms / 1000

    def says(self, words, seconds):
        """Begin to speak now, for ``seconds``; words spread evenly. '' is a noise."""
        begin = self._ms
        self._voiced_until = begin + round(seconds * 1000)
        listed = words.split()
        for i, word in enumerate(listed):
            self._pending_words.append(
                (begin + round((i + 1) * seconds * 1000 / len(listed)), word)
            )
        return self

    def types(self, text, input_id=''):
        line = TextInput(text=text, input_id=input_id or f'line-{self._ms}', source='test')
        self._take(self.core.on_text(line, self.now))
        return self

    def presses(self, action):
        answer, out = self.core.push_to_talk(action, self.now)
        self._take(out)
        return answer

    def announces(self, seconds, utterance_id='notice'):
        """Playback plays something without a turn."""
        self.playing = (0, 0, utterance_id, self._ms)
        self._clock_message(PlaybackClock.STATE_PLAYING)
        self._later(seconds, lambda: self._end(utterance_id, PlaybackClock.STATE_DONE))
        return self

    def replaces_vad(self):
        """Another vad takes over: it knows nothing of what is being said."""
        self._left_open, self.speech = self.speech, None
        return self

    def replaces_stt(self):
        """Another stt takes over: it counts anew, and hears only what is said from now on."""
        speech = self.speech
        speech.heard_from, speech.revision, speech.words = self._chunk * CHUNK, 0, []
        speech.finalised_to = -1
        self._pending_words = [(at, word) for at, word in self._pending_words if at > self._ms]
        return self

    def wait(self, seconds):
        """Let time pass."""
        for _ in range(round(seconds * 1000 / STEP_MS)):
            self.clock.advance(STEP_MS / 1000)
            self._ms += STEP_MS
            due = sorted(entry for entry in self._due if entry[0] <= self._ms)
            self._due = [entry for entry in self._due if entry[0] > self._ms]
            for _, _, action in due:
                action()
            if self._ms % CHUNK_MS == 0:
                self._on_chunk()
            if self._ms % TICK_MS == 0:
                self._on_tick()
        return self

    # ---- what happened

    def story(self, *, listening=False, ids_too=True):
        """Return the phases and commands in order, each with turn.revision."""
        rows = []
        for _, m in self.sent:
            name = PHASE[m.phase] if isinstance(m, TurnState) else COMMAND[m.command]
            if name == 'LISTENING' and not listening:
                continue
            if name == 'EAGER_END':
                name = 'EAGER_END+' if m.text_final else 'EAGER_END'
            rows.append(f'{name} {m.turn_seq}.{m.revision}' if ids_too else name)
        return rows

    def find(self, name):
        """Return (s, message) of every phase or command of this name."""
        return [
            (s, m)
            for s, m in self.sent
            if (PHASE[m.phase] if isinstance(m, TurnState) else COMMAND[m.command]) == name
        ]

    def only(self, name):
        """Return (s, message) of the one phase or command of this name."""
        found = self.find(name)
        assert len(found) == 1, (name, self.story())
        return found[0]

    def feed(self, message):
        """Hand a message to the core out of turn."""
        take = {
            Transcript: self.core.on_transcript,
            VoiceActivity: self.core.on_vad,
            PlaybackClock: self.core.on_playback,
        }[type(message)]
        self._take(take(message, self.now))

    # ---- vad and stt

    def _later(self, seconds, action):
        at = self._ms + max(STEP_MS, round(seconds * 1000))
        self._due.append((at, next(self._serial), action))

    def _on_tick(self):
        if self.core.pending:
            self._take(self.core.tick(self.now))
        if self.playing and self.playback_alive:
            self._clock_message(PlaybackClock.STATE_PLAYING)

    def _on_chunk(self):
        """Judge the chunk that has just ended."""
        first = self._chunk * CHUNK
        voiced = self._ms - CHUNK_MS // 2 <= self._voiced_until
        self._chunk += 1
        event = VoiceActivity.EVENT_NONE
        speech = self.speech
        if voiced and speech is None:
            speech = self.speech = Speech(next(self._numbers), self._chunk - 1)
            self.speeches[speech.id] = speech
            event = VoiceActivity.EVENT_START
            if self._left_open is not None:  # stt finishes what vad has left open
                self._request_final(self._left_open)
                self._left_open = None
        elif voiced and speech.silent >= SOFT_END:
            event = VoiceActivity.EVENT_RESUME
        elif not voiced and speech is not None and speech.silent + 1 == SOFT_END:
            event = VoiceActivity.EVENT_SILENCE
        elif not voiced and speech is not None and speech.silent + 1 == HARD_END:
            event = VoiceActivity.EVENT_END
        if speech is not None:
            speech.silent = 0 if voiced else speech.silent + 1
            if voiced:
                speech.end = first + CHUNK
        self._tell_vad(event, first, voiced, speech)
        if speech is not None and voiced and self.partials and self._ms % PARTIAL_MS < CHUNK_MS:
            self._transcribe(speech, final=False)
        if event == VoiceActivity.EVENT_END:
            self.speech = None
            self._request_final(speech)

    def _tell_vad(self, event, first, voiced, speech):
        idle = speech is None and event == VoiceActivity.EVENT_NONE
        if not self.vad_alive or (idle and self._chunk % IDLE_EVERY):
            return
        m = VoiceActivity(
            stream_id='mic', event=event, speaking=voiced, first_sample=first, sample_count=CHUNK,
            sample_rate=RATE, utterance_id=speech.id if speech else '',
        )  # fmt: skip
        if speech is not None:
            m.start_sample, m.end_sample = speech.start, speech.end
            m.silence_s = speech.silent * CHUNK / RATE
        m.header.stamp = self.ros_time(first / RATE)
        self._take(self.core.on_vad(m, self.now))

    @staticmethod
    def ros_time(s):
        ns = ROS_EPOCH_NS + round(s * 1e9)
        return Time(sec=ns // 10**9, nanosec=ns % 10**9)

    def _request_final(self, speech):
        if speech.finalised_to >= speech.end:
            return
        speech.finalised_to = self._chunk * CHUNK
        self._later(self.stt_s, lambda to=speech.finalised_to: self._finalise(speech, to))

    def _finalise(self, speech, to):
        self._transcribe(speech, final=True, to=to)

    def _transcribe(self, speech, *, final, to=None):
        if not self.stt_alive:
            return
        heard_until = (to / RATE * 1000) if to is not None else self._ms - 100
        ready = [word for at, word in self._pending_words if at <= heard_until]
        self._pending_words = [(at, w) for at, w in self._pending_words if at > heard_until]
        speech.words += ready
        speech.revision += 1
        text = ' '.join(speech.words)
        m = Transcript(
            stream_id='mic', utterance_id=speech.id, revision=speech.revision, is_final=final,
            text=text, language='en', confidence=0.4 if self.doubtful else 0.9, backend='script',
            low_confidence=self.doubtful, sample_rate=RATE,
            start_sample=speech.heard_from,
            end_sample=to if to is not None else self._chunk * CHUNK,
            reject_reason='noise' if final and not text else '',
            latency_s=self.stt_s if final else 0.0,
        )  # fmt: skip
        m.header.stamp = self.ros_time(speech.start / RATE)
        self.last_transcript = m
        self._take(self.core.on_transcript(m, self.now))

    # ---- playback

    def _clock_message(self, state):
        seq, revision, utterance_id, since = self.playing
        self.feed(
            PlaybackClock(
                session_id=self.core.session_id, turn_seq=seq, revision=revision, state=state,
                utterance_id=utterance_id, played_samples=(self._ms - since) * 24,
                sample_rate=24000,
            )
        )  # fmt: skip

    def _begin(self, key):
        if self.playback_alive and key == self._released:
            self.playing = (*key, f'reply-{key[0]}', self._ms)
            self._clock_message(PlaybackClock.STATE_PLAYING)
            self._later(
                self.reply_s, lambda: self._end(f'reply-{key[0]}', PlaybackClock.STATE_DONE)
            )

    def _end(self, utterance_id, state):
        if self.playing and self.playing[2] == utterance_id and self.playback_alive:
            self._clock_message(state)
            self.playing = None

    def _take(self, out):
        for m in out:
            self.sent.append((self.t, m))
            if isinstance(m, TurnState):
                asks = m.phase == TurnState.PHASE_EAGER_END and not m.text_final
                if asks and m.utterance_ids and m.utterance_ids[-1] in self.speeches:
                    self._request_final(self.speeches[m.utterance_ids[-1]])
            elif m.command == PlaybackControl.COMMAND_PLAY:
                self._released = key = (m.turn_seq, m.revision)
                if self.reply_after_s is not None:
                    self._later(self.reply_after_s, lambda key=key: self._begin(key))
            elif m.command == PlaybackControl.COMMAND_FLUSH:
                self._released = None
                if self.playing and m.utterance_id in ('', self.playing[2]):
                    self._end(self.playing[2], PlaybackClock.STATE_FLUSHED)
