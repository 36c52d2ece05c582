"""Builds tiny random models in the formats of the real ones: they load and run, and say nothing.

``write_whisper``: Whisper (English only) for CTranslate2, as faster-whisper loads it; needs
ctranslate2 and tokenizers. ``write_voice``: a Piper voice with its configuration; needs onnx. Same
seed, same files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MELS = 80
AUDIO_POSITIONS, TEXT_POSITIONS = 1500, 448  # n_audio_ctx and n_text_ctx of every Whisper
RATE, HOP, SYMBOLS = 16_000, 256, 60
_SPECIAL = (
    '<|endoftext|>',
    '<|startoftranscript|>',
    '<|translate|>',
    '<|transcribe|>',
    '<|startoflm|>',
    '<|startofprev|>',
    '<|nospeech|>',
    '<|notimestamps|>',
)
_TIMESTAMPS = tuple(f'<|{0.02 * step:.2f}|>' for step in range(1501))
_VOICE_SYMBOLS = '_^$ .,!?abcdefhijklmnopstuvwzæðŋɐɑɔəɚɛɜɡɪɹɾʃʊʌʒˈˌːθ'


@dataclass(frozen=True)
class Shape:
    """Of a Whisper. ``tokens``: size of the vocabulary, 0: no more than is needed.

    ``numbers``: how the weights are stored, as CTranslate2 names it.
    """

    width: int = 64
    heads: int = 2
    layers: int = 1
    tokens: int = 0
    numbers: str = 'float32'


def write_whisper(folder: Path, seed: int = 0, shape: Shape | None = None) -> Path:
    """Write the four files of a random Whisper; return the folder."""
    shape = shape or Shape()
    from ctranslate2.specs import whisper_spec

    folder.mkdir(parents=True, exist_ok=True)
    tokens = _write_tokenizer(folder / 'tokenizer.json')
    tokens += [f'token{i}' for i in range(len(tokens), shape.tokens)]
    spec = whisper_spec.WhisperSpec(shape.layers, shape.heads, shape.layers, shape.heads)
    _fill(spec, np.random.default_rng(seed), len(tokens), shape.width)
    spec.config.alignment_heads = [(0, 0), (0, 1)]
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.index('<|endoftext|>')]
    spec.config.lang_ids = []
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization=shape.numbers)
    spec.save(str(folder))
    return folder


def _write_tokenizer(path: Path) -> list[str]:
    """Write a byte-level tokenizer without merges and return its tokens, by id."""
    import tokenizers

    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    bpe = tokenizers.models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[])
    tokenizer = tokenizers.Tokenizer(bpe)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(list(_SPECIAL))
    tokenizer.add_tokens(list(_TIMESTAMPS))
    tokenizer.save(str(path))
    return [*letters, *_SPECIAL, *_TIMESTAMPS]


def _fill(spec: Any, rng: np.random.Generator, vocabulary: int, width: int) -> None:
    """Give every weight of a Whisper specification random values of the right shape."""

    def some(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        return rng.normal(0, 0.1, shape).astype(np.float32)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(width, np.float32), np.zeros(width, np.float32)

    def linear(layer: Any, rows: int, columns: int) -> None:
        layer.weight, layer.bias = some(rows, columns), some(rows)

    def attention(layer: Any, rows: tuple[int, ...]) -> None:
        norm(layer.layer_norm)
        for part, count in zip(layer.linear, rows, strict=True):
            linear(part, count * width, width)

    def forward(layer: Any) -> None:
        norm(layer.layer_norm)
        linear(layer.linear_0, 4 * width, width)
        linear(layer.linear_1, width, 4 * width)

    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = some(width, MELS, 3), some(width)
    encoder.conv2.weight, encoder.conv2.bias = some(width, width, 3), some(width)
    encoder.position_encodings.encodings = some(AUDIO_POSITIONS, width)
    decoder.position_encodings.encodings = some(TEXT_POSITIONS, width)
    decoder.embeddings.weight = some(vocabulary, width)
    decoder.projection.weight = decoder.embeddings.weight
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    for layer in encoder.layer:
        attention(layer.self_attention, (3, 1))
        forward(layer.ffn)
    for layer in decoder.layer:
        attention(layer.self_attention, (3, 1))
        attention(layer.attention, (1, 2, 1))
        forward(layer.ffn)


def write_voice(folder: Path, name: str = 'en_US-tiny-low', seed: int = 0) -> Path:
    """Write a random Piper voice that tells phoneme lengths; return the folder."""
    import onnx

    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_voice_model(seed), str(folder / f'{name}.onnx'))
    config = {
        'audio': {'sample_rate': RATE},
        'espeak': {'voice': name.split('-')[0].replace('_', '-').lower()},
        'phoneme_type': 'espeak',
        'num_symbols': SYMBOLS,
        'num_speakers': 1,
        'hop_length': HOP,
        'inference': {'noise_scale': 0.6, 'length_scale': 1, 'noise_w': 0.8},
        'phoneme_id_map': {symbol: [i] for i, symbol in enumerate(_VOICE_SYMBOLS)},
        'language': {'code': name.split('-')[0]},
    }
    (folder / f'{name}.onnx.json').write_text(json.dumps(config), encoding='utf-8')
    return folder


def _voice_model(seed: int) -> Any:
    """Return a net with Piper's inputs and outputs: noise, of a length for each phoneme."""
    from onnx import TensorProto, helper, numpy_helper

    lengths = np.random.default_rng(seed).uniform(1, 3, SYMBOLS).astype(np.float32)  # in frames
    constants = {
        'table': lengths,
        'hop': np.array([HOP], np.int64),
        'one': np.array([1], np.int64),
        'shape': np.array([1, 1, 1, -1], np.int64),
    }
    node, value = helper.make_node, helper.make_tensor_value_info
    graph = helper.make_graph(
        [
            node('Gather', ['table', 'input'], ['lengths']),
            node('Gather', ['scales', 'one'], ['length_scale']),
            node('Mul', ['lengths', 'length_scale'], ['scaled']),
            node('Ceil', ['scaled'], ['w_ceil']),
            node('ReduceSum', ['w_ceil'], ['frames'], keepdims=0),
            node('Cast', ['frames'], ['whole'], to=TensorProto.INT64),
            node('Reshape', ['whole', 'one'], ['count']),
            node('Mul', ['count', 'hop'], ['samples']),
            node('ConstantOfShape', ['samples'], ['flat']),
            node('RandomNormalLike', ['flat'], ['noise'], seed=float(seed), dtype=1),
            node('Reshape', ['noise', 'shape'], ['output']),
        ],
        'voice',
        [
            value('input', TensorProto.INT64, [1, None]),
            value('input_lengths', TensorProto.INT64, [1]),
            value('scales', TensorProto.FLOAT, [3]),
        ],
        [
            value('output', TensorProto.FLOAT, [1, 1, 1, None]),
            value('w_ceil', TensorProto.FLOAT, [1, None]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)])
    model.ir_version = 8
    return model
