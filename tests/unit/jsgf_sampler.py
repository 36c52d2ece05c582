"""Random sentences of the recogniser's grammar, config/grammar/en.jsgf."""

from __future__ import annotations

import re
from pathlib import Path

GRAMMAR = Path(__file__).parents[2] / 'config' / 'grammar' / 'en.jsgf'


class Grammar:
    """Samples JSGF as far as config/grammar uses it."""

    def __init__(self, text):
        text = re.sub(r'//.*', '', text)
        rules = re.findall(r'<(\w+)>\s*=\s*(.*?);', text, re.DOTALL)
        self.rules = {name: self._parse(body) for name, body in rules}

    def sentences(self, rule, rng, count):
        """Return the different ones of ``count`` random sentences."""
        return {' '.join(self._say(('rule', rule), rng)) for _ in range(count)}

    def _parse(self, body):
        tokens = re.findall(r"<\w+>|[\w'-]+|[()|\[\]]|/[\d.]+/", body)
        tree, rest = self._alternatives(tokens)
        assert not rest, body
        return tree

    def _alternatives(self, tokens):
        options, current = [], []
        while tokens and tokens[0] not in (')', ']'):
            token, tokens = tokens[0], tokens[1:]
            if token == '|':
                options.append(current)
                current = []
            elif token in ('(', '['):
                inner, tokens = self._alternatives(tokens)
                tokens = tokens[1:]
                current.append(inner if token == '(' else ('maybe', inner))
            elif token.startswith('<'):
                current.append(('rule', token[1:-1]))
            elif not token.startswith('/'):
                current.append(('word', token))
        return ('one', [*options, current]), tokens

    def _say(self, node, rng):
        kind, value = node
        if kind == 'word':
            return [value]
        if kind == 'rule':
            return self._say(self.rules[value], rng)
        if kind == 'maybe':
            return self._say(value, rng) if rng.random() < 0.5 else []
        return [word for part in rng.choice(value) for word in self._say(part, rng)]


def grammar():
    """Return the grammar of English."""
    return Grammar(GRAMMAR.read_text(encoding='utf-8'))
