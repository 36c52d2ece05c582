"""One spoken reply: its text in pieces, their sound, and the chunks and tracks that it becomes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from tektra_msgs.msg import AudioChunk, VisemeTrack

from tektra.runtime import pcm
from tektra.tts import visemes
from tektra.tts.backend import Abort, Speech, SpeechRequest, TimedWord
from tektra.tts.sentences import Piece, SentenceSplitter, has_speech, speakable
from tektra.tts.words import estimated

CHUNK_S = 0.04  # one audio/speech message
BLOCK_S = 0.2  # resampled at once
BURST = 5  # chunks made before they are let go, so that the first ones do not wait for the rest


@dataclass(frozen=True)
class Key:
    """Whose speech it is: order by turn and revision within a conversation, identity by id."""

    session_id: str
    turn_seq: int
    revision: int
    utterance_id: str


@dataclass(frozen=True)
class Job:
    """One piece for the engine. ``abort`` is set when nobody wants it any more."""

    utterance_id: str
    piece: Piece
    request: SpeechRequest
    abort: Abort


class Sound:
    """The sound of one piece, resampled as it is taken.

    ``total`` samples at ``rate`` (Hz) to the sample.
    """

    def __init__(self, piece: Piece, speech: Speech, backend: str, rate: int, gain: float) -> None:
        self.piece = piece
        self.speech = speech
        self.backend = backend
        self.scale = rate / speech.sample_rate
        self.total = round(speech.samples * self.scale)
        self.taken = 0
        self._gain = gain
        self._resampler = pcm.StreamResampler(speech.sample_rate, rate)
        self._source = pcm.from_bytes(speech.pcm)
        self._position = 0
        self._block = round(BLOCK_S * speech.sample_rate)
        self._ready: pcm.Samples = np.empty(0, np.int16)

    @property
    def left(self) -> int:
        """Return how many samples have not been taken."""
        return self.total - self.taken

    def take(self, count: int) -> pcm.Samples:
        """Return the next ``count`` samples, fewer at the end."""
        count = min(count, self.left)
        while self._ready.size < count and self._position < self._source.size:
            block = self._source[self._position : self._position + self._block]
            self._position += block.size
            last = self._position >= self._source.size
            more = self._resampler.push(pcm.to_float(block), last)
            self._ready = np.concatenate((self._ready, pcm.to_int16(more * self._gain)))
        # The resampler may round the length differently by a sample: the announced length holds.
        out, self._ready = self._ready[:count], self._ready[count:]
        if out.size < count:
            out = np.pad(out, (0, count - out.size))
        self.taken += count
        return out

    def words(self) -> list[TimedWord]:
        """Return the words: offsets in the reply, times in samples of this piece."""
        rows = self.speech.words or estimated(self.piece.text, self.speech.samples)
        return [
            TimedWord(
                w.offset + self.piece.offset,
                w.length,
                min(self.total, round(w.start * self.scale)),
                min(self.total, round(w.end * self.scale)),
            )
            for w in rows
        ]


@dataclass
class Utterance:
    """State of one utterance.

    Pieces wait in ``waiting``, are with the engine as ``job``, lie in ``sounds``.

    At most two pieces have sound at a time (the one being published and the next), so a reply of
    any length takes bounded memory. All sample counts are at ``rate`` (Hz).
    """

    key: Key
    language: str
    voice: str
    speed: float
    pitch: float
    gain: float
    rate: int
    splitter: SentenceSplitter
    begun_ns: int  # local time
    text: list[str] = field(default_factory=list)
    waiting: deque[Piece] = field(default_factory=deque)
    sounds: deque[Sound] = field(default_factory=deque)
    job: Job | None = None
    words: list[TimedWord] = field(default_factory=list)
    complete: bool = False  # no further text comes
    ended: bool = False  # the chunk with ``last`` is out
    backend: str = ''
    published: int = 0
    played: int = 0
    next_fragment: int = 0
    held: bool = False  # more may go out at once
    _chunks: int = 0
    _tracks: int = 0
    _track_last: bool = False
    _opened: bool = False  # the track of the sound in front is out
    _spoken: int = 0  # characters of the pieces whose sound is out in full
    _cut: bool = False  # the rest of the text is not spoken

    def add(self, text: str, last: bool) -> None:
        """Append reply text; ``last``: none follows."""
        self.text.append(text)
        self.waiting.extend(self.splitter.push(text))
        if last:
            self.waiting.extend(self.splitter.finish())
            self.complete = True

    def wants_job(self) -> bool:
        """Return whether a piece is to be synthesised now."""
        return bool(self.waiting) and self.job is None and len(self.sounds) < 2

    def next_job(self) -> Job:
        """Return the next piece for the engine, marked as under way. Only while ``wants_job``."""
        piece = self.waiting.popleft()
        request = SpeechRequest(
            speakable(piece.text), self.language, self.voice, self.speed, self.pitch
        )
        self.job = Job(self.key.utterance_id, piece, request, Abort())
        return self.job

    def accept(self, piece: Piece, speech: Speech, backend: str) -> None:
        """Take the sound of the piece that the engine made."""
        self.job = None
        self.backend = backend
        self.sounds.append(Sound(piece, speech, backend, self.rate, self.gain))

    def abandon(self) -> None:
        """Stop the engine and forget what is not published."""
        if self.job is not None:
            self.job.abort.set()
            self.job = None
        self.waiting.clear()
        self.sounds.clear()

    def end_after_sounds(self) -> None:
        """Speak only what the engine has made so far."""
        self.job = None
        self.waiting.clear()
        self.complete = self._cut = True

    def end_here(self) -> list[AudioChunk | VisemeTrack]:
        """Return what ends the utterance at the last published sample.

        The rest of its text is not spoken.
        """
        self.complete = self._cut = True
        return self._finish()

    def take(self, until: int) -> list[AudioChunk | VisemeTrack]:
        """Return what may go out while fewer than ``until`` samples are published.

        At most ``BURST`` chunks; ``held`` says whether to call again.
        """
        out: list[AudioChunk | VisemeTrack] = []
        burst = self._chunks + BURST
        self.held = False
        size = round(CHUNK_S * self.rate)
        while self._has_sound() and not self.ended:
            sound = self.sounds[0]
            count = min(size, sound.left)
            if self.published + count > until:
                return out
            if self._chunks == burst:
                self.held = True
                return out
            if not self._opened:
                out.append(self._track(sound))
            if count:
                samples = sound.take(count)
                out.append(self._chunk(samples, last=sound.left == 0 and self._only(sound)))
            if sound.left == 0:
                self.sounds.popleft()
                self._opened = False
                self._spoken = sound.piece.offset + len(sound.piece.text)
        out += self._finish()
        return out

    def _has_sound(self) -> bool:
        """Return whether sound lies ready, after passing over pieces that have nothing to say."""
        while self.wants_job() and not has_speech(self.waiting[0].text):
            self.accept(self.waiting.popleft(), Speech(self.rate, b''), self.backend)
        return bool(self.sounds)

    def _only(self, sound: Sound) -> bool:
        nothing_waits = self.complete and not self.waiting and self.job is None
        return nothing_waits and self.sounds[-1] is sound

    def _finish(self) -> list[AudioChunk | VisemeTrack]:
        """Return what closes the utterance if nothing is left and the closing has not gone out."""
        busy = self.waiting or self.sounds or self.job is not None
        if not self.complete or busy:
            return []
        out: list[AudioChunk | VisemeTrack] = []
        if not self._track_last:
            offset = self._spoken if self._cut else sum(map(len, self.text))
            out.append(self._bare_track(Piece('', offset), self.published, self.published, True))
        if not self.ended:
            out.append(self._chunk(np.empty(0, np.int16), last=True))
        return out

    def _chunk(self, samples: pcm.Samples, last: bool) -> AudioChunk:
        chunk = AudioChunk(
            stream_id='',
            session_id=self.key.session_id,
            turn_seq=self.key.turn_seq,
            revision=self.key.revision,
            utterance_id=self.key.utterance_id,
            seq=self._chunks,
            first_sample=self.published,
            sample_rate=self.rate,
            channels=1,
            encoding=AudioChunk.ENCODING_S16LE,
            data=samples.astype('<i2').tobytes(),
            last=last,
            level_dbfs=pcm.level_dbfs(samples),
            clipped_samples=pcm.clipped(samples),
        )
        self._chunks += 1
        self.published += samples.size
        self.ended = self.ended or last
        return chunk

    def _bare_track(self, piece: Piece, start: int, end: int, last: bool) -> VisemeTrack:
        track = VisemeTrack(
            session_id=self.key.session_id,
            turn_seq=self.key.turn_seq,
            revision=self.key.revision,
            utterance_id=self.key.utterance_id,
            seq=self._tracks,
            sample_rate=self.rate,
            start_sample=start,
            end_sample=end,
            text=piece.text,
            text_offset=piece.offset,
            last=last,
            backend=self.backend,
        )
        self._tracks += 1
        self._track_last = last
        return track

    def _track(self, sound: Sound) -> VisemeTrack:
        self._opened = True
        start = self.published
        track = self._bare_track(sound.piece, start, start + sound.total, self._only(sound))
        rows = visemes.shapes(sound.speech.phonemes)
        track.viseme_start_sample = [
            start + min(sound.total, round(row.start * sound.scale)) for row in rows
        ]
        track.visemes = [row.viseme for row in rows]
        track.weights = [row.weight for row in rows]
        track.phonemes = [row.ipa for row in rows]
        words = [
            TimedWord(w.offset, w.length, start + w.start, start + w.end) for w in sound.words()
        ]
        self.words += words
        text, base = sound.piece.text, sound.piece.offset
        track.words = [text[w.offset - base : w.offset - base + w.length] for w in words]
        track.word_start_sample = [w.start for w in words]
        track.word_end_sample = [w.end for w in words]
        track.word_text_offset = [w.offset for w in words]
        track.word_text_length = [w.length for w in words]
        return track
