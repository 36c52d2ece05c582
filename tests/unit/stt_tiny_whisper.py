"""Builds a Whisper in CTranslate2's form that says what it is told to, whatever it hears.

All its layers are zero but the last: the decoder's state is then its position alone (one-hot
position codes through a layer norm), and the output layer turns each position into the token that
is to be said there. The one attention head that words are aligned by looks at a later piece of the
audio for each word. It is loaded, run and aligned by the same code as a trained model.
"""

import numpy as np
import tokenizers
from ctranslate2.specs import whisper_spec
from faster_whisper.tokenizer import _LANGUAGE_CODES as CODES

WIDTH = 64  # of the model: positions that can be told apart
MELS, FRAMES, CONTEXT = 80, 1500, 448
WORDS = [' hello', ' robot', ' thank', ' you', ' good', ' day', '!', 'a', 'b']
STRENGTH = 40.0
HEAD = WIDTH // 2  # width of the aligning head: pieces of the audio that can be told apart
PIECE = 8  # encoder frames of 20 ms
PIECES_A_WORD = 2
ALIGNED_FROM = 3  # position before the first word when words are aligned
PROMPT = 3  # start, language, task: the first word is decided at the last of them


def vocabulary():
    special = ['<|endoftext|>', '<|startoftranscript|>', *(f'<|{code}|>' for code in CODES)]
    special += ['<|translate|>', '<|transcribe|>', '<|startoflm|>', '<|startofprev|>']
    special += ['<|nospeech|>', '<|notimestamps|>', *(f'<|{i * 0.02:.2f}|>' for i in range(1501))]
    # The vocabulary of the multilingual models has an empty token, by which CTranslate2 knows
    # them.
    return [*WORDS, '', *special]


def build(folder, says=('hello', 'robot'), language='en', no_speech=False, end_s=1.0):
    """Write the model, its vocabulary and its tokenizer into ``folder``; return ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = vocabulary()
    index = {token: i for i, token in enumerate(tokens)}
    spec = whisper_spec.WhisperSpec(1, 2, 1, 2)
    _encoder(spec.encoder)
    _decoder(spec.decoder, len(tokens))
    wanted = ['<|0.00|>', *(f' {word}' for word in says), f'<|{end_s:.2f}|>', '<|endoftext|>']
    rows = np.zeros((len(tokens), WIDTH), np.float32)
    rows[index[f'<|{language}|>'], 0] = STRENGTH
    rows[index['<|nospeech|>'], 0] = 2 * STRENGTH if no_speech else 0
    for step, token in enumerate(wanted):
        rows[index[token], PROMPT - 1 + step] = STRENGTH
    spec.decoder.projection.weight = rows
    spec.config.alignment_heads = [(0, 0)]
    spec.config.lang_ids = [index[f'<|{code}|>'] for code in CODES]
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.register_vocabulary(tokens)
    spec.validate()
    spec.optimize(quantization='int8')
    spec.save(str(folder))
    _tokenizer(folder / 'tokenizer.json', tokens)
    return folder


def _tokenizer(path, tokens):
    model = tokenizers.models.WordLevel({t: i for i, t in enumerate(tokens)}, unk_token='a')
    made = tokenizers.Tokenizer(model)
    made.decoder = tokenizers.decoders.Fuse()
    made.add_special_tokens([t for t in tokens if t.startswith('<|')])
    made.save(str(path))


def _zeros(*shape):
    return np.zeros(shape, np.float32)


def _norm(spec):
    spec.gamma, spec.beta = np.ones(WIDTH, np.float32), _zeros(WIDTH)


def _linear(spec, rows, columns):
    spec.weight, spec.bias = _zeros(rows, columns), _zeros(rows)


def _attention(spec, is_self):
    _norm(spec.layer_norm)
    if is_self:
        _linear(spec.linear[0], 3 * WIDTH, WIDTH)
    else:
        _linear(spec.linear[0], WIDTH, WIDTH)
        _linear(spec.linear[1], 2 * WIDTH, WIDTH)
    _linear(spec.linear[-1], WIDTH, WIDTH)


def _feed_forward(spec):
    _norm(spec.layer_norm)
    _linear(spec.linear_0, 4 * WIDTH, WIDTH)
    _linear(spec.linear_1, WIDTH, 4 * WIDTH)


def _encoder(spec):
    spec.conv1.weight, spec.conv1.bias = _zeros(WIDTH, MELS, 3), _zeros(WIDTH)
    spec.conv2.weight, spec.conv2.bias = _zeros(WIDTH, WIDTH, 3), _zeros(WIDTH)
    positions = _zeros(FRAMES, WIDTH)
    for frame in range(HEAD * PIECE):
        positions[frame, frame // PIECE] = 1
    spec.position_encodings.encodings = positions
    _norm(spec.layer_norm)
    for layer in spec.layer:
        _attention(layer.self_attention, True)
        _feed_forward(layer.ffn)


def _decoder(spec, size):
    spec.embeddings.weight = _zeros(size, WIDTH)
    positions = _zeros(CONTEXT, WIDTH)
    positions[:WIDTH] = np.eye(WIDTH)
    spec.position_encodings.encodings = positions
    _norm(spec.layer_norm)
    for layer in spec.layer:
        _attention(layer.self_attention, True)
        _attention(layer.attention, False)
        query, key = layer.attention.linear[0].weight, layer.attention.linear[1].weight
        for piece in range(HEAD):
            query[piece, ALIGNED_FROM + piece // PIECES_A_WORD] = 1
            key[piece, piece] = 1
        _feed_forward(layer.ffn)
