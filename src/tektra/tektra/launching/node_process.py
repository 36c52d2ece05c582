"""One `node` action becomes one process: its command line is that of launch_ros 0.26, in order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tektra.launching import actions, grammar, packages
from tektra.launching.errors import LaunchError, Mark
from tektra.launching.model import InlineParameters, ProcessSpec, Respawn
from tektra.launching.names import absolute, check_namespace, check_node_name, joined
from tektra.launching.substitution import Context, Template, as_boolean, perform
from tektra.launching.typed_values import ParameterValue, evaluated


class ProcessBuilder:
    """Builds the process of one node in the scope where it stands."""

    CONFIGURATIONS = ('sigterm_timeout', 'sigkill_timeout')
    """Launch configurations that are the default of the node's own time-outs."""

    DEFAULT_TIMEOUT_S = 5.0
    """Time-out of launch before it goes from SIGINT to SIGTERM, and from there to SIGKILL."""

    def __init__(
        self,
        node: actions.Node,
        context: Context,
        environment: Mapping[str, str],
        variables: Mapping[str, str],
    ) -> None:
        self._node = node
        self._context = context
        self._environment = environment
        self._variables = variables

    def build(self, number: int, changed: Mapping[str, str]) -> ProcessSpec:
        """Return the process.

        Args:
            number: its place in the plan from 1, part of its label.
            changed: environment variables set by the launch file so far.

        Raises:
            LaunchError: a bad name, namespace, value or parameter file, or no such executable.
        """
        node = self._node
        executable = self._executable()
        name = self._name()
        namespace = self._namespace()
        full = None
        if name is not None and namespace is not None:
            full = joined(namespace, name)
        process_name = self._optional(node.process_name) or executable.name
        own = {self._text(key): self._text(value) for key, value in node.environment}
        return ProcessSpec(
            name=name or process_name,
            label=f'{process_name}-{number}',
            command=self._command(executable, name, namespace),
            node=full or (None if name is None else f'/{name}'),
            namespace=namespace,
            package=self._optional(node.package),
            parameters=tuple(self._parameters(full or '/**')),
            remappings=tuple((self._text(a), self._text(b)) for a, b in node.remappings),
            environment={**changed, **own},
            respawn=self._respawn(),
            required=node.required,
            output=self._output(),
            sigterm_timeout_s=self._timeout(node.sigterm_timeout, 'sigterm_timeout'),
            sigkill_timeout_s=self._timeout(node.sigkill_timeout, 'sigkill_timeout'),
        )

    def _text(self, template: Template) -> str:
        return perform(template, self._context)

    def _optional(self, template: Template | None) -> str | None:
        return None if template is None else self._text(template)

    def _executable(self) -> Path:
        node = self._node
        name = self._text(node.executable)
        mark = node.executable.mark
        if node.package is None:
            return packages.program(name, self._environment, mark)
        package = self._text(node.package)
        return packages.package_executable(package, name, self._environment, mark)

    def _name(self) -> str | None:
        if self._node.name is None:
            return None
        name = self._text(self._node.name)
        check_node_name(name, self._node.name.mark)
        return name

    def _namespace(self) -> str | None:
        below = joined(self._variables.get('ros_namespace'), self._optional(self._node.namespace))
        if below is None:
            return None
        namespace = absolute(below)
        check_namespace(namespace, (self._node.namespace or self._node.executable).mark)
        return namespace

    def _command(
        self, executable: Path, name: str | None, namespace: str | None
    ) -> tuple[str, ...]:
        node = self._node
        line = [str(executable), *(self._text(item) for item in node.arguments)]
        if node.ros_arguments is not None:
            line += ['--ros-args', *(self._text(item) for item in node.ros_arguments)]
        line.append('--ros-args')
        if name is not None:
            line += ['-r', f'__node:={name}']
        if namespace is not None:
            line += ['-r', f'__ns:={namespace}']
        return tuple(line)

    def _parameters(self, key: str) -> list[Path | InlineParameters]:
        found: list[Path | InlineParameters] = []
        for item in self._node.parameters:
            if isinstance(item, actions.ParameterFile):
                found.append(self._parameter_file(item.path))
            else:
                values: dict[str, ParameterValue] = {}
                self._flatten(item, '', values)
                found.append(InlineParameters(key, values))
        return found

    def _parameter_file(self, template: Template) -> Path:
        path = Path(self._text(template))
        if not path.is_file():
            raise LaunchError(f'no parameter file {path}', template.mark)
        return path

    def _flatten(
        self, item: actions.Parameter, above: str, values: dict[str, ParameterValue]
    ) -> None:
        name = above + self._text(item.name)
        if item.value is not None:
            values[name] = evaluated(item.value, item.type_name, self._context, item.mark)
        for child in item.children:
            self._flatten(child, f'{name}.', values)

    def _respawn(self) -> Respawn:
        node = self._node
        if node.respawn is None:
            return Respawn()
        wanted = as_boolean(self._text(node.respawn), "'respawn'", node.respawn.mark)
        return Respawn(
            enabled=wanted and not node.required,
            delay_s=node.respawn_delay,
            max_retries=node.respawn_max_retries,
        )

    def _output(self) -> str:
        template = self._node.output
        if template is None:
            return 'log'
        text = self._text(template)
        grammar.check_output(text, template.mark)
        return text

    def _timeout(self, own: float | None, name: str) -> float:
        if own is not None:
            return own
        text = self._variables.get(name)
        if text is None:
            return self.DEFAULT_TIMEOUT_S
        return _seconds(text, name, self._node.mark)


def _seconds(text: str, name: str, mark: Mark) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < float('inf'):
        raise LaunchError(f"'{name}' must be a number of seconds >= 0, not '{text}'", mark)
    return value
