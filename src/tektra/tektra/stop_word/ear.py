"""Audio in, spotted words out: searching, waiting for the pause, masking. Runs in the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from tektra_msgs.msg import AudioChunk, Transcript

from tektra.runtime.clock import NS_PER_S
from tektra.runtime.pcm import Samples, from_bytes, level_dbfs
from tektra.stop_word import masking
from tektra.stop_word.backend import SAMPLE_RATE, Spotted, Spotter
from tektra.stop_word.masking import MaskOptions
from tektra.stop_word.playing import Played
from tektra.vad.core import check_chunk

# A gap of up to this long is bridged with silence, so that a word beside it may still be heard.
BRIDGED = SAMPLE_RATE // 5
HISTORY_S = 8.0  # of audio kept, to judge whether a transcript is of the own voice
NOISE = 2 * SAMPLE_RATE  # of audio before a word, in which the noise is looked for
STEP = 160  # samples of one level, 10 ms
MOST_RECENT = 64  # spans kept, to tell a new hit from one that is reported again


@dataclass(frozen=True)
class EarOptions:
    """How words are judged. Times in s."""

    ring_s: float = 1.0  # of audio kept while nothing is searched
    pause_s: float = 0.16  # after a word that is not sure
    pause_drop_db: float = 6.0
    rise_db: float = 3.0  # the word above the noise: steady noise is no word
    mask: MaskOptions = field(default_factory=MaskOptions)


@dataclass(frozen=True)
class Hit:
    """A spotted phrase in samples of its stream; ``own``: it is the robot's own voice."""

    phrase: str
    detector: str
    stream_id: str
    start: int
    end: int
    score: float
    sure: bool = True
    own: bool = False
    why: str = ''


