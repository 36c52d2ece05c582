"""Speaks into a WAV file: ``python -m tektra.tts.render --out FILE TEXT``.

Made for other parts of Tektra that need spoken audio (the built-in scene, tests): the GPL engine
is loaded in this process only.
"""

from __future__ import annotations

import argparse
import sys
import wave
from pathlib import Path

from tektra.runtime.backends import BackendFailed, BackendUnavailable
from tektra.tts.backend import Abort, Speech, SpeechRequest, VoiceUnknown


def write_wav(path: Path, speech: Speech) -> None:
    """Write 16-bit mono at the engine's rate.

    :raises OSError: if ``path`` cannot be written.
    """
    with path.open('wb') as file, wave.open(file, 'wb') as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(speech.sample_rate)
        out.writeframes(speech.pcm)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m tektra.tts.render', description=__doc__)
    parser.add_argument('--out', required=True, type=Path, metavar='FILE.wav')
    parser.add_argument('--voice', default='', help='such as en-us+f3; empty: of the language')
    parser.add_argument('--language', default='en-US', help='BCP 47')
    parser.add_argument('--rate', default=1.0, type=float, help='1 = normal speed')
    parser.add_argument('--pitch', default=1.0, type=float, help='1 = normal')
    parser.add_argument('text', metavar='TEXT')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Speak ``TEXT`` into ``--out``; return 0, or 1 after a line that says what is wrong."""
    args = _arguments(argv)
    request = SpeechRequest(args.text, args.language, args.voice, args.rate, args.pitch)
    try:
        from tektra.tts.backends.espeak_ng import EspeakNg

        speech = EspeakNg().synthesize(request, Abort())
        write_wav(args.out, speech)
    except (BackendUnavailable, BackendFailed, VoiceUnknown, OSError) as error:
        print(f'render: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
