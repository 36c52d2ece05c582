"""Brings a checkout up to date: finds what is out of date, and does only that."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from tektra.bootstrap import failures, inputs, preflight
from tektra.bootstrap.layout import Checkout
from tektra.bootstrap.lock import graph_runs, only_set_up
from tektra.bootstrap.progress import Progress
from tektra.bootstrap.stages import Stages

NEW_PYTHON = 'TEKTRA_NEW_PYTHON'
"""Tells the `tektra` script to look for a Python instead of using that of .venv."""

_GPL_NOTICE = (
    'espeak-ng and piper are GPL, loaded in the tts process and by the program that renders '
    'scenes only; so is the FFmpeg of PyAV, which faster-whisper asks for and nothing loads. '
    'TEKTRA_NO_GPL=1 ./tektra setup leaves them out (docs/licences.md)'
)


@dataclass(frozen=True)
class Plan:
    """The stages to do, and why."""

    environment: bool
    dev: bool
    build: bool
    reason: str

    @property
    def needed(self) -> bool:
        """Whether there is anything to do."""
        return self.environment or self.dev or self.build


class Setup:
    """The set-up of one checkout by the running Python."""

    def __init__(self, checkout: Checkout, env: Mapping[str, str]) -> None:
        self._checkout = checkout
        self._env = env
        self._notebook = inputs.Notebook(checkout)

    def plan(self, dev: bool, force: bool = False) -> Plan:
        """Return what has to be done now; cheap, and changes nothing."""
        note = self._notebook.read()
        wanted = self._wanted(note)
        checkout = self._checkout
        has_python = os.access(checkout.python, os.X_OK)
        environment = force or not has_python or note.environment != wanted.environment
        build = environment or note.build != wanted.build or not self._installed()
        # Tools that were there come back with a new environment, also when another verb makes it.
        again = environment and (dev or bool(note.dev))
        tools = again or (dev and note.dev != wanted.dev)
        return Plan(
            environment=environment,
            dev=tools,
            build=build,
            reason=_reason(note, wanted, force, has_python),
        )

    def bring_up_to_date(self, dev: bool = False, force: bool = False) -> None:
        """Do what the plan says, one process at a time.

        Raises:
            SetupError: it cannot be done; the message has the fix.
            OSError: as the operating system says (a full disk, a read-only checkout).
        """
        plan = self.plan(dev, force)
        if not plan.needed:
            return
        if plan.environment:
            self._leave_own_python()
        if graph_runs(self._checkout, self._env):
            raise failures.SetupError(
                f'{plan.reason}, and a graph of this checkout is running: ./tektra down'
            )
        preflight.check(self._checkout.root, self._env, need_venv=plan.environment)
        with only_set_up(self._checkout) as held:
            # Another process may have done it meanwhile.
            plan = self.plan(dev, force)
            if plan.needed:
                self._carry_out(plan, held)

    def _carry_out(self, plan: Plan, held: int) -> None:
        checkout = self._checkout
        before = self._notebook.read()
        wanted = self._wanted(before)
        _say(f'setting up: {plan.reason} (log: {checkout.log})')
        steps = 2 * plan.environment + plan.dev + plan.build
        write = self._notebook.write
        with Progress(checkout.log, steps, [held]) as progress:
            stages = Stages(checkout, self._env, progress)
            note = replace(before, root=wanted.root)
            if plan.environment:
                note = inputs.Note(root=wanted.root, python=wanted.python, gpl=wanted.gpl)
                write(note)
                stages.make_environment(wanted.gpl)
                write(note := replace(note, environment=wanted.environment))
            if plan.dev:
                # Not '': the tools stay wanted when this is interrupted.
                write(note := replace(note, dev='incomplete'))
                stages.install_dev_tools()
                write(note := replace(note, dev=wanted.dev))
            if plan.build:
                write(note := replace(note, build=''))
                stages.build(afresh=plan.environment or not before.build)
                write(replace(note, build=wanted.build))
        if plan.environment and wanted.gpl:
            _say(_GPL_NOTICE)

    def _wanted(self, note: inputs.Note) -> inputs.Wanted:
        python = f'{sys.version_info.major}.{sys.version_info.minor}'
        choice = self._env.get('TEKTRA_NO_GPL', '')
        gpl = choice in ('0', 'no', 'false') if choice else note.gpl
        return inputs.wanted(self._checkout, python, gpl)

    def _installed(self) -> bool:
        share = [
            self._checkout.install / name / 'share' / name / 'package.xml'
            for name in ('tektra', 'tektra_msgs')
        ]
        return all(path.is_file() for path in share)

    def _leave_own_python(self) -> None:
        """Start again with a Python from outside .venv, which is about to be replaced."""
        own = str(self._checkout.venv) + os.sep
        if not sys.executable.startswith(own) or NEW_PYTHON in self._env:
            return
        script = str(self._checkout.root / 'tektra')
        arguments = ['/bin/sh', script, *sys.argv[1:]]
        os.execve('/bin/sh', arguments, {**self._env, NEW_PYTHON: '1'})


def hand_over(checkout: Checkout, arguments: list[str], env: Mapping[str, str]) -> NoReturn:
    """Replace this process by the Python of the checkout."""
    program = str(checkout.python)
    os.execve(program, [program, *arguments], dict(env))


def _reason(note: inputs.Note, wanted: inputs.Wanted, force: bool, has_python: bool) -> str:
    """Return why a set-up is needed, in words."""
    if force:
        return 'asked for'
    if not note.root:
        return 'the first time takes about two minutes'
    if note.root != wanted.root:
        return f'this checkout was moved or copied from {note.root}'
    if not note.environment or not note.build or note.dev == 'incomplete':
        return 'the last set-up was not completed'
    if not has_python:
        return 'the Python of .venv is gone'
    if note.python != wanted.python:
        return f'Python {note.python} is now {wanted.python}'
    if note.gpl != wanted.gpl:
        return 'TEKTRA_NO_GPL changed'
    if note.environment != wanted.environment:
        return 'requirements/ changed'
    if note.build != wanted.build:
        return 'the interfaces or the installed folders changed'
    return 'development tools' if note.dev != wanted.dev else 'install/ is gone'


def _say(text: str) -> None:
    print(f'tektra: {text}', file=sys.stderr, flush=True)
