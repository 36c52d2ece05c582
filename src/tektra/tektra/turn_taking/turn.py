"""The open turn, and the messages that speak of turns and of playback."""

from __future__ import annotations

from dataclasses import dataclass, field

from builtin_interfaces.msg import Time
from tektra_msgs.msg import PlaybackControl, TurnState

from tektra.runtime.clock import NS_PER_S
from tektra.turn_taking.endpointing import Evidence, Verdict
from tektra.turn_taking.hearing import Utterance


@dataclass
class OpenTurn:
    """A turn that is not committed yet. Local times in ns, silence in s."""

    turn_id: str
    turn_seq: int
    revision: int
    utterances: list[Utterance] = field(default_factory=list)
    held: bool = False  # push to talk is pressed: silence does not end the turn
    pressed_ns: int = 0
    released: str = ''  # why to commit as soon as the words are final, without a wait
    watched_ns: int = 0  # since when its length is watched; 0: not yet
    asked_ns: int | None = None  # when the final was asked for, in this revision
    asked_silence_s: float = 0.0
    announced: str | None = None  # final text that others may run ahead with, in this revision
    verdict: Verdict | None = None  # about the announced text
    late_final: bool = False  # the wait had passed when the final came: stt was the slower one

    @property
    def speaking(self) -> bool:
        """True while the person speaks."""
        return any(u.voiced for u in self.utterances)

    @property
    def final(self) -> bool:
        """True when every utterance has a final that covers it."""
        return bool(self.utterances) and all(u.is_final for u in self.utterances)

    @property
    def text(self) -> str:
        """Words so far."""
        return ' '.join(text for u in self.utterances if (text := u.new_text))

    @property
    def evidence(self) -> Evidence:
        """What endpointing is to judge."""
        state = heard(self)
        return Evidence(self.text, state.language, state.low_confidence)

    def renew(self, revision: int) -> None:
        """Go on with a new revision: nothing is asked or announced for it."""
        self.revision, self.asked_ns, self.announced = revision, None, None
        self.verdict, self.late_final = None, False

    def stt_latency_s(self) -> float:
        """Return s that stt computed for the newest final."""
        transcript = self.utterances[-1].transcript if self.utterances else None
        return float(transcript.latency_s) if transcript else 0.0


def heard(turn: OpenTurn) -> TurnState:
    """Return a state with all that is known of the turn but session, phase and decision."""
    state = TurnState(
        turn_id=turn.turn_id,
        turn_seq=turn.turn_seq,
        revision=turn.revision,
        source=TurnState.SOURCE_VOICE,
        utterance_ids=[u.utterance_id for u in turn.utterances],
        text=turn.text,
        confidence=-1.0,
    )
    for utterance in turn.utterances:
        if utterance.end_stamp_ns:
            sec, nanosec = divmod(utterance.end_stamp_ns, NS_PER_S)
            state.end_of_speech = Time(sec=sec, nanosec=nanosec)
        said = utterance.transcript
        if said is None or not utterance.new_text:
            continue
        state.language = said.language or state.language
        state.heard_backend = said.backend
        state.person_id, state.person_confidence = said.person_id, said.person_confidence
        state.low_confidence = state.low_confidence or said.low_confidence
        if said.confidence >= 0:
            known = state.confidence >= 0
            state.confidence = min(said.confidence, state.confidence) if known else said.confidence
    return state


class Outbox:
    """Collects what one call of the core sends, in order, under one session."""

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self._messages: list[TurnState | PlaybackControl] = []

    def state(self, state: TurnState, phase: int, decision: str) -> TurnState:
        """Send ``state`` in ``phase``, because of ``decision``; return it."""
        state.session_id, state.phase, state.decision = self.session_id, phase, decision
        self._messages.append(state)
        return state

    def control(
        self,
        command: int,
        reason: str,
        *,
        turn: tuple[int, int] = (0, 0),
        utterance_id: str = '',
        gain: float = 1.0,
    ) -> None:
        """Send a command to playback about ``turn`` (turn_seq, revision); 0: whatever plays."""
        self._messages.append(
            PlaybackControl(
                session_id=self.session_id,
                turn_seq=turn[0],
                revision=turn[1],
                utterance_id=utterance_id,
                command=command,
                gain=gain,
                reason=reason,
            )
        )

    def take(self) -> list[TurnState | PlaybackControl]:
        """Return what was collected, and begin anew."""
        taken, self._messages = self._messages, []
        return taken
