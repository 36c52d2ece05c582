"""The tables of docs/commands.md, made from the vocabulary."""

from __future__ import annotations

from tektra.commands.vocabulary import CommandSpec, TextSpec, ValueSpec, Vocabulary

BEGIN, END = '<!-- commands: begin -->\n', '<!-- commands: end -->\n'


def markdown(vocabulary: Vocabulary) -> str:
    """Return a table of all commands; choices that are the user's files are only named."""
    lines = [
        '| command | what it does | values and texts | uses | asked for first |',
        '|---|---|---|---|---|',
    ]
    for name, spec in vocabulary.commands.items():
        given = [
            *(_value(key, value, key in spec.required) for key, value in spec.values.items()),
            *(_text(key, text, key in spec.required) for key, text in spec.texts.items()),
        ]
        uses = ', '.join(spec.channels) if spec.channels else 'nothing'
        uses += '' if spec.moves or not spec.channels else ' (moves nothing by itself)'
        cells = (f'`{name}`', spec.description, '<br>'.join(given), uses, _confirmed(spec))
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def _value(key: str, spec: ValueSpec, required: bool) -> str:
    unit = '' if spec.unit == '1' else f' {spec.unit}'
    default = '' if spec.default is None else f', default {spec.default:.4g}'
    must = ' **required**' if required else ''
    return f'`{key}`{must}: {spec.description}; {spec.low:g} to {spec.high:g}{unit}{default}'


def _text(key: str, spec: TextSpec, required: bool) -> str:
    choices = ', '.join(spec.choices) or 'a file of config/motions'
    default = f', default {spec.default}' if spec.default else ''
    must = ' **required**' if required else ''
    return f'`{key}`{must}: {spec.description}; {choices}{default}'


def _confirmed(spec: CommandSpec) -> str:
    if spec.confirm:
        return 'always'
    above = [
        f'`{key}` beyond {value.confirm_above:g} {value.unit}'
        for key, value in spec.values.items()
        if value.confirm_above is not None
    ]
    return '<br>'.join(above)
