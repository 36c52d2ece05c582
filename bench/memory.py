"""Memory of each engine: the most that its node's process holds, beside config/resources.yaml."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.tiny_models import Shape, write_whisper

from tektra.resources.catalogue import Variant, load_catalogue
from tektra.runtime.measure import Record

ROOT = Path(__file__).resolve().parents[1]
# Width, heads, layers and vocabulary of OpenAI's Whisper (whisper/model.py); numbers as in the
# weights that Systran published. The values are random: only the size counts.
SHAPES = {
    'tiny.en': Shape(384, 6, 4, 51864, 'float16'),
    'base.en': Shape(512, 8, 6, 51864, 'float16'),
    'base': Shape(512, 8, 6, 51865, 'float16'),
    'small': Shape(768, 12, 12, 51865, 'float16'),
}
SPEECH_S = 8

# In a process of its own: what the node imports, then the engine, then one use of it.
_BEGIN = """
import sys
sys.path[:0] = {path!r}
import numpy as np
import rclpy
import tektra.{capability}.node
rclpy.init()
node = rclpy.create_node('memory')
"""
_STT = """
from tektra.stt.factories import EngineOptions, factories
from tests.speech_maker import speak
pcm = np.concatenate([speak('go forward ten meters and then turn left')] * 4)[:{samples}]
engine = factories(EngineOptions(language='en', whisper_model={model!r}, whisper_device='cpu'))
backend = engine[{engine!r}]()
told = getattr(backend, 'description', '')
assert {name!r} in ('', told.partition(',')[0]), told  # a ladder may have stepped down
backend.start()
backend.feed(pcm)
backend.finish()
"""
_TTS = """
from tektra.tts.backend import Abort, SpeechRequest
from tektra.tts.backends import factories
text = 'This is a sentence of some length, which is to be spoken.'
factories('', 'en-US')[{engine!r}]().synthesize(SpeechRequest(text, 'en-US', ''), Abort())
"""
_VAD = """
from tektra.vad.backend import FRAME, factories
backend = factories()[{engine!r}]()
for _ in range(100):
    backend.probability(np.zeros(FRAME, np.float32))
"""
# Not getrusage: its maximum is inherited from the process that started this one.
_END = """
with open('/proc/self/status') as file:
    (line,) = (line for line in file if line.startswith('VmHWM'))
print(int(line.split()[1]) * 1024 / 1e6)
"""
_USES = {'stt': _STT, 'tts': _TTS, 'vad': _VAD}


def run() -> list[Record]:
    """Return MB for each engine that can be measured here; the reference is the catalogue's.

    Those that cannot be, such as piper without a voice of a real one's size, are named on stderr.
    """
    records = []
    with tempfile.TemporaryDirectory() as folder:
        for capability, variants in load_catalogue().capabilities.items():
            for variant in variants:
                if variant.device != 'cpu' or not _can_be_made(variant):
                    print(f'not measured here: {capability} {variant}', file=sys.stderr)
                    continue
                mb = _measure(capability, variant, Path(folder))
                name = f'peak memory {capability} {variant}'
                records.append(Record(name, mb, 'MB', variant.memory_mb))
    return records


def _can_be_made(variant: Variant) -> bool:
    return variant.model in SHAPES or not variant.weights


def _measure(capability: str, variant: Variant, folder: Path) -> float:
    model = ''
    if variant.model:
        model = str(write_whisper(folder / variant.model, shape=SHAPES[variant.model]))
    script = (_BEGIN + _USES[capability] + _END).format(
        path=[str(ROOT), str(ROOT / 'tests')],
        capability=capability,
        engine=variant.engine,
        model=model,
        name=variant.model,
        samples=16_000 * SPEECH_S,
    )
    done = subprocess.run(
        [sys.executable, '-c', script],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.splitlines()[-1])
