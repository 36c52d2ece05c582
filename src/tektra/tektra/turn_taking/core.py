"""The owner of the turn: from speech, typed lines and the playback clock to turn states."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from tektra_msgs.msg import (
    PlaybackClock,
    PlaybackControl,
    TextInput,
    Transcript,
    TurnState,
    VoiceActivity,
)
from tektra_msgs.srv import PushToTalk

from tektra.runtime.clock import seconds
from tektra.runtime.ids import new_id as runtime_new_id
from tektra.turn_taking.barge_in import BargeIn, BargeInRules, Judgement
from tektra.turn_taking.endpointing import make_endpointing
from tektra.turn_taking.floor import Floor
from tektra.turn_taking.hearing import MicClock, Owner, Utterance, Utterances
from tektra.turn_taking.params import TurnTakingParams
from tektra.turn_taking.replies import Change, Reply
from tektra.turn_taking.turn import OpenTurn, heard
from tektra.turn_taking.words import phrases

Outputs = list[TurnState | PlaybackControl]

LINES_KEPT = 256  # ids of typed lines remembered, so that a repeated one is not a second turn


class TurnTakingCore:
    """One conversation. Methods take local time in ns and return messages to publish, in order.

    Speech while a reply is due is a barge-in until it shows words; then it ends the reply and is
    the next turn. A person who goes on after the commit is a barge-in as well: if nothing of the
    reply was heard yet, the words before and after the commit are one text again, otherwise only
    the new words are the next turn.

    A probe, EAGER_END with turn_seq 0, asks stt for the words of a barge-in that has paused; no
    turn is open.
    """

    _barge_in: BargeIn | None

    def __init__(
        self, params: TurnTakingParams, *, new_id: Callable[[], str] = runtime_new_id
    ) -> None:
        self._params = params
        self._new_id = new_id
        self._rules = BargeInRules(
            params.language,
            params.min_words,
            phrases(*params.backchannels),
            phrases(*params.stop_phrases),
        )
        self._begin_session()

    # ---- events ---------------------------------------------------------------------------------

    @property
    def session_id(self) -> str:
        """The conversation."""
        return self._floor.out.session_id

    @property
    def pending(self) -> bool:
        """True while ``tick`` may have something to do: call it every 20 ms or so."""
        return bool(self._floor.turn or self._barge_in or self._floor.replies.due)

    def start(self, now_ns: int) -> Outputs:
        """Begin a new session."""
        self._begin_session()
        self._floor.listen('a new session')
        return self._floor.out.take()

    def stop(self, now_ns: int) -> Outputs:
        """End what is open: an uncommitted turn is cancelled, a reply is cut."""
        self._floor.cancel('turn_taking stops', Owner.DROPPED)
        self._floor.cut_reply('turn_taking stops')
        self._barge_in = None
        return self._floor.out.take()

    def on_vad(self, m: VoiceActivity, now_ns: int) -> Outputs:
        """Take one decision of vad."""
        self._mic.on_vad(m, now_ns)
        for left in self._utterances.left_open(m.utterance_id):
            self._close(left, now_ns)  # vad has one at a time: this one's vad was restarted
        if m.utterance_id:
            utterance = self._utterances.get(m.utterance_id)
            if utterance is None:
                self._meet(m, now_ns)
            elif not utterance.by_hand:
                self._follow(utterance, m, now_ns)
        return self._done(now_ns)

    def on_transcript(self, m: Transcript, now_ns: int) -> Outputs:
        """Take a partial or final transcript."""
        utterance = self._utterances.get(m.utterance_id) or self._meet_words(m)
        if utterance is None or not utterance.on_transcript(m, now_ns):
            return []
        if utterance.owner is Owner.TURN and utterance.new_text and self._floor.replies.due:
            self._floor.cut_reply('someone speaks')  # an announcement that began meanwhile
        elif utterance.owner is Owner.BARGE_IN:
            self._judge()
        elif utterance.owner is Owner.NOBODY:
            self._take_late_words(utterance, now_ns)
        return self._done(now_ns)

    def on_text(self, m: TextInput, now_ns: int) -> Outputs:
        """Take a typed line: a turn at once. Blank lines and repeated ids are ignored."""
        if not m.text.strip() or (m.input_id and m.input_id in self._lines):
            return []
        self._lines.append(m.input_id)
        self._make_room_for_typed(now_ns)
        state = heard(self._floor.open([]))
        state.source, state.text, state.heard_backend = TurnState.SOURCE_TEXT, m.text, 'text'
        state.confidence, state.language = 1.0, m.language or self._params.language
        state.person_id, state.robot = m.person_id, m.robot
        state.person_confidence = 1.0 if m.person_id else 0.0
        self._floor.commit(state, 'typed line', 0.0, now_ns)
        return self._done(now_ns)

    def on_playback(self, m: PlaybackClock, now_ns: int) -> Outputs:
        """Take the playback clock."""
        change = self._floor.replies.on_clock(m, now_ns)
        if change is Change.STARTED:
            self._duck()
        elif change is Change.DONE:
            self._floor.finish_reply(TurnState.PHASE_REPLIED, 'played to its end')
        elif change is Change.CUT:
            self._floor.finish_reply(TurnState.PHASE_INTERRUPTED, 'playback was flushed')
        elif change is Change.LOST:
            self._floor.finish_reply(TurnState.PHASE_INTERRUPTED, 'playback forgot the reply')
        return self._floor.out.take()

    def push_to_talk(self, action: int, now_ns: int) -> tuple[PushToTalk.Response, Outputs]:
        """Take or give back the turn by hand; ``action`` is of the PushToTalk service."""
        request, turn = PushToTalk.Request, self._floor.turn
        answer = PushToTalk.Response(success=True)
        if action == request.ACTION_PRESS:
            turn = self._press(now_ns)
        elif action not in (request.ACTION_RELEASE, request.ACTION_CANCEL):
            answer.success = False
            answer.message = f'action = {action} is not PRESS (1), RELEASE (2) or CANCEL (3)'
        elif turn is None or not turn.held:
            answer.success = False
            answer.message = 'push to talk is not pressed; press it first'
        elif action == request.ACTION_RELEASE:
            self._release(turn, 'push to talk: released', now_ns)
        else:
            self._floor.cancel('push to talk: thrown away', Owner.DROPPED)
        if turn is not None:
            answer.turn_id, answer.turn_seq = turn.turn_id, turn.turn_seq
        return answer, self._done(now_ns)

    def tick(self, now_ns: int) -> Outputs:
        """Let waits end: commits, guards against what never comes."""
        if self._floor.turn is not None:
            self._guard_turn(self._floor.turn, now_ns)
        if self._barge_in is not None:
            self._guard_barge_in(self._barge_in, now_ns)
        self._floor.guard(self._params, now_ns)
        return self._done(now_ns)

    def _begin_session(self) -> None:
        self._floor = Floor(make_endpointing(self._params), self._new_id)
        self._utterances = Utterances()
        self._mic = MicClock()
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._barge_in = None

    def _done(self, now_ns: int) -> Outputs:
        turn = self._floor.turn
        if turn is not None and turn.utterances:
            self._floor.advance(self._mic.silence_s(turn.utterances[-1], now_ns), now_ns)
        return self._floor.out.take()

    # ---- utterances -----------------------------------------------------------------------------

    def _meet(self, m: VoiceActivity, now_ns: int) -> None:
        """An utterance that is new here: at its start, or in its middle if this node came late."""
        begins = m.event in (VoiceActivity.EVENT_START, VoiceActivity.EVENT_RESUME)
        if begins or (m.event == VoiceActivity.EVENT_NONE and m.speaking):
            utterance = self._utterances.add(m.utterance_id)
            utterance.on_vad(m, now_ns)
            utterance.voiced = utterance.open = True
            self._admit(utterance, 'speech began')

    def _meet_words(self, m: Transcript) -> Utterance | None:
        """Words without voice activity: finals count, and so does 'stop' over a reply."""
        stops = self._floor.replies.due and (
            self._rules.judge(m.text, m.language, final=False, doubtful=True)[0]
            is Judgement.INTERRUPT
        )
        if not m.text.strip() or not (m.is_final or stops):
            return None
        return self._utterances.add(m.utterance_id)

    def _admit(self, utterance: Utterance, why: str) -> None:
        """Give speech its place: the open turn, a barge-in, or a new turn."""
        turn = self._floor.turn
        if turn is not None:
            utterance.owner = Owner.TURN
            turn.utterances.append(utterance)
            self._floor.reopen(turn, 'a further utterance')
        elif self._barge_in is not None or self._floor.replies.due:
            utterance.owner = Owner.BARGE_IN
            self._barge_in = self._barge_in or BargeIn()
            self._barge_in.utterances.append(utterance)
            self._duck()
        else:
            self._floor.open_speaking([utterance], why)

    def _follow(self, utterance: Utterance, m: VoiceActivity, now_ns: int) -> None:
        """Vad goes on about a known utterance."""
        was_voiced, was_quiet_from = utterance.voiced, utterance.end_sample
        utterance.on_vad(m, now_ns)
        if m.event == VoiceActivity.EVENT_RESUME and not was_voiced:
            pause = max(0, int(m.first_sample) - was_quiet_from) / max(1, m.sample_rate)
            self._resume(utterance, f'speech went on after {pause * 1000:.0f} ms')
        elif m.event == VoiceActivity.EVENT_ABORT:
            self._abort(utterance)
        elif was_voiced and not utterance.voiced and utterance.owner is Owner.BARGE_IN:
            self._probe()
        elif m.event == VoiceActivity.EVENT_END and utterance.owner is Owner.TURN:
            turn = self._floor.turn
            if turn is not None and turn.asked_ns is not None:
                turn.asked_ns = now_ns  # stt takes the end as a request of its own

    def _close(self, utterance: Utterance, now_ns: int) -> None:
        """Vad will not end this utterance."""
        was_voiced = utterance.voiced
        utterance.close(now_ns)
        if was_voiced and utterance.owner is Owner.BARGE_IN:
            self._probe()

    def _resume(self, utterance: Utterance, why: str) -> None:
        """The person goes on within the same utterance."""
        turn = self._floor.turn
        if utterance.owner is Owner.TURN and turn is not None:
            self._floor.reopen(turn, why)
        elif utterance.owner in (Owner.TAKEN, Owner.DROPPED, Owner.NOBODY):
            utterance.skip = '' if utterance.owner is Owner.NOBODY else utterance.text
            self._admit(utterance, why)

    def _abort(self, utterance: Utterance) -> None:
        """Vad has taken the utterance back."""
        owner, utterance.owner = utterance.owner, Owner.DROPPED
        why = 'vad took the speech back: too short, or the audio stopped'
        turn = self._floor.turn
        if owner is Owner.TURN and turn is not None:
            turn.utterances.remove(utterance)
            if not turn.utterances and not turn.held:
                self._floor.cancel(why, Owner.DROPPED)
        elif owner is Owner.BARGE_IN and self._barge_in is not None:
            self._barge_in.utterances.remove(utterance)
            if not self._barge_in.utterances:
                self._let_go(why, Owner.DROPPED)

    def _take_late_words(self, utterance: Utterance, now_ns: int) -> None:
        """Words that no turn waits for: vad missed the speech, or the wait for them is over."""
        if self._floor.turn is not None:
            utterance.owner = Owner.DROPPED
        elif self._floor.replies.due:
            self._admit(utterance, '')
            self._judge()
        elif utterance.is_final and utterance.new_text:
            without_vad = 'a final transcript without voice activity'
            why = 'a late final transcript' if utterance.sample_rate else without_vad
            self._floor.commit(heard(self._floor.open([utterance])), why, 0.0, now_ns)

    # ---- typed lines and push to talk -----------------------------------------------------------

    def _make_room_for_typed(self, now_ns: int) -> None:
        """End what a typed line interrupts without losing a word of what is being said."""
        why, turn = 'a typed line came', self._floor.turn
        if turn is not None and turn.announced is not None and not turn.speaking:
            self._floor.commit(heard(turn), why, turn.asked_silence_s, now_ns)
        elif turn is not None:
            going_on = turn.utterances
            self._floor.cancel(f'{why}; what is being said may interrupt it', Owner.BARGE_IN)
            self._barge_in = BargeIn(going_on) if going_on else None
        self._floor.cut_reply(why)

    def _press(self, now_ns: int) -> OpenTurn:
        turn, why = self._floor.turn, 'push to talk'
        if turn is not None and turn.held:
            return turn
        taken = self._barge_in.utterances if self._barge_in else []
        self._barge_in = None
        self._floor.cut_reply(why)
        if turn is None:
            turn = self._floor.open_speaking(taken, why)
        else:
            self._floor.reopen(turn, why)
        turn.held, turn.released, turn.pressed_ns = True, '', now_ns
        return turn

    def _release(self, turn: OpenTurn, why: str, now_ns: int) -> None:
        turn.held, turn.released, turn.watched_ns = False, why, now_ns
        for utterance in turn.utterances:
            utterance.close(now_ns, by_hand=True)
        if not turn.utterances:
            self._floor.cancel('push to talk: nothing was heard', Owner.DROPPED)

    # ---- barge-in -------------------------------------------------------------------------------

    def _duck(self) -> None:
        barge_in = self._barge_in
        if barge_in is not None and self._floor.replies.audible:
            barge_in.ducked = True
            gain = self._params.duck_gain
            self._floor.out.control(PlaybackControl.COMMAND_DUCK, 'someone speaks', gain=gain)

    def _probe(self) -> None:
        """Ask stt for the words of a barge-in that has paused. No turn is open: turn_seq is 0."""
        if self._barge_in is not None:
            state = heard(OpenTurn('', 0, 0, self._barge_in.utterances))
            self._floor.out.state(state, TurnState.PHASE_EAGER_END, 'barge-in: what was said?')

    def _judge(self) -> None:
        if self._barge_in is None:
            return
        judgement, why = self._barge_in.judge(self._rules)
        spoken = any(u.new_text for u in self._barge_in.utterances)
        if judgement is Judgement.INTERRUPT:
            self._interrupt(self._barge_in.utterances, why)
        elif judgement is Judgement.IGNORE and spoken and not self._floor.replies.due:
            self._interrupt(self._barge_in.utterances, f'{why}, after the reply: an answer')
        elif judgement is Judgement.IGNORE:
            self._let_go(why, Owner.DROPPED)

    def _interrupt(self, utterances: list[Utterance], why: str) -> None:
        """Words over a reply: it is cut, and they are the next turn."""
        self._barge_in = None
        reply = self._floor.replies.reply
        if reply is not None and not reply.started:
            utterances = self._joined(reply, utterances)
        self._floor.cut_reply(why)
        self._floor.open_speaking(utterances, why)

    def _joined(self, reply: Reply, utterances: list[Utterance]) -> list[Utterance]:
        """Return ``utterances`` with the rest of the turn that they go on with, if they do."""
        earlier = list(reply.turn.utterance_ids)
        if not any(u.utterance_id in earlier for u in utterances):
            return utterances
        new = {u.utterance_id for u in utterances}
        known = [self._utterances.get(i) for i in earlier if i not in new]
        joined = [u for u in known if u is not None] + utterances
        for utterance in joined:
            utterance.skip = ''
        return joined

    def _let_go(self, why: str, owner: Owner) -> None:
        """Speech over a reply was nothing: the reply goes on."""
        barge_in, self._barge_in = self._barge_in, None
        if barge_in is None:
            return
        for utterance in barge_in.utterances:
            utterance.owner = owner
        if barge_in.ducked:
            self._floor.out.control(PlaybackControl.COMMAND_UNDUCK, why)

    # ---- guards: nothing is waited for without end ----------------------------------------------

    def _guard_turn(self, turn: OpenTurn, now_ns: int) -> None:
        p = self._params
        if turn.held and seconds(now_ns - turn.pressed_ns) > p.push_to_talk_limit_s:
            self._release(turn, 'push to talk: held too long', now_ns)
            return
        turn.watched_ns = turn.watched_ns or now_ns
        if not turn.held and seconds(now_ns - turn.watched_ns) > p.longest_turn_s:
            self._release(turn, f'speech without an end for {p.longest_turn_s:g} s', now_ns)
            return
        if seconds(now_ns - self._mic.heard_ns) > p.vad_gone_s:
            for utterance in turn.utterances:
                utterance.close(now_ns)
        waits = turn.asked_ns is not None and not turn.final and not turn.held
        if waits and seconds(now_ns - (turn.asked_ns or 0)) > p.final_timeout_s:
            why = f'no final transcript within {p.final_timeout_s:g} s of asking: is stt running?'
            self._floor.cancel(why, Owner.NOBODY)

    def _guard_barge_in(self, barge_in: BargeIn, now_ns: int) -> None:
        p = self._params
        if seconds(now_ns - self._mic.heard_ns) > p.vad_gone_s:
            for utterance in barge_in.utterances:
                self._close(utterance, now_ns)
        if barge_in.silent_for_s(self._mic, now_ns) >= p.resume_after_s:
            self._let_go(f'no words within {p.resume_after_s:g} s', Owner.NOBODY)
        barge_in.watched_ns = barge_in.watched_ns or now_ns
        if seconds(now_ns - barge_in.watched_ns) > p.longest_turn_s:
            self._let_go(f'no words in {p.longest_turn_s:g} s of sound', Owner.NOBODY)
