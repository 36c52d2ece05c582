"""What is known and what is wanted of every node. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from tektra.lifecycle_manager.graph import Graph
from tektra.lifecycle_manager.steps import Goal, reached
from tektra.lifecycle_manager.watch import Timing, Watched
from tektra.runtime.clock import seconds


@dataclass
class Board:
    """``nodes`` as they were last seen; ``goals``: a node without one is left alone."""

    graph: Graph
    timing: Timing
    nodes: dict[str, Watched]
    goals: dict[str, Goal] = field(default_factory=dict)
    now_ns: int = 0

    def is_settled(self, name: str) -> bool:
        """Return whether a node is alive and where it is wanted."""
        node, goal = self.nodes[name], self.goals.get(name)
        if node.missing:
            return False
        return goal is None or reached(node.state, goal)

    def rests(self, name: str) -> bool:
        """Return whether it is, and no transition is under way."""
        return self.nodes[name].exchange is None and self.is_settled(name)

    def is_overdue(self, name: str) -> bool:
        """Return whether a node that was there has been away for too long."""
        return self.nodes[name].missing and self.waited_s(name, 0) > self.timing.appear_s

    def waited_s(self, name: str, since_ns: int) -> float:
        """Return for how long nothing was heard of a node, at most since ``since_ns``."""
        return seconds(self.now_ns - max(self.nodes[name].seen_ns, since_ns))

    def states(self) -> dict[str, int]:
        """Return the verified state of each node."""
        return {name: node.verified for name, node in self.nodes.items()}

    def instances(self) -> dict[str, str]:
        """Return the instance of each node that was seen last; empty: none was."""
        return {name: node.instance_id for name, node in self.nodes.items()}
