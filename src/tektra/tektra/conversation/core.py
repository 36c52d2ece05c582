"""Follows a conversation from its messages: lines for people, the report, and when it is over."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from tektra_msgs.msg import (
    AudioChunk,
    BackendState,
    DialogueReply,
    NodeHeartbeat,
    PlaybackClock,
    SystemState,
    Transcript,
    TurnState,
    VisemeTrack,
)

from tektra.conversation import lines
from tektra.conversation.lines import Kind, Line
from tektra.conversation.roster import ProcessFigures, Roster
from tektra.conversation.turns import OVER, SOUNDING, Reply, Turn
from tektra.runtime.clock import nanoseconds

TOPICS = (  # for ``feed``; audio/mic goes to ``feed_mic``
    'turn/state',
    'speech/transcript',
    'dialogue/reply',
    'audio/speech',
    'speech/visemes',
    'audio/playback_clock',
    'heartbeat',
    'system/backends',
    'system/state',
)
KEPT = 4096  # turns, replies and finals remembered: days of conversation
QUIET_S = 1.0  # nothing has happened for so long after everything was answered
STUCK_S = 10.0  # a committed turn about which nothing comes for so long stays unanswered

Message: TypeAlias = (
    AudioChunk
    | BackendState
    | DialogueReply
    | NodeHeartbeat
    | PlaybackClock
    | SystemState
    | Transcript
    | TurnState
    | VisemeTrack
)

K = TypeVar('K')
V = TypeVar('V')


@dataclass(frozen=True)
class Ending:
    """A conversation is over. ``reason``: why nothing was answered; empty: something was."""

    answered: int
    reason: str
    timed_out: bool = False


class ConversationLog:
    """An observer. Messages come with the ROS time of their receipt (ns), in any order of topics.

    A turn counts as answered when its reply was heard, or read where there is no voice at all.
    """

    def __init__(self) -> None:
        self._turns: OrderedDict[tuple[str, int], Turn] = OrderedDict()
        self._replies: OrderedDict[str, Reply] = OrderedDict()
        self._finals: OrderedDict[str, float] = OrderedDict()  # utterance -> latency of its final
        self._roster = Roster()
        self._session_id = ''  # the newest: an older one's open turn will never be closed
        self._system = 0
        self._sounding: set[str] = set()
        self._noises = 0
        self._mic_chunks = 0
        self._expected_turns = 0
        self._input_ended = False
        self._active_ns = 0

    # ---- what comes in

    def feed(self, m: Message, now_ns: int) -> list[Line]:
        """Take a message of one of ``TOPICS``; return what people should read now."""
        if isinstance(m, NodeHeartbeat):
            again = self._roster.on_heartbeat(m)
            return [Line(Kind.NOTICE, f'{m.node} was restarted')] if again else []
        if isinstance(m, BackendState):
            return [lines.backend(m)] if self._roster.on_backend(m) else []
        if isinstance(m, SystemState):
            return self._on_system(m)
        if isinstance(m, Transcript):
            return self._on_transcript(m, now_ns)
        if isinstance(m, TurnState):
            return self._on_turn(m, now_ns)
        return self._on_reply(m, now_ns)

    def feed_mic(self, m: AudioChunk, now_ns: int) -> None:
        """Take a chunk of ``audio/mic``: whether there is sound at all, and where it ends."""
        self._mic_chunks += 1
        if m.last and not self._input_ended:
            self.input_ended(now_ns)

    def input_ended(self, now_ns: int) -> None:
        """Say that nothing more will be said or typed."""
        self._input_ended = True
        self._active_ns = max(self._active_ns, now_ns)

    def expect_turns(self, count: int) -> None:
        """Say how many turns must be committed before the conversation can be over."""
        self._expected_turns = count

    # ---- what comes out

    @property
    def answered(self) -> bool:
        """True once a reply has been heard."""
        return self._answers() > 0

    def report(
        self,
        figures: Callable[[str], ProcessFigures] = lambda node: ProcessFigures(),
        wall_s: float = 0.0,
    ) -> dict[str, object]:
        """Return what report.json says. ``figures(node)`` is asked for each node's process."""
        return {
            'turns': [self._row(turn) for turn in self._turns.values() if turn.committed],
            'nodes': self._roster.report(figures),
            'drops': self._roster.drops(),
            'wall_s': round(wall_s, 3),
        }

    def ended(self, now_ns: int, deadline_ns: int | None = None) -> Ending | None:
        """Return how the conversation ended, or None while it goes on.

        It is over when the input has ended, no turn is open or unanswered, nothing plays, and
        nothing has happened for ``QUIET_S``; or at ``deadline_ns`` (ROS ns), whatever goes on.
        """
        timed_out = deadline_ns is not None and now_ns >= deadline_ns
        if not timed_out and not self._is_quiet(now_ns):
            return None
        answers = self._answers()
        return Ending(answers, '' if answers else self._why_nothing(), timed_out)

    # ---- messages

    def _on_system(self, m: SystemState) -> list[Line]:
        self._roster.on_system(m)
        changed, self._system = m.state != self._system, int(m.state)
        return [lines.system(m)] if changed else []

    def _on_transcript(self, m: Transcript, now_ns: int) -> list[Line]:
        if m.text:
            self._active_ns = max(self._active_ns, now_ns)
        if not m.is_final:
            return [lines.partial(m)] if m.text else []
        self._finals[m.utterance_id] = float(m.latency_s)
        _keep(self._finals)
        return []

    def _on_turn(self, m: TurnState, now_ns: int) -> list[Line]:
        self._session_id = m.session_id
        if not m.turn_seq or m.phase == TurnState.PHASE_LISTENING:
            return []
        turn = self._turn(m.session_id, int(m.turn_seq))
        turn.on_state(m)
        self._note(turn, now_ns)
        if m.phase == TurnState.PHASE_CANCELLED:
            self._noises += 1
            return [lines.nothing(m)]
        if m.phase != TurnState.PHASE_COMMITTED:
            return []
        reply = self._reply_to(turn)
        return [lines.heard(m), *(self._tell(reply) if reply else [])]

    def _on_reply(
        self, m: AudioChunk | DialogueReply | PlaybackClock | VisemeTrack, now_ns: int
    ) -> list[Line]:
        if not m.utterance_id:
            if isinstance(m, PlaybackClock):  # STATE_IDLE: nothing plays
                self._sounding.clear()
            return []
        reply = self._replies.setdefault(
            m.utterance_id,
            Reply(m.utterance_id, m.session_id, int(m.turn_seq), int(m.revision)),
        )
        _keep(self._replies)
        self._note(self._turns.get((reply.session_id, reply.turn_seq)), now_ns)
        if isinstance(m, DialogueReply):
            reply.on_fragment(m)
        elif isinstance(m, AudioChunk):
            reply.on_speech(m)
        elif isinstance(m, VisemeTrack):
            reply.on_visemes(m)
        else:
            reply.on_clock(m)
            (self._sounding.add if m.state in SOUNDING else self._sounding.discard)(m.utterance_id)
        return self._tell(reply)

    def _tell(self, reply: Reply) -> list[Line]:
        """Return the lines about a reply that are due: its text, its latency, where it was cut."""
        turn = self._turns.get((reply.session_id, reply.turn_seq))
        if reply.turn_seq and (turn is None or self._reply_to(turn) is not reply):
            return []
        told: list[Line] = []
        if not reply.told and reply.text.strip() and (reply.complete or reply.playback in OVER):
            reply.told = True
            told.append(lines.reply(reply))
        spent = turn.stages(reply, self._stt_s(turn)) if turn is not None else None
        if reply.told and spent is not None and not reply.told_latency:
            reply.told_latency = True
            told.append(lines.latency(reply, spent))
        if reply.told and reply.cut and not reply.told_cut:
            reply.told_cut = True
            told.append(lines.cut(reply))
        return told

    # ---- turns

    def _turn(self, session_id: str, turn_seq: int) -> Turn:
        turn = self._turns.setdefault((session_id, turn_seq), Turn(session_id, turn_seq))
        _keep(self._turns)
        return turn

    def _note(self, turn: Turn | None, now_ns: int) -> None:
        self._active_ns = max(self._active_ns, now_ns)
        if turn is not None:
            turn.progress_ns = max(turn.progress_ns, now_ns)

    def _reply_to(self, turn: Turn) -> Reply | None:
        """Return the reply to the committed words: the one that was heard, or the newest."""
        if turn.committed is None:
            return None
        key = (turn.session_id, turn.turn_seq, int(turn.committed.revision))
        found = [
            r for r in self._replies.values() if (r.session_id, r.turn_seq, r.revision) == key
        ]
        heard = [r for r in found if r.first_heard_ns is not None]
        wanted = heard or [r for r in found if not r.cancelled] or found
        return wanted[-1] if wanted else None

    def _stt_s(self, turn: Turn) -> float:
        """Return the compute time of the last final that was used."""
        ids = turn.committed.utterance_ids if turn.committed else []
        return next((self._finals[id] for id in reversed(ids) if id in self._finals), 0.0)

    def _row(self, turn: Turn) -> dict[str, object]:
        state, reply = turn.committed, self._reply_to(turn)
        assert state is not None
        spent = turn.stages(reply, self._stt_s(turn))
        names = ('endpoint', 'stt', 'dialogue', 'tts', 'graph', 'total')
        return {
            'session_id': turn.session_id,
            'turn_id': turn.turn_id,
            'turn_seq': turn.turn_seq,
            'heard': state.text,
            'heard_backend': state.heard_backend,
            'reply': reply.heard if reply else '',
            'reply_text': reply.text.strip() if reply else '',
            'reply_backend': reply.backend if reply else '',
            'interrupted': turn.interrupted or bool(reply and reply.cut),
            'played_s': round(reply.played_s, 3) if reply else 0.0,
            'decision': state.decision,
            'latency_ms': spent.milliseconds() if spent else dict.fromkeys(names),
        }

    # ---- the end

    def _is_quiet(self, now_ns: int) -> bool:
        committed = [turn for turn in self._turns.values() if turn.committed]
        return (
            self._input_ended
            and len(committed) >= self._expected_turns
            and now_ns - self._active_ns >= nanoseconds(QUIET_S)
            and not self._sounding
            and not any(t.open and t.session_id == self._session_id for t in self._turns.values())
            and all(self._is_settled(turn, now_ns) for turn in committed)
        )

    def _is_settled(self, turn: Turn, now_ns: int) -> bool:
        if turn.closed or now_ns - turn.progress_ns >= nanoseconds(STUCK_S):
            return True
        reply = self._reply_to(turn)
        if reply is None:
            return False
        unheard = reply.complete and (not reply.text.strip() or self._roster.without('tts') != '')
        return reply.playback in OVER or unheard

    def _answers(self) -> int:
        return sum(self._is_answered(turn) for turn in self._turns.values())

    def _is_answered(self, turn: Turn) -> bool:
        reply = self._reply_to(turn)
        if reply is None:
            return False
        read = reply.complete and bool(reply.text.strip()) and self._roster.without('tts') != ''
        return reply.first_heard_ns is not None or read

    def _why_nothing(self) -> str:
        committed = [turn for turn in self._turns.values() if turn.committed]
        if not committed:
            if not self._mic_chunks and not self._expected_turns:
                why = self._roster.without('audio_capture') or self._roster.trouble(
                    'audio_capture'
                )
                return f'no audio: {why or "audio_capture has sent none"}'
            if why := self._roster.without('stt'):
                return f'heard nothing: no speech recognition: {why}'
            sounds = 'sound' if self._noises == 1 else 'sounds'
            noises = f' ({self._noises} {sounds} without words)' if self._noises else ''
            return f'heard nothing{noises}'
        replies = [self._reply_to(turn) for turn in committed]
        if not any(reply and reply.text.strip() for reply in replies):
            why = self._roster.without('dialogue') or self._roster.trouble('dialogue')
            return f'heard words but got no reply{f": {why}" if why else ""}'
        why = self._roster.trouble('tts') or self._roster.trouble('audio_playback')
        return f'replied, but nothing was played{f": {why}" if why else ""}'


def _keep(entries: OrderedDict[K, V]) -> None:
    while len(entries) > KEPT:
        entries.popitem(last=False)
