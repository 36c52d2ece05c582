"""ROS shell of vad: audio/mic in, audio/vad out.

The model takes 0.1 ms a chunk, so it runs in the executor.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from tektra_msgs.msg import AudioChunk, VoiceActivity

from tektra.runtime.backends import BackendChain, BackendUnavailable
from tektra.runtime.main import run_node
from tektra.runtime.node import TektraNode
from tektra.runtime.params import param
from tektra.runtime.tap import DirectTap, Tap
from tektra.vad.backend import VadBackend, factories
from tektra.vad.core import ChunkError, VadCore, VadOptions
from tektra.vad.detector import ChainDetector

TICK_S = 0.1
MAINTAIN_S = 2.0


@dataclass(frozen=True)
class VadParams:
    """Parameters of the vad node."""

    backends: tuple[str, ...] = param(
        ('silero', 'energy'), 'detectors, best first', choices=('silero', 'energy')
    )
    threshold: float = param(
        0.5, 'probability from which a silent chunk is speech', low=0.05, high=0.95
    )
    release_threshold: float = param(
        0.35, 'probability below which speech pauses', low=0.01, high=0.95
    )
    start_speech_s: float = param(
        0.064, 'speech before an utterance is announced', unit='s', low=0.032, high=0.5
    )
    min_speech_s: float = param(
        0.128, 'speech that an utterance must have, or it is void', unit='s', low=0.032, high=2.0
    )
    soft_silence_s: float = param(
        0.192, 'pause after which the person may have finished', unit='s', low=0.064, high=1.0
    )
    end_silence_s: float = param(0.7, 'pause that ends an utterance', unit='s', low=0.2, high=5.0)
    gap_tolerance_s: float = param(
        0.2, 'longest piece of missing audio that counts as silence', unit='s', low=0.0, high=1.0
    )
    audio_timeout_s: float = param(
        1.0, 'time without audio that closes an utterance', unit='s', low=0.2, high=10.0
    )

    def options(self) -> VadOptions:
        """Return what the core needs."""
        return VadOptions(
            threshold=self.threshold,
            release_threshold=self.release_threshold,
            start_speech_s=self.start_speech_s,
            min_speech_s=self.min_speech_s,
            soft_silence_s=self.soft_silence_s,
            end_silence_s=self.end_silence_s,
            gap_tolerance_s=self.gap_tolerance_s,
            audio_timeout_s=self.audio_timeout_s,
        )


class VadNode(TektraNode[VadParams]):
    """Says when somebody speaks."""

    params_class = VadParams
    _chain: BackendChain[VadBackend] | None = None

    def load(self, params: VadParams) -> BackendChain[VadBackend]:
        """Load the first detector that works."""
        self._tap: Tap = DirectTap()
        chain = BackendChain(
            'vad', params.backends, factories(), self.on_backend_change, tap=self._tap
        )
        chain.open(self.now_ns())
        return chain

    def setup(self, params: VadParams, loaded: BackendChain[VadBackend]) -> None:
        """Make the topics."""
        self._chain = loaded
        self._core = VadCore(ChainDetector(loaded, self._tap), params.options())
        self._out = self.publisher('audio/vad')
        self.subscribe('audio/mic', self._on_chunk)
        self.every(TICK_S, self._tick)
        self.every(MAINTAIN_S, self._maintain)
        self.watch_queue('gaps', lambda: (0, self._core.gaps))
        self._show_degraded('')

    def stop(self) -> None:
        """Close what is open."""
        self._publish(self._core.stop())

    def teardown(self) -> None:
        """Release the model."""
        chain, self._chain = self._chain, None
        if chain is not None:
            chain.close()
        self.set_degraded('')

    def _on_chunk(self, chunk: AudioChunk) -> None:
        try:
            found = self._core.on_chunk(chunk, self.now_ns())
        except (ChunkError, BackendUnavailable) as error:
            self._show_degraded(str(error))
            return
        self._show_degraded('')
        self._publish(found)

    def _tick(self) -> None:
        self._publish(self._core.on_tick(self.now_ns()))

    def _maintain(self) -> None:
        if self._chain is not None and not self._core.utterance_open:
            self._chain.maintain(self.now_ns())

    def _publish(self, found: list[VoiceActivity]) -> None:
        for message in found:
            self._out.publish(message)

    def _show_degraded(self, problem: str) -> None:
        last_resort = self._chain is not None and self._chain.active_name == 'energy'
        if not problem and last_resort:
            problem = 'speech is told from noise by loudness only (backend energy)'
        self.set_degraded(problem)


def main() -> int:
    """Run the node."""
    return run_node(lambda: VadNode('vad'))


if __name__ == '__main__':
    sys.exit(main())
