"""Evaluates the actions of a launch file, in order and scope by scope, into a plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tektra.launching import actions, arguments, grammar, packages
from tektra.launching.errors import LaunchError, Mark, did_you_mean, listing
from tektra.launching.model import LaunchPlan, ProcessSpec
from tektra.launching.names import absolute, check_namespace, joined
from tektra.launching.node_process import ProcessBuilder
from tektra.launching.review import plan_warnings
from tektra.launching.substitution import Template, as_condition, perform

NAMESPACE = 'ros_namespace'
"""The launch configuration in which launch_ros keeps the pushed namespace."""


def evaluate(path: Path, args: Mapping[str, str], environment: Mapping[str, str]) -> LaunchPlan:
    """Return the plan of a launch file; see `plan.load` for arguments and errors."""
    evaluator = _Evaluator(args, environment)
    evaluator.launch_file(path, None, dict(args))
    evaluator.refuse_unknown_arguments(args, path)
    processes = tuple(evaluator.processes)
    return LaunchPlan(
        file=path,
        arguments=dict(evaluator.declared),
        processes=processes,
        messages=tuple(evaluator.messages),
        warnings=tuple(plan_warnings(processes)),
    )


class _Evaluator:
    """Walks the actions; it is the context of their substitutions."""

    def __init__(self, args: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self.processes: list[ProcessSpec] = []
        self.messages: list[str] = []
        self.declared: dict[str, str] = {}
        self._mentioned: set[str] = set()
        self._base = dict(environment)
        self._variables = dict(args)
        self._environment = dict(environment)
        self._files: list[Path] = []
        self._visible_directory = Path()

    # What substitutions see.

    def variable(self, name: str) -> str | None:
        """Return a launch configuration."""
        self._mentioned.add(name)
        return self._variables.get(name)

    def variables(self) -> list[str]:
        """Return the names of the launch configurations."""
        return [*self._variables]

    def environment(self, name: str) -> str | None:
        """Return an environment variable, with what `set_env` changed."""
        return self._environment.get(name)

    def directory(self, mark: Mark) -> str:
        """Return the folder of the file being read.

        launch 3.4 leaves `$(dirname)` at an included file's folder after (and in the `arg`s of)
        the include; where that would be another folder, this refuses instead of guessing.
        """
        own = self._files[-1].parent
        if own != self._visible_directory:
            raise LaunchError(
                f"$(dirname) in or after an 'include' means {self._visible_directory} to ros2 "
                "launch; put it in a 'let' before the include",
                mark,
            )
        return str(own)

    def package_share(self, package: str, mark: Mark) -> str:
        """Return the share folder of a package."""
        return str(packages.package_share(package, self._environment, mark))

    def text(self, template: Template) -> str:
        """Perform a template here."""
        return perform(template, self)

    def changed_environment(self) -> dict[str, str]:
        """Return what `set_env` changed so far in this scope."""
        return {k: v for k, v in self._environment.items() if self._base.get(k) != v}

    # Files and arguments.

    def launch_file(self, path: Path, mark: Mark | None, given: Mapping[str, str]) -> None:
        """Evaluate one launch file; `given` are the arguments that were passed to it by name."""
        path = path.absolute()
        if len(self._files) > arguments.MAX_INCLUDES:
            raise LaunchError('launch files include each other without end', mark)
        if not path.is_file():
            raise LaunchError(f'{path}: no such launch file', mark)
        items = grammar.load(path)
        self._require(items, given, mark)
        self._files.append(path)
        self._visible_directory = path.parent
        self._all(items)
        self._files.pop()

    def _require(
        self, items: Sequence[actions.Action], given: Mapping[str, str], mark: Mark | None
    ) -> None:
        for item in items:
            if not isinstance(item, actions.Argument) or item.condition is not None:
                continue
            if item.default is None and item.name not in given:
                how = f'pass {item.name}:=VALUE' if mark is None else "pass it as 'arg'"
                text = f' ({item.description})' if item.description else ''
                raise LaunchError(f"argument '{item.name}'{text} is required; {how}", item.mark)

    def refuse_unknown_arguments(self, args: Mapping[str, str], path: Path) -> None:
        """Raise LaunchError when an argument was given that no file declares or reads."""
        known = self._mentioned | {*self.declared, *ProcessBuilder.CONFIGURATIONS}
        for name in args:
            if name not in known:
                hint = did_you_mean(name, known)
                shown = listing(sorted(self.declared)) or 'none'
                raise LaunchError(f"{path}: no argument '{name}'{hint}; arguments: {shown}")

    # Actions.

    def _all(self, items: Sequence[actions.Action]) -> None:
        for item in items:
            if self._holds(item):
                self._one(item)
            else:
                skipped = arguments.in_actions([item], self._files[-1], self._environment)
                self._mentioned.update(info.name for info in skipped)

    def _holds(self, item: actions.Action) -> bool:
        condition = item.condition
        if condition is None:
            return True
        text = self.text(condition.template)
        return as_condition(text, condition.key, condition.template.mark) == condition.wanted

    def _one(self, item: actions.Action) -> None:
        if isinstance(item, actions.Argument):
            self._argument(item)
        elif isinstance(item, actions.Let):
            self._variables[self.text(item.name)] = self.text(item.value)
        elif isinstance(item, actions.SetEnvironment):
            self._environment[self.text(item.name)] = self.text(item.value)
        elif isinstance(item, actions.Log):
            self.messages.append(self.text(item.message))
        elif isinstance(item, actions.PushNamespace):
            self._push_namespace(item)
        elif isinstance(item, actions.Include):
            self._include(item)
        elif isinstance(item, actions.Group):
            with self._scope(item.scoped):
                self._all(item.children)
        elif isinstance(item, actions.Node):
            builder = ProcessBuilder(item, self, self._environment, self._variables)
            number = len(self.processes) + 1
            self.processes.append(builder.build(number, self.changed_environment()))

    def _argument(self, item: actions.Argument) -> None:
        if item.name not in self._variables:
            if item.default is None:
                raise LaunchError(f"argument '{item.name}' is required", item.mark)
            self._variables[item.name] = self.text(item.default)
        value = self._variables[item.name]
        if item.choices and value not in item.choices:
            raise LaunchError(
                f"argument '{item.name}' cannot be '{value}'{did_you_mean(value, item.choices)}; "
                f'choices: {listing(item.choices)}',
                item.mark,
            )
        self.declared.setdefault(item.name, value)

    def _push_namespace(self, item: actions.PushNamespace) -> None:
        below = joined(self._variables.get(NAMESPACE), self.text(item.namespace))
        namespace = absolute(below or '')
        check_namespace(namespace, item.mark)
        self._variables[NAMESPACE] = namespace

    def _include(self, item: actions.Include) -> None:
        path = Path(self.text(item.file)).absolute()
        self._visible_directory = path.parent
        given: dict[str, str] = {}
        for name, value in item.arguments:
            key = self.text(name)
            given[key] = self._variables[key] = self.text(value)
        self.launch_file(path, item.mark, given)

    @contextmanager
    def _scope(self, scoped: bool) -> Iterator[None]:
        variables, environment = dict(self._variables), dict(self._environment)
        yield
        if scoped:
            self._variables, self._environment = variables, environment
