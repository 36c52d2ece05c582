"""Checks one value against the parameter dataclass of its node."""

from __future__ import annotations

from typing import cast

from tektra.config.schema import schemas
from tektra.config.setting import Layer, Problem, Setting, Value
from tektra.launching.errors import did_you_mean
from tektra.runtime import params
from tektra.runtime.log import LEVELS

_OF_LAUNCH = 'use_sim_time'


def unknown_node(node: str, where: str) -> Problem:
    """Return the problem of a node that there is not."""
    hint = did_you_mean(node, schemas()) or f'; known: {", ".join(schemas())}'
    return Problem(f"{where}: unknown node '{node}'{hint}")


def checked(pattern: str, name: str, value: object, layer: Layer, where: str) -> Setting | Problem:
    """Return the setting with its value in the declared type, or what is wrong with it.

    ``qos_overrides.*``, which rclpy declares, are left to the node.
    """
    node = pattern.rsplit('/', 1)[-1]
    place = f'{where}: {node}'
    if name == _OF_LAUNCH:
        return Problem(
            f'{place}: {name} is one for the whole graph; leave it out here and start with '
            f'{name}:=true'
        )
    if node not in schemas():
        return unknown_node(node, where)
    if name == 'log_level' and value not in LEVELS:
        return Problem(f"{place}: {name} = '{value}' is not one of {', '.join(LEVELS)}")
    try:
        made: object = params.build(schemas()[node], {name: value}, place)
    except params.ParameterError as error:
        return Problem(str(error))
    plain = tuple(value) if isinstance(value, list) else value
    return Setting(pattern, name, cast(Value, getattr(made, name, plain)), layer, where)
