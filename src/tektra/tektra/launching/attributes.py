"""The keys of one entity of a launch file, typed on access; what is unknown is refused."""

from __future__ import annotations

from tektra.launching import actions, document
from tektra.launching.errors import LaunchError, Mark, did_you_mean, listing
from tektra.launching.substitution import Template, parse

OUTSIDE_TAGS = (
    'executable',
    'set_remap',
    'set_parameter',
    'unset_env',
    'append_env',
    'timer',
    'shutdown',
    'node_container',
    'composable_node',
    'load_composable_node',
    'set_use_sim_time',
    'push-ros-namespace',
)
"""Actions of launch and launch_ros that this runner does not have."""
OUTSIDE_KEYS = (
    'node-name',
    'cwd',
    'launch-prefix',
    'shell',
    'emulate_tty',
    'allow_substs',
    'forwarding',
    'keep',
)
"""Keys of launch and launch_ros that this runner does not have."""


class Attributes:
    """The keys of one entity, typed on access."""

    def __init__(
        self, entity: str, value: document.Value, allowed: tuple[str, ...], mark: Mark
    ) -> None:
        if not isinstance(value, document.Mapping):
            kind = document.kind_of(value)
            raise LaunchError(f"'{entity}' must be a mapping of its keys, not {kind}", mark)
        self.entity = entity
        self.mark = mark
        self._mapping = value
        for entry in value.entries:
            if entry.key not in allowed:
                raise LaunchError(unknown('key', entry.key, entity, allowed), entry.mark)

    def value(self, key: str) -> document.Value | None:
        """Return what is written under `key`, or None."""
        entry = self._mapping.get(key)
        return None if entry is None else entry.value

    def scalar(self, key: str, kind: type, fix: str) -> tuple[document.Plain, Mark] | None:
        """Return the scalar of exactly this type under `key`, or None when it is absent."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, document.Scalar) or type(value.value) is not kind:
            shown = document.kind_of(value)
            raise LaunchError(f"'{key}' of '{self.entity}' must be {fix}, not {shown}", value.mark)
        return value.value, value.mark

    def string(self, key: str) -> tuple[str, Mark] | None:
        """Return a string, or None."""
        found = self.scalar(key, str, 'a string (in quotes)')
        return None if found is None else (str(found[0]), found[1])

    def template(self, key: str) -> Template | None:
        """Return a string with its substitutions parsed, or None."""
        found = self.string(key)
        return None if found is None else parse(*found)

    def required(self, key: str) -> Template:
        """Return a template that must be there."""
        found = self.template(key)
        if found is None:
            raise LaunchError(f"'{self.entity}' needs '{key}'", self.mark)
        return found

    def seconds(self, key: str) -> float | None:
        """Return a time in seconds, >= 0, written as a YAML float; None when absent."""
        found = self.scalar(key, float, 'a number with a decimal point, like 1.0,')
        if found is None:
            return None
        value, mark = found
        if not isinstance(value, float) or not 0.0 <= value < float('inf'):
            raise LaunchError(f"'{key}' must be 0.0 or more, not {value}", mark)
        return value

    def entities(self, key: str) -> tuple[document.Value, ...]:
        """Return the entries of a list of mappings; empty when the key is absent."""
        value = self.value(key)
        if value is None:
            return ()
        if not isinstance(value, document.Sequence) or not value.items:
            shown = 'an empty list' if isinstance(value, document.Sequence) else ''
            shown = shown or document.kind_of(value)
            raise LaunchError(
                f"'{key}' of '{self.entity}' must be a list of mappings, not {shown}", value.mark
            )
        return value.items

    def pairs(self, key: str, left: str, right: str) -> tuple[tuple[Template, Template], ...]:
        """Return a list of {left, right} mappings as template pairs."""
        found = []
        for item in self.entities(key):
            pair = Attributes(f'{self.entity}.{key}', item, (left, right), item.mark)
            found.append((pair.required(left), pair.required(right)))
        return tuple(found)

    def condition(self) -> actions.Condition | None:
        """Return `if` or `unless`."""
        wanted = self.template('if')
        unwanted = self.template('unless')
        if wanted is not None and unwanted is not None:
            raise LaunchError("'if' and 'unless' exclude each other", self.mark)
        if wanted is not None:
            return actions.Condition(wanted, True)
        return None if unwanted is None else actions.Condition(unwanted, False)


def unknown(what: str, word: str, entity: str, allowed: tuple[str, ...]) -> str:
    """Return the message for a key or an action that is not in the subset."""
    if word in OUTSIDE_KEYS or word in OUTSIDE_TAGS:
        return (
            f"{what} '{word}' of '{entity}' is not supported here; supported: {listing(allowed)}"
        )
    hint = did_you_mean(word, allowed)
    return f"unknown {what} '{word}' of '{entity}'{hint}; known: {listing(allowed)}"
