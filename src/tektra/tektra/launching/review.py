"""What is suspicious in a plan but not wrong: parameters for nobody, two nodes of one name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from tektra.launching import parameter_file
from tektra.launching.errors import did_you_mean
from tektra.launching.model import ProcessSpec


def plan_warnings(processes: Iterable[ProcessSpec]) -> Iterator[str]:
    """Check the parameter files of a plan and yield its warnings.

    Raises:
        LaunchError: a parameter file that ROS would refuse.
    """
    users: dict[Path, list[ProcessSpec]] = {}
    names: Counter[str] = Counter()
    for process in processes:
        if process.node is not None:
            names[process.node] += 1
        for source in process.parameters:
            if isinstance(source, Path):
                users.setdefault(source, []).append(process)
    for path, readers in users.items():
        yield from _unmatched(path, readers)
    for name, count in names.items():
        if count > 1:
            yield f"{count} nodes have the name '{name}'; services and parameters will clash"


def _unmatched(path: Path, readers: list[ProcessSpec]) -> Iterator[str]:
    sections = parameter_file.check(path)
    nodes = [process.node for process in readers if process.node is not None]
    if len(nodes) < len(readers):
        return
    for section in sections:
        if not any(section.matches(node) for node in nodes):
            word = section.pattern.rsplit('/', 1)[-1]
            hint = did_you_mean(word, [node.rsplit('/', 1)[-1] for node in nodes])
            yield f"{section.mark}: '{section.pattern}' matches no node that reads it{hint}"
