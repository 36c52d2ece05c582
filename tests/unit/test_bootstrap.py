"""The set-up's decisions, without setting anything up."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tektra.bootstrap import failures, inputs, preflight
from tektra.bootstrap.cmake_patch import patch_exports
from tektra.bootstrap.environment import runtime_env
from tektra.bootstrap.layout import Checkout
from tektra.bootstrap.main import help_text
from tektra.bootstrap.progress import build_activity, pip_activity
from tektra.bootstrap.setup import Setup
from tektra.bootstrap.testing import pytest_arguments

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a small checkout with one file of each kind that counts."""
    made = Checkout(tmp_path)
    for name in (
        'requirements/ros.txt',
        'requirements/base.txt',
        'requirements/no-deps.txt',
        'requirements/speech-gpl.txt',
        'requirements/dev.txt',
        'msg/Turn.msg',
        'src/tektra/CMakeLists.txt',
        'src/tektra/tektra/vad/core.py',
        'config/voice.yaml',
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'# {name}\n')
    return made


def keys(checkout: Checkout, python: str = '3.11', gpl: bool = True) -> inputs.Wanted:
    return inputs.wanted(checkout, python, gpl)


def pretend_set_up(checkout: Checkout, wanted: inputs.Wanted) -> inputs.Notebook:
    """Leave what a complete set-up leaves, as far as the plan looks at it."""
    notebook = inputs.Notebook(checkout)
    notebook.write(inputs.Note(**{**asdict(wanted), 'dev': ''}))
    checkout.python.parent.mkdir(parents=True)
    checkout.python.symlink_to('/bin/sh')
    for name in ('tektra', 'tektra_msgs'):
        share = checkout.install / name / 'share' / name
        share.mkdir(parents=True)
        (share / 'package.xml').touch()
    return notebook


def running_python() -> str:
    import sys

    return f'{sys.version_info.major}.{sys.version_info.minor}'


def test_a_changed_message_asks_for_a_build_and_keeps_the_environment(checkout):
    before = keys(checkout)
    (checkout.root / 'msg/Turn.msg').write_text('uint64 turn_seq\n')
    after = keys(checkout)
    assert after.build != before.build
    assert after.environment == before.environment


def test_an_edited_python_or_config_file_asks_for_nothing(checkout):
    before = keys(checkout)
    (checkout.root / 'src/tektra/tektra/vad/core.py').write_text('changed = True\n')
    (checkout.root / 'config/voice.yaml').write_text('changed: true\n')
    assert keys(checkout) == before


@pytest.mark.parametrize('change', ['add', 'delete', 'rename'])
def test_the_list_of_installed_files_counts(checkout, change):
    before = keys(checkout)
    voice = checkout.root / 'config/voice.yaml'
    if change == 'add':
        (checkout.root / 'config/robots.yaml').touch()
    elif change == 'delete':
        voice.unlink()
    else:
        voice.rename(voice.with_name('speech.yaml'))
    assert keys(checkout).build != before.build


def test_a_changed_pin_asks_for_everything(checkout):
    before = keys(checkout)
    (checkout.requirements / 'ros.txt').write_text('ros-rclpy==7.1.7\n')
    after = keys(checkout)
    assert after.environment != before.environment
    assert after.build != before.build
    assert after.dev != before.dev


def test_another_python_or_another_place_asks_for_everything(checkout, tmp_path):
    before = keys(checkout)
    assert keys(checkout, python='3.12').environment != before.environment
    moved = tmp_path.with_name(tmp_path.name + '-moved')
    tmp_path.rename(moved)
    assert keys(Checkout(moved)).environment != before.environment


def test_moving_text_from_one_message_to_the_next_is_a_change(checkout):
    first, second = checkout.root / 'msg/A.msg', checkout.root / 'msg/B.msg'
    first.write_text('int32 a\nint32 b\n')
    second.write_text('')
    before = keys(checkout)
    first.write_text('int32 a\n')
    second.write_text('int32 b\n')
    assert keys(checkout).build != before.build


def test_nothing_is_needed_after_a_complete_set_up(checkout):
    pretend_set_up(checkout, keys(checkout, running_python()))
    assert not Setup(checkout, {}).plan(dev=False).needed


@pytest.mark.parametrize('stage', ['environment', 'build'])
def test_an_interrupted_stage_never_counts_as_done(checkout, stage):
    notebook = pretend_set_up(checkout, keys(checkout, running_python()))
    notebook.write(replace(notebook.read(), **{stage: ''}))
    plan = Setup(checkout, {}).plan(dev=False)
    assert plan.build
    assert plan.environment == (stage == 'environment')
    assert plan.reason == 'the last set-up was not completed'


