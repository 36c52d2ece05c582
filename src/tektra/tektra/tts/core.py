"""Turns streamed reply text into speech and mouth shapes, never far ahead of what is heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from tektra_msgs.action import Say
from tektra_msgs.msg import (
    AudioChunk,
    DialogueReply,
    PlaybackClock,
    TurnState,
    VisemeTrack,
)

from tektra.runtime.clock import nanoseconds
from tektra.runtime.ids import new_id as mint
from tektra.tts.backend import Speech
from tektra.tts.order import VoidRule
from tektra.tts.sentences import SentenceSplitter
from tektra.tts.utterance import Job, Key, Utterance
from tektra.tts.words import heard_until

# An announcement nobody plays: audio_playback reports 50 times a second while anything sounds.
SILENT_PLAYER_S = 5.0
_REMEMBERED = (
    256  # ids of utterances that are over, so that late fragments do not start them again
)


@dataclass(frozen=True)
class TtsOptions:
    """What the core needs of the node's parameters; see ``TtsParams`` for units and ranges."""

    voice: str = ''
    language: str = 'en-US'
    rate: float = 1.0
    pitch: float = 1.0
    volume: float = 1.0
    sample_rate: int = 24000
    ahead_s: float = 2.0


@dataclass(frozen=True)
class SayResult:
    """How an announcement ended. ``outcome`` as in Say.action; ``played_s`` in s of its audio."""

    utterance_id: str
    outcome: int
    spoken_text: str
    played_s: float
    backend: str
    message: str


@dataclass
class Output:
    """What one event led to: messages in this order, and announcements that are over."""

    messages: list[AudioChunk | VisemeTrack] = field(default_factory=list)
    said: list[SayResult] = field(default_factory=list)


@dataclass
class _Announcement:
    """What is kept of a Say goal until the playback clock has told what was heard of it."""

    utterance: Utterance
    cancelled: bool = False
    failure: str = ''


