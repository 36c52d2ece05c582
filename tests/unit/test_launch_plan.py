"""Plans and arguments as they are shown, parameter files, output lines, names."""

from __future__ import annotations

from pathlib import Path

import launch_support
import pytest

from tektra.launching import names, output, parameter_file, plan, real
from tektra.launching.errors import LaunchError, Mark
from tektra.launching.plan import Respawn

HERE = Mark(Path('test.yaml'), 1)


def _plan(folder: Path, text: str, **files: str) -> plan.LaunchPlan:
    return launch_support.planned(folder, f'launch:\n{text}', **files)


def test_a_plan_holds_restarts_time_outs_and_environment(tmp_path: Path) -> None:
    made = _plan(
        tmp_path,
        '- set_env: {name: A, value: all}\n'
        '- let: {name: sigkill_timeout, value: "1.5"}\n'
        "- node: {pkg: launch_demo, exec: talker, name: a, exec_name: chat, respawn: 'yes',\n"
        '    respawn_delay: 0.2, respawn_max_retries: 20, sigterm_timeout: 3.0, output: screen,\n'
        '    env: [{name: B, value: own}]}\n'
        "- node: {pkg: launch_demo, exec: listener, respawn: 'true', on_exit: shutdown}\n",
    )
    talker, listener = made.processes
    assert talker.respawn == Respawn(enabled=True, delay_s=0.2, max_retries=20)
    assert (talker.sigterm_timeout_s, talker.sigkill_timeout_s) == (3.0, 1.5)
    assert dict(talker.environment) == {'A': 'all', 'B': 'own'}
    assert (talker.name, talker.label, talker.node) == ('a', 'chat-1', '/a')
    assert (listener.name, listener.label, listener.node) == ('listener', 'listener-2', None)
    assert listener.required
    assert not listener.respawn.enabled
    assert dict(listener.environment) == {'A': 'all'}


def test_a_described_plan_shows_commands_parameters_and_what_happens_at_exit(
    tmp_path: Path,
) -> None:
    text = _plan(
        tmp_path,
        '- arg: {name: who, default: moon}\n'
        '- log: {message: hello $(var who)}\n'
        "- node: {pkg: launch_demo, exec: talker, name: a, args: '\"b c\"', respawn: 'true',\n"
        '    respawn_delay: 0.5, respawn_max_retries: 3, param: [{name: p, value: x}]}\n'
        '- node: {pkg: launch_demo, exec: listener, on_exit: shutdown}\n',
    ).describe()
    for part in (
        '  who:=moon',
        'log: hello moon',
        "lib/launch_demo/talker 'b c' --ros-args -r __node:=a --params-file",
        "parameters talker-1_0.yaml: p: 'x'",
        'started again after 0.5 s, 3 times',
        'exit: stops the whole launch',
    ):
        assert part in text


def test_arguments_are_shown_with_those_of_included_files(tmp_path: Path) -> None:
    launch_support.make_prefix(tmp_path, {})
    launch_support.write(
        tmp_path,
        'launch:\n- arg: {name: deep, default: $(var top)}\n- arg: {name: top, default: other}\n',
        'part.launch.yaml',
    )
    path = launch_support.write(
        tmp_path,
        'launch:\n- arg: {name: top, default: a, description: The top., choice: [{value: a}]}\n'
        "- group: {if: 'true', children: [{arg: {name: maybe}}]}\n"
        '- include: {file: $(dirname)/part.launch.yaml}\n'
        '- include: {file: $(var unknown)}\n',
    )
    found = {info.name: info for info in plan.show_args(path, {})}
    assert [*found] == ['top', 'maybe', 'deep']
    assert found['top'].description == 'The top.'
    assert found['top'].choices == ('a',)
    assert (found['maybe'].default, found['maybe'].conditional) == (None, True)
    assert (found['deep'].default, found['deep'].conditional) == ('$(var top)', False)


def test_two_nodes_of_one_name_and_parameters_for_nobody_are_warned_of(tmp_path: Path) -> None:
    text = (
        '- node: {pkg: launch_demo, exec: talker, name: talker, '
        'param: [{from: $(dirname)/v.launch.yaml}]}\n'
    )
    values = '/**/talker:\n  ros__parameters: {a: 1}\n/**/taker:\n  ros__parameters: {a: 1}\n'
    warnings = _plan(tmp_path, text + text, v=values).warnings
    assert len(warnings) == 2
    assert 'v.launch.yaml:3' in warnings[0]
    assert "'/**/taker' matches no node that reads it; did you mean 'talker'?" in warnings[0]
    assert "2 nodes have the name '/talker'" in warnings[1]


@pytest.mark.parametrize(
    ('pattern', 'node', 'expected'),
    [
        ('/**', '/a/b', True),
        ('/**/b', '/b', True),
        ('/**/b', '/a/x/b', True),
        ('/**/b', '/a/bb', False),
        ('/*/b', '/a/b', True),
        ('/*/b', '/b', False),
        ('/a/b', '/a/b', True),
        ('b', '/b', True),
        ('b', '/a/b', False),
    ],
)
def test_a_section_means_the_nodes_that_rcl_means(pattern: str, node: str, expected: bool) -> None:
    assert parameter_file.Section(pattern, HERE).matches(node) == expected