def test_a_damaged_note_means_a_set_up_and_not_a_crash(checkout):
    pretend_set_up(checkout, keys(checkout, running_python()))
    (checkout.state / 'setup.json').write_text('{"root": "/x", "python": ')
    assert Setup(checkout, {}).plan(dev=False).environment


def test_a_moved_checkout_says_where_it_was(checkout, tmp_path):
    pretend_set_up(checkout, keys(checkout, running_python()))
    moved = tmp_path.with_name(tmp_path.name + '-moved')
    tmp_path.rename(moved)
    plan = Setup(Checkout(moved), {}).plan(dev=False)
    assert plan.environment
    assert plan.reason == f'this checkout was moved or copied from {tmp_path}'


def test_development_tools_are_installed_only_when_asked_for(checkout):
    pretend_set_up(checkout, keys(checkout, running_python()))
    setup = Setup(checkout, {})
    assert not setup.plan(dev=False).dev
    assert setup.plan(dev=True).dev
    assert not setup.plan(dev=True).environment


def test_a_new_environment_gets_the_tools_that_were_there(checkout):
    wanted = keys(checkout, running_python())
    notebook = pretend_set_up(checkout, wanted)
    notebook.write(replace(notebook.read(), dev=wanted.dev))
    (checkout.requirements / 'base.txt').write_text('numpy==2.4.6\n')
    assert Setup(checkout, {}).plan(dev=False).dev


def test_the_choice_against_gpl_voices_is_remembered(checkout):
    pretend_set_up(checkout, keys(checkout, running_python(), gpl=False))
    assert not Setup(checkout, {}).plan(dev=False).needed
    assert Setup(checkout, {'TEKTRA_NO_GPL': '0'}).plan(dev=False).environment
    assert not Setup(checkout, {'TEKTRA_NO_GPL': '1'}).plan(dev=False).needed


@pytest.mark.parametrize(
    ('line', 'words'),
    [
        ('OSError: [Errno 28] No space left on device', 'no space left'),
        ("Retrying (Retry(total=2)) NewConnectionError('refused')", 'cannot reach the Python'),
        ('ERROR: No matching distribution found for numpy==9', 'no numpy==9 for this Python'),
        ('ERROR: something else', 'pip failed: ERROR: something else'),
    ],
)
def test_pip_failures_are_told_apart(tmp_path, line, words):
    error = failures.from_pip([line, 'a line after it'], tmp_path, tmp_path / 'log')
    assert words in str(error)
    assert '\n' not in str(error)


def test_a_build_failure_shows_the_compilers_word_and_not_ninjas(tmp_path):
    lines = ['FAILED: [code=1] a.o', 'a.c:35:36: error: expected type-specifier', 'ninja: stopped']
    assert 'a.c:35:36: error' in str(failures.from_build(lines, tmp_path, tmp_path / 'log'))


def test_what_is_missing_is_named_with_one_command_for_all_of_it(tmp_path):
    (tmp_path / 'apt-get').touch(mode=0o755)
    missing = preflight.missing_parts(str(tmp_path), need_venv=True)
    assert [part.what for part in missing] == ['no C++ compiler']
    headers = preflight.Missing('no Python headers', {'apt-get': 'python3.11-dev'})
    command = preflight.install_command([*missing, headers], str(tmp_path))
    assert command.endswith('apt-get install -y g++ python3.11-dev')


def test_the_machine_that_runs_this_test_is_good_enough():
    preflight.check_platform()


def test_cmake_exports_name_this_machine_after_the_patch_and_are_patched_once(tmp_path):
    export = tmp_path / 'std_msgs' / 'export.cmake'
    export.parent.mkdir()
    export.write_text(
        'INTERFACE_INCLUDE_DIRECTORIES "${_IMPORT_PREFIX}/include;'
        '/opt/python/cp311-cp311/include/python3.11;'
        '/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include"\n'
    )
    untouched = tmp_path / 'other.cmake'
    untouched.write_text('set(a "/opt/elsewhere/include/python3.11")\n')
    assert patch_exports(tmp_path, '/my python/include', '/np/include') == 1
    assert export.read_text() == (
        'INTERFACE_INCLUDE_DIRECTORIES "${_IMPORT_PREFIX}/include;'
        '/my python/include;/np/include"\n'
    )
    assert '/opt/elsewhere' in untouched.read_text()
    assert patch_exports(tmp_path, '/my python/include', '/np/include') == 0


