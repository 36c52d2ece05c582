"""What the built-in responder understands and says, one file a language."""

from __future__ import annotations

from tektra.dialogue.phrases.de import GERMAN
from tektra.dialogue.phrases.en import ENGLISH
from tektra.dialogue.phrases.es import SPANISH
from tektra.dialogue.phrases.table import Table

TABLES: dict[str, Table] = {'en': ENGLISH, 'de': GERMAN, 'es': SPANISH}


def table_for(tag: str) -> Table:
    """Return the table of BCP 47 ``tag`` ('es-MX' is 'es'); English if there is none."""
    return TABLES.get(tag.split('-')[0].lower(), ENGLISH)
