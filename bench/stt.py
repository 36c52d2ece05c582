"""Speech to text with pocketsphinx: commands heard right, other speech taken for them, speed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tests.speech_maker import VOICES, silence, speak

from tektra.runtime.measure import Record, percentile
from tektra.runtime.pcm import Samples
from tektra.stt.backend import SAMPLE_RATE, Hypothesis
from tektra.stt.backends.pocketsphinx import Pocketsphinx
from tektra.stt.factories import grammar_path
from tektra.stt.recordings import detector, load_file, speech_pieces

ROOT = Path(__file__).resolve().parents[1]
CHUNK = 512
WINDOWS_S = (0.7, 2.4)  # length of windows cut at random out of real speech
COMMANDS = """
    go forward ten meters | move back twenty centimeters | turn left ninety degrees | turn right |
    stop | turn around | look at me | wave your hand | nod | go home | hold position | continue |
    go faster | what is your battery level | hello robot | good morning | how are you |
    who are you | hi | look left | what is your name | my name is alice | my name is martin |
    what is my name | what time is it | what is the date | what day is it today |
    what can you do | help |
    say that again | repeat that | what is twelve plus thirty | what is seven times eight |
    how much is fifty divided by five | thank you | goodbye | yes | no | stop talking |
    tell me a story | count to ten | tell me about yourself | robot go back five steps |
    rotate to the right forty five degrees
"""
OTHER = """
    the weather in london is rather cold | i would like a large coffee with milk | music | banana |
    she sells sea shells by the sea shore | my brother bought a new car yesterday | shop |
    drop the box | please open the window in the kitchen | where did you put the keys |
    my favorite color is blue | we are going to the cinema tonight | could be worse |
    the quick brown fox jumps over the lazy dog | can i have another slice of bread |
    the train leaves at half past nine | who wrote that book | how tall is the tower |
    i do not think that is a good idea | did you see the game last night |
    there are many books on the shelf | he walked slowly along the river |
    the stock market fell sharply | what do you think about politics |
    turn the radio off in the bedroom | it was a dark and stormy night |
    no one knows where they live | let us talk about something else |
    what is the capital of france | remind me to buy some eggs
"""
# Real commands to a robot that the grammar has, by file; every other recording is unrelated
# speech.
REAL_COMMANDS = {'ps_goforward.wav': 'go forward ten meters'}
NOT_SPEECH = ('noise_kitchen.wav', 'leopard_empty_silence.wav')


@dataclass
class Tally:
    """What came of a group of clips."""

    clips: int = 0
    right: int = 0  # heard exactly, and sure
    sure: int = 0  # taken for a sentence of the grammar
    silent: int = 0  # rejected as noise


def run() -> list[Record]:
    """Return the figures; real speech only where TEKTRA_TEST_DATA is."""
    ear = Ear()
    spoken = _group(
        ear, ((_padded(speak(text, voice)), text) for text, voice in _voiced(COMMANDS))
    )
    other = _group(ear, ((_padded(speak(text, voice)), '') for text, voice in _voiced(OTHER)))
    records = [
        _share('commands_heard_right', spoken.right, spoken),
        _share('commands_heard_wrong', spoken.sure - spoken.right, spoken),
        _share('synthetic_speech_taken_for_commands', other.sure, other),
    ]
    data = Path(os.environ.get('TEKTRA_TEST_DATA') or ROOT.parent / 'shared' / 'data') / 'speech'
    if data.is_dir():
        real = _group(ear, _real(data))
        records.append(_share('real_speech_taken_for_commands', real.sure, real))
        cut = _group(ear, _windows(data))
        records.append(_share('cut_real_speech_taken_for_commands', cut.sure, cut))
        said = _group(ear, ((load_file(str(p)), t) for p, t in _real_commands(data)))
        records.append(_share('real_commands_heard_right', said.right, said))
    records.append(Record('stt_real_time_factor', ear.spent_s / ear.heard_s, 's/s'))
    records.append(Record('stt_final_p50', percentile(ear.finals_s, 0.5) * 1000, 'ms'))
    records.append(Record('stt_final_p95', percentile(ear.finals_s, 0.95) * 1000, 'ms'))
    return records


class Ear:
    """A recogniser with a stop-watch: CPU time of the thread."""

    def __init__(self) -> None:
        self._backend = Pocketsphinx(grammar_path(''))
        self.heard_s = self.spent_s = 0.0
        self.finals_s: list[float] = []

    def hear(self, pcm: Samples) -> Hypothesis:
        """Return what a clip says, fed as it would come from the microphone."""
        began = time.thread_time()
        self._backend.start()
        for at in range(0, pcm.size, CHUNK):
            self._backend.feed(pcm[at : at + CHUNK])
        last = time.thread_time()
        heard = self._backend.finish()
        self.finals_s.append(time.thread_time() - last)
        self.spent_s += time.thread_time() - began
        self.heard_s += pcm.size / SAMPLE_RATE
        return heard


def _group(ear: Ear, clips: Iterator[tuple[Samples, str]]) -> Tally:
    tally = Tally()
    for pcm, text in clips:
        heard = ear.hear(pcm)
        sure = bool(heard.text) and not heard.low_confidence
        tally.clips += 1
        tally.sure += sure
        tally.right += sure and heard.text == text
        tally.silent += not heard.text
    return tally


def _share(name: str, count: int, tally: Tally) -> Record:
    return Record(f'stt_{name} (n={tally.clips})', count / tally.clips, '')


def _padded(pcm: Samples) -> Samples:
    return np.concatenate((silence(0.4), pcm, silence(0.1)))


def _voiced(sentences: str) -> Iterator[tuple[str, str]]:
    """Yield every sentence with every other voice, in turn."""
    texts = [' '.join(text.split()) for text in sentences.split('|')]
    for number, text in enumerate(texts):
        for voice in VOICES[number % 2 :: 2]:
            yield text, voice


def _recordings(data: Path) -> list[Path]:
    files = sorted([*data.rglob('*.wav'), *data.rglob('*.mp3')])
    return [f for f in files if f.name not in (*REAL_COMMANDS, *NOT_SPEECH)]


def _real(data: Path) -> Iterator[tuple[Samples, str]]:
    """Yield every utterance of every unrelated recording."""
    for file in _recordings(data):
        pcm = load_file(str(file))
        for start, stop in speech_pieces(pcm, detector()):
            yield pcm[start:stop], ''


def _windows(data: Path) -> Iterator[tuple[Samples, str]]:
    """Yield pieces cut out of the longer recordings at random, words and all."""
    rng = np.random.default_rng(3)
    for file in _recordings(data):
        pcm = load_file(str(file))
        for _ in range(int(pcm.size / SAMPLE_RATE / 2.5)):
            length = round(rng.uniform(*WINDOWS_S) * SAMPLE_RATE)
            at = int(rng.integers(0, max(1, pcm.size - length)))
            yield np.concatenate((silence(0.3), pcm[at : at + length], silence(0.3))), ''


def _real_commands(data: Path) -> Iterator[tuple[Path, str]]:
    for name, text in REAL_COMMANDS.items():
        for path in data.rglob(name):
            yield path, text
