"""Playback as a pure core: speech and commands in, exactly the samples that will be heard out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from tektra_msgs.msg import AudioChunk, PlaybackClock, PlaybackControl, TurnState, VoiceActivity

from tektra.audio_playback.mixer import Mixer
from tektra.audio_playback.outbox import (
    Heard,
    Output,
    Reference,
    Tick,
    ToStamp,
    as_stamp,
    messages,
    reading,
)
from tektra.audio_playback.release import Verdict
from tektra.audio_playback.speech_queue import SpeechQueue
from tektra.audio_playback.utterance import OUTPUT_RATE, Utterance
from tektra.runtime.clock import NS_PER_S, nanoseconds
from tektra.runtime.ids import new_id as mint_id
from tektra.runtime.pcm import Samples

TICK_SAMPLES = OUTPUT_RATE // 50  # 50 Hz playback clock
LONGEST_FADE_S = 2.0  # s, a command that asks for more is a mistake

Message: TypeAlias = PlaybackClock | AudioChunk
_RELEASES = (
    PlaybackControl.COMMAND_PLAY,
    PlaybackControl.COMMAND_FLUSH,
    PlaybackControl.COMMAND_CANCEL,
)


@dataclass(frozen=True)
class PlaybackOptions:
    """How playback behaves. Times in s, gains linear 0..1."""

    duck_gain: float = 0.25
    duck_s: float = 0.02
    unduck_s: float = 0.1
    pause_s: float = 0.015
    flush_s: float = 0.01
    self_duck: bool = True  # duck at the start of speech, before turn_taking has decided
    unduck_after_s: float = 2.5  # after that speech ended, if turn_taking says nothing
    starve_s: float = 10.0  # an utterance without speech for so long is given up
    max_queued_s: float = 60.0  # a producer that ignores back-pressure is cut here


class PlaybackCore:
    """Holds speech until its turn is released, mixes it, and keeps the playback clock.

    ``mix`` is the only thing that plays: it returns the next samples at ``OUTPUT_RATE`` (mono
    int16), so each sample that came is heard exactly once and in order, or is reported as cut.
    Times are local ns. Messages are fetched with ``take`` (or ``drain``, to build them elsewhere).
    Not thread-safe.
    """

    def __init__(
        self,
        options: PlaybackOptions | None = None,
        *,
        to_stamp: ToStamp = as_stamp,
        new_id: Callable[[], str] = mint_id,
    ) -> None:
        self.options = options or PlaybackOptions()
        self.output = Output()
        self.queue = SpeechQueue(self.options.max_queued_s)
        self._to_stamp = to_stamp
        self._mixer = Mixer()
        self._reference = Reference(new_id)
        self._notes: list[Tick | Heard] = []
        self._last_state = (PlaybackClock.STATE_IDLE, '')
        self._since_tick = 0
        self._unduck_at_ns: int | None = None

    # ---- what comes in

    def on_speech(self, chunk: AudioChunk, now_ns: int) -> None:
        """Queue a chunk of ``audio/speech``."""
        if new := self.queue.admit(chunk):
            self._notes.append(reading(new, PlaybackClock.STATE_QUEUED, now_ns, 0.0, self.output))
            self._drop_void(now_ns)

    def on_control(self, command: PlaybackControl, now_ns: int) -> None:
        """Obey turn_taking. Commands of an older session are ignored."""
        if command.command in _RELEASES:
            self.queue.obey(command)
            self._drop_void(now_ns, command.fade_s)
        elif self.queue.concerns(command) and _names(command, self.queue.playing):
            self._change_gain(command)

    def on_turn_state(self, state: TurnState, now_ns: int) -> None:
        """Follow the conversation: speech of an older session is cut."""
        if self.queue.meet(state.session_id):
            self._drop_void(now_ns)

    def on_vad(self, activity: VoiceActivity, now_ns: int) -> None:
        """Duck at once when someone begins to speak; turn_taking decides what follows."""
        limit = now_ns + nanoseconds(self.options.unduck_after_s)
        if activity.event == VoiceActivity.EVENT_START:
            audible = self.queue.playing is not None and not self._mixer.pausing
            if audible and self.options.self_duck and not self._mixer.ducked:
                self._mixer.duck(self.options.duck_gain, self.options.duck_s)
                self._unduck_at_ns = limit
        if self._unduck_at_ns is not None and activity.utterance_id:
            self._unduck_at_ns = limit  # someone still speaks, or has just stopped

    # ---- what goes out

    @property
    def wants_output(self) -> bool:
        """True while ``mix`` has something to do: otherwise the device may sleep."""
        if self.queue.playing is not None:
            return not self._mixer.held
        return self._mixer.ringing or self.queue.next() is not None

    @property
    def pending(self) -> bool:
        """True if ``drain`` would return something."""
        return bool(self._notes)

    def mix(self, samples: int, now_ns: int) -> Samples:
        """Return the next ``samples`` to be heard, int16 [samples], mixed at ``now_ns``."""
        if self._unduck_at_ns is not None and now_ns >= self._unduck_at_ns:
            self._unduck()
        heard_ns = now_ns + nanoseconds(self.output.latency_s)
        out = np.zeros(samples, dtype=np.int16)
        audible = self.wants_output
        at = 0
        while at < samples:
            u = self.queue.playing or self._begin()
            used = None if u is None else self._step(u, out, at, _later(heard_ns, at))
            if used is None:
                break
            at += used
        self._mixer.ring(out)
        self._end_block(_later(heard_ns, samples), samples)
        if audible and (chunk := self._reference.add(out, heard_ns)):
            self._notes.append(chunk)
        self._settle()
        return out

    def announce(self, now_ns: int) -> None:
        """Note an IDLE clock, so that others know that playback is there."""
        self._notes.append(Tick(PlaybackClock.STATE_IDLE, now_ns, self.output))

    def forget(self, now_ns: int) -> None:
        """Drop everything that is queued or playing, at once."""
        for dropped in self.queue.take_all():
            self._tick(dropped, PlaybackClock.STATE_FLUSHED, now_ns)
        self._mixer = Mixer()
        self._note_idle(now_ns)
        self._settle()

    def drain(self) -> list[Tick | Heard]:
        """Return what there is to tell, once; ``outbox.messages`` makes messages of it."""
        notes, self._notes = self._notes, []
        return notes

    def take(self) -> list[Message]:
        """Return the messages to publish since the last call, in order."""
        return messages(self.drain(), self._to_stamp)

    # ---- commands

    def _change_gain(self, command: PlaybackControl) -> None:
        kind, options = command.command, self.options
        fade_s = min(command.fade_s, LONGEST_FADE_S)
        if kind == PlaybackControl.COMMAND_DUCK:
            self._unduck_at_ns = None  # turn_taking has taken over
            self._mixer.duck(min(1.0, max(0.0, command.gain)), fade_s or options.duck_s)
        elif kind == PlaybackControl.COMMAND_UNDUCK:
            self._unduck(fade_s)
        elif kind == PlaybackControl.COMMAND_PAUSE:
            self._mixer.pause(fade_s or options.pause_s)
        elif kind == PlaybackControl.COMMAND_RESUME:
            self._mixer.resume(fade_s or options.pause_s)

    def _unduck(self, fade_s: float = 0.0) -> None:
        self._unduck_at_ns = None
        self._mixer.unduck(fade_s or self.options.unduck_s)

    def _drop_void(self, now_ns: int, fade_s: float = 0.0) -> None:
        for dropped in self.queue.drop_void():
            flushed = reading(dropped, PlaybackClock.STATE_FLUSHED, now_ns, 0.0, self.output)
            self._notes.append(flushed)
        u = self.queue.playing
        if u is None or self.queue.judge(u) is not Verdict.VOID:
            return
        if self._mixer.held or u.starving:
            self._finish(u, PlaybackClock.STATE_FLUSHED, now_ns, 0)
            self._note_idle(now_ns)
            self._settle()
        else:
            self._mixer.cut(min(fade_s, LONGEST_FADE_S) or self.options.flush_s)

    # ---- mixing

    def _begin(self) -> Utterance | None:
        self.queue.playing = self.queue.next()
        self._mixer.open()
        return self.queue.playing

    def _step(self, u: Utterance, out: Samples, at: int, heard_ns: int) -> int | None:
        """Mix some of ``u`` into ``out`` from ``at``; return how much; None: silence."""
        if self._mixer.closed:
            if self._mixer.cutting:
                self._finish(u, PlaybackClock.STATE_FLUSHED, heard_ns, at)
                return 0
            self._note(u, heard_ns)
            return None
        if not u.queued_out:
            return self._without_speech(u, out.size, at, heard_ns)
        if u.starving:
            u.starving = False
            self._mixer.fade_in()
        if u.first_heard_ns is None:
            u.first_heard_ns = heard_ns
        self._note(u, heard_ns)
        pcm = u.take(min(out.size - at, self._mixer.most()))
        out[at : at + pcm.size] = self._mixer.apply(pcm)
        return pcm.size

    def _without_speech(self, u: Utterance, size: int, at: int, heard_ns: int) -> int | None:
        if u.finished or self._mixer.cutting or self.queue.overtakes(u):
            whole = u.finished and not u.cut and not self._mixer.cutting
            state = PlaybackClock.STATE_DONE if whole else PlaybackClock.STATE_FLUSHED
            self._finish(u, state, heard_ns, at)
            return 0
        if self._mixer.pausing:
            self._mixer.stop_sound(at)
            self._mixer.close()
            return 0
        if not u.starving:
            u.starve()
            self._mixer.stop_sound(at)
        self._note(u, heard_ns)
        u.insert_silence(size - at)
        if u.starved_out > self.options.starve_s * OUTPUT_RATE:
            self.queue.lose(
                f"utterance '{u.utterance_id}' is given up: no speech for "
                f'{self.options.starve_s:g} s after sample {u.played}'
            )
            self._finish(u, PlaybackClock.STATE_FLUSHED, _later(heard_ns, size - at), at)
        return None

    def _finish(self, u: Utterance, state: int, heard_ns: int, at: int) -> None:
        self._mixer.stop_sound(at)
        self._mixer.open()
        self.queue.finish(u)
        self._tick(u, state, heard_ns)

    def _end_block(self, end_ns: int, samples: int) -> None:
        u = self.queue.playing
        if u is None:
            self._note_idle(end_ns)
            return
        self._since_tick += samples
        if self._since_tick >= TICK_SAMPLES and not self._mixer.held:
            self._tick(u, self._state(u), end_ns)

    def _settle(self) -> None:
        """End the reference stream when nothing more is to be played for now."""
        if not self.wants_output and (chunk := self._reference.close()):
            self._notes.append(chunk)

    # ---- playback clock

    def _state(self, u: Utterance) -> int:
        if self._mixer.held:
            return int(PlaybackClock.STATE_PAUSED)
        if u.starving:
            return int(PlaybackClock.STATE_UNDERRUN)
        if self._mixer.ducked:
            return int(PlaybackClock.STATE_DUCKED)
        return int(PlaybackClock.STATE_PLAYING)

    def _note(self, u: Utterance, heard_ns: int) -> None:
        """Note the clock if the state is not the one noted last."""
        state = self._state(u)
        if self._last_state != (state, u.utterance_id):
            self._tick(u, state, heard_ns)

    def _tick(self, u: Utterance, state: int, heard_ns: int) -> None:
        self._since_tick = 0
        self._last_state = (state, u.utterance_id)
        self._notes.append(reading(u, state, heard_ns, self._mixer.gain, self.output))

    def _note_idle(self, heard_ns: int) -> None:
        if self._last_state[0] == PlaybackClock.STATE_IDLE or self.queue.next() is not None:
            return
        self._last_state = (PlaybackClock.STATE_IDLE, '')
        self._unduck_at_ns = None
        self._mixer.rest()  # what is said next is said at full gain
        self.announce(heard_ns)


def _later(local_ns: int, samples: int) -> int:
    return local_ns + samples * NS_PER_S // OUTPUT_RATE


def _names(command: PlaybackControl, u: Utterance | None) -> bool:
    """Return whether a change of gain is meant for ``u``."""
    if u is None or command.utterance_id not in ('', u.utterance_id):
        return False
    return not command.turn_seq or (command.turn_seq, command.revision) == u.key
