"""Which words of growing partial transcripts will not change any more."""

from __future__ import annotations

from collections.abc import Sequence

# Partials in a row that must agree on a word (local agreement, Macháček et al. 2023, uses 2).
AGREEMENTS = 3


class StablePrefix:
    """Takes one partial after the other and keeps its promise: stable words stay as they are.

    The last word of a partial is never stable, because it may be cut in the middle.
    """

    def __init__(self) -> None:
        self._recent: list[list[str]] = []
        self._stable: list[str] = []

    def push(self, words: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return (all words, stable words) after a partial of ``words``."""
        shown = self._stable + list(words[len(self._stable) :])
        self._recent = [*self._recent, shown[:-1]][-AGREEMENTS:]
        if len(self._recent) == AGREEMENTS:
            agreed = _common(self._recent)
            if len(agreed) > len(self._stable):
                self._stable = agreed
        return shown, list(self._stable)


def _common(lists: Sequence[Sequence[str]]) -> list[str]:
    found = []
    for words in zip(*lists, strict=False):
        if any(word != words[0] for word in words):
            break
        found.append(words[0])
    return found
