"""What the machine has: memory, cgroup limits, GPUs; everything that is odd is no GPU."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tektra.resources.machine import MB, Gpu, Machine, find_gpus, memory_mb

TOTAL = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // MB


@pytest.fixture
def cgroups(tmp_path):
    """Return what writes limits into a folder like /sys/fs/cgroup, and the own group's file."""
    root, own = tmp_path / 'cgroup', tmp_path / 'self'
    (root / 'robot.slice' / 'tektra.service').mkdir(parents=True)

    def write(path='/robot.slice/tektra.service', **limits):
        own.write_text(f'0::{path}\n')
        for name, limit in limits.items():
            place = {'root': '.', 'slice': 'robot.slice', 'unit': 'robot.slice/tektra.service'}
            (root / place[name] / 'memory.max').write_text(f'{limit}\n')
        return memory_mb(root, own)

    return write


def test_the_limit_of_the_own_group_counts(cgroups):
    memory, where = cgroups(unit=512_000_000)
    assert memory == 512
    assert where.endswith('/robot.slice/tektra.service')


def test_the_least_limit_of_all_groups_above_counts(cgroups):
    memory, where = cgroups(unit='max', slice=256_000_000, root=800_000_000)
    assert memory == 256
    assert where.endswith('/robot.slice')


def test_without_a_limit_or_with_one_above_it_the_whole_memory_counts(cgroups):
    assert cgroups(unit='max') == (TOTAL, '')
    assert cgroups(unit=TOTAL * MB * 2) == (TOTAL, '')


def test_in_a_container_that_sees_only_its_own_group_its_limit_counts(cgroups):
    assert cgroups('/../../host.slice/docker-1.scope', root=100_000_000)[0] == 100


@pytest.fixture
def first_version(tmp_path):
    """Return what writes limits into a folder like that of cgroups of version 1."""
    root, own = tmp_path / 'cgroup', tmp_path / 'self'
    own.write_text('4:memory:/robot/tektra\n3:cpu,cpuacct:/other\n0::/\n')
    (root / 'memory' / 'robot' / 'tektra').mkdir(parents=True)
    (root / 'unified').mkdir()

    def write(**limits):
        for name, limit in limits.items():
            place = {'root': '.', 'above': 'robot', 'own': 'robot/tektra'}[name]
            (root / 'memory' / place / 'memory.limit_in_bytes').write_text(f'{limit}\n')
        return memory_mb(root, own)

    return write


UNLIMITED = 9223372036854771712  # as the kernel writes it


def test_the_limits_of_version_1_count_like_those_of_version_2(first_version):
    assert first_version(root=UNLIMITED, above=UNLIMITED, own=UNLIMITED) == (TOTAL, '')
    memory, where = first_version(own=512_000_000)
    assert memory == 512
    assert where.endswith('/memory/robot/tektra')
    assert first_version(above=256_000_000)[0] == 256


def test_in_a_container_of_version_1_the_limit_of_the_root_that_is_seen_counts(tmp_path):
    root, own = tmp_path / 'cgroup', tmp_path / 'self'
    own.write_text('4:memory:/docker/abc\n')
    (root / 'memory').mkdir(parents=True)
    (root / 'memory' / 'memory.limit_in_bytes').write_text('100000000\n')
    assert memory_mb(root, own) == (100, str(root / 'memory'))


def test_without_cgroups_the_whole_memory_counts(tmp_path):
    assert memory_mb(tmp_path / 'none', tmp_path / 'neither') == (TOTAL, '')


HERE = (Path(__file__),)  # as if the driver had left it
BIG, SMALL = Gpu('Big', 24_000, 'GPU-aa11'), Gpu('Small', 6_000, 'GPU-bb22')


@pytest.mark.parametrize(
    ('visible', 'names'),
    [
        (None, ['Big', 'Small']),
        ('1', ['Small']),
        ('1,0', ['Small', 'Big']),
        ('GPU-bb', ['Small']),
        ('', []),
        ('-1', []),
        ('0,7,1', ['Big']),
    ],
)
def test_gpus_are_those_that_cuda_may_see(visible, names):
    environment = {} if visible is None else {'CUDA_VISIBLE_DEVICES': visible}
    gpus, note = find_gpus(environment, lambda: [BIG, SMALL], HERE)
    assert [gpu.name for gpu in gpus] == names
    assert bool(note) != bool(gpus)


def test_the_budget_goes_by_the_smallest_gpu_as_nobody_knows_which_one_cuda_takes():
    assert Machine(1000, gpus=(BIG, SMALL)).gpu_memory_mb == 6000
    assert Machine(1000).gpu_memory_mb == 0


@pytest.mark.parametrize('error', [OSError('no driver'), ValueError('odd'), MemoryError()])
def test_a_driver_that_cannot_be_asked_is_no_gpu_and_no_error(error):
    def ask():
        raise error

    gpus, note = find_gpus({}, ask, HERE)
    assert gpus == ()
    assert str(error) in note


def test_without_a_driver_nobody_is_asked(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pynvml', None)
    found = find_gpus({}, driver=(tmp_path / 'nvidiactl',))
    assert found == ((), 'no NVIDIA driver is loaded')


def test_without_the_bindings_there_is_no_gpu_and_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pynvml', None)
    assert find_gpus({}, driver=HERE) == ((), 'nvidia-ml-py is not installed')


def test_the_real_bindings_without_a_driver_say_that_there_is_none():
    pynvml = pytest.importorskip('pynvml', reason='nvidia-ml-py is not installed')
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        gpus, note = find_gpus({}, driver=HERE)
        assert gpus == ()
        assert note.startswith('the NVIDIA driver cannot be asked')
    else:
        pytest.skip('this machine has a driver')


class Nvml(SimpleNamespace):
    """Answers as NVML's bindings do; an ``old`` one has no second version of the memory."""

    nvmlMemory_v2 = 0x02000028  # noqa: N815

    def __init__(self, old=False):
        super().__init__(old=old, down=False)

    def nvmlInit(self):  # noqa: N802
        pass

    def nvmlShutdown(self):  # noqa: N802
        self.down = True

    def nvmlDeviceGetCount(self):  # noqa: N802
        return 1

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        return index

    def nvmlDeviceGetName(self, handle):  # noqa: N802
        return b'NVIDIA T4'

    def nvmlDeviceGetUUID(self, handle):  # noqa: N802
        return 'GPU-cc33'

    def nvmlDeviceGetMemoryInfo(self, handle, version=None):  # noqa: N802
        if version is None:
            return SimpleNamespace(total=16_000 * MB)
        if self.old:
            raise RuntimeError('Function Not Found')
        return SimpleNamespace(total=16_000 * MB, reserved=400 * MB)


@pytest.mark.parametrize(('old', 'memory'), [(False, 15_600), (True, 16_000)])
def test_what_the_driver_keeps_is_not_counted_where_it_tells(monkeypatch, old, memory):
    nvml = Nvml(old)
    monkeypatch.setitem(sys.modules, 'pynvml', nvml)
    assert find_gpus({}, driver=HERE) == ((Gpu('NVIDIA T4', memory, 'GPU-cc33'),), '')
    assert nvml.down
