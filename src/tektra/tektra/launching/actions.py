"""The actions of a launch file as data: what was written, before anything is evaluated."""

from __future__ import annotations

from dataclasses import dataclass

from tektra.launching.errors import Mark
from tektra.launching.substitution import Template

TypedItem = Template | bool | int | float
TypedValue = TypedItem | tuple[TypedItem, ...]


@dataclass(frozen=True)
class Condition:
    """`if` (wanted is True) or `unless` (wanted is False)."""

    template: Template
    wanted: bool

    @property
    def key(self) -> str:
        """The key it was written with."""
        return 'if' if self.wanted else 'unless'


@dataclass(frozen=True)
class Action:
    """What every action has: its place and an optional condition."""

    mark: Mark
    condition: Condition | None


@dataclass(frozen=True)
class Argument(Action):
    """`arg`: a launch argument; without `default` it must be given."""

    name: str
    default: Template | None
    description: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Let(Action):
    """`let`: sets a launch configuration."""

    name: Template
    value: Template


@dataclass(frozen=True)
class SetEnvironment(Action):
    """`set_env`: sets an environment variable for what follows in this scope."""

    name: Template
    value: Template


@dataclass(frozen=True)
class Log(Action):
    """`log`: prints a message."""

    message: Template


@dataclass(frozen=True)
class PushNamespace(Action):
    """`push_ros_namespace`: goes one namespace down for the rest of this scope."""

    namespace: Template


@dataclass(frozen=True)
class Include(Action):
    """`include`: another launch file; its `arg`s are set in this scope (they are not local)."""

    file: Template
    arguments: tuple[tuple[Template, Template], ...]


@dataclass(frozen=True)
class Group(Action):
    """`group`: its own scope of variables, namespace and environment unless `scoped` is false."""

    children: tuple[Action, ...]
    scoped: bool


@dataclass(frozen=True)
class ParameterFile:
    """`param` with `from`: a parameter file."""

    path: Template


@dataclass(frozen=True)
class Parameter:
    """`param` with `name`: a value of a declared type, or parameters nested under the name."""

    name: Template
    type_name: str | None
    value: TypedValue | None
    children: tuple[Parameter, ...]
    mark: Mark


@dataclass(frozen=True)
class Node(Action):
    """`node`: a process. Times in seconds; `respawn_max_retries` below 0 means no limit."""

    executable: Template
    package: Template | None
    name: Template | None
    process_name: Template | None
    namespace: Template | None
    arguments: tuple[Template, ...]
    ros_arguments: tuple[Template, ...] | None
    remappings: tuple[tuple[Template, Template], ...]
    parameters: tuple[ParameterFile | Parameter, ...]
    environment: tuple[tuple[Template, Template], ...]
    respawn: Template | None
    respawn_delay: float
    respawn_max_retries: int
    required: bool
    output: Template | None
    sigterm_timeout: float | None
    sigkill_timeout: float | None
