"""What is known of each turn and of each spoken reply, gathered from messages in any order."""

from __future__ import annotations

from dataclasses import dataclass, field

from tektra_msgs.msg import AudioChunk, DialogueReply, PlaybackClock, TurnState, VisemeTrack

from tektra.conversation.latency import Stages, Timeline, stages
from tektra.dialogue.heard import heard_text
from tektra.runtime.clock import NS_PER_S

SOUNDING = (
    PlaybackClock.STATE_PLAYING,
    PlaybackClock.STATE_DUCKED,
    PlaybackClock.STATE_PAUSED,
    PlaybackClock.STATE_UNDERRUN,
)
OVER = (PlaybackClock.STATE_DONE, PlaybackClock.STATE_FLUSHED)
OPEN = (
    TurnState.PHASE_USER_SPEAKING,
    TurnState.PHASE_EAGER_END,
    TurnState.PHASE_REOPENED,
)


def stamp_ns(stamp: object) -> int:
    """Return a ``builtin_interfaces/Time`` in ns; 0: unset."""
    return int(stamp.sec) * NS_PER_S + int(stamp.nanosec)  # type: ignore[attr-defined]


@dataclass
class Reply:
    """One spoken reply or announcement. Times in ROS ns, samples of the utterance."""

    utterance_id: str
    session_id: str
    turn_seq: int
    revision: int
    backend: str = ''
    latency_s: float = 0.0
    complete: bool = False
    cancelled: bool = False
    first_fragment_ns: int | None = None
    first_speech_ns: int | None = None
    first_heard_ns: int | None = None
    playback: int = PlaybackClock.STATE_UNKNOWN
    played_samples: int = 0
    sample_rate: int = 0
    told: bool = False  # its line was printed
    told_latency: bool = False
    told_cut: bool = False
    _fragments: dict[int, str] = field(default_factory=dict)
    _tracks: dict[int, VisemeTrack] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All that was written so far."""
        return ''.join(self._fragments[seq] for seq in sorted(self._fragments))

    @property
    def heard(self) -> str:
        """What of it was heard so far."""
        if self.playback == PlaybackClock.STATE_DONE:
            return self.text.strip()
        return heard_text(list(self._tracks.values()), self.played_samples, self.text)

    @property
    def played_s(self) -> float:
        """Return the s of it that were heard."""
        return self.played_samples / self.sample_rate if self.sample_rate else 0.0

    @property
    def cut(self) -> bool:
        """True when playback ended before the reply did."""
        return self.playback == PlaybackClock.STATE_FLUSHED and self.first_heard_ns is not None

    def on_fragment(self, m: DialogueReply) -> None:
        """Add a fragment of text."""
        if m.text and self.first_fragment_ns is None:
            self.first_fragment_ns, self.latency_s = stamp_ns(m.header.stamp), float(m.latency_s)
        self._fragments[int(m.seq)] = m.text
        self.backend = m.backend or self.backend
        self.complete = self.complete or m.last
        self.cancelled = self.cancelled or m.cancelled

    def on_speech(self, m: AudioChunk) -> None:
        """Note when the first samples were there."""
        if self.first_speech_ns is None and len(m.data):
            self.first_speech_ns = stamp_ns(m.header.stamp)

    def on_visemes(self, m: VisemeTrack) -> None:
        """Keep the word times of one piece."""
        self._tracks[int(m.seq)] = m

    def on_clock(self, m: PlaybackClock) -> None:
        """Follow the playback clock."""
        self.playback = int(m.state)
        self.played_samples = max(self.played_samples, int(m.played_samples))
        self.sample_rate = int(m.sample_rate) or self.sample_rate
        if self.first_heard_ns is None:
            self.first_heard_ns = stamp_ns(m.first_sample_time) or None


@dataclass
class Turn:
    """One turn of a session. ``committed`` is the state that made it the person's."""

    session_id: str
    turn_seq: int
    turn_id: str = ''
    phase: int = TurnState.PHASE_UNKNOWN
    committed: TurnState | None = None
    interrupted: bool = False
    progress_ns: int = 0  # receipt of the newest message about it

    def on_state(self, m: TurnState) -> None:
        """Follow turn_taking."""
        self.phase, self.turn_id = int(m.phase), m.turn_id or self.turn_id
        if m.phase == TurnState.PHASE_COMMITTED:
            self.committed = m
        self.interrupted = self.interrupted or m.phase == TurnState.PHASE_INTERRUPTED

    @property
    def open(self) -> bool:
        """True while the person may go on."""
        return self.phase in OPEN

    @property
    def closed(self) -> bool:
        """True when turn_taking has nothing more to say about it."""
        return self.phase in (
            TurnState.PHASE_CANCELLED,
            TurnState.PHASE_INTERRUPTED,
            TurnState.PHASE_REPLIED,
        )

    def stages(self, reply: Reply | None, stt_s: float) -> Stages | None:
        """Return where the time went; None until the reply is heard."""
        state = self.committed
        if state is None or reply is None or reply.first_heard_ns is None:
            return None
        typed = state.source == TurnState.SOURCE_TEXT
        timeline = Timeline(
            commit_ns=stamp_ns(state.header.stamp),
            first_played_ns=reply.first_heard_ns,
            end_of_speech_ns=None if typed else stamp_ns(state.end_of_speech) or None,
            wait_s=float(state.wait_s),
            stt_s=stt_s,
            dialogue_s=reply.latency_s,
            first_fragment_ns=reply.first_fragment_ns,
            first_speech_ns=reply.first_speech_ns,
        )
        return stages(timeline)
