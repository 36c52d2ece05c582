"""Which optional nodes to unload because nobody needs them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tektra.lifecycle_manager.graph import Graph
from tektra.lifecycle_manager.steps import ACTIVE, Goal
from tektra.lifecycle_manager.watch import Watched
from tektra.runtime.clock import seconds


class IdleUnload:
    """Remembers who was unloaded, until a command says otherwise."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._unloaded: set[str] = set()

    @property
    def unloaded(self) -> frozenset[str]:
        """Return the nodes that are unloaded."""
        return frozenset(self._unloaded)

    def due(
        self, nodes: Mapping[str, Watched], goals: Mapping[str, Goal], now_ns: int, awake_ns: int
    ) -> list[str]:
        """Return the nodes that are wanted, at work, and have had no work for their time.

        One that others require goes only after them. The time before ``awake_ns`` does not count:
        nobody read heartbeats then (the manager was held up, the machine was suspended).
        """
        found: list[str] = []
        for name in reversed(self._graph.managed):
            if self._is_idle(nodes[name], now_ns, awake_ns) and goals.get(name) is Goal.ACTIVE:
                users = self._graph.dependents(name)
                if all(u in found or goals.get(u, Goal.ACTIVE) < Goal.ACTIVE for u in users):
                    found.append(name)
        return found

    def _is_idle(self, node: Watched, now_ns: int, awake_ns: int) -> bool:
        limit = node.spec.idle_unload_s
        if limit is None or node.missing or node.exchange is not None or node.state != ACTIVE:
            return False
        heard = node.seen_ns > awake_ns
        return heard and seconds(now_ns - max(node.used_ns, awake_ns)) >= limit

    def note(self, *names: str) -> None:
        """Take note that nodes are unloaded."""
        self._unloaded.update(names)

    def forget(self, names: Iterable[str]) -> None:
        """Take note that a command has decided about nodes."""
        self._unloaded.difference_update(names)

    def text(self, name: str) -> str:
        """Return what is said of an unloaded node; empty: it is not."""
        if name not in self._unloaded:
            return ''
        limit = self._graph[name].idle_unload_s
        short = name.rsplit('/', 1)[-1]
        return f'unloaded after {limit:g} s without work; tektra manage resume {short}'
