"""A conversation script, spoken by synthetic voices: for machines without a microphone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tektra.audio_capture.backend import Block
from tektra.audio_capture.framing import CHUNK, RATE, SAMPLE_NS, Converter
from tektra.audio_capture.scene import (
    Line,
    SceneDirector,
    SceneError,
    Script,
    script_of_text,
    script_of_yaml,
)
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.pcm import Samples

RENDER_TIMEOUT_S = 60.0
RENDER_THREADS = 2
CACHE_VERSION = 1  # grows when the same line would sound different
# -60 dBFS, of 32768: what a voice leaves around the words is cut, so that times are true.
QUIET = 33


def scene_folders() -> list[Path]:
    """Return where shipped scenes may be: the installed package's share, then the source tree."""
    folders = []
    try:
        from ament_index_python.packages import get_package_share_directory

        folders.append(Path(get_package_share_directory('tektra')) / 'config' / 'scenes')
    except (ImportError, LookupError):
        pass
    return [*folders, Path(__file__).resolve().parents[5] / 'config' / 'scenes']


def load_script(uri: str, folders: Sequence[Path]) -> Script:
    """Return the script that ``uri`` names.

    It is a .yaml file, a scene in ``folders``, or the lines themselves.

    :raises BackendUnavailable: if there is no such scene or it is not one.
    """
    named = uri.strip()
    if not named:
        raise BackendUnavailable(
            'no scene named: give the name of one, a .yaml file, or lines to speak'
        )
    is_file = named.endswith(('.yaml', '.yml'))
    paths = [Path(named).expanduser()] if is_file else [f / f'{named}.yaml' for f in folders]
    try:
        for path in paths:
            if '\n' not in named and path.is_file():
                return script_of_yaml(path.read_text(encoding='utf-8'), str(path))
        if is_file:
            raise BackendUnavailable(f'scene {named}: file not found; looked from {Path.cwd()}')
        return script_of_text(uri)
    except (SceneError, OSError, UnicodeDecodeError) as error:
        raise BackendUnavailable(f'scene: {error}') from error


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return where spoken lines are kept: $TEKTRA_CACHE/scenes, or ~/.cache/tektra/scenes."""
    root = environment.get('TEKTRA_CACHE')
    return (Path(root) if root else Path.home() / '.cache' / 'tektra') / 'scenes'


class Renderer:
    """Speaks lines into files, once each. The voice (GPL) runs in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, line: Line) -> Path:
        """Return the file of a line; its name stands for everything that changes the sound."""
        content = [CACHE_VERSION, line.say, line.voice, line.language, line.rate]
        key = hashlib.blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
        return self._folder / f'{key}.wav'

    def pcm(self, line: Line) -> Samples:
        """Return a line at 16 kHz, shape [n], without the silence around the words.

        :raises BackendUnavailable: if it cannot be spoken, with the voice's own reason.
        """
        path = self.path(line)
        if not path.is_file():
            self._render(line, path)
        return self._read(path)

    def _render(self, line: Line, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp('.wav', '.rendering-', path.parent)
        except OSError as error:
            raise BackendUnavailable(
                f'scene: {path.parent} cannot be written ({error.strerror}): '
                'set TEKTRA_CACHE to a folder that can'
            ) from error
        os.close(handle)
        command = [sys.executable, '-m', 'tektra.tts.render', '--out', temporary]
        command += ['--voice', line.voice] if line.voice else []
        command += ['--language', line.language, '--rate', str(line.rate), '--', line.say]
        try:
            run = subprocess.run(
                command, capture_output=True, text=True, timeout=RENDER_TIMEOUT_S, check=False
            )
            if run.returncode != 0:
                why = (run.stderr.strip().splitlines() or [f'exit code {run.returncode}'])[-1]
                raise BackendUnavailable(f"scene: '{line.say}' cannot be spoken: {why}")
            os.replace(temporary, path)
        except subprocess.TimeoutExpired as error:
            raise BackendUnavailable(
                f"scene: speaking '{line.say}' took over {RENDER_TIMEOUT_S:g} s"
            ) from error
        finally:
            Path(temporary).unlink(missing_ok=True)

    def _read(self, path: Path) -> Samples:
        import soundfile

        try:
            audio, rate = soundfile.read(str(path), dtype='float32', always_2d=True)
        except soundfile.LibsndfileError as error:
            raise BackendUnavailable(f'scene: {path} is damaged ({error}): delete it') from error
        pcm = Converter().push(audio, rate, last=True)
        loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > QUIET)
        return pcm[loud[0] : loud[-1] + 1] if loud.size else pcm


class SceneSource:
    """Speaks a script; between its lines there is digital silence.

    Every line is rendered before it starts.

    :raises BackendUnavailable: if a line cannot be spoken.
    """

    live = False
    queue = (0, 0)
    problem = ''

    def __init__(self, script: Script, renderer: Renderer, loop: bool = False) -> None:
        self._script = script
        self._loop = loop
        with ThreadPoolExecutor(RENDER_THREADS) as pool:
            spoken = list(pool.map(renderer.pcm, script.lines))
        self._spoken = dict(zip(script.lines, spoken, strict=True))
        self._events: deque[Callable[[SceneDirector], None]] = deque(maxlen=1024)
        self._frame = 0
        self._director = SceneDirector(script, 0)
        self._line: Samples | None = None
        self._at = 0
        self._ended = False
        self.label = f'scene {script.name} ({len(script.lines)} lines)'

    def on_turn(self, phase: int, turn_seq: int) -> None:
        """As ``FollowsTurns``."""
        self._events.append(lambda director: director.on_turn(phase, turn_seq))

    def on_playback(self, state: int) -> None:
        """As ``FollowsTurns``."""
        self._events.append(lambda director: director.on_playback(state))

    def start(self) -> None:
        """Nothing to do: time begins with the first block."""

    def read(self, timeout_s: float) -> Block | None:
        """Return the next 32 ms, None after the last line."""
        if self._ended:
            return None
        while self._events:
            self._events.popleft()(self._director)
        if self._line is None:
            line = self._director.begin(self._now_ns())
            if line is not None:
                self._line, self._at = self._spoken[line], 0
        samples = np.zeros((CHUNK, 1), np.float32)
        if self._line is not None:
            part = self._line[self._at : self._at + CHUNK]
            samples[: part.size, 0] = part / np.float32(32768)
            self._at += CHUNK
        first = self._frame
        self._frame += CHUNK
        if self._line is not None and self._at >= self._line.size:
            self._finish_line()
        return Block(samples, RATE, first, last=self._ended)

    def stop(self) -> None:
        """Nothing to do: after the next start the scene goes on where it was."""

    def close(self) -> None:
        """Nothing to do."""

    def _now_ns(self) -> int:
        return self._frame * SAMPLE_NS

    def _finish_line(self) -> None:
        self._line = None
        self._director.end(self._now_ns())
        if not self._director.done:
            return
        if self._loop:
            self._director.rewind()
        else:
            self._ended = True
