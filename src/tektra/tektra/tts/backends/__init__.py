"""Speech engines, one file each; heavy or differently licensed imports stay inside them."""

from __future__ import annotations

from collections.abc import Callable

from tektra.tts.backend import TtsBackend


def factories(voice: str, language: str) -> dict[str, Callable[[], TtsBackend]]:
    """Return what makes each engine by name; nothing heavy is imported before one is made.

    ``voice`` and ``language`` (BCP 47) are the configured ones: an engine that has to load a voice
    begins with it.
    """

    def piper() -> TtsBackend:
        from tektra.tts.backends.piper import Piper

        return Piper(voice, language)

    def espeak_ng() -> TtsBackend:
        from tektra.tts.backends.espeak_ng import EspeakNg

        return EspeakNg()

    def captions() -> TtsBackend:
        from tektra.tts.backends.captions import Captions

        return Captions()

    return {'piper': piper, 'espeak_ng': espeak_ng, 'captions': captions}
