"""Speech that has come and waits: which utterance is next, and which may not be heard any more."""

from __future__ import annotations

from tektra_msgs.msg import AudioChunk, PlaybackControl

from tektra.audio_playback.release import ReleaseBook, Verdict
from tektra.audio_playback.utterance import OUTPUT_RATE, Utterance
from tektra.runtime.pcm import from_bytes

ERRORS_KEPT = 64  # texts waiting to be taken; the counter goes on
STRANGERS_KEPT = 4  # replies of sessions that nobody has announced: one is usual, on its way


class SpeechQueue:
    """The utterances that are not finished, in order of arrival, judged by a ``ReleaseBook``.

    ``playing`` is the one that is being heard; it stays here until ``finish``. At most
    ``max_queued_s`` of speech is kept: a producer that ignores the playback clock is cut there,
    and that is an error. A turn is answered by one utterance: another one of the same turn and
    revision takes the place of the one before.
    """

    def __init__(self, max_queued_s: float) -> None:
        self.playing: Utterance | None = None
        self.lost_chunks = 0  # never heard although nobody wanted that: gaps, refusals
        self.repeated_chunks = 0
        self._max_queued_s = max_queued_s
        self._book = ReleaseBook()
        self._known: list[Utterance] = []
        self._errors: list[str] = []
        self._arrivals = 0

    def __len__(self) -> int:
        """Return the number of utterances that are queued or playing."""
        return len(self._known)

    @property
    def queued_s(self) -> float:
        """Return the speech that is queued, in s."""
        return sum(u.queued_out for u in self._known) / OUTPUT_RATE

    def meet(self, session_id: str) -> bool:
        """Adopt a session never seen before as the newest; return whether it was adopted.

        Only for sessions named by turn_taking: speech may be late, and of one that is over.
        """
        if not self._book.meet(session_id):
            return False
        for u in self._strangers():
            self._book.void(u.utterance_id)
        return True

    def admit(self, chunk: AudioChunk) -> Utterance | None:
        """Queue a chunk; return its utterance if this is the first of it.

        Others may have become void by it.
        """
        if defect := _defect(chunk):
            self.lose(f"speech of utterance '{chunk.utterance_id}' is refused: {defect}")
            return None
        key = (int(chunk.turn_seq), int(chunk.revision))
        if self._book.judge(chunk.session_id, key, chunk.utterance_id) is Verdict.VOID:
            return None
        known = next((u for u in self._known if u.utterance_id == chunk.utterance_id), None)
        if known is None and chunk.first_sample:
            self.lose(
                f"speech of utterance '{chunk.utterance_id}' begins at sample "
                f'{chunk.first_sample}: what came before was missed'
            )
        utterance = known or self._append(chunk, key)
        self._push(utterance, chunk)
        return None if known else utterance

    def obey(self, command: PlaybackControl) -> None:
        """Follow a PLAY, FLUSH or CANCEL of the newest session; other sessions are ignored."""
        if command.command == PlaybackControl.COMMAND_PLAY:
            self.meet(command.session_id)
        if not self.concerns(command):
            return
        key = (int(command.turn_seq), int(command.revision))
        if command.command == PlaybackControl.COMMAND_PLAY:
            self._book.release(key)
        elif command.command == PlaybackControl.COMMAND_CANCEL:
            self._book.cancel(key)
        elif command.utterance_id:
            self._book.void(command.utterance_id)
        elif key[0]:
            self._book.flush(key)
        else:
            self._book.flush_released()
            for u in self._known:
                if not u.is_reply:
                    self._book.void(u.utterance_id)

    def concerns(self, command: PlaybackControl) -> bool:
        """Return whether the command is of the newest session, or names none."""
        return command.session_id in ('', self._book.session_id)

    def next(self) -> Utterance | None:
        """Return what is to be played after ``playing``: replies by turn, then announcements."""
        ready = [
            u
            for u in self._known
            if u is not self.playing and u.ready and self.judge(u) is Verdict.RELEASED
        ]
        return min(ready, key=lambda u: (not u.is_reply, u.key, u.order), default=None)

    def judge(self, u: Utterance) -> Verdict:
        """Return what is to happen with ``u``."""
        return self._book.judge(u.session_id, u.key, u.utterance_id)

    def drop_void(self) -> list[Utterance]:
        """Remove and return what will not be heard, except ``playing``: it is faded first."""
        void = [u for u in self._known if u is not self.playing and self.judge(u) is Verdict.VOID]
        for u in void:
            self.finish(u)
        return void

    def finish(self, u: Utterance) -> None:
        """Remove ``u``; what still comes of it is void."""
        self._known.remove(u)
        self._book.void(u.utterance_id)
        if u is self.playing:
            self.playing = None

    def take_all(self) -> list[Utterance]:
        """Remove and return everything."""
        known = list(self._known)
        for u in known:
            self.finish(u)
        return known

    def overtakes(self, u: Utterance) -> bool:
        """Return whether the reply to a newer turn is ready."""
        following = self.next()
        return following is not None and following.is_reply and following.key > u.key

    def lose(self, why: str) -> None:
        """Count and keep an error, for people."""
        self.lost_chunks += 1
        if len(self._errors) < ERRORS_KEPT:
            self._errors.append(why)

    def take_errors(self) -> list[str]:
        """Return the errors since the last call."""
        errors, self._errors = self._errors, []
        return errors

    def _append(self, chunk: AudioChunk, key: tuple[int, int]) -> Utterance:
        made = Utterance(
            chunk.session_id,
            key,
            chunk.utterance_id,
            int(chunk.sample_rate),
            int(chunk.first_sample),
            self._arrivals,
        )
        self._arrivals += 1
        for u in self._known:
            if u.is_reply and (u.session_id, u.key) == (made.session_id, made.key):
                self._book.void(u.utterance_id)
        self._known.append(made)
        for u in self._strangers()[:-STRANGERS_KEPT]:
            self._book.void(u.utterance_id)
        return made

    def _strangers(self) -> list[Utterance]:
        """Return the replies that wait for their session to be announced, oldest first."""
        return [u for u in self._known if u.is_reply and not self._book.knows(u.session_id)]

    def _push(self, u: Utterance, chunk: AudioChunk) -> None:
        what = f"speech of utterance '{u.utterance_id}'"
        if u.ended:
            self.lost_chunks += u.cut
            self.repeated_chunks += not u.cut
            return
        if chunk.sample_rate != u.sample_rate:
            self.lose(f'{what} is refused: {chunk.sample_rate} Hz after {u.sample_rate} Hz')
            return
        pcm, first = from_bytes(chunk.data), int(chunk.first_sample)
        more_s = (u.missing_before(first) + pcm.size) / u.sample_rate
        if self.queued_s + more_s > self._max_queued_s:
            u.ended = u.cut = True
            self.lose(
                f'{what} is cut at sample {first}: more than {self._max_queued_s:g} s would be '
                'queued; its producer must wait for the playback clock'
            )
            return
        pushed = u.push(first, pcm, chunk.last)
        if pushed.missing:
            self.lose(f'{what}: {pushed.missing} samples before {first} never came: silence')
        self.repeated_chunks += pushed.repeated > 0


def _defect(chunk: AudioChunk) -> str:
    """Return why a chunk cannot be played; empty: it can."""
    if chunk.encoding != AudioChunk.ENCODING_S16LE:
        return f'encoding {chunk.encoding} is not s16le ({AudioChunk.ENCODING_S16LE})'
    if chunk.channels != 1:
        return f'{chunk.channels} channels; send mono'
    if not 4_000 <= chunk.sample_rate <= 192_000:
        return f'{chunk.sample_rate} Hz is outside 4000..192000 Hz'
    if len(chunk.data) % 2:
        return f'{len(chunk.data)} bytes are not whole 16-bit samples'
    return '' if chunk.utterance_id else 'it has no utterance_id'
