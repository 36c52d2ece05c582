"""The subset of YAML launch files that is understood, key by key, with the types of launch 3.4.

Everything outside it is an error that names the place and what is allowed, so that a file that
loads here means the same to `ros2 launch` (Jazzy).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tektra.launching import actions, document
from tektra.launching.attributes import Attributes, unknown
from tektra.launching.command_line import split
from tektra.launching.errors import LaunchError, Mark, listing
from tektra.launching.substitution import Template
from tektra.launching.typed_values import check_type_name, declared

OUTPUTS = ('screen', 'log', 'both', 'own_log', 'full')

_CONDITION = ('if', 'unless')
_NODE_KEYS = (
    'pkg',
    'exec',
    'name',
    'exec_name',
    'namespace',
    'args',
    'ros_args',
    'remap',
    'param',
    'env',
    'respawn',
    'respawn_delay',
    'respawn_max_retries',
    'on_exit',
    'output',
    'sigterm_timeout',
    'sigkill_timeout',
)


def _literal(text: str) -> str:
    """Take backslash escapes out of a string that has no substitutions (launch does the same)."""
    return re.sub(r'\\(.)', r'\1', text)


def load(path: Path) -> tuple[actions.Action, ...]:
    """Read a launch file.

    Raises:
        LaunchError: not a YAML launch file, or something outside the subset, with its line.
    """
    if path.suffix not in ('.yaml', '.yml', '.launch'):
        raise LaunchError(
            f'{path}: only YAML launch files (NAME.launch.yaml) run here; '
            f'a {path.suffix or "nameless"} file needs the real launch of a ROS installation'
        )
    return parse_document(document.read(path), path)


def parse_document(root: document.Value | None, path: Path) -> tuple[actions.Action, ...]:
    """Turn a read launch file into its actions; raises as `load` does."""
    start = Mark(path, 1)
    if root is None:
        raise LaunchError("the file is empty; a launch file starts with 'launch:'", start)
    if not isinstance(root, document.Mapping) or [*root.keys()] != ['launch']:
        raise LaunchError("a launch file has one key at its root, 'launch:'", root.mark)
    entry = root.entries[0]
    if not isinstance(entry.value, document.Sequence):
        kind = document.kind_of(entry.value)
        raise LaunchError(f"'launch' must be a list of actions, not {kind}", entry.mark)
    return _children(entry.value)


def _children(items: document.Sequence) -> tuple[actions.Action, ...]:
    return tuple(_action(item) for item in items.items)


def _action(item: document.Value) -> actions.Action:
    if not isinstance(item, document.Mapping) or len(item.entries) != 1:
        raise LaunchError(
            "an action is a mapping with one key, like '- node: {...}' "
            '(is what follows indented deeply enough?)',
            item.mark,
        )
    entry = item.entries[0]
    reader = _READERS.get(entry.key)
    if reader is None:
        raise LaunchError(unknown('action', entry.key, 'launch', (*_READERS,)), entry.mark)
    return reader(entry.value, entry.mark)


def _argument(value: document.Value, mark: Mark) -> actions.Argument:
    keys = Attributes(
        'arg', value, ('name', 'default', 'description', 'choice', *_CONDITION), mark
    )
    name = keys.string('name')
    if name is None:
        raise LaunchError("'arg' needs 'name'", mark)
    choices = []
    for item in keys.entities('choice'):
        choice = Attributes('arg.choice', item, ('value',), item.mark).string('value')
        if choice is None:
            raise LaunchError("'arg.choice' needs 'value'", item.mark)
        choices.append(_literal(choice[0]))
    description = keys.string('description')
    return actions.Argument(
        mark=mark,
        condition=keys.condition(),
        name=_literal(name[0]),
        default=keys.template('default'),
        description=_literal(description[0]) if description is not None else '',
        choices=tuple(choices),
    )


def _let(value: document.Value, mark: Mark) -> actions.Let:
    keys = Attributes('let', value, ('name', 'value', *_CONDITION), mark)
    return actions.Let(mark, keys.condition(), keys.required('name'), keys.required('value'))


def _set_environment(value: document.Value, mark: Mark) -> actions.SetEnvironment:
    keys = Attributes('set_env', value, ('name', 'value', *_CONDITION), mark)
    name, text = keys.required('name'), keys.required('value')
    return actions.SetEnvironment(mark, keys.condition(), name, text)


def _log(value: document.Value, mark: Mark) -> actions.Log:
    keys = Attributes('log', value, ('message', *_CONDITION), mark)
    return actions.Log(mark, keys.condition(), keys.required('message'))


def _push_namespace(value: document.Value, mark: Mark) -> actions.PushNamespace:
    keys = Attributes('push_ros_namespace', value, ('namespace', *_CONDITION), mark)
    return actions.PushNamespace(mark, keys.condition(), keys.required('namespace'))


def _include(value: document.Value, mark: Mark) -> actions.Include:
    keys = Attributes('include', value, ('file', 'arg', *_CONDITION), mark)
    arguments = keys.pairs('arg', 'name', 'value')
    return actions.Include(mark, keys.condition(), keys.required('file'), arguments)


def _group(value: document.Value, mark: Mark) -> actions.Group:
    if isinstance(value, document.Sequence):
        return actions.Group(mark, None, _children(value), scoped=True)
    keys = Attributes('group', value, ('children', 'scoped', *_CONDITION), mark)
    children = keys.value('children')
    if not isinstance(children, document.Sequence):
        raise LaunchError("'group' needs a list of actions, itself or under 'children'", mark)
    scoped = keys.scalar('scoped', bool, 'true or false (without quotes)')
    return actions.Group(
        mark, keys.condition(), _children(children), scoped is None or scoped[0] is True
    )


def _node(value: document.Value, mark: Mark) -> actions.Node:
    keys = Attributes('node', value, (*_NODE_KEYS, *_CONDITION), mark)
    retries = keys.scalar('respawn_max_retries', int, 'an integer (negative: without limit)')
    own_arguments, ros_arguments = keys.string('args'), keys.string('ros_args')
    return actions.Node(
        mark=mark,
        condition=keys.condition(),
        executable=keys.required('exec'),
        package=keys.template('pkg'),
        name=keys.template('name'),
        process_name=keys.template('exec_name'),
        namespace=keys.template('namespace'),
        arguments=() if own_arguments is None else split(*own_arguments),
        ros_arguments=None if ros_arguments is None else split(*ros_arguments),
        remappings=keys.pairs('remap', 'from', 'to'),
        parameters=tuple(_node_parameter(item) for item in keys.entities('param')),
        environment=keys.pairs('env', 'name', 'value'),
        respawn=keys.template('respawn'),
        respawn_delay=keys.seconds('respawn_delay') or 0.0,
        respawn_max_retries=int(str(retries[0])) if retries is not None else -1,
        required=_on_exit(keys),
        output=_output(keys),
        sigterm_timeout=keys.seconds('sigterm_timeout'),
        sigkill_timeout=keys.seconds('sigkill_timeout'),
    )


def _on_exit(keys: Attributes) -> bool:
    found = keys.string('on_exit')
    if found is not None and found[0] != 'shutdown':
        raise LaunchError(f"'on_exit' can only be 'shutdown', not '{found[0]}'", found[1])
    return found is not None


def _output(keys: Attributes) -> Template | None:
    template = keys.template('output')
    if template is not None and template.is_text:
        check_output(template.text, template.mark)
    return template


def check_output(text: str, mark: Mark) -> None:
    """Raise LaunchError unless `text` is one of OUTPUTS."""
    if text not in OUTPUTS:
        raise LaunchError(f"'output' must be one of {listing(OUTPUTS)}, not '{text}'", mark)


def _node_parameter(item: document.Value) -> actions.ParameterFile | actions.Parameter:
    if isinstance(item, document.Mapping) and item.get('from') is not None:
        keys = Attributes('node.param', item, ('from',), item.mark)
        return actions.ParameterFile(keys.required('from'))
    return _parameter(item)


def _parameter(item: document.Value) -> actions.Parameter:
    keys = Attributes('node.param', item, ('name', 'value', 'type', 'param'), item.mark)
    if keys.value('name') is None:
        raise LaunchError("'node.param' needs 'name' and 'value', or 'from' alone", item.mark)
    type_name = keys.string('type')
    if type_name is not None:
        check_type_name(*type_name)
    children = tuple(_parameter(child) for child in keys.entities('param'))
    value = keys.value('value')
    if (value is None) == (not children):
        raise LaunchError("'node.param' needs either 'value' or nested 'param'", item.mark)
    if children and type_name is not None:
        raise LaunchError("'type' goes with 'value', not with nested 'param'", item.mark)
    name = type_name[0] if type_name is not None else None
    typed = declared(value, name) if value is not None else None
    return actions.Parameter(keys.required('name'), name, typed, children, item.mark)


_READERS: dict[str, Callable[[document.Value, Mark], actions.Action]] = {
    'arg': _argument,
    'let': _let,
    'node': _node,
    'group': _group,
    'push_ros_namespace': _push_namespace,
    'include': _include,
    'set_env': _set_environment,
    'log': _log,
}
