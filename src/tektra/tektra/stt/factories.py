"""How each engine is made; nothing heavy is imported before one is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tektra.resources.catalogue import Variant
from tektra.resources.ladder import Ladder, Rung
from tektra.resources.plan import Plan
from tektra.resources.survey import plan_here, the_machine
from tektra.runtime.backends import BackendUnavailable
from tektra.runtime.share import share_dir
from tektra.stt.backend import Factories, SttBackend
from tektra.stt.whisper_ways import rungs

NAMES = ('faster_whisper', 'pocketsphinx')


@dataclass(frozen=True)
class EngineOptions:
    """What the engines need to know. Empty texts: the usual one."""

    language: str = ''
    grammar: str = ''
    whisper_model: str = ''
    whisper_device: str = 'auto'
    whisper_threads: int = 1

    @property
    def wanted(self) -> tuple[str, ...]:
        """Return the engines that the user has said more about than their order."""
        said = self.whisper_model or self.whisper_device != 'auto'
        return ('faster_whisper',) if said else ()


def grammar_path(given: str) -> Path:
    """Return the grammar file: ``given`` (a path, or a name in config/grammar), else English.

    :raises BackendUnavailable: if there is none.
    """
    if given and Path(given).expanduser().is_file():
        return Path(given).expanduser()
    try:
        folder = share_dir() / 'config' / 'grammar'
    except FileNotFoundError as error:
        raise BackendUnavailable(str(error)) from error
    path = folder / (given or 'en.jsgf')
    if not path.is_file():
        raise BackendUnavailable(f"grammar '{given}' is neither a file nor in {folder}")
    return path


def factories(options: EngineOptions, plan: Callable[[], Plan] = plan_here) -> Factories:
    """Return name -> maker of a loaded backend; Whisper is loaded as ``plan`` says."""

    def ways() -> list[Rung]:
        gpu = bool(the_machine().gpus)
        return rungs(plan(), options.whisper_model, options.whisper_device, gpu)

    def faster_whisper(variant: Variant) -> SttBackend:
        from tektra.stt.backends.faster_whisper import FasterWhisper, WhisperOptions

        return FasterWhisper(
            WhisperOptions(
                variant.model,
                options.language,
                variant.device,
                options.whisper_threads,
            )
        )

    def pocketsphinx() -> SttBackend:
        from tektra.stt.backends.pocketsphinx import Pocketsphinx

        return Pocketsphinx(grammar_path(options.grammar), options.language)

    return {'faster_whisper': Ladder(ways, faster_whisper), 'pocketsphinx': pocketsphinx}
