"""One spoken reply, from its request to what was heard of it; announcements are replies too."""

from __future__ import annotations

from dataclasses import dataclass, field

from tektra_msgs.msg import DialogueEvent, DialogueReply, PlaybackClock, TurnState, VisemeTrack

from tektra.dialogue.heard import heard_text
from tektra.runtime.clock import seconds

PIECES_KEPT = 4096  # viseme tracks of one reply; a sentence each


@dataclass
class SpokenReply:
    """What was written, published and heard. ``turn`` is empty (turn_seq 0) for an announcement.

    Local times in ns; samples count in the utterance.
    """

    turn: TurnState
    utterance_id: str
    asked_ns: int
    language: str
    committed: bool = False
    backend: str = ''
    fragments: list[str] = field(default_factory=list)
    complete: bool = False  # all of it is written
    cancelled: bool = False
    facts: dict[str, str] = field(default_factory=dict)  # wait for the commit
    tracks: dict[int, VisemeTrack] = field(default_factory=dict)
    played_samples: int = 0
    sample_rate: int = 0
    playback_over: bool = False  # the playback clock said done or flushed
    played_to_end: bool = False
    interrupted: bool = False
    over_ns: int | None = (
        None  # the turn is over: the playback clock will soon say how far it came
    )

    @property
    def key(self) -> tuple[int, int]:
        """Return (turn_seq, revision)."""
        return self.turn.turn_seq, self.turn.revision

    @property
    def text(self) -> str:
        """All that was written so far."""
        return ''.join(self.fragments)

    @property
    def heard(self) -> str:
        """What was heard so far.

        A reply that was played to its end may still end before its text does: tts says in its last
        track how far it spoke. Without any tracks the whole text was heard then.
        """
        tracks = list(self.tracks.values())
        if self.played_to_end and not tracks:
            return self.text.strip()
        played = self.played_samples
        if self.played_to_end and not self.playback_over:  # turn_taking has seen the end, not we
            played = max(track.end_sample for track in tracks)
        return heard_text(tracks, played, self.text).strip()

    def begin_anew(self, utterance_id: str) -> None:
        """Forget what was written and what has become of it: another responder writes it."""
        self.utterance_id = utterance_id
        self.fragments, self.facts, self.tracks = [], {}, {}
        self.complete = self.cancelled = False
        self.played_samples = 0
        self.playback_over = self.played_to_end = False

    def is_void(self) -> bool:
        """True when nobody wants it any more. May be asked from any thread."""
        return self.cancelled

    def fragment(
        self, text: str, now_ns: int, *, last: bool = False, cancelled: bool = False
    ) -> DialogueReply:
        """Append ``text`` and return the message for it."""
        seq = len(self.fragments)
        self.fragments.append(text)
        self.complete = self.complete or last
        self.cancelled = self.cancelled or cancelled
        return DialogueReply(
            session_id=self.turn.session_id,
            turn_id=self.turn.turn_id,
            turn_seq=self.turn.turn_seq,
            revision=self.turn.revision,
            utterance_id=self.utterance_id,
            seq=seq,
            text=text,
            last=last,
            cancelled=cancelled,
            speculative=not self.committed,
            language=self.language,
            latency_s=max(0.0, seconds(now_ns - self.asked_ns)),
            backend=self.backend,
        )

    def on_visemes(self, track: VisemeTrack) -> None:
        """Keep the word times of one piece."""
        if len(self.tracks) < PIECES_KEPT:
            self.tracks[track.seq] = track

    def on_clock(self, m: PlaybackClock) -> None:
        """Follow the playback clock."""
        self.played_samples = max(self.played_samples, int(m.played_samples))
        self.sample_rate = int(m.sample_rate) or self.sample_rate
        if m.state == PlaybackClock.STATE_DONE:
            self.playback_over = self.played_to_end = True
        elif m.state == PlaybackClock.STATE_FLUSHED:
            self.playback_over = True

    def user_event(self) -> DialogueEvent:
        """Return what the person said, as an entry of the history."""
        turn = self.turn
        return DialogueEvent(
            session_id=turn.session_id,
            turn_id=turn.turn_id,
            turn_seq=turn.turn_seq,
            revision=turn.revision,
            kind=DialogueEvent.KIND_USER_TURN,
            text=turn.text,
            language=turn.language,
            person_id=turn.person_id,
            person_confidence=turn.person_confidence,
            robot=turn.robot,
            backend=turn.heard_backend,
        )

    def heard_event(self) -> DialogueEvent:
        """Return what was heard of it, as an entry of the history."""
        announcement = self.turn.turn_seq == 0
        return DialogueEvent(
            session_id=self.turn.session_id,
            turn_id=self.turn.turn_id,
            turn_seq=self.turn.turn_seq,
            revision=self.turn.revision,
            kind=(
                DialogueEvent.KIND_ANNOUNCEMENT
                if announcement
                else DialogueEvent.KIND_ASSISTANT_TURN
            ),
            utterance_id=self.utterance_id,
            text=self.heard,
            generated_text=self.text,
            interrupted=self.interrupted or (self.playback_over and not self.played_to_end),
            played_s=self.played_samples / self.sample_rate if self.sample_rate else 0.0,
            language=self.language,
            robot=self.turn.robot,
            backend=self.backend,
        )
