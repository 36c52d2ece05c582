"""The launch files that are shipped: they plan, and their arguments reach the nodes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import launch_support

from tektra.launching import plan
from tektra.launching.plan import InlineParameters

ROOT = Path(__file__).resolve().parents[2]
VOICE = ('audio_capture', 'vad', 'stt', 'turn_taking', 'dialogue', 'tts', 'audio_playback')


def _bringup(folder: Path, args: Mapping[str, str]) -> plan.LaunchPlan:
    programs = dict.fromkeys((*VOICE, 'lifecycle_manager'), '#!/bin/sh\n')
    prefix = launch_support.make_prefix(folder, programs, package='tektra')
    path = ROOT / 'launch' / 'bringup.launch.yaml'
    return plan.load(path, args, launch_support.environment(prefix))


def _inline(made: plan.LaunchPlan, name: str) -> dict[str, object]:
    process = next(process for process in made.processes if process.name == name)
    inline = [item for item in process.parameters if isinstance(item, InlineParameters)]
    return {key: value for item in inline for key, value in item.values.items()}


def test_bringup_plans_the_voice_loop_and_the_lifecycle_manager(tmp_path: Path) -> None:
    made = _bringup(tmp_path, {})
    assert [process.node for process in made.processes] == [
        f'/{name}' for name in (*VOICE, 'lifecycle_manager')
    ]
    assert made.warnings == ()


def test_launch_is_the_one_owner_of_restarts_and_no_node_restarts_without_limit(
    tmp_path: Path,
) -> None:
    for process in _bringup(tmp_path, {}).processes:
        assert process.respawn.enabled
        assert process.respawn.delay_s > 0.0
        assert process.respawn.max_retries > 0


def test_arguments_reach_the_nodes_with_their_types(tmp_path: Path) -> None:
    made = _bringup(
        tmp_path, {'input': 'file', 'input_uri': '5', 'speaker': 'none', 'use_sim_time': 'true'}
    )
    capture = _inline(made, 'audio_capture')
    assert (capture['source'], capture['uri'], capture['fast']) == ('file', '5', False)
    assert _inline(made, 'audio_playback')['speaker'] == 'none'
    assert _inline(made, 'vad')['use_sim_time'] is True
    assert _inline(made, 'lifecycle_manager')['use_sim_time'] is False


def test_a_namespace_moves_every_node(tmp_path: Path) -> None:
    made = _bringup(tmp_path, {'namespace': 'site'})
    assert all((process.node or '').startswith('/site/') for process in made.processes)
    assert made.warnings == ()


def test_the_graph_stays_on_this_host_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    for process in _bringup(tmp_path, {}).processes:
        assert process.environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
        assert process.environment['OMP_NUM_THREADS'] == '1'
        profile = Path(process.environment['FASTRTPS_DEFAULT_PROFILES_FILE'])
        assert profile.samefile(ROOT / 'config' / 'fastdds.xml')


def test_every_argument_of_bringup_is_described() -> None:
    found = plan.show_args(ROOT / 'launch' / 'bringup.launch.yaml', {})
    assert {info.name for info in found} >= {'input', 'speaker', 'params_file', 'namespace'}
    assert all(info.description and info.default is not None for info in found)
