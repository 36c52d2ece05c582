"""A talk for scripts: turns, playback and the built-in responder around the real core."""

import itertools
from datetime import datetime

from tektra_msgs.msg import (
    DialogueEvent,
    DialogueReply,
    PlaybackClock,
    TurnState,
    VisemeTrack,
)

from tektra.dialogue.backends.builtin import BuiltinResponder
from tektra.dialogue.core import DialogueCore, Task
from tektra.dialogue.params import DialogueParams
from tektra.runtime.clock import ManualClock

EAGER, COMMITTED, REOPENED = (
    TurnState.PHASE_EAGER_END,
    TurnState.PHASE_COMMITTED,
    TurnState.PHASE_REOPENED,
)
INTERRUPTED, REPLIED, CANCELLED = (
    TurnState.PHASE_INTERRUPTED,
    TurnState.PHASE_REPLIED,
    TurnState.PHASE_CANCELLED,
)
WORD = 1200  # samples a word


class Talk:
    """Feeds the core turns and playback; the built-in responder runs at once unless ``slow``."""

    def __init__(self, *, slow=False, **params):
        counter = itertools.count(1)
        self.clock = ManualClock(10**9)
        self.core = DialogueCore(
            DialogueParams(**params),
            wall=lambda: datetime(2026, 3, 9, 14, 5),
            new_id=lambda: f'id-{next(counter)}',
        )
        self.responder = BuiltinResponder('Tektra')
        self.slow = slow
        self.session = 's1'
        self.sent = []
        self.tasks = []

    @property
    def now(self):
        return self.clock.now_ns()

    def take(self, out):
        for item in out:
            if isinstance(item, Task):
                self.tasks.append(item)
                if not self.slow:
                    self.write(item)
            else:
                self.sent.append(item)
        return self

    def write(self, task, parts=None):
        self.take(self.core.on_start(task, 'builtin', self.now))
        for part in parts or self.responder.respond(task.request, task.reply.is_void):
            self.take(self.core.on_part(task, part, self.now))
        self.take(self.core.on_end(task, self.now))

    def turn(self, phase, text='', seq=1, revision=1, final=True, **more):
        m = TurnState(
            session_id=self.session, turn_id=f't{seq}', turn_seq=seq, revision=revision,
            phase=phase, text=text, text_final=final, language='en',
            heard_backend='script', **more,
        )  # fmt: skip
        return self.take(self.core.on_turn(m, self.now))

    def asks(self, text, seq=1, revision=1, **more):
        """An eager end and the commit of the same words."""
        self.turn(EAGER, text, seq, revision, **more)
        return self.turn(COMMITTED, text, seq, revision, **more)

    def plays(self, words, state=PlaybackClock.STATE_PLAYING, reply=None):
        """Playback has played so many words of the newest reply; -1: all."""
        fragments = [m for m in self.replies() if m.utterance_id == (reply or self.newest_id())]
        text = ''.join(m.text for m in fragments)
        uid, first = fragments[0].utterance_id, fragments[0]
        track = VisemeTrack(utterance_id=uid, text=text, sample_rate=24000, last=True)
        position = 0
        for i, word in enumerate(text.split()):
            bare = word.rstrip('.,!?')
            position = text.index(bare, position)
            track.words.append(bare)
            track.word_end_sample.append((i + 1) * WORD)
            track.word_text_offset.append(position)
            track.word_text_length.append(len(bare))
            position += len(bare)
        track.end_sample = len(text.split()) * WORD
        played = track.end_sample if words < 0 else words * WORD
        self.take(self.core.on_visemes(track, self.now))
        clock = PlaybackClock(
            session_id=first.session_id, turn_seq=first.turn_seq, revision=first.revision,
            utterance_id=uid, state=state, played_samples=played, sample_rate=24000,
        )  # fmt: skip
        return self.take(self.core.on_playback(clock, self.now))

    def hears_all(self, seq=1):
        self.plays(-1, PlaybackClock.STATE_DONE)
        return self.turn(REPLIED, seq=seq)

    def wait(self, seconds):
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            self.take(self.core.tick(self.now))
        return self

    def replies(self):
        return [m for m in self.sent if isinstance(m, DialogueReply)]

    def events(self):
        return [m for m in self.sent if isinstance(m, DialogueEvent)]

    def newest_id(self):
        return self.replies()[-1].utterance_id

    def said(self, seq=1):
        """Return the text of the newest reply to a turn."""
        fragments = [m for m in self.replies() if m.turn_seq == seq]
        uid = fragments[-1].utterance_id
        return ''.join(m.text for m in fragments if m.utterance_id == uid)


def kinds(talk):
    names = {
        DialogueEvent.KIND_USER_TURN: 'user',
        DialogueEvent.KIND_ASSISTANT_TURN: 'assistant',
        DialogueEvent.KIND_SESSION_STARTED: 'session',
        DialogueEvent.KIND_SESSION_RESET: 'reset',
        DialogueEvent.KIND_ANNOUNCEMENT: 'announcement',
    }
    return [names[m.kind] for m in talk.events()]
