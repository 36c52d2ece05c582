"""The floor: the open turn, the reply that is due, and what is published about them."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

from tektra_msgs.msg import PlaybackControl, TurnState

from tektra.runtime.clock import seconds
from tektra.turn_taking.endpointing import Endpointing
from tektra.turn_taking.hearing import Owner, Utterance
from tektra.turn_taking.params import TurnTakingParams
from tektra.turn_taking.replies import Replies, Reply
from tektra.turn_taking.tracker import TurnTracker
from tektra.turn_taking.turn import OpenTurn, Outbox, heard

HELD_S = 0.3  # a released reply that is queued this long without a sound is released again


class Floor:
    """One session. Either ``turn`` is open, or ``replies.reply`` is due, or neither: never both.

    Messages collect in ``out``; silence is in s since the end of speech.
    """

    def __init__(self, endpointing: Endpointing, new_id: Callable[[], str]) -> None:
        self._endpointing = endpointing
        self._new_id = new_id
        self._tracker = TurnTracker()
        self.out = Outbox(new_id())
        self.replies = Replies(self.out.session_id)
        self.turn: OpenTurn | None = None

    def listen(self, why: str) -> None:
        """Say that no turn is open. The order stays that of the newest turn."""
        seq, revision = self._tracker.newest
        state = TurnState(turn_seq=seq, revision=revision, confidence=-1.0)
        self.out.state(state, TurnState.PHASE_LISTENING, why)

    # ---- the open turn --------------------------------------------------------------------------

    def open(self, utterances: list[Utterance]) -> OpenTurn:
        """Begin the next turn with ``utterances``. Says nothing yet."""
        seq, revision = self._tracker.open()
        for utterance in utterances:
            utterance.owner = Owner.TURN
        self.turn = OpenTurn(self._new_id(), seq, revision, utterances)
        return self.turn

    def open_speaking(self, utterances: list[Utterance], why: str) -> OpenTurn:
        """Begin the next turn with a person who speaks."""
        turn = self.open(utterances)
        self.out.state(heard(turn), TurnState.PHASE_USER_SPEAKING, why)
        return turn

    def advance(self, silence_s: float, now_ns: int) -> None:
        """Ask for the final, announce it, commit: as far as the turn has come."""
        turn = self.turn
        if turn is None or turn.speaking or turn.held or not turn.utterances:
            return
        if turn.asked_ns is None and not turn.final:
            turn.asked_ns, turn.asked_silence_s = now_ns, 0.0 if turn.released else silence_s
            why = turn.released or f'{silence_s * 1000:.0f} ms of silence'
            self.out.state(heard(turn), TurnState.PHASE_EAGER_END, why)
        if not turn.final:
            return
        if not turn.text:
            rejected = [u.transcript.reject_reason for u in turn.utterances if u.transcript]
            why = next((reason for reason in rejected if reason), 'no words')
            self.cancel(f'nothing was said: {why}', Owner.DROPPED)
            return
        if turn.announced != turn.text:
            self._announce(turn, silence_s)
        self._commit_if_due(turn, silence_s, now_ns)

    def commit(self, state: TurnState, decision: str, wait_s: float, now_ns: int) -> None:
        """The turn is the person's; the reply to exactly this revision may be heard."""
        turn, key = self.turn, (state.turn_seq, state.revision)
        if turn is None or not self._tracker.commit(*key):
            return
        state.text_final, state.wait_s = True, wait_s
        for utterance in turn.utterances:
            utterance.owner = Owner.TAKEN
        self.turn = None
        self.out.state(state, TurnState.PHASE_COMMITTED, decision)
        self.out.control(PlaybackControl.COMMAND_PLAY, decision, turn=key)
        self.replies.reply = Reply(state, now_ns)

    def reopen(self, turn: OpenTurn, why: str) -> None:
        """The person goes on before the commit: what ran ahead is void."""
        if turn.asked_ns is None and turn.announced is None:
            return
        self._revise(turn, why)
        self.out.state(heard(turn), TurnState.PHASE_REOPENED, why)

    def cancel(self, why: str, owner: Owner) -> None:
        """The open turn comes to nothing; its utterances go to ``owner``."""
        turn, self.turn = self.turn, None
        if turn is None or not self._tracker.void(turn.turn_seq):
            return
        if turn.announced is not None:
            self._void_speech(turn, why)
        self.out.state(heard(turn), TurnState.PHASE_CANCELLED, why)
        for utterance in turn.utterances:
            utterance.owner = owner
        self.listen('')

    def _announce(self, turn: OpenTurn, silence_s: float) -> None:
        """The final words are there: others may run ahead with them."""
        if turn.announced is not None:
            self._revise(turn, 'the words have changed')
        turn.verdict = self._endpointing.wait_s(turn.evidence)
        turn.announced = turn.text
        turn.late_final = bool(turn.released) or silence_s >= turn.verdict.wait_s
        state = heard(turn)
        state.text_final = True
        self.out.state(state, TurnState.PHASE_EAGER_END, turn.verdict.after(silence_s))

    def _commit_if_due(self, turn: OpenTurn, silence_s: float, now_ns: int) -> None:
        """Commit when the wait is over.

        ``wait_s`` plus the latency of stt is the time since the end of speech: silence in which
        stt computes anyway is counted as stt's.
        """
        if turn.released:
            self.commit(heard(turn), turn.released, 0.0, now_ns)
        elif turn.verdict is not None and silence_s >= turn.verdict.wait_s:
            wait = turn.asked_silence_s
            if not turn.late_final or turn.asked_ns is None:
                wait = max(wait, silence_s - turn.stt_latency_s())
            self.commit(heard(turn), turn.verdict.after(silence_s), wait, now_ns)

    def _revise(self, turn: OpenTurn, why: str) -> None:
        if turn.announced is not None:
            self._void_speech(turn, why)
        turn.renew(self._tracker.revise())

    def _void_speech(self, turn: OpenTurn, why: str) -> None:
        key = (turn.turn_seq, turn.revision)
        self.out.control(PlaybackControl.COMMAND_CANCEL, why, turn=key)

    # ---- the reply ------------------------------------------------------------------------------

    def cut_reply(self, why: str) -> None:
        """Flush whatever is heard or about to be heard."""
        reply, self.replies.reply = self.replies.reply, None
        flush = PlaybackControl.COMMAND_FLUSH
        if reply is not None:
            self.out.control(flush, why, turn=reply.key)
        if self.replies.announcement:
            cut = self.replies.cut_announcement()
            self.out.control(flush, why, utterance_id=cut)
        if reply is not None:
            self.out.state(copy(reply.turn), TurnState.PHASE_INTERRUPTED, why)

    def finish_reply(self, phase: int, why: str) -> None:
        """The reply is over without our doing; ``phase`` says how."""
        reply, self.replies.reply = self.replies.reply, None
        if reply is not None:
            self.out.state(copy(reply.turn), phase, why)
            self.listen('')

    def give_up_reply(self, why: str) -> None:
        """Wait for the reply no longer, and let nobody hear it later."""
        reply, self.replies.reply = self.replies.reply, None
        if reply is not None:
            self.out.control(PlaybackControl.COMMAND_FLUSH, why, turn=reply.key)
            self.out.state(copy(reply.turn), TurnState.PHASE_INTERRUPTED, why)
            self.listen(why)

    def guard(self, p: TurnTakingParams, now_ns: int) -> None:
        """Give up what is never heard, and what playback speaks of no more."""
        self.replies.guard_announcement(p.playback_gone_s, now_ns)
        reply = self.replies.reply
        if reply is None:
            return
        if not reply.started:
            if seconds(now_ns - reply.committed_ns) > p.reply_timeout_s:
                self.give_up_reply(f'no reply was heard within {p.reply_timeout_s:g} s')
                return
        elif not reply.paused and seconds(now_ns - reply.clock_ns) > p.playback_gone_s:
            why = f'no playback clock for {p.playback_gone_s:g} s: is audio_playback running?'
            self.give_up_reply(why)
            return
        if reply.queued_ns is not None and seconds(now_ns - reply.queued_ns) > HELD_S:
            reply.queued_ns = None
            why = 'released again: it waits in a playback that may have missed the commit'
            self.out.control(PlaybackControl.COMMAND_PLAY, why, turn=reply.key)
