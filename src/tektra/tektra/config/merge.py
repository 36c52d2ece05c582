"""Layers into one configuration: the higher layer wins, and what it beat is remembered."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

from tektra.config.schema import schemas
from tektra.config.setting import Layer, Problem, Setting, Value, any_namespace
from tektra.runtime import params


@dataclass
class Configuration:
    """The merged result. ``settings`` is keyed by (pattern, parameter)."""

    settings: dict[tuple[str, str], Setting] = field(default_factory=dict)
    beaten: dict[tuple[str, str], list[Setting]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def of(self, pattern: str) -> list[Setting]:
        """Return all parameters of a node: ``/**/vad`` with defaults, a narrower one without."""
        node = pattern.rsplit('/', 1)[-1]
        rows = []
        for name, (declared, _) in params.specs(schemas()[node]).items():
            found = self.settings.get((pattern, name))
            if found is None and pattern == any_namespace(node):
                value = cast(Value, declared.default)
                found = Setting(pattern, name, value, Layer.DEFAULT, 'default')
            rows += [found] if found is not None else []
        known = {row.name for row in rows}
        return rows + [s for (p, n), s in self.settings.items() if p == pattern and n not in known]

    def patterns(self, node: str) -> list[str]:
        """Return ``/**/node``, then the narrower patterns that something is set for."""
        general = any_namespace(node)
        others = {p for p, _ in self.settings if p.rsplit('/', 1)[-1] == node and p != general}
        return [general, *sorted(others)]


def merge(found: Iterable[Setting | Problem]) -> Configuration:
    """Return the configuration of what the layers set, given from the lowest to the highest.

    A value for ``/**/vad`` in a higher layer also beats one for ``/left/vad`` in a lower layer.
    Two values for the same in two files of one layer are a problem: neither is meant to win.
    """
    made = Configuration()
    for item in found:
        if isinstance(item, Problem):
            made.problems.append(item)
        else:
            _add(made, item)
    made.problems += _disagreements(made)
    return made


def _add(made: Configuration, new: Setting) -> None:
    for key, old in list(made.settings.items()):
        same = key == (new.pattern, new.name)
        covers = new.pattern == any_namespace(old.node) and key[1] == new.name
        if not same and not (covers and old.layer < new.layer):
            continue
        if same and old.layer is new.layer and new.layer in (Layer.SHIPPED, Layer.HOME):
            made.problems.append(
                Problem(f'{new.where}: {new.node}: {new.name} is already set in {old.where}')
            )
        del made.settings[key]
        made.beaten.setdefault((new.pattern, new.name), []).append(old)
    made.settings[(new.pattern, new.name)] = new


def _disagreements(made: Configuration) -> list[Problem]:
    """Return values that are each right but do not go together, as a node's class says."""
    found = []
    for node, cls in schemas().items():
        for pattern in made.patterns(node):
            values = {s.name: s.value for p in {any_namespace(node), pattern} for s in made.of(p)}
            values |= {s.name: s.value for s in made.of(pattern)}
            try:
                params.build(cls, values, pattern)
            except params.ParameterError as error:
                found.append(Problem(str(error)))
    return found


def literal(value: Value) -> str:
    """Return a value as YAML that PyYAML and ROS read alike: texts always in quotes."""
    if isinstance(value, tuple):
        return json.dumps(list(value) or [''], ensure_ascii=False)
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and 'e' in text and '.' not in text:
        text = text.replace('e', '.0e')  # 1e-05 is a text to YAML 1.1, 1.0e-05 a number
    return text


def parameter_text(made: Configuration, head: str) -> str:
    """Return the ROS parameter file of what any layer sets; defaults stay with the nodes."""
    lines = [f'# {line}'.rstrip() for line in head.splitlines()]
    for node in schemas():
        for pattern in made.patterns(node):
            rows = [s for s in made.of(pattern) if s.layer is not Layer.DEFAULT]
            if not rows:
                continue
            lines += [f'{pattern}:', '  ros__parameters:']
            lines += [f'    {s.name}: {literal(s.value)}  # {s.where}' for s in rows]
    return '\n'.join(lines) + '\n' if len(lines) > len(head.splitlines()) else '{}\n'
