"""Makes the ROS wheels' CMake files name this machine's Python and numpy headers.

The wheels were built elsewhere and their exported targets carry that machine's include folders
(`/opt/python/cp311-cp311/include/python3.11` and numpy's inside it). CMake stops at generate time
when a folder named by an imported target does not exist.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

# One path inside a CMake list: starts at a quote, semicolon or space, holds none of them.
_PYTHON_INCLUDE = re.compile(r'/opt/(?:_internal|python)/[^;"\s]*?/include/python3\.\d+')
_NUMPY_INCLUDE = re.compile(r'/opt/(?:_internal|python)/[^;"\s]*?/numpy/(?:_core|core)/include')


def patch_exports(share: Path, python_include: str, numpy_include: str) -> int:
    """Rewrite every `*.cmake` below `share` and return how many files changed.

    Safe to repeat and to interrupt: each file is replaced in one step, and a file that was already
    rewritten no longer matches.
    """
    changed = 0
    for path in sorted(share.rglob('*.cmake')):
        text = path.read_text(encoding='utf-8')
        if '/opt/' not in text:
            continue
        new = _NUMPY_INCLUDE.sub(lambda _: numpy_include, text)
        new = _PYTHON_INCLUDE.sub(lambda _: python_include, new)
        if new != text:
            temporary = path.with_suffix('.cmake.new')
            temporary.write_text(new, encoding='utf-8')
            os.replace(temporary, path)
            changed += 1
    return changed
