"""Another AudioChunk topic as microphone: of any rate and number of channels."""

from __future__ import annotations

from tektra_msgs.msg import AudioChunk

from tektra.audio_capture.backend import MAX_RATE, MIN_RATE, Block, LiveQueue, Rebase
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.clock import Clock, nanoseconds
from tektra.runtime.pcm import from_bytes, to_float

QUEUE_BLOCKS = 128
SILENT_S = 0.5
MAX_JUMP_S = 10  # an index that moves further is a new stream


class TopicSource:
    """Takes chunks from ``on_chunk``, which the node subscribes to topic ``uri``.

    ``own`` is the topic that the node itself publishes.

    :raises BackendUnavailable: if no topic is named, or the node would listen to itself.
    """

    live = True

    def __init__(self, uri: str, clock: Clock, own: str) -> None:
        if not uri.strip():
            raise BackendUnavailable('no topic named: give one of AudioChunk messages as uri')
        if uri.strip().lstrip('/') == own.lstrip('/'):
            raise BackendUnavailable(f"topic '{uri}' is what audio_capture itself publishes")
        self.topic = uri.strip()
        self.label = f'topic {self.topic}'
        self._clock = clock
        self._blocks = LiveQueue(QUEUE_BLOCKS)
        self._listening = False
        self._heard_ns: int | None = None
        self._wrong = ''
        self._stream = ('', 0)
        self._place = Rebase(MAX_JUMP_S * MIN_RATE)
        self.refused = 0

    @property
    def problem(self) -> str:
        """Return what is wrong with the topic: nothing comes, or nothing that can be used."""
        heard = self._heard_ns
        if self._wrong:
            return self._wrong
        if heard is None or self._clock.now_ns() - heard > nanoseconds(SILENT_S):
            return f'{self.label}: nobody publishes audio'
        return ''

    @property
    def queue(self) -> tuple[int, int]:
        """Return (blocks that wait, blocks dropped or refused)."""
        return len(self._blocks), self._blocks.dropped + self.refused

    def on_chunk(self, chunk: AudioChunk) -> None:
        """Take a message; one that is not PCM is refused, counted and named in ``problem``."""
        if not self._listening:
            return
        self._wrong = self._what_is_wrong(chunk)
        if self._wrong:
            self.refused += 1
            return
        self._heard_ns = self._clock.now_ns()
        if self._stream != (chunk.stream_id or chunk.utterance_id, chunk.sample_rate):
            self._stream = (chunk.stream_id or chunk.utterance_id, chunk.sample_rate)
            self._place.restart()
            self._place.max_jump = MAX_JUMP_S * chunk.sample_rate
        samples = to_float(from_bytes(bytes(chunk.data))).reshape(-1, chunk.channels)
        first = self._place.place(chunk.first_sample, samples.shape[0])
        if first is None:
            self.refused += 1
        elif samples.shape[0]:
            self._blocks.push(Block(samples, chunk.sample_rate, first, self._heard_ns))

    def start(self) -> None:
        """Begin to take chunks."""
        self._listening = True

    def read(self, timeout_s: float) -> Block | None:
        """Return the next block, or None if none came within ``timeout_s`` (s)."""
        return self._blocks.pop(timeout_s)

    def stop(self) -> None:
        """Take no more chunks."""
        self._listening = False
        self._blocks.clear()

    def close(self) -> None:
        """As ``stop``."""
        self.stop()

    def _what_is_wrong(self, chunk: AudioChunk) -> str:
        if chunk.encoding != AudioChunk.ENCODING_S16LE:
            return f'{self.label}: encoding {chunk.encoding} is not ENCODING_S16LE'
        if not MIN_RATE <= chunk.sample_rate <= MAX_RATE:
            allowed = f'{MIN_RATE}..{MAX_RATE} Hz'
            return f'{self.label}: sample_rate {chunk.sample_rate} is outside {allowed}'
        if chunk.channels == 0 or len(chunk.data) % (2 * chunk.channels):
            size = len(chunk.data)
            return f'{self.label}: {size} bytes are not frames of {chunk.channels} channels'
        return ''
