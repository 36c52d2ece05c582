"""The responder that needs nothing: small talk, time, sums, names, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tektra.dialogue.arithmetic import (
    LARGEST,
    Sum,
    is_exact,
    number_text,
    read_number,
    read_sum,
    tokens,
)
from tektra.dialogue.backend import Remember, ReplyPart, ReplyRequest, Say
from tektra.dialogue.phrases import table_for
from tektra.dialogue.phrases.en import cardinal
from tektra.dialogue.phrases.table import Table, listed, readings, sentences

NAME = 'name'  # fact: what the person is called
ASKED = 'asked'  # fact: the doubtful words that were asked back
COUNT_TO = 100
_PLAIN = listed(
    'how_are_you nice ready status help who_made_you thanks yes no joke story voice stop_talking'
)


@dataclass(frozen=True)
class Understood:
    """What a sentence was taken for; ``match`` has its variable parts, ``found`` its sum."""

    intent: str
    match: re.Match[str] | None = None
    found: Sum | None = None


def understand(text: str, table: Table) -> Understood:
    """Return the intent of ``text``: a name of the table's patterns, 'sum', or 'fallback'."""
    for said in readings(text, table):
        found = read_sum(table.sums.sub('', said, count=1), table.numbers)
        if found is not None:
            return Understood('sum', found=found)
        for intent, pattern in table.patterns:
            match = pattern.fullmatch(said)
            if match and not _no_name(match, table):
                return Understood(intent, match)
    return Understood('fallback')


def _no_name(match: re.Match[str], table: Table) -> bool:
    maybe = match.groupdict().get('maybe')
    return bool(maybe) and maybe in table.not_names


class BuiltinResponder:
    """Answers by the table of the language: the same request gives the same reply."""

    def __init__(self, name: str) -> None:
        self._me = name

    def respond(self, request: ReplyRequest, cancelled: Callable[[], bool]) -> Iterator[ReplyPart]:
        """Yield the reply sentence by sentence."""
        table = table_for(request.language)
        for part in self._answer(request, table):
            if isinstance(part, Remember):
                yield part
                continue
            for sentence in sentences(part.text):
                if cancelled():
                    return
                yield Say(sentence)

    def close(self) -> None:
        """There is nothing to release."""

    def _answer(self, request: ReplyRequest, table: Table) -> Iterator[ReplyPart]:
        """Ask back once when the words are doubtful; otherwise reply to them."""
        asked = request.facts.get(ASKED, '')
        understood = understand(request.text, table)
        if asked:
            yield Remember(ASKED, '')
            if understood.intent == 'yes':
                yield from self._reply(request, table, asked, understand(asked, table))
                return
            if understood.intent == 'no':
                yield self._say(table, 'ask_back_no')
                return
        elif request.low_confidence and understood.intent not in ('stop_talking', 'wait'):
            yield Remember(ASKED, request.text)
            yield self._say(table, 'ask_back', text=_quoted(request.text))
            return
        if asked and request.low_confidence and understood.intent == 'fallback':
            yield self._say(table, 'unsure')
            return
        yield from self._reply(request, table, request.text, understood)

    def _say(self, table: Table, key: str, **values: str) -> Say:
        return Say(table.texts[key].format(me=self._me, **values))

    def _reply(
        self, request: ReplyRequest, table: Table, text: str, understood: Understood
    ) -> Iterator[ReplyPart]:
        intent = understood.intent
        if intent == 'wait':  # said over a reply it means the voice, otherwise the body
            intent = 'stop_talking' if request.interrupts else 'command'
        if intent in _PLAIN:
            yield self._say(table, intent)
        elif intent in ('time', 'date', 'year'):
            yield self._when(intent, request, table)
        elif intent in ('tell_name', 'ask_name', 'greeting', 'goodbye'):
            yield from self._named(intent, request, table, understood.match)
        elif intent == 'sum':
            yield self._sum(text, understood.found, table)
        elif intent == 'count':
            yield self._count(understood.match, table)
        elif intent == 'repeat':
            yield self._repeat(request, table)
        elif intent in ('who_are_you', 'about'):
            yield self._say(table, intent)
        else:
            yield self._say(table, intent, text=_quoted(text))

    def _when(self, intent: str, request: ReplyRequest, table: Table) -> Say:
        if intent == 'year':
            return self._say(table, 'year', year=str(request.now.year))
        say = table.say_time if intent == 'time' else table.say_date
        return Say(say(request.now))

    def _named(
        self, intent: str, request: ReplyRequest, table: Table, match: re.Match[str] | None
    ) -> Iterator[ReplyPart]:
        known = request.facts.get(NAME, '')
        if intent == 'tell_name' and match is not None:
            name = _as_name(next(value for value in match.groupdict().values() if value))
            yield Remember(NAME, name)
            yield self._say(table, 'name_learnt', name=name)
        elif intent == 'ask_name':
            yield self._say(table, 'name_known' if known else 'name_unknown', name=known)
        else:
            yield self._say(table, f'{intent}_named' if known else intent, name=known)

    def _sum(self, text: str, found: Sum | None, table: Table) -> Say:
        if found is None or found.value is None:
            return self._say(table, 'divide_by_zero')
        if abs(found.value) > LARGEST:
            return self._say(table, 'fallback', text=_quoted(text))
        key = 'sum' if is_exact(found.value) else 'sum_about'
        value = number_text(found.value, table.numbers)
        return self._say(table, key, spoken=found.spoken, value=value)

    def _count(self, match: re.Match[str] | None, table: Table) -> Say:
        first = _whole(match.group('first') or '1', table) if match else None
        last = _whole(match.group('last'), table) if match else None
        if first is None or last is None or not 0 <= first <= COUNT_TO or last > COUNT_TO:
            return self._say(table, 'count_limit')
        numbers = range(first, last + 1) if last >= first else range(first, last - 1, -1)
        said = [cardinal(n) for n in numbers]
        rows = [', '.join(said[i : i + 10]) for i in range(0, len(said), 10)]
        return Say(' '.join(f'{row[0].upper()}{row[1:]}.' for row in rows))

    def _repeat(self, request: ReplyRequest, table: Table) -> Say:
        for line in reversed(request.history):
            if line.role == 'assistant' and line.text:
                return Say(line.text)
        return self._say(table, 'repeat_none')


def _whole(text: str, table: Table) -> int | None:
    """Return the whole number, 0 or more, that ``text`` is; None: it is none."""
    words = tokens(text)
    number = read_number(words, 0, table.numbers) if words else None
    if words is None or number is None or number[1] != len(words) or number[0].denominator != 1:
        return None
    return int(number[0])


def _quoted(text: str) -> str:
    """Return ``text`` so that it can stand inside a sentence: no end mark, no braces."""
    return text.strip().rstrip('.!?,;: ')


def _as_name(text: str) -> str:
    return ' '.join(word.capitalize() for word in text.split())
