"""Text that came over the wire, made short and safe to print before anything else is done."""

from __future__ import annotations

REASON_CHARS = 256
NAME_CHARS = 64
ID_CHARS = 128


def reason(text: str) -> str:
    """Return a reason for people: cut first (it may be a megabyte), then made printable."""
    return _printable(text[:REASON_CHARS])


def name(text: str, unnamed: str = 'unknown') -> str:
    """Return the name of a source or a person, cut and printable; ``unnamed`` if it is empty."""
    return _printable(text[:NAME_CHARS]).strip() or unnamed


def _printable(text: str) -> str:
    return text if text.isprintable() else ''.join(c if c.isprintable() else ' ' for c in text)
