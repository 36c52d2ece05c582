"""The same files through the real launch and launch_ros, where they are installed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import launch_cases
import launch_support
import pytest
import yaml

from tektra.launching.plan import load

pytest.importorskip('launch_ros', reason='the real launch is not installed')
pytest.importorskip('launch_yaml', reason='the real launch is not installed')


class _NoLoop:
    """Stands for the event loop: the processes of a launch are prepared but never started."""

    def create_future(self) -> object:
        return object()

    def create_task(self, coroutine: Any) -> None:
        coroutine.close()


def _visit(path: Path, args: dict[str, str]) -> list[dict[str, object]]:
    """Execute a launch file with the real launch, up to the start of its processes."""
    import launch
    from launch.actions import IncludeLaunchDescription
    from launch.launch_description_sources import AnyLaunchDescriptionSource
    from launch_ros.actions import Node

    context = launch.LaunchContext()
    context._set_asyncio_loop(_NoLoop())
    source = AnyLaunchDescriptionSource(str(path))
    root = IncludeLaunchDescription(source, launch_arguments=list(args.items()))
    found: list[dict[str, object]] = []

    def visit(entity: Any) -> None:
        for inner in entity.visit(context) or ():
            visit(inner)
        if isinstance(entity, Node) and entity.process_details is not None:
            found.append(_summary_of(entity.process_details))

    visit(root)
    return found


def _summary_of(details: dict[str, Any]) -> dict[str, object]:
    line: list[object] = [Path(details['cmd'][0]).name]
    for before, word in zip(details['cmd'], details['cmd'][1:], strict=False):
        text = Path(word).read_text() if before == '--params-file' else None
        line.append(yaml.safe_load(text) if text is not None else word)
    return {'argv': line, 'environment': details['env']}


@pytest.fixture
def whole_environment(tmp_path: Path) -> Any:
    """Give this process the environment of the cases, and its own back afterwards."""
    before = dict(os.environ)
    wanted = launch_support.environment(tmp_path / 'prefix')
    wanted['AMENT_PREFIX_PATH'] += os.pathsep + before.get('AMENT_PREFIX_PATH', '')
    os.environ.clear()
    os.environ.update(wanted, HOME=before.get('HOME', '/'))
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.usefixtures('whole_environment')
@pytest.mark.parametrize('case', launch_cases.ACCEPTED, ids=lambda case: case.title)
def test_a_file_that_is_accepted_means_the_same_to_the_real_launch(
    case: launch_cases.Accepted, tmp_path: Path
) -> None:
    plan = launch_support.planned(tmp_path, case.text, case.args, **case.files)
    base = dict(os.environ)
    real = _visit(plan.file, case.args)
    ours = launch_support.summary(plan)
    assert [item['argv'] for item in real] == [item['argv'] for item in ours]
    for theirs, process in zip(real, plan.processes, strict=True):
        assert theirs['environment'] == {**base, **process.environment}


@pytest.mark.usefixtures('whole_environment')
@pytest.mark.parametrize('args', [{}, {'namespace': 'site', 'input': 'file', 'input_uri': '5'}])
def test_the_shipped_bringup_means_the_same_to_the_real_launch(
    args: dict[str, str], tmp_path: Path
) -> None:
    root = Path(__file__).resolve().parents[2]
    names = ['audio_capture', 'vad', 'stt', 'turn_taking', 'dialogue', 'tts', 'audio_playback']
    programs = dict.fromkeys((*names, 'lifecycle_manager'), '#!/bin/sh\n')
    launch_support.make_prefix(tmp_path, programs, package='tektra')
    path = root / 'launch' / 'bringup.launch.yaml'
    base = dict(os.environ)
    made = load(path, args)
    real = _visit(path, args)
    assert [item['argv'] for item in real] == [
        item['argv'] for item in launch_support.summary(made)
    ]
    for theirs, process in zip(real, made.processes, strict=True):
        assert theirs['environment'] == {**base, **process.environment}
