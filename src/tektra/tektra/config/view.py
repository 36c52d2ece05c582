"""The configuration as text: itself a ROS parameter file, and as data for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from tektra.config.merge import Configuration, literal
from tektra.config.schema import schemas
from tektra.config.setting import Layer, Setting, Value
from tektra.runtime import params


def as_text(made: Configuration, nodes: Iterable[str], origin: bool, changed: bool) -> str:
    """Return a parameter file of all values, or only of those that a layer sets.

    Args:
        made: the configuration.
        nodes: which nodes.
        origin: say behind each value where it comes from, and what it beat.
        changed: leave defaults out.
    """
    lines: list[str] = []
    for node in nodes:
        for pattern in made.patterns(node):
            rows = [s for s in made.of(pattern) if not (changed and s.layer is Layer.DEFAULT)]
            if not rows:
                continue
            lines += [f'{pattern}:', '  ros__parameters:']
            texts = [f'    {s.name}: {literal(s.value)}' for s in rows]
            width = min(60, max(map(len, texts)))
            for text, setting in zip(texts, rows, strict=True):
                note = f'{text:<{width}}  # {_origin(made, setting)}' if origin else text
                lines.append(note)
    return '\n'.join(lines) if lines else '{}'


def _origin(made: Configuration, setting: Setting) -> str:
    if setting.layer is Layer.DEFAULT:
        return 'default'
    beaten = made.beaten.get((setting.pattern, setting.name), [])
    over = ''.join(f', over {literal(s.value)} of {s.where}' for s in reversed(beaten))
    return f'{setting.layer.label}: {setting.where}{over}'


def as_data(made: Configuration, nodes: Iterable[str]) -> dict[str, dict[str, object]]:
    """Return pattern -> parameter -> value, layer and place, for JSON."""
    return {
        pattern: {s.name: _row(made, s) for s in made.of(pattern)}
        for node in nodes
        for pattern in made.patterns(node)
    }


def _row(made: Configuration, setting: Setting) -> dict[str, object]:
    beaten = made.beaten.get((setting.pattern, setting.name), [])
    known = params.specs(schemas()[setting.node]).get(setting.name)
    return {
        'value': setting.value,
        'layer': setting.layer.label,
        'where': setting.where,
        'hot': known is not None and known[1].hot,
        'doc': known[1].describe() if known is not None else '',
        'over': [{'value': s.value, 'layer': s.layer.label, 'where': s.where} for s in beaten],
    }


def template() -> str:
    """Return the text of a new file of the user's own: every parameter, as a comment."""
    lines = [
        '# Your own values: take the "# " away in front of what you change, of the node and of',
        '# ros__parameters above it. Check: tektra config check',
    ]
    for node, cls in schemas().items():
        lines += ['', f'# /**/{node}:', '#   ros__parameters:']
        for name, (field, spec) in params.specs(cls).items():
            value = literal(cast(Value, field.default))
            lines.append(f'#     {name}: {value}  # {spec.describe()}')
    return '\n'.join(lines) + '\n'
