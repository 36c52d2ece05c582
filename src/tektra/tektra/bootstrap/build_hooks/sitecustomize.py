"""Lets the interface build parse each definition once instead of once a generator.

Python imports `sitecustomize` at start from PYTHONPATH, which only the set-up's colcon call
points here. Five generators parse every IDL file with rosidl's Earley grammar: 0.3 s a file and
generator, more than compiling the result. The syntax trees are kept in TEKTRA_IDL_CACHE.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from pathlib import Path
from typing import Any


def _parse_once(folder: Path) -> None:
    from rosidl_parser import parser

    parse = parser.get_ast_from_idl_string

    def parse_or_load(idl_string: str) -> Any:
        path = folder / (hashlib.sha256(idl_string.encode()).hexdigest() + '.pickle')
        try:
            return pickle.loads(path.read_bytes())
        except (OSError, EOFError, pickle.UnpicklingError):
            tree = parse(idl_string)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f'.{os.getpid()}')
        temporary.write_bytes(pickle.dumps(tree))
        temporary.replace(path)
        return tree

    parser.get_ast_from_idl_string = parse_or_load


if 'TEKTRA_IDL_CACHE' in os.environ and any('rosidl_' in arg for arg in sys.orig_argv[1:2]):
    _parse_once(Path(os.environ['TEKTRA_IDL_CACHE']))
