"""What a person took down, kept for the manager that comes after a killed one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tektra.lifecycle_manager.steps import Goal
from tektra.runtime.clock import nanoseconds

# How long a new manager waits for a sign of life of the instances that it remembers.
RECALL_S = 5.0


@dataclass(frozen=True)
class Memory:
    """Nodes that are not wanted active, and which instances there were then.

    Instances tell a graph that still runs from one that was started afresh on the same domain.
    """

    command: str  # the last one of a person
    goals: Mapping[str, Goal]
    instances: Mapping[str, str]

    def is_of(self, instances: Mapping[str, str]) -> bool | None:
        """Return whether this is about the nodes that run now; None: not known yet.

        ``instances``: of each node of the graph the instance seen last; empty: not seen yet.
        """
        common = [name for name in self.instances if name in instances]
        if any(instances[name] == self.instances[name] for name in common):
            return True
        return False if all(instances[name] for name in common) else None

    def text(self) -> str:
        """Return what ``parse`` understands."""
        goals = {name: goal.name for name, goal in self.goals.items()}
        return json.dumps(
            {'command': self.command, 'goals': goals, 'instances': dict(self.instances)}
        )


def parse(text: str) -> Memory | None:
    """Return the memory; None: the text is none, such as half a file."""
    try:
        read = json.loads(text)
        return Memory(
            str(read['command']),
            {str(name): Goal[goal] for name, goal in read['goals'].items()},
            {str(name): str(instance) for name, instance in read['instances'].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


class Recall:
    """Finds out whether a memory still holds, before anything is started."""

    def __init__(self) -> None:
        self.waiting: Memory | None = None  # of which that is not known yet
        self.held: frozenset[str] = frozenset()  # nodes that it holds down
        self._until_ns = 0

    def begin(self, memory: Memory | None, now_ns: int) -> None:
        """Begin to wait for a sign of life of the instances of ``memory``."""
        self.waiting, self._until_ns = memory, now_ns + nanoseconds(RECALL_S)

    def drop(self) -> None:
        """Forget it: a person has said otherwise."""
        self.waiting = None

    def decide(self, instances: Mapping[str, str], now_ns: int) -> Memory | None:
        """Return the memory, once, when it has turned out to hold."""
        memory = self.waiting
        holds = memory.is_of(instances) if memory is not None else None
        if holds is None and now_ns < self._until_ns:
            return None
        self.waiting = None
        if memory is None or not holds:
            return None
        self.held = frozenset(name for name in memory.goals if name in instances)
        return memory


class MemoryFile:
    """The memory on this machine, until it is started again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._saved: Memory | None = None

    def load(self) -> Memory | None:
        """Return what was saved last, by whichever manager."""
        try:
            self._saved = parse(self._path.read_text(encoding='utf-8'))
        except (OSError, ValueError):
            self._saved = None
        return self._saved

    def save(self, memory: Memory | None) -> str:
        """Save what has changed; return why that failed, once."""
        if memory == self._saved:
            return ''
        self._saved = memory
        new = self._path.with_suffix('.new')
        try:
            if memory is None:
                self._path.unlink(missing_ok=True)
            else:
                new.write_text(memory.text(), encoding='utf-8')
                os.replace(new, self._path)
        except OSError as error:
            return f'{self._path}: {error.strerror}'
        return ''