class Ear:
    """Follows audio/mic and audio/reference. Not thread-safe."""

    def __init__(self, spotters: Sequence[Spotter], options: EarOptions) -> None:
        self._spotters = spotters
        self._options = options
        self._stream = ''
        self._ring: Samples = np.empty(0, np.int16)
        self._ring_size = round(max(options.ring_s, HISTORY_S) * SAMPLE_RATE)
        self._next = 0  # sample index after what was received
        self._base = 0  # sample index at which the spotters began
        self._searching = False
        self._stamp_ns = 0  # ROS time of the sample after the last one
        self._played = Played()
        self._unsure: list[tuple[str, Spotted]] = []
        self._reported: list[tuple[str, str, int, int]] = []
        self.lost_samples = 0
        self.masked = 0

    @property
    def position(self) -> int:
        """Return the sample index up to which audio has been taken."""
        return self._next

    def on_reference(self, chunk: AudioChunk) -> None:
        """Note what was played."""
        self._played.push(chunk)

    def on_chunk(self, chunk: AudioChunk, search: bool) -> list[Hit]:
        """Take the next chunk; return what was heard if ``search``.

        :raises ChunkError: if the chunk is not 16 kHz mono s16le.
        """
        check_chunk(chunk)
        pcm = self._follow(chunk)
        self._ring = np.concatenate((self._ring, pcm))[-self._ring_size :]
        self._next = chunk.first_sample + len(chunk.data) // 2
        stamp = chunk.header.stamp
        self._stamp_ns = stamp.sec * NS_PER_S + stamp.nanosec
        self._stamp_ns += (len(chunk.data) // 2) * NS_PER_S // SAMPLE_RATE
        if not search:
            self._searching = False
            return []
        if not self._searching:
            pcm = self._begin()
        found = [
            (spotter.name, self._placed(spotted))
            for spotter in self._spotters
            for spotted in spotter.feed(pcm)
        ]
        return self._judge(found)

    def _follow(self, chunk: AudioChunk) -> Samples:
        """Return the samples of ``chunk``, with silence for a short gap before it."""
        pcm = from_bytes(memoryview(chunk.data))
        missing = int(chunk.first_sample) - self._next
        if chunk.stream_id == self._stream and missing == 0:
            return pcm
        same = chunk.stream_id == self._stream
        if same and missing > 0:
            self.lost_samples += missing
        if same and 0 < missing <= BRIDGED:
            return np.concatenate((np.zeros(missing, np.int16), pcm))
        self._stream = chunk.stream_id
        self._ring = np.empty(0, np.int16)
        self._searching = False
        self._unsure, self._reported = [], []
        return pcm

    def _begin(self) -> Samples:
        """Start the spotters; return what they are to hear first: the last second."""
        kept = self._ring[-round(self._options.ring_s * SAMPLE_RATE) :]
        for spotter in self._spotters:
            spotter.reset()
        self._base = self._next - kept.size
        self._searching, self._unsure = True, []
        return kept

    def _placed(self, spotted: Spotted) -> Spotted:
        start, end = self._base + spotted.start, self._base + spotted.end
        return Spotted(spotted.phrase, start, end, spotted.score, spotted.sure)

    def _judge(self, found: list[tuple[str, Spotted]]) -> list[Hit]:
        sure = [entry for entry in found if entry[1].sure]
        waiting = [entry for entry in found if not entry[1].sure] + self._unsure
        self._unsure = []
        sure = [entry for entry in sure if self._above_noise(entry[1])]
        for entry in waiting:
            if self._next - entry[1].end < self._options.pause_s * SAMPLE_RATE:
                self._unsure.append(entry)
            elif self._pause_after(entry[1]) and self._above_noise(entry[1]):
                sure.append(entry)
        return [hit for name, spotted in sure for hit in self._report(name, spotted)]

    def _pause_after(self, word: Spotted) -> bool:
        """Return whether it gets quieter after the word, as after a command."""
        loudest = max(self._levels(word.start, word.end), default=0.0)
        pause = round(self._options.pause_s * SAMPLE_RATE)
        after = sorted(self._levels(word.end + pause // 4, word.end + pause))
        return not after or loudest - after[len(after) // 2] >= self._options.pause_drop_db

    def _above_noise(self, word: Spotted) -> bool:
        """Return whether the word is louder than the quiet moments of the last seconds."""
        levels = sorted(self._levels(word.end - NOISE, self._next))
        if not levels:
            return True
        loudest = max(self._levels(word.start, word.end), default=0.0)
        return loudest - levels[len(levels) // 10] >= self._options.rise_db

    def _levels(self, start: int, end: int) -> list[float]:
        first = self._next - self._ring.size
        pcm = self._ring[max(0, start - first) : max(0, end - first)]
        return [level_dbfs(pcm[at : at + 2 * STEP]) for at in range(0, pcm.size - STEP, STEP)]

    def _report(self, detector: str, word: Spotted) -> list[Hit]:
        """Return the hit, unless the same word has been reported already."""
        for name, phrase, start, end in self._reported:
            if (name, phrase) == (detector, word.phrase) and word.start < end and start < word.end:
                return []
        self._reported.append((detector, word.phrase, word.start, word.end))
        del self._reported[:-MOST_RECENT]
        judgement = self._own(word)
        self.masked += judgement.own
        return [
            Hit(
                word.phrase,
                detector,
                self._stream,
                word.start,
                word.end,
                word.score,
                word.sure,
                judgement.own,
                judgement.why,
            )
        ]

    def _own(self, word: Spotted) -> masking.Judgement:
        options = self._options.mask
        first = self._next - self._ring.size
        end = min(word.end, self._next)
        history = max(round(options.history_s * SAMPLE_RATE), end - word.start)
        start = max(first, end - history)
        mic = self._ring[start - first : end - first]
        late = round(options.longest_delay_s * SAMPLE_RATE)
        early = round(options.early_s * SAMPLE_RATE)
        end_ns = self._stamp_ns - (self._next - end) * NS_PER_S // SAMPLE_RATE
        reference = self._played.before(end_ns, mic.size + late, early)
        return masking.judge(mic, reference, word.end - word.start, options)

    def heard_self(self, message: Transcript) -> bool:
        """Return whether all words of a transcript are the robot's own voice."""
        spans = [(message.start_sample, message.end_sample)]
        if message.words:
            times = (message.word_start_sample, message.word_end_sample)
            spans = list(zip(*times, strict=False))
        first = self._next - self._ring.size
        return all(
            first <= start < end <= self._next and self._own(Spotted('', start, end, 0.0)).own
            for start, end in spans
        )
