"""ROS shell of vad: audio/mic in, audio/vad out.

The model takes 0.1 ms a chunk, so it runs in the executor.
"""

from __future__ import annotations

import sys

from tektra_msgs.msg import AudioChunk, VoiceActivity

from tektra.resources.gate import within_plan
from tektra.resources.survey import plan_here
from tektra.runtime.backends import BackendChain, BackendUnavailable
from tektra.runtime.main import run_node
from tektra.runtime.node import TektraNode
from tektra.runtime.tap import DirectTap, Tap
from tektra.vad.backend import VadBackend, factories
from tektra.vad.core import ChunkError, VadCore
from tektra.vad.detector import ChainDetector
from tektra.vad.params import VadParams

TICK_S = 0.1
MAINTAIN_S = 2.0


class VadNode(TektraNode[VadParams]):
    """Says when somebody speaks."""

    params_class = VadParams
    _chain: BackendChain[VadBackend] | None = None

    def load(self, params: VadParams) -> BackendChain[VadBackend]:
        """Load the first detector that works."""
        self._tap: Tap = DirectTap()
        order, made = within_plan(plan_here(), 'vad', params.backends, factories())
        chain = BackendChain('vad', order, made, self.on_backend_change, tap=self._tap)
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

    def on_hot_change(self, params: VadParams) -> None:
        """Judge by the new limits from the next chunk on."""
        self._core.change(params.options())

    def stop(self) -> None:
        """Close what is open."""
        self._publish(self._core.stop())

    def in_use(self) -> bool:
        """Return whether somebody speaks: the model runs in the executor."""
        return self._core.utterance_open

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
