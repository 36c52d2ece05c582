"""Dialogue: one reply for each turn, history of what was heard, announcements of what is lost."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tektra_msgs.msg import (
    DialogueEvent,
    DialogueReply,
    PlaybackClock,
    SystemState,
    TurnState,
    VisemeTrack,
)

from tektra.dialogue.announcements import SenseWatch
from tektra.dialogue.backend import Line, Remember, ReplyPart, ReplyRequest
from tektra.dialogue.params import DialogueParams
from tektra.dialogue.phrases import table_for
from tektra.dialogue.reply import SpokenReply
from tektra.runtime.clock import seconds
from tektra.runtime.ids import new_id as runtime_new_id

SETTLE_S = 0.5  # after a turn is over: wait so long for the playback clock's last word about it
REPLIES_KEPT = 64
SESSIONS_KEPT = 16


@dataclass(frozen=True)
class Task:
    """A reply to be written; what comes of it goes to ``on_start``, ``on_part``, ``on_end``."""

    request: ReplyRequest
    reply: SpokenReply


Outputs = list[DialogueReply | DialogueEvent | Task]


class DialogueCore:
    """Follows turns in order of (turn_seq, revision) within the newest session.

    ``wall`` is the local wall clock, for answers about time and date only. All other times are
    local ns. A reply that is written before the commit changes nothing here until its turn is
    committed.
    """

    def __init__(
        self,
        params: DialogueParams,
        *,
        wall: Callable[[], datetime],
        new_id: Callable[[], str] = runtime_new_id,
        own_name: str = 'dialogue',
    ) -> None:
        self._params = params
        self._wall = wall
        self._new_id = new_id
        self._watch = SenseWatch(own_name, params.announce_lost_after_s, params.announce_gap_s)
        self.session_id = ''
        self._old_sessions: deque[str] = deque(maxlen=SESSIONS_KEPT)
        self._out: Outputs = []
        self._announcements: OrderedDict[str, SpokenReply] = OrderedDict()
        self._forget()

    @property
    def pending(self) -> bool:
        """True while ``tick`` may have something to do; every 0.1 s is enough."""
        waits = any(reply.over_ns is not None for reply in self._untold)
        return waits or (self._params.announce and self._watch.waiting)

    # ---- turns ----------------------------------------------------------------------------------

    def on_turn(self, m: TurnState, now_ns: int) -> Outputs:
        """Take a state of the turn."""
        if not self._adopt(m.session_id, now_ns):
            return []
        if m.phase == TurnState.PHASE_COMMITTED:
            self._commit(m, now_ns)
        elif m.turn_seq <= self._committed:
            self._follow_reply(m, now_ns)
        elif m.phase == TurnState.PHASE_EAGER_END and m.text_final:
            self._prepare(m, now_ns)
        elif m.phase in (TurnState.PHASE_REOPENED, TurnState.PHASE_CANCELLED):
            self._void_before((m.turn_seq, m.revision), m.phase, now_ns)
        return self._take(now_ns)

    def on_start(self, task: Task, backend: str, now_ns: int) -> Outputs:
        """``backend`` begins to write; after another one that failed, the reply begins anew."""
        reply = task.reply
        if reply.fragments and not reply.cancelled:
            self._out.append(reply.fragment('', now_ns, last=True, cancelled=True))
            reply.begin_anew(self._new_id())
        reply.backend = backend
        return self._take(now_ns)

    def on_part(self, task: Task, part: ReplyPart, now_ns: int) -> Outputs:
        """Take a part of a reply; parts of void replies are dropped."""
        reply = task.reply
        if reply.cancelled or reply.complete:
            return []
        if isinstance(part, Remember):
            reply.facts[part.key] = part.value
            if reply.committed:
                self._remember(reply)
        elif part.text:
            self._out.append(reply.fragment(part.text, now_ns))
        return self._take(now_ns)

    def on_end(self, task: Task, now_ns: int, *, failed: bool = False) -> Outputs:
        """The reply is written, or no responder could write it."""
        reply = task.reply
        if not reply.cancelled and not reply.complete:
            text = table_for(reply.language).texts['failed'] if failed else ''
            gap = ' ' if text and reply.fragments else ''
            self._out.append(reply.fragment(gap + text, now_ns, last=True))
        return self._take(now_ns)

    # ---- what is heard --------------------------------------------------------------------------

    def on_visemes(self, m: VisemeTrack, now_ns: int) -> Outputs:
        """Take the word times of a piece of speech."""
        reply = self._find(m.utterance_id)
        if reply is not None:
            reply.on_visemes(m)
        return []

    def on_playback(self, m: PlaybackClock, now_ns: int) -> Outputs:
        """Take the playback clock."""
        reply = self._find(m.utterance_id) if m.utterance_id else None
        if reply is None:
            return []
        reply.on_clock(m)
        if reply.playback_over and m.utterance_id in self._announcements:
            self._out.append(self._announcements.pop(m.utterance_id).heard_event())
        return self._take(now_ns)

    # ---- the graph, time, and people ------------------------------------------------------------

    def on_system(self, m: SystemState, now_ns: int) -> Outputs:
        """Take the state of the graph: what is lost or back is said."""
        self._watch.observe(m, now_ns)
        return self._take(now_ns)

    def tick(self, now_ns: int) -> Outputs:
        """Let waits end."""
        return self._take(now_ns)

    def reset(self, session_id: str, now_ns: int) -> tuple[bool, str, int, Outputs]:
        """Forget history and facts of the present session.

        Return (success, message, forgotten turns, outputs). ``session_id`` empty: whichever it is.
        """
        if session_id not in ('', self.session_id):
            known = self.session_id or 'none yet'
            return False, f"session '{session_id}' is not the present one ({known})", 0, []
        forgotten = len(self._told)
        self._told.clear()
        self._facts.clear()
        event = DialogueEvent(session_id=self.session_id, kind=DialogueEvent.KIND_SESSION_RESET)
        self._out.append(event)
        return True, f'{forgotten} turns forgotten', forgotten, self._take(now_ns)

    def stop(self, now_ns: int) -> Outputs:
        """Cancel every reply that is still being written."""
        for reply in self._replies.values():
            if not reply.complete:
                self._cancel(reply, now_ns)
        return self._take(now_ns)

    def announce(self, text: str, now_ns: int) -> Outputs:
        """Say ``text`` without a turn."""
        turn = TurnState(session_id=self.session_id)
        reply = SpokenReply(turn, self._new_id(), now_ns, self._params.language, committed=True)
        reply.backend = 'announcement'
        self._announcements[reply.utterance_id] = reply
        while len(self._announcements) > REPLIES_KEPT:
            self._announcements.popitem(last=False)
        return [reply.fragment(text, now_ns, last=True)]

    # ---- inside ---------------------------------------------------------------------------------

    def _forget(self) -> None:
        self._replies: OrderedDict[int, SpokenReply] = OrderedDict()  # newest of each turn_seq
        self._untold: deque[SpokenReply] = deque()  # committed; events are published in this order
        self._told: deque[SpokenReply] = deque(maxlen=max(1, self._params.history_turns))
        self._facts: dict[str, str] = {}
        self._committed = 0  # newest committed turn_seq
        self._interrupted = False  # a reply was cut since the last commit

    def _adopt(self, session_id: str, now_ns: int) -> bool:
        """Follow the newest session; return whether ``session_id`` is it."""
        if session_id == self.session_id:
            return True
        if not session_id or session_id in self._old_sessions:
            return False
        for reply in self._replies.values():
            self._cancel(reply, now_ns)
        for reply in self._untold:
            reply.interrupted = reply.interrupted or not reply.played_to_end
            reply.playback_over = True
        self._tell(now_ns)
        if self.session_id:
            self._old_sessions.append(self.session_id)
        self.session_id = session_id
        self._forget()
        kind = DialogueEvent.KIND_SESSION_STARTED
        self._out.append(DialogueEvent(session_id=session_id, kind=kind))
        return True

    def _prepare(self, m: TurnState, now_ns: int) -> SpokenReply:
        """Have the reply to this revision written, unless it already is or a newer one is."""
        known = self._replies.get(m.turn_seq)
        if known is not None and not known.cancelled:
            same = known.key == (m.turn_seq, m.revision) and known.turn.text == m.text
            late = known.turn.revision > m.revision and m.phase != TurnState.PHASE_COMMITTED
            if same or late:
                return known
        self._void_before((m.turn_seq, m.revision + 1), TurnState.PHASE_REOPENED, now_ns)
        language = m.language or self._params.language
        reply = SpokenReply(m, self._new_id(), now_ns, language)
        self._replies[m.turn_seq] = reply
        while len(self._replies) > REPLIES_KEPT:
            self._replies.popitem(last=False)
        request = ReplyRequest(
            text=m.text,
            now=self._wall(),
            language=language,
            low_confidence=m.low_confidence,
            interrupts=self._interrupted,
            person_id=m.person_id,
            history=self._history(),
            facts=dict(self._facts),
        )
        self._out.append(Task(request, reply))
        return reply

    def _commit(self, m: TurnState, now_ns: int) -> None:
        if m.turn_seq <= self._committed:
            return
        self._void_before((m.turn_seq, 0), TurnState.PHASE_REOPENED, now_ns)
        reply = self._prepare(m, now_ns)
        self._committed, self._interrupted = m.turn_seq, False
        for earlier in self._untold:
            if earlier.over_ns is None:
                earlier.over_ns = now_ns
        reply.turn, reply.committed = m, True
        self._remember(reply)
        self._untold.append(reply)
        if self._params.history_turns:
            self._told.append(reply)
        if len(self._untold) == 1:
            self._out.append(reply.user_event())

    def _follow_reply(self, m: TurnState, now_ns: int) -> None:
        """The reply to a committed turn is over, one way or the other."""
        reply = self._replies.get(m.turn_seq)
        if reply is None or not reply.committed:
            return
        if m.phase == TurnState.PHASE_INTERRUPTED:
            self._interrupted = m.turn_seq == self._committed
            reply.interrupted = True
            if not reply.complete:
                self._cancel(reply, now_ns)
        elif m.phase == TurnState.PHASE_REPLIED:
            reply.played_to_end = True
        else:
            return
        if reply.over_ns is None:
            reply.over_ns = now_ns

    def _void_before(self, key: tuple[int, int], phase: int, now_ns: int) -> None:
        """Cancel uncommitted replies older than ``key``, or of its turn if that is cancelled."""
        for reply in self._replies.values():
            same_turn = reply.turn.turn_seq == key[0] and phase == TurnState.PHASE_CANCELLED
            if not reply.committed and (reply.key < key or same_turn):
                self._cancel(reply, now_ns)

    def _cancel(self, reply: SpokenReply, now_ns: int) -> None:
        if not reply.cancelled and (not reply.committed or not reply.complete):
            self._out.append(reply.fragment('', now_ns, last=True, cancelled=True))

    def _remember(self, reply: SpokenReply) -> None:
        for key, value in reply.facts.items():
            if value:
                self._facts[key] = value
            else:
                self._facts.pop(key, None)
        reply.facts = {}

    def _history(self) -> tuple[Line, ...]:
        lines = []
        for reply in self._told:
            lines.append(Line('user', reply.turn.text))
            if heard := reply.heard:
                lines.append(Line('assistant', heard, reply.interrupted))
        return tuple(lines)

    def _find(self, utterance_id: str) -> SpokenReply | None:
        announcement = self._announcements.get(utterance_id)
        if announcement is not None:
            return announcement
        newest_first = reversed(self._replies.values())
        return next((r for r in newest_first if r.utterance_id == utterance_id), None)

    def _tell(self, now_ns: int) -> None:
        """Publish history in order: a turn, what was heard of its reply, the next turn."""
        while self._untold:
            reply = self._untold[0]
            waited = reply.over_ns is not None and seconds(now_ns - reply.over_ns) >= SETTLE_S
            if not reply.playback_over and not waited:
                return
            self._out.append(reply.heard_event())
            self._untold.popleft()
            if self._untold:
                self._out.append(self._untold[0].user_event())

    def _take(self, now_ns: int) -> Outputs:
        self._tell(now_ns)
        if self._params.announce:
            texts = table_for(self._params.language).texts
            keys = self._watch.due(now_ns)
            if keys:
                self._out += self.announce(' '.join(texts[key] for key in keys), now_ns)
        taken, self._out = self._out, []
        return taken
