"""The stages of a set-up: the environment, the development tools, the build."""

from __future__ import annotations

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from tektra.bootstrap import failures, inputs
from tektra.bootstrap.cmake_patch import patch_exports
from tektra.bootstrap.environment import library_path, runtime_env
from tektra.bootstrap.layout import Checkout
from tektra.bootstrap.progress import Describe, Progress, build_activity, pip_activity

_PIP_OPTIONS = (
    '--no-input',
    '--disable-pip-version-check',
    '--no-warn-script-location',
    '--progress-bar=off',
    '--retries=3',
    # The lists are complete: pip only fetches, it does not choose.
    '--no-deps',
    # empy 3 is pure Python and comes as source; a wheel for all else, or a clear error.
    '--only-binary=:all:',
    '--no-binary=empy',
    '--no-build-isolation',
    '--use-pep517',
)
# A user's settings that would make pip install elsewhere.
_PIP_TARGETS = ('PIP_TARGET', 'PIP_PREFIX', 'PIP_ROOT', 'PIP_USER', 'PIP_REQUIRE_HASHES')


class Stages:
    """Makes the parts of one set-up, in the checkout's folders."""

    def __init__(self, checkout: Checkout, env: Mapping[str, str], progress: Progress) -> None:
        self._checkout = checkout
        self._progress = progress
        self._env = {
            name: value
            for name, value in env.items()
            if not name.startswith('PYTHON') and name not in _PIP_TARGETS
        }
        # Wheels are unpacked on the disk that was checked, not in a small /tmp.
        self._temporary = checkout.state / 'tmp'
        self._env.update(TMPDIR=str(self._temporary), PIP_ROOT_USER_ACTION='ignore')

    def make_environment(self, gpl: bool) -> None:
        """Make the virtual environment anew, with every pinned package.

        Raises:
            SetupError: pip failed; nothing of the environment is kept.
            OSError: as the operating system says.
        """
        checkout = self._checkout
        python = f'{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}'
        self._progress.step(f'making .venv with Python {python}')
        remove(checkout.venv)
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(parents=True)
        try:
            self._make_venv()
            self._progress.done()
            lists = inputs.lists(checkout, gpl)
            pins = _pins(lists)
            self._progress.step(f'installing {len(pins)} pinned packages (about 1.4 GB unpacked)')
            # empy's source needs it before anything else is there.
            self._pip([next(pin for pin in pins if pin.startswith('setuptools=='))])
            self._pip([f'--requirement={path}' for path in lists])
            self._patch()
            self._progress.done()
        except BaseException:
            # What is half made would only fill the disk; the next set-up starts afresh.
            remove(checkout.venv)
            raise
        finally:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def install_dev_tools(self) -> None:
        """Install tests and linters; repeats all of it when an earlier attempt was interrupted."""
        path = inputs.dev_list(self._checkout)
        self._progress.step(f'installing {len(_pins([path]))} pinned development tools')
        self._temporary.mkdir(parents=True, exist_ok=True)
        try:
            self._pip(['--ignore-installed', f'--requirement={path}'])
        finally:
            shutil.rmtree(self._temporary, ignore_errors=True)
        self._progress.done()

    def build(self, afresh: bool) -> None:
        """Build the interfaces and install both packages; `afresh` drops an earlier build.

        Raises:
            SetupError: the build failed, or its result cannot be imported.
        """
        checkout = self._checkout
        self._progress.step('building the interfaces')
        if afresh:
            remove(checkout.build)
        # Always: what was deleted in the sources must go.
        remove(checkout.install)
        self._temporary.mkdir(parents=True, exist_ok=True)
        try:
            self._run(self._colcon(), self._build_env(), build_activity, failures.from_build)
            check = 'import rclpy, tektra_msgs.msg, tektra_msgs.srv, tektra_msgs.action'
            command = [str(checkout.python), '-c', check]
            env = runtime_env(checkout.root, self._env)
            self._run(command, env, build_activity, failures.from_build)
        finally:
            shutil.rmtree(self._temporary, ignore_errors=True)
        self._progress.done()

    def _make_venv(self) -> None:
        # Not a link that an upgrade or another virtual environment may move.
        command = [os.path.realpath(sys.executable), '-I', '-m', 'venv', '--without-pip']
        self._run([*command, str(self._checkout.venv)], self._env, pip_activity, failures.from_pip)
        # By itself, because `venv` keeps the reason of a failure to itself.
        command = [str(self._checkout.python), '-I', '-m', 'ensurepip', '--default-pip']
        self._run(command, self._env, pip_activity, failures.from_pip)

    def _pip(self, arguments: Sequence[str]) -> None:
        # The guard: the ROS wheels would re-execute a pip that runs while they are half installed.
        env = {**self._env, 'VIRTUAL_ENV': str(self._checkout.venv)}
        env['_ROS_WHEELS_BOOTSTRAP_COMPLETE'] = '1'
        pip = [str(self._checkout.python), '-I', '-m', 'pip', 'install']
        self._run([*pip, *_PIP_OPTIONS, *arguments], env, pip_activity, failures.from_pip)

    def _patch(self) -> None:
        numpy = next(self._checkout.site_packages.glob('numpy/_core/include'), None)
        if numpy is None:
            raise failures.SetupError(f'{self._checkout.venv}: numpy has no headers in it')
        patch_exports(self._checkout.venv / 'share', sysconfig.get_path('include'), str(numpy))

    def _colcon(self) -> list[str]:
        checkout = self._checkout
        return [
            str(checkout.python),
            str(checkout.venv / 'bin' / 'colcon'),
            f'--log-base={checkout.colcon_log}',
            'build',
            '--symlink-install',
            '--base-paths',
            *[str(path) for path in (checkout.root / 'src', checkout.root / 'third_party')],
            f'--build-base={checkout.build}',
            f'--install-base={checkout.install}',
            '--event-handlers',
            'console_direct+',
            'console_cohesion-',
            'console_start_end-',
            '--cmake-args',
            '-GNinja',
            f'-DPython3_EXECUTABLE={checkout.python}',
            '-DTEKTRA_PYTHON_INTERFACES_ONLY=ON',
            # C copies message arrays; the C++ only dispatches, and -O2 doubles its compile time.
            '-DCMAKE_BUILD_TYPE=None',
            '-DCMAKE_C_FLAGS=-O1',
            '-DCMAKE_CXX_FLAGS=-O0',
        ]

    def _build_env(self) -> dict[str, str]:
        checkout = self._checkout
        env = runtime_env(checkout.root, self._env)
        env['AMENT_PREFIX_PATH'] = env['CMAKE_PREFIX_PATH'] = str(checkout.venv)
        env['LD_LIBRARY_PATH'] = os.pathsep.join(library_path(checkout))
        env['PYTHONPATH'] = str(Path(__file__).with_name('build_hooks'))
        env['TEKTRA_IDL_CACHE'] = str(checkout.build / 'idl_cache')
        # Otherwise colcon holds ninja back whenever the machine has something else to do.
        env['MAKEFLAGS'] = f'-j{len(os.sched_getaffinity(0))}'
        return env

    def _run(
        self,
        command: list[str],
        env: Mapping[str, str],
        describe: Describe,
        explain: failures.Explain,
    ) -> None:
        status, lines = self._progress.run(command, env, self._checkout.root, describe)
        if status:
            raise explain(lines, self._checkout.root, self._checkout.log)


def remove(path: Path) -> None:
    """Remove a folder or a link to one; one that is not there is fine."""
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _pins(lists: Sequence[Path]) -> list[str]:
    """Return the pins that concern this Python (markers are those that lock.py writes)."""
    lines = [line for path in lists for line in path.read_text(encoding='utf-8').splitlines()]
    names = {line.split('==')[0]: line for line in lines if re.match(r'[a-z0-9]', line)}
    return list(names.values())
