"""Which files make a Whisper model in CTranslate2's form."""

from __future__ import annotations

from pathlib import Path

# tokenizer.json is needed here because faster-whisper would fetch a missing one from the internet.
NEEDED = ('model.bin', 'config.json', 'tokenizer.json')
VOCABULARIES = ('vocabulary.json', 'vocabulary.txt')


def lacking(folder: Path) -> list[str]:
    """Return the files that ``folder`` lacks to be a model; of the vocabularies one is enough."""
    missing = [file for file in NEEDED if not (folder / file).is_file()]
    if not any((folder / file).is_file() for file in VOCABULARIES):
        missing.append(VOCABULARIES[0])
    return missing