@pytest.mark.parametrize(
    ('text', 'line', 'says'),
    [
        ('- a\n', 1, "maps node names to 'ros__parameters'"),
        ('/**:\n  ros__parameters:\n', 2, '{} for none'),
        ('/**:\n  ros_parameters: 1\n', 2, "did you mean 'ros__parameters'?"),
        ('/**: 1\n', 1, "must hold 'ros__parameters'"),
        ('/**:\n  ros__parameters:\n    a: [1, x]\n', 3, 'one type, not integer and string'),
        ('/**:\n  ros__parameters:\n    a: [1, 2.0]\n', 3, 'float and integer'),
        ('/**:\n  ros__parameters:\n    a: []\n', 3, 'an empty list has no type'),
        ('/**:\n  ros__parameters:\n    a: [[1]]\n', 3, 'a list holds scalars'),
        ('/**:\n  ros__parameters:\n    a: {b: null}\n', 3, "parameter 'b' has no value"),
        ('/**:\n  ros__parameters: &x {a: 1}\n/b:\n  ros__parameters: *x\n', 4, 'aliases'),
        ('/**:\n  ros__parameters: {a: 2024-01-01}\n', 2, 'put it in quotes'),
        ('/**:\n  ros__parameters: {a: [}\n', 2, 'not valid YAML'),
    ],
)
def test_a_parameter_file_that_ros_refuses_or_misreads_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    path = launch_support.write(tmp_path, text, 'p.yaml')
    with pytest.raises(LaunchError) as caught:
        parameter_file.check(path)
    assert caught.value.mark is not None
    assert caught.value.mark.line == line
    assert says in caught.value.render()


@pytest.mark.parametrize(
    'text',
    [
        '',
        '# nothing\n',
        '/**:\n  ros__parameters: {}\n',
        '/**:\n  ros__parameters: {a: {b: [1e3, 2.0]}, c: ["x"], d: true}\n',
        'ns:\n  node:\n    ros__parameters: {a: 1}\n',
    ],
)
def test_a_parameter_file_that_ros_takes_is_taken(tmp_path: Path, text: str) -> None:
    parameter_file.check(launch_support.write(tmp_path, text, 'p.yaml'))


def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / 'p.yaml'
    path.write_bytes(b'\xff\xfe\x00')
    for broken in (path, tmp_path, tmp_path / 'none'):
        with pytest.raises(LaunchError) as caught:
            parameter_file.check(broken)
        assert '\n' not in caught.value.render()
        assert str(broken) in caught.value.render()


@pytest.mark.parametrize(
    ('base', 'namespace', 'expected'),
    [
        (None, None, None),
        ('/a', None, '/a'),
        (None, 'b', 'b'),
        ('/a', 'b', '/a/b'),
        ('/a', '/b', '/b'),
        ('/', 'b', '/b'),
        ('/a', '', '/a'),
        (None, '/', '/'),
        ('/a', 'b/', '/a/b'),
    ],
)
def test_namespaces_are_joined_as_launch_ros_joins_them(
    base: str | None, namespace: str | None, expected: str | None
) -> None:
    assert names.joined(base, namespace) == expected


def test_bytes_become_lines_and_a_line_without_end_does_not_grow_for_ever() -> None:
    splitter = output.LineSplitter()
    assert splitter.feed(b'one\r\ntw') == ['one']
    assert splitter.feed(b'o\n\xff\n') == ['two', '\ufffd']
    assert splitter.finish() == []
    assert splitter.feed(b'x' * (output.MAX_LINE + 1)) == ['x' * (output.MAX_LINE + 1)]
    assert splitter.feed(b'rest') == []
    assert splitter.finish() == ['rest']


@pytest.mark.parametrize(
    ('env', 'terminal', 'expected'),
    [
        ({}, True, True),
        ({}, False, False),
        ({'NO_COLOR': '1'}, True, False),
        ({'FORCE_COLOR': '1'}, False, True),
        ({'FORCE_COLOR': '0'}, False, False),
    ],
)
def test_colour_is_for_terminals_unless_the_environment_says_otherwise(
    env: dict[str, str], terminal: bool, expected: bool
) -> None:
    assert output.wants_colour(env, terminal) == expected


def test_the_own_runner_can_be_asked_for_and_the_real_one_only_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not real.wanted({'TEKTRA_LAUNCHER': 'own'})
    with pytest.raises(LaunchError, match='must be auto, real or own'):
        real.wanted({'TEKTRA_LAUNCHER': 'ros2'})
    monkeypatch.setattr(real, '_MODULES', ('no_such_launch_module',))
    assert not real.wanted({})
    with pytest.raises(LaunchError, match='no_such_launch_module cannot be imported'):
        real.wanted({'TEKTRA_LAUNCHER': 'real'})
