"""What this machine has: memory, less where a cgroup limits it, and GPUs of NVIDIA's driver.

Only totals: what is free changes from second to second, and every process is to see the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MB = 1_000_000  # bytes
CGROUPS = Path('/sys/fs/cgroup')
OWN_GROUP = Path('/proc/self/cgroup')
VISIBLE = 'CUDA_VISIBLE_DEVICES'
# Linux, a container that was given the device, Windows' Linux.
DRIVER = (Path('/proc/driver/nvidia/version'), Path('/dev/nvidiactl'), Path('/dev/dxg'))


@dataclass(frozen=True)
class Gpu:
    """One GPU; ``memory_mb`` is what the driver leaves of its memory."""

    name: str
    memory_mb: int
    uuid: str = ''


@dataclass(frozen=True)
class Machine:
    """``limited_by`` names the cgroup that gives less memory than there is; empty: none does.

    ``gpu_note`` says why there is no GPU, for people.
    """

    memory_mb: int
    limited_by: str = ''
    gpus: tuple[Gpu, ...] = ()
    gpu_note: str = ''

    @property
    def gpu_memory_mb(self) -> int:
        """Return the memory of the smallest GPU, 0 without one.

        CUDA numbers GPUs by speed and the driver by slot: which one an engine gets is not known.
        """
        return min((gpu.memory_mb for gpu in self.gpus), default=0)


def measure() -> Machine:
    """Look at this machine. Never raises for want of a GPU."""
    memory, limited_by = memory_mb()
    gpus, note = find_gpus(os.environ)
    return Machine(memory, limited_by, gpus, note)


def memory_mb(root: Path = CGROUPS, own: Path = OWN_GROUP) -> tuple[int, str]:
    """Return MB of memory for this process, and the cgroup that limits them ('' if none)."""
    total = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    least, where = total, ''
    for file in _limit_files(root, own):
        limit = _limit(file)
        if limit is not None and limit < least:
            least, where = limit, str(file.parent)
    return least // MB, where


def _limit_files(root: Path, own: Path) -> list[Path]:
    """Return the files with a limit of memory that may hold here, of both versions of cgroups.

    Either may be mounted: version 1 (kernel, cgroup-v1/memory.rst) has a hierarchy of its own for
    memory, version 2 (cgroups(7)) one for everything.
    """
    try:
        rows = [line.split(':', 2) for line in own.read_text(encoding='utf-8').splitlines()]
    except OSError:
        rows = []
    paths = {name: row[2] for row in rows if len(row) == 3 for name in row[1].split(',')}
    second = [group / 'memory.max' for group in _groups(root, paths.get('', '/'))]
    first = _groups(root / 'memory', paths.get('memory', '/'))
    return [*second, *(group / 'memory.limit_in_bytes' for group in first)]


def _groups(root: Path, path: str) -> list[Path]:
    """Return the own group and all above it: each limit holds."""
    group = root / path.strip('/')
    # In a container the path is that of the host, and not below the root that is seen.
    above = [each for each in (group, *group.parents) if each == root or root in each.parents]
    return [each for each in above if each.is_dir()]


def _limit(file: Path) -> int | None:
    """Return bytes; None: no such file, or no limit, which version 2 calls 'max'.

    Version 1 writes the largest number of whole pages, which is above any machine's memory.
    """
    try:
        text = file.read_text(encoding='utf-8').strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def find_gpus(
    environment: Mapping[str, str],
    ask: Callable[[], list[Gpu]] | None = None,
    driver: Sequence[Path] = DRIVER,
) -> tuple[tuple[Gpu, ...], str]:
    """Return the GPUs that CUDA may use here, and why there are none.

    Args:
        environment: CUDA_VISIBLE_DEVICES hides GPUs.
        ask: lists those of the driver; default: by NVML.
        driver: files of which a machine with the driver has one; without one nobody is asked,
            since loading the bindings alone takes 60 ms.
    """
    if not any(path.exists() for path in driver):
        return (), 'no NVIDIA driver is loaded'
    try:
        gpus = (ask or _by_nvml)()
    except ImportError:
        return (), 'nvidia-ml-py is not installed'
    except Exception as error:  # no driver, a broken one, no permission: no GPU
        return (), f'the NVIDIA driver cannot be asked ({error})'
    if not gpus:
        return (), 'the NVIDIA driver has none'
    seen = _visible(gpus, environment.get(VISIBLE))
    return seen, '' if seen else f'{VISIBLE} hides all {len(gpus)}'


def _by_nvml() -> list[Gpu]:
    import pynvml

    pynvml.nvmlInit()
    try:
        found = []
        for index in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            name, uuid = pynvml.nvmlDeviceGetName(handle), pynvml.nvmlDeviceGetUUID(handle)
            found.append(Gpu(_text(name), _usable_bytes(pynvml, handle) // MB, _text(uuid)))
        return found
    finally:
        pynvml.nvmlShutdown()


def _usable_bytes(pynvml: object, handle: object) -> int:
    """Return the bytes of a GPU less those that the driver keeps (NVML's second version)."""
    read = pynvml.nvmlDeviceGetMemoryInfo  # type: ignore[attr-defined]
    try:
        info = read(handle, version=pynvml.nvmlMemory_v2)  # type: ignore[attr-defined]
        return int(info.total) - int(info.reserved)
    except Exception:  # an older driver counts what is kept as used
        return int(read(handle).total)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _visible(gpus: Sequence[Gpu], words: str | None) -> tuple[Gpu, ...]:
    """Return the GPUs of a list of indexes or UUIDs; as in CUDA the first wrong one ends it."""
    if words is None:
        return tuple(gpus)
    found: list[Gpu] = []
    for word in words.split(','):
        text = word.strip()
        by_index = text.isdigit() and int(text) < len(gpus)
        by_uuid = [gpu for gpu in gpus if text and gpu.uuid.startswith(text)]
        if not by_index and not by_uuid:
            break
        found.append(gpus[int(text)] if by_index else by_uuid[0])
    return tuple(found)
