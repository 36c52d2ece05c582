"""What a launch file comes to: processes with their arguments, to look at or to run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tektra.launching.typed_values import ParameterValue


@dataclass(frozen=True)
class InlineParameters:
    """Parameters given in the launch file; written to a file for the node, as launch_ros does."""

    node: str
    values: Mapping[str, ParameterValue]

    def text(self) -> str:
        """Return the parameter file."""
        return yaml.dump({self.node: {'ros__parameters': dict(self.values)}})


@dataclass(frozen=True)
class Respawn:
    """When an exited process is started again.

    After `delay_s`, `max_retries` times (< 0: always).
    """

    enabled: bool = False
    delay_s: float = 0.0
    max_retries: int = -1


@dataclass(frozen=True)
class ProcessSpec:
    """One process of a plan.

    `name` is the node name (or that of the executable), `label` is unique in the plan and the
    prefix of its output, `node` the fully qualified node name if the launch file fixes it.
    `environment` holds what the launch file sets on top of the environment of the supervisor.
    """

    name: str
    label: str
    command: tuple[str, ...]
    node: str | None = None
    namespace: str | None = None
    package: str | None = None
    parameters: tuple[Path | InlineParameters, ...] = ()
    remappings: tuple[tuple[str, str], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    respawn: Respawn = Respawn()
    required: bool = False
    output: str = 'log'
    sigterm_timeout_s: float = 5.0
    sigkill_timeout_s: float = 5.0

    def inline_file(self, folder: Path, index: int) -> Path:
        """Return where the inline parameters number `index` of this process are written."""
        return folder / f'{self.label}_{index}.yaml'

    def argv(self, folder: Path) -> list[str]:
        """Return the command line; `folder` is where inline parameters are written to."""
        line = [*self.command]
        for index, source in enumerate(self.parameters):
            path = source if isinstance(source, Path) else self.inline_file(folder, index)
            line += ['--params-file', str(path)]
        for old, new in self.remappings:
            line += ['-r', f'{old}:={new}']
        return line

    def write_parameters(self, folder: Path) -> None:
        """Write the files that `argv(folder)` names."""
        for index, source in enumerate(self.parameters):
            if isinstance(source, InlineParameters):
                self.inline_file(folder, index).write_text(source.text(), encoding='utf-8')


@dataclass(frozen=True)
class LaunchPlan:
    """A launch file, evaluated.

    `arguments` are the launch arguments with their final values.
    """

    file: Path
    arguments: Mapping[str, str]
    processes: tuple[ProcessSpec, ...]
    messages: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return the plan as text, for `--print`."""
        lines = [f'launch file: {self.file}']
        lines += [f'  {name}:={value}' for name, value in self.arguments.items()]
        lines += [f'warning: {text}' for text in self.warnings]
        lines += [f'log: {text}' for text in self.messages]
        for process in self.processes:
            lines += _described(process)
        return '\n'.join(lines)


def _described(process: ProcessSpec) -> list[str]:
    lines = [f'{process.label}: {process.node or process.name}']
    lines.append(f'  command: {shlex.join(process.argv(Path("<temporary>")))}')
    for index, source in enumerate(process.parameters):
        if isinstance(source, InlineParameters):
            shown = ', '.join(f'{name}: {value!r}' for name, value in source.values.items())
            lines.append(f'  parameters {process.label}_{index}.yaml: {shown}')
    lines += [f'  env: {name}={value}' for name, value in process.environment.items()]
    respawn = process.respawn
    if process.required:
        lines.append('  exit: stops the whole launch')
    elif respawn.enabled:
        limit = f'{respawn.max_retries} times' if respawn.max_retries >= 0 else 'without limit'
        lines.append(f'  exit: started again after {respawn.delay_s:g} s, {limit}')
    term, kill = process.sigterm_timeout_s, process.sigkill_timeout_s
    lines.append(f'  stop: SIGINT, after {term:g} s SIGTERM, after {kill:g} s more SIGKILL')
    lines.append(f'  output: {process.output}')
    return lines


@dataclass(frozen=True)
class ArgInfo:
    """A launch argument as declared; `default` is None when it must be given."""

    name: str
    default: str | None
    description: str
    choices: tuple[str, ...]
    conditional: bool
    file: Path
