"""Which graphs run, and who else is on their domain."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from tektra.config.schema import schemas
from tektra.doctor.finding import Finding, Severity, ok
from tektra.launching import runfile
from tektra.runtime.host_lock import lock_folder

if TYPE_CHECKING:
    from tektra.doctor.graph import Domain

LOCKS = Path('/proc/locks')
_COMMANDS = 'tektra_'
"""Beginning of the names of nodes that commands such as `tektra echo` make."""


class RunFile:
    """The run file of this checkout tells the truth."""

    name = 'run file'

    def __init__(self, state: Path) -> None:
        self._state = state

    def run(self) -> list[Finding]:
        """Compare the file with the process that it names."""
        path = self._state / 'run' / 'graph.json'
        graph = runfile.find(self._state)
        if graph is not None:
            file = Path(graph.launch_file).name
            return ok(f'process {graph.pid} runs {file} on domain {graph.domain_id}')
        if not path.exists():
            return ok('no graph of this checkout runs')
        what = f'{path} names a graph that does not run any more; the next start replaces it'
        return [Finding(Severity.NOTE, what, f'rm {quote(str(path))}')]


class OtherGraphs:
    """Which other graphs of this user run on this host, by the locks on their domains."""

    name = 'other graphs'

    def __init__(
        self, own_domain: int | None, folder: Path | None = None, locks: Path = LOCKS
    ) -> None:
        self._own = own_domain
        self._folder = lock_folder() if folder is None else folder
        self._locks = locks

    def run(self) -> list[Finding]:
        """Read the kernel's list of locks: nothing is locked to find out."""
        held = _locked(self._locks)
        numbers = sorted(
            int(path.stem.removeprefix('domain-'))
            for path in self._folder.glob('domain-*.lock')
            if _identity(path) in held
        )
        others = [str(number) for number in numbers if number != self._own]
        if not others:
            return ok('none on this host')
        what = f'{len(others)} on this host, on ROS domain {", ".join(others)}: they share the CPU'
        return [Finding(Severity.NOTE, what, 'in their checkout: tektra down')]


def _locked(locks: Path) -> set[str]:
    """Return the files with a lock of flock(2) as `major:minor:inode` (proc_locks(5))."""
    try:
        lines = locks.read_text(encoding='ascii').splitlines()
    except OSError:
        return set()
    return {line.split()[-3] for line in lines if ' FLOCK ' in line}


def _identity(path: Path) -> str:
    """Return how the kernel's list of locks calls a file; empty: it has gone.

    Its device is that of the mount: stat(2) tells another one on btrfs.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ''
    try:
        inode = os.fstat(descriptor).st_ino
        about = Path(f'/proc/self/fdinfo/{descriptor}').read_text(encoding='ascii')
    finally:
        os.close(descriptor)
    fields = dict(line.split(':', 1) for line in about.splitlines() if ':' in line)
    for line in Path('/proc/self/mountinfo').read_text(encoding='utf-8').splitlines():
        mount, _, device, *_ = line.split()
        if mount == fields['mnt_id'].strip():
            major, minor = (int(number) for number in device.split(':'))
            return f'{major:02x}:{minor:02x}:{inode}'
    return ''


class Neighbours:
    """On the domain are the nodes of this graph, each once, and nobody else."""

    name = 'nodes on the domain'

    def __init__(self, look: Callable[[], Domain], state: Path) -> None:
        self._look = look
        self._state = state

    def run(self) -> list[Finding]:
        """Compare the nodes with those that this checkout started."""
        there, graph = self._look(), runfile.find(self._state)
        counts = Counter(node for node in there.nodes if not _is_command(node))
        found = [
            Finding(
                Severity.ERROR,
                f'{count} nodes are named {node} on domain {there.number}',
                'end one of the graphs, or give it another ROS_DOMAIN_ID',
            )
            for node, count in counts.items()
            if count > 1
        ]
        own = set(graph.nodes) if graph is not None else set()
        strangers = sorted(
            node
            for node in counts
            if node not in own and (graph is None or os.path.basename(node) not in schemas())
        )
        if strangers:
            what = (
                f'on domain {there.number} are nodes that this checkout did not start: '
                f'{", ".join(strangers)}'
            )
            fix = 'export ROS_DOMAIN_ID=<another> before one of them starts, unless wanted'
            found.append(Finding(Severity.WARNING, what, fix))
        if unseen := sorted(own - counts.keys()):
            what = f'of the running graph are not seen: {", ".join(unseen)}'
            found.append(Finding(Severity.WARNING, what, 'tektra nodes; tektra up prints why'))
        return found or ok(f'{len(counts)} on domain {there.number}, all of this checkout')


def _is_command(node: str) -> bool:
    return os.path.basename(node).startswith((_COMMANDS, '_ros2cli'))