class TtsCore:
    """Follows replies, turns and the playback clock.

    Not thread-safe; time comes in with every event.

    The shell calls ``next_job`` after every event, has the engine speak it, and hands the speech
    to ``on_speech`` (or ``on_failed``). At most one job is out at a time. While ``more`` is true
    it calls ``go_on``: the first chunks are not to wait until two seconds of them are made.
    """

    def __init__(self, options: TtsOptions, new_id: Callable[[], str] = mint) -> None:
        self.options = options
        self.lost_fragments = 0  # wanted, but what came before them never came
        self._new_id = new_id
        self._order = VoidRule()
        self._open: dict[str, Utterance] = {}  # in order of arrival
        self._over: deque[str] = deque(maxlen=_REMEMBERED)
        self._announcements: dict[str, _Announcement] = {}
        self._sign_ns = 0  # when the playback clock came last, and whether playback was paused
        self._paused = False
        self._ahead = round(options.ahead_s * options.sample_rate)

    # ---- events --------------------------------------------------------------

    def on_reply(self, fragment: DialogueReply, now_ns: int) -> Output:
        """Take a fragment of reply text."""
        uid = fragment.utterance_id
        if fragment.cancelled:
            self._drop(uid)
            return Output()
        self._order.supersede(fragment.session_id, fragment.turn_seq, fragment.revision)
        self._drop_void()
        utterance = self._open.get(uid) or self._begin(fragment, now_ns)
        if utterance is None or utterance.complete or fragment.seq != utterance.next_fragment:
            self.lost_fragments += self._is_loss(fragment, utterance)
            return Output()
        utterance.next_fragment += 1
        utterance.add(fragment.text, fragment.last)
        return self._publish(utterance)

    def on_turn_state(self, state: TurnState, now_ns: int) -> Output:
        """Stop what the state of the turn has made void."""
        self._order.learn(state)
        self._drop_void()
        return Output()

    def on_playback_clock(self, clock: PlaybackClock, now_ns: int) -> Output:
        """Go on as far as the playback clock allows; note what has been heard."""
        self._sign_ns, self._paused = now_ns, clock.state == PlaybackClock.STATE_PAUSED
        out = Output()
        uid = clock.utterance_id
        utterance = self._open.get(uid)
        if utterance is None and uid in self._announcements:
            utterance = self._announcements[uid].utterance
        if utterance is None:
            return out
        utterance.played = max(utterance.played, int(clock.played_samples))
        flushed = clock.state == PlaybackClock.STATE_FLUSHED
        if flushed or (clock.state == PlaybackClock.STATE_DONE and utterance.ended):
            self._drop(uid)
            out.said += self._said(uid, flushed)
            return out
        return self._publish(utterance)

    def on_speech(self, job: Job, speech: Speech, backend: str, now_ns: int) -> Output:
        """Take what the engine made of a job; speech that became void meanwhile is dropped."""
        utterance = self._open.get(job.utterance_id)
        if utterance is None or utterance.job is not job or speech.aborted:
            return Output()
        utterance.accept(job.piece, speech, backend)
        return self._publish(utterance)

    def on_failed(self, job: Job, reason: str, now_ns: int) -> Output:
        """End the utterance of a job that no engine could speak before that piece."""
        uid = job.utterance_id
        utterance = self._open.get(uid)
        if utterance is None or utterance.job is not job:
            return Output()
        if uid in self._announcements:
            self._announcements[uid].failure = reason
        utterance.end_after_sounds()
        out = self._publish(utterance)
        if utterance.ended and utterance.published == 0:
            out.said += self._said(uid, flushed=False)
        return out

    def on_tick(self, now_ns: int) -> Output:
        """Give up announcements that nobody plays. Call it about once a second."""
        out = Output()
        said = {uid: item.utterance for uid, item in self._announcements.items()}
        others = {uid: u for uid, u in self._open.items() if u.key.turn_seq == 0}
        for uid, utterance in {**others, **said}.items():
            if self._is_followed(utterance, now_ns):
                continue
            self._drop(uid)
            item = self._announcements.get(uid)
            if item is None:  # of dialogue, which asks for no result
                continue
            item.failure = item.failure or (
                f'audio_playback has not reported for {SILENT_PLAYER_S:g} s; is it running?'
            )
            out.said += self._said(uid, flushed=False)
        return out

    @property
    def more(self) -> bool:
        """True while messages can go out without any further event."""
        return any(utterance.held for utterance in self._open.values())

    def go_on(self, now_ns: int) -> Output:
        """Return the next messages; see ``more``."""
        out = Output()
        for utterance in [u for u in self._open.values() if u.held]:
            out.messages += self._publish(utterance).messages
        return out

    # ---- announcements --------------------------------------------------------------

    def say(self, goal: Say.Goal, now_ns: int) -> tuple[str, Output]:
        """Begin an announcement (turn 0); return its utterance id."""
        uid = self._new_id()
        key = Key(self._order.session_id, 0, 0, uid)
        utterance = self._make(key, goal.language, goal.voice, float(goal.rate) or 1.0, now_ns)
        utterance.add(goal.text, last=True)
        self._open[uid] = utterance
        self._announcements[uid] = _Announcement(utterance)
        out = self._publish(utterance)
        if utterance.ended:  # there was nothing to say
            out.said += self._said(uid, flushed=False)
        return uid, out

    def cancel_say(self, uid: str, now_ns: int) -> Output:
        """Cut an announcement: nothing more is synthesised, and an empty last chunk ends it.

        What is queued for playback (at most ``ahead_s``) is still heard: only turn_taking may
        flush.
        """
        item = self._announcements.get(uid)
        if item is None:
            return Output()
        item.cancelled = True
        return self._end_here(item.utterance)

    def say_progress(self, uid: str) -> tuple[float, int] | None:
        """Return what has been heard of an announcement: (s, characters); None if it is over."""
        item = self._announcements.get(uid)
        if item is None:
            return None
        utterance = item.utterance
        heard = heard_until(utterance.words, utterance.played)
        return utterance.played / utterance.rate, heard

    # ---- work for the engine --------------------------------------------------------------

    def next_job(self) -> Job | None:
        """Return a piece for the engine, oldest utterance first.

        None if there is none or one is out.
        """
        if any(u.job is not None for u in self._open.values()):
            return None
        for utterance in self._open.values():
            if utterance.wants_job():
                return utterance.next_job()
        return None

    @property
    def speaking(self) -> bool:
        """True while anything is to be spoken, or an announcement to be heard."""
        return bool(self._open or self._announcements)

    @property
    def pending(self) -> int:
        """Return how many pieces of text have not been synthesised."""
        return sum(len(u.waiting) for u in self._open.values())

    def stop(self) -> list[SayResult]:
        """Drop everything (deactivate); return the announcements that end by it."""
        said = []
        for uid in list(self._open):
            self._drop(uid)
        for uid, item in list(self._announcements.items()):
            item.failure = item.failure or 'tts was stopped'
            said += self._said(uid, flushed=False)
        return said

    # ---- inside --------------------------------------------------------------

    def _is_followed(self, utterance: Utterance, now_ns: int) -> bool:
        """Return whether playback may still be about to say how far ``utterance`` has come."""
        if self._paused and utterance.begun_ns <= self._sign_ns:
            return True
        sign_ns = max(utterance.begun_ns, self._sign_ns)
        return now_ns - sign_ns < nanoseconds(SILENT_PLAYER_S)

    def _is_loss(self, fragment: DialogueReply, utterance: Utterance | None) -> bool:
        """Return whether a fragment that cannot be spoken would have been, had all others come."""
        if utterance is not None:
            return not utterance.complete and fragment.seq > utterance.next_fragment
        void = self._order.void(fragment.session_id, fragment.turn_seq, fragment.revision)
        return not void and fragment.utterance_id not in self._over

    def _begin(self, fragment: DialogueReply, now_ns: int) -> Utterance | None:
        """Return a new utterance, or None if it is void, over, or its beginning was missed."""
        order = (fragment.session_id, fragment.turn_seq, fragment.revision)
        uid = fragment.utterance_id
        if uid in self._over or fragment.seq != 0 or self._order.void(*order):
            return None
        key = Key(*order, uid)
        utterance = self._make(key, fragment.language, fragment.voice, 1.0, now_ns)
        self._open[uid] = utterance
        return utterance

    def _make(self, key: Key, language: str, voice: str, speed: float, now_ns: int) -> Utterance:
        mine = self.options
        language = language or mine.language
        same = language.lower().split('-')[0] == mine.language.lower().split('-')[0]
        return Utterance(
            key=key,
            language=language,
            voice=voice or (mine.voice if same else ''),
            speed=mine.rate * speed,
            pitch=mine.pitch,
            gain=mine.volume,
            rate=mine.sample_rate,
            splitter=SentenceSplitter(language),
            begun_ns=now_ns,
        )

    def _publish(self, utterance: Utterance) -> Output:
        out = Output(utterance.take(utterance.played + self._ahead))
        if utterance.ended:
            self._forget(utterance.key.utterance_id)
        return out

    def _end_here(self, utterance: Utterance) -> Output:
        uid = utterance.key.utterance_id
        out = Output()
        if not utterance.ended:
            utterance.abandon()
            out.messages += utterance.end_here()
        self._forget(uid)
        if utterance.published == 0:
            out.said += self._said(uid, flushed=False)
        return out

    def _drop_void(self) -> None:
        for uid, utterance in list(self._open.items()):
            key = utterance.key
            if self._order.void(key.session_id, key.turn_seq, key.revision):
                self._drop(uid)

    def _drop(self, uid: str) -> None:
        utterance = self._open.get(uid)
        if utterance is not None:
            utterance.abandon()
        self._forget(uid)

    def _forget(self, uid: str) -> None:
        self._open.pop(uid, None)
        if uid not in self._over:
            self._over.append(uid)

    def _said(self, uid: str, flushed: bool) -> list[SayResult]:
        item = self._announcements.pop(uid, None)
        if item is None:
            return []
        utterance = item.utterance
        text = ''.join(utterance.text)
        if item.failure:
            outcome = Say.Result.OUTCOME_FAILED
        elif item.cancelled:
            outcome = Say.Result.OUTCOME_CANCELLED
        elif flushed:
            outcome = Say.Result.OUTCOME_INTERRUPTED
        else:
            outcome = Say.Result.OUTCOME_DONE
        done = outcome == Say.Result.OUTCOME_DONE
        heard = text if done else text[: heard_until(utterance.words, utterance.played)]
        seconds = utterance.played / utterance.rate
        return [SayResult(uid, outcome, heard, seconds, utterance.backend, item.failure)]
