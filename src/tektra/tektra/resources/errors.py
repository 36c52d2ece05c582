"""Out of memory, and a GPU that is lost, in the words of every library that can say so."""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator

from tektra.runtime.backends import BackendUnavailable

# CTranslate2 and CUDA have RuntimeError for everything, onnxruntime exceptions of its own; only
# the text tells. Sources: CTranslate2 ('CUDA failed with error out of memory', cuBLAS' status),
# cuDNN 8 and 9, oneDNN ('dnnl_out_of_memory'), onnxruntime ('Failed to allocate memory for
# requested buffer', arena's 'Available memory of N'), libstdc++ ('std::bad_alloc'), the C library
# ('Cannot allocate memory'; not its static TLS block, which is too small on a machine with any
# amount of memory), the loader ('failed to map segment'; not from a file system without exec).
_MEMORY = re.compile(
    r'out[ _]of[ _]memory|bad_alloc|(failed|unable|cannot|could not) to allocate'
    r'|cannot allocate memory(?! in static TLS)'
    r'|available memory of \d+ is smaller than requested'
    r'|failed to map segment from shared object(?!: (operation not permitted|permission denied))'
    r'|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_(INTERNAL_ERROR_\w*_)?ALLOC(ATION)?_FAILED'
    r'|cudaErrorMemoryAllocation|mmap failed',
    re.IGNORECASE,
)
# As CTranslate2 and onnxruntime begin what CUDA, cuBLAS and cuDNN answer.
_GPU = re.compile(r'\bcuda|cudart|cublas|cudnn', re.IGNORECASE)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether ``error``, or what it was raised from, is a lack of memory."""
    return any(_is_typed(each) or _says(_MEMORY.search, each) for each in _chain(error))


def is_gpu_failure(error: BaseException) -> bool:
    """Return whether ``error``, or what it was raised from, comes from the GPU's libraries."""
    return any(_says(_GPU.search, each) for each in _chain(error))


def _is_typed(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno == errno.ENOMEM
    )


def _says(search: Callable[[str], object], error: BaseException) -> bool:
    """Search the text of an error; what cannot be used here may quote anything."""
    known = isinstance(error, Exception) and not isinstance(error, BackendUnavailable)
    return known and bool(search(str(error)))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__
