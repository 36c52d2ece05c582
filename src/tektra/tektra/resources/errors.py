"""Out of memory, in the words of every library that can run out of it."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

# CTranslate2 and CUDA have RuntimeError for everything, onnxruntime exceptions of its own; only
# the text tells. Sources: CTranslate2 ('CUDA failed with error out of memory', cuBLAS' status),
# cuDNN, onnxruntime ('Failed to allocate memory for requested buffer', arena), libstdc++
# ('std::bad_alloc'), the C library ('Cannot allocate memory').
_WORDS = re.compile(
    r'out of memory|bad_alloc|(failed|unable|cannot|could not) to allocate|cannot allocate memory'
    r'|failed to allocate|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED'
    r'|CUDA_ERROR_OUT_OF_MEMORY|cudaErrorMemoryAllocation|mmap failed',
    re.IGNORECASE,
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether ``error``, or what it was raised from, is a lack of memory."""
    return any(_is_one(each) for each in _chain(error))


def _is_one(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, Exception) and bool(_WORDS.search(str(error)))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__
