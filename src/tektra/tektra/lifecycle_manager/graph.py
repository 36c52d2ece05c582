"""The dependency graph of the managed nodes: config/lifecycle.yaml, checked."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from tektra.launching import document
from tektra.launching.errors import LaunchError, did_you_mean, listing

_NAME = re.compile(r'[A-Za-z][A-Za-z0-9_]*')  # of a ROS node

MOST_S = 3600.0  # of a waiting time
# Of the time without work after which a node is unloaded: heartbeats, which tell of work, come at
# 5 Hz and may be lost for a second.
LEAST_IDLE_S, MOST_IDLE_S = 5.0, 7 * 24 * 3600.0


class GraphError(ValueError):
    """The file is wrong; the text gives file and line, the key, and what is allowed."""


class Tier(enum.Enum):
    """How much depends on a node."""

    SAFETY = 'safety'
    CORE = 'core'
    OPTIONAL = 'optional'


@dataclass(frozen=True)
class RestartPolicy:
    """When restarts are a crash loop. Launch restarts; the manager counts."""

    max: int = 5  # new processes within the window; more are a crash loop
    window_s: float = 60.0
    stays_up_s: float = 10.0  # a node that has been up for so long is out of the loop


@dataclass(frozen=True)
class NodeSpec:
    """One node of the graph; ``name`` is fully qualified, and so are those of ``requires``."""

    name: str
    tier: Tier = Tier.CORE
    requires: tuple[str, ...] = ()
    configure_timeout_s: float = 60.0
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    idle_unload_s: float | None = None  # unloaded when it has had no work for so long; None: never


class Graph:
    """Nodes in the order of activation: each after what it requires, else as in the file."""

    def __init__(self, specs: Iterable[NodeSpec]) -> None:
        """Sort ``specs``.

        :raises GraphError: if the requirements form a cycle.
        """
        given = {spec.name: spec for spec in specs}
        self.nodes: dict[str, NodeSpec] = {name: given[name] for name in _sorted(given)}
        self.order: tuple[str, ...] = tuple(self.nodes)
        self.managed: tuple[str, ...] = tuple(
            name for name, spec in self.nodes.items() if spec.tier is not Tier.SAFETY
        )
        self._dependents: dict[str, list[str]] = {name: [] for name in self.order}
        for spec in self.nodes.values():
            for required in spec.requires:
                self._dependents[required].append(spec.name)

    def __getitem__(self, name: str) -> NodeSpec:
        """Return the node of a fully qualified name."""
        return self.nodes[name]

    def dependents(self, name: str) -> list[str]:
        """Return the nodes that require ``name`` directly."""
        return self._dependents[name]

    def with_requirements(self, names: Iterable[str]) -> list[str]:
        """Return ``names`` and all that they require and that is managed, in order."""
        found = _closure(names, lambda name: self.nodes[name].requires)
        return [name for name in self.managed if name in found]

    def with_dependents(self, names: Iterable[str]) -> list[str]:
        """Return ``names`` and all that require them and are managed, in order."""
        found = _closure(names, lambda name: self._dependents[name])
        return [name for name in self.managed if name in found]

    def is_core(self, name: str) -> bool:
        """Return whether the graph is not ready without ``name``."""
        return self.nodes[name].tier is Tier.CORE


def _closure(names: Iterable[str], more: Callable[[str], Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(more(name))
    return found


def _sorted(specs: Mapping[str, NodeSpec]) -> list[str]:
    done: list[str] = []
    path: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in path:
            circle = ' -> '.join((*path[path.index(name) :], name))
            raise GraphError(f'nodes require each other in a circle: {circle}')
        path.append(name)
        for required in specs[name].requires:
            visit(required)
        path.pop()
        done.append(name)

    for name in specs:
        visit(name)
    return done


def load_graph(path: Path, namespace: str = '') -> Graph:
    """Read a graph; its nodes are those of ``namespace`` ('' or '/': none).

    :raises GraphError: with file, line and key of what is wrong.
    """
    try:
        return _Reader(path, namespace.rstrip('/')).read()
    except LaunchError as error:
        raise GraphError(str(error)) from None


class _Reader:
    """Turns the YAML of one file into a graph."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._path = path
        self._prefix = prefix

    def read(self) -> Graph:
        root = document.read(self._path)
        if not isinstance(root, document.Mapping):
            raise LaunchError(f"{self._path}: must be a mapping with the one key 'nodes'")
        self._check_keys(root, 'the file', ('nodes',))
        entry = root.get('nodes')
        if (
            entry is None
            or not isinstance(entry.value, document.Mapping)
            or not any(entry.value.keys())
        ):
            raise LaunchError('nodes: must name at least one node', root.mark)
        rows = entry.value
        specs = {row.key: self._node(row, rows) for row in rows.entries}
        for row in rows.entries:
            self._check_tiers(row, specs)
        try:
            return Graph(specs.values())
        except GraphError as error:
            raise LaunchError(f'nodes: {error}', entry.mark) from None

    def _node(self, row: document.Entry, rows: document.Mapping) -> NodeSpec:
        where = f'nodes.{row.key}'
        if not _NAME.fullmatch(row.key):
            raise LaunchError(
                f"{where}: '{row.key}' is no name of a node (letters, digits, _; no namespace: "
                'each namespace has its own manager)',
                row.mark,
            )
        value = row.value
        if isinstance(value, document.Scalar) and value.value is None:
            value = document.Mapping((), row.mark)
        if not isinstance(value, document.Mapping):
            raise LaunchError(f'{where}: must be a mapping', row.mark)
        keys = ('tier', 'requires', 'configure_timeout_s', 'restart', 'idle_unload_s')
        self._check_keys(value, where, keys)
        default = NodeSpec('')
        return NodeSpec(
            name=self._full(row.key),
            tier=self._tier(value, where),
            requires=self._requires(value, where, rows),
            configure_timeout_s=self._number(
                value, where, 'configure_timeout_s', default.configure_timeout_s
            ),
            restart=self._restart(value, where),
            idle_unload_s=self._idle(value, where),
        )

    def _idle(self, value: document.Mapping, where: str) -> float | None:
        entry = value.get('idle_unload_s')
        if entry is None:
            return None
        tier = self._tier(value, where)
        if tier is not Tier.OPTIONAL:
            raise LaunchError(
                f'{where}.idle_unload_s: a {tier.value} node is never unloaded; remove the key, '
                'or make the node optional',
                entry.mark,
            )
        return self._number(value, where, 'idle_unload_s', 0.0, MOST_IDLE_S, LEAST_IDLE_S)

    def _full(self, name: str) -> str:
        return f'{self._prefix}/{name}'

    def _check_keys(self, value: document.Mapping, where: str, known: Iterable[str]) -> None:
        for entry in value.entries:
            if entry.key not in known:
                hint = did_you_mean(entry.key, known) or f'; known: {listing(known)}'
                raise LaunchError(f"{where}: unknown key '{entry.key}'{hint}", entry.mark)

    def _tier(self, value: document.Mapping, where: str) -> Tier:
        entry = value.get('tier')
        if entry is None:
            return Tier.CORE
        names = [tier.value for tier in Tier]
        given = entry.value.value if isinstance(entry.value, document.Scalar) else None
        if given not in names:
            shown = document.kind_of(entry.value)
            raise LaunchError(f'{where}.tier: {shown} is not one of {listing(names)}', entry.mark)
        return Tier(given)

    def _requires(
        self, value: document.Mapping, where: str, rows: document.Mapping
    ) -> tuple[str, ...]:
        entry = value.get('requires')
        if entry is None:
            return ()
        if not isinstance(entry.value, document.Sequence):
            raise LaunchError(f'{where}.requires: must be a list of nodes', entry.mark)
        known = list(rows.keys())
        names = []
        for item in entry.value.items:
            name = item.value if isinstance(item, document.Scalar) else None
            if name not in known:
                hint = did_you_mean(str(name), known) or f'; known: {listing(known)}'
                shown = document.kind_of(item)
                raise LaunchError(
                    f'{where}.requires: {shown} is no node of this file{hint}', entry.mark
                )
            names.append(self._full(str(name)))
        return tuple(dict.fromkeys(names))

    def _restart(self, value: document.Mapping, where: str) -> RestartPolicy:
        entry = value.get('restart')
        default = RestartPolicy()
        if entry is None:
            return default
        where = f'{where}.restart'
        if not isinstance(entry.value, document.Mapping):
            raise LaunchError(f'{where}: must be a mapping', entry.mark)
        self._check_keys(entry.value, where, [f.name for f in fields(RestartPolicy)])
        most = self._number(entry.value, where, 'max', default.max)
        if most != int(most):
            raise LaunchError(f'{where}.max: {most:g} must be a whole number', entry.mark)
        return RestartPolicy(
            max=int(most),
            window_s=self._number(entry.value, where, 'window_s', default.window_s),
            stays_up_s=self._number(entry.value, where, 'stays_up_s', default.stays_up_s),
        )

    def _number(
        self,
        value: document.Mapping,
        where: str,
        key: str,
        default: float,
        most: float = MOST_S,
        least: float | None = None,
    ) -> float:
        entry = value.get(key)
        if entry is None:
            return default
        given = entry.value.value if isinstance(entry.value, document.Scalar) else None
        number = isinstance(given, (int, float)) and not isinstance(given, bool)
        if not number or not (least or 0.0) <= float(given or 0.0) <= most or not given:
            shown = document.kind_of(entry.value)
            above = 'above 0' if least is None else f'of at least {least:g}'
            raise LaunchError(
                f'{where}.{key}: {shown} must be a number {above}, at most {most:g}', entry.mark
            )
        return float(given)

    def _check_tiers(self, row: document.Entry, specs: Mapping[str, NodeSpec]) -> None:
        spec = specs[row.key]
        where = f'nodes.{row.key}.requires'
        if spec.tier is Tier.SAFETY and spec.requires:
            raise LaunchError(
                f'{where}: a safety node requires nothing: it must work when all else is down',
                row.mark,
            )
        tiers = {other.name: other.tier for other in specs.values()}
        for name in spec.requires:
            if spec.tier is Tier.CORE and tiers[name] is Tier.OPTIONAL:
                raise LaunchError(
                    f"{where}: a core node cannot require the optional '{name.split('/')[-1]}'; "
                    'make that core, or this optional',
                    row.mark,
                )