def test_progress_reads_pip_and_ninja():
    assert pip_activity('Collecting numpy==2.4.6 (from -r x)') == 'Collecting numpy==2.4.6'
    assert pip_activity('Installing collected packages: a, b') == 'unpacking'
    assert pip_activity('Looking in links: /x') is None
    assert build_activity('[12/345] Building C object a.o') == '12 of 345'
    assert build_activity('-- Found Python3') is None


@pytest.fixture
def environment(checkout) -> dict[str, str]:
    (checkout.venv / 'lib/python3.11/site-packages/ros_rcl.libs').mkdir(parents=True)
    base = {
        'PATH': '/usr/bin',
        'PYTHONPATH': '/opt/ros/jazzy/lib/python3.12/site-packages',
        'LD_LIBRARY_PATH': '/opt/ros/jazzy/lib:/opt/cuda/lib',
        'AMENT_PREFIX_PATH': '/opt/ros/jazzy',
        'OMP_NUM_THREADS': '4',
    }
    return runtime_env(checkout.root, base)


def test_a_sourced_ros_of_the_system_does_not_leak_in(environment):
    assert '/opt/ros' not in json.dumps(environment)
    assert environment['LD_LIBRARY_PATH'].endswith(':/opt/cuda/lib')


def test_the_environment_finds_the_source_first_and_the_libraries(checkout, environment):
    root = str(checkout.root)
    assert environment['PYTHONPATH'].split(os.pathsep)[0] == f'{root}/src/tektra'
    assert f'{root}/install/tektra_msgs/lib' in environment['LD_LIBRARY_PATH']
    assert 'ros_rcl.libs' in environment['LD_LIBRARY_PATH']
    assert environment['_ROS_WHEELS_BOOTSTRAP_COMPLETE'] == '1'


def test_what_the_user_set_stays_and_the_domain_is_never_set(environment):
    assert environment['OMP_NUM_THREADS'] == '4'
    assert environment['OPENBLAS_NUM_THREADS'] == '1'
    assert environment['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert 'ROS_DOMAIN_ID' not in environment


def test_fast_dds_gets_the_profile_of_the_checkout_unless_the_user_has_one(checkout):
    name = 'FASTRTPS_DEFAULT_PROFILES_FILE'
    (checkout.venv / 'lib/python3.11/site-packages').mkdir(parents=True)
    assert runtime_env(checkout.root, {})[name] == str(checkout.root / 'config/fastdds.xml')
    assert runtime_env(checkout.root, {name: '/mine.xml'})[name] == '/mine.xml'


def test_a_middleware_that_the_wheels_lack_is_not_inherited(checkout, environment):
    other = {**environment, 'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp', 'ROS_DISTRO': 'humble'}
    made = runtime_env(checkout.root, other)
    assert made['RMW_IMPLEMENTATION'] == 'rmw_fastrtps_cpp'
    assert 'ROS_DISTRO' not in made


def test_an_environment_made_twice_is_the_same(checkout, environment):
    assert runtime_env(checkout.root, environment) == environment


def test_layers_without_tests_are_skipped_and_unknown_ones_refused(tmp_path):
    for layer in ('unit', 'node', 'chaos'):
        (tmp_path / 'tests' / layer).mkdir(parents=True)
    (tmp_path / 'tests/unit/test_a.py').touch()
    (tmp_path / 'tests/node/test_b.py').touch()
    arguments, empty = pytest_arguments(tmp_path, ['node', 'chaos', '--', '-x'])
    assert arguments == ['-m', 'pytest', 'tests/node', '-x']
    assert empty == ['chaos']
    everything, _ = pytest_arguments(tmp_path, [])
    assert everything == ['-m', 'pytest', 'tests/unit', 'tests/node']
    assert pytest_arguments(tmp_path, ['chaos'])[0] == []
    with pytest.raises(failures.SetupError, match="'nodes' is no layer"):
        pytest_arguments(tmp_path, ['nodes'])


def test_the_help_shows_every_verb_without_importing_the_command_line():
    from tektra.cli.main import VERBS

    text = help_text(Checkout(ROOT))
    assert all(f'  {verb} ' in text for verb in [*VERBS, 'setup', 'test', 'clean'])


def test_every_pin_is_exact_and_no_list_names_a_registry_or_torch():
    for path in (ROOT / 'requirements').glob('*.txt'):
        for line in path.read_text().splitlines():
            if line.startswith('#'):
                continue
            assert '==' in line.split(';')[0], f'{path.name}: {line}'
            assert '://' not in line and not line.startswith('-'), f'{path.name}: {line}'
            assert not line.startswith('torch'), f'{path.name}: {line}'
