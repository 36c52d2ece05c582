"""All checks of this machine, and what comes of running them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tektra.cli.state import state_dir
from tektra.config.layers import home
from tektra.doctor.checks.audio import AudioDevices, loudspeakers, microphones
from tektra.doctor.checks.clock import ClockStep, TimeZone, WallClock
from tektra.doctor.checks.configuration import ConfigurationLayers
from tektra.doctor.checks.disk import DiskSpace
from tektra.doctor.checks.graphs import Neighbours, OtherGraphs, RunFile
from tektra.doctor.checks.packages import LockedPackages, NoTorch
from tektra.doctor.checks.ports import Ports
from tektra.doctor.checks.qos import QosPairs
from tektra.doctor.checks.resources import Resources
from tektra.doctor.checks.ros_environment import (
    DdsProfile,
    Discovery,
    DomainId,
    Middleware,
    OtherRos,
)
from tektra.doctor.checks.shared_memory import SharedMemorySpace, StaleSharedMemory
from tektra.doctor.checks.toolchain import BuildTools, PythonVersion
from tektra.doctor.checks.weights import Weights
from tektra.doctor.finding import Check, Finding, Severity
from tektra.launching import domain, runfile
from tektra.runtime.share import checkout, share_dir
from tektra.weights.store import Store

if TYPE_CHECKING:
    from tektra.doctor.graph import Domain


@dataclass(frozen=True)
class Result:
    """What one check found."""

    check: str
    findings: tuple[Finding, ...]


def examine(checks: Iterable[Check]) -> Iterator[Result]:
    """Run checks one after the other. One that breaks is a finding, not the end."""
    for check in checks:
        try:
            findings = tuple(check.run())
        except Exception as error:
            what = f'the check itself failed: {type(error).__name__}: {error}'
            fix = 'report this, with the output of: tektra doctor --json'
            findings = (Finding(Severity.ERROR, what, fix),)
        yield Result(check.name, findings)


def all_checks() -> list[Check]:
    """Return the checks of this machine, the quick ones first."""
    env, root, state = os.environ, checkout(), state_dir()
    running = runfile.find(state)
    own_domain = running.domain_id if running is not None else None

    @cache
    def look() -> Domain:
        if worst_of(Middleware(env).run()) is Severity.ERROR:
            env.pop(Middleware.name)  # with it rcl would end this process
        from tektra.doctor import graph

        expected = running.nodes if running is not None else ()
        return graph.look(domain_to_look_at(own_domain, root), expected)

    return [
        PythonVersion(),
        BuildTools(env.get('PATH', os.defpath), root),
        LockedPackages(root / 'requirements' if root is not None else None),
        NoTorch(),
        DomainId(env),
        Middleware(env),
        Discovery(env),
        OtherRos(env, wheels=root is not None),
        DdsProfile(env, share_dir() / 'config' / 'fastdds.xml'),
        StaleSharedMemory(),
        SharedMemorySpace(),
        DiskSpace((state, home(), Store.of_environment().root)),
        Ports(),
        AudioDevices('microphone', microphones, 'a scene or typed lines take its place'),
        AudioDevices('loudspeaker', loudspeakers, 'speech goes to a silent clock and a file'),
        Weights(),
        Resources(),
        ConfigurationLayers(),
        WallClock(sorted((share_dir() / 'launch').glob('*'))),
        ClockStep(state),
        TimeZone(env),
        RunFile(state),
        OtherGraphs(own_domain),
        Neighbours(look, state),
        QosPairs(look),
    ]


def domain_to_look_at(running: int | None, root: Path | None) -> int:
    """Return the domain of the running graph, else the user's, else the one of the next start."""
    if running is not None:
        return running
    text = os.environ.get(domain.VARIABLE, '')
    if text.isdigit() and int(text) <= domain.MAX_DOMAIN:
        return int(text)
    return domain.preferred(root or Path.home())


def worst_of(findings: Iterable[Finding]) -> Severity:
    """Return the highest severity."""
    return max((finding.severity for finding in findings), default=Severity.OK)


def worst(results: Iterable[Result]) -> Severity:
    """Return the highest severity of all findings."""
    return worst_of(f for r in results for f in r.findings)
