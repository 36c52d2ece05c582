"""What the parser understands and says, one file a language."""

from __future__ import annotations

from tektra.commands.languages.de import GERMAN
from tektra.commands.languages.en import ENGLISH
from tektra.commands.languages.es import SPANISH
from tektra.commands.languages.table import Language

LANGUAGES: dict[str, Language] = {'en': ENGLISH, 'de': GERMAN, 'es': SPANISH}


def language_for(tag: str) -> Language | None:
    """Return the table of BCP 47 ``tag`` ('es-MX' is 'es', '' is English); None: there is none."""
    return LANGUAGES.get(tag.partition('-')[0].lower() or 'en')
