"""All layers of this machine, and the parameter file that launch is given."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from tektra.config.files import is_parameter_file, read_folder
from tektra.config.merge import Configuration, merge, parameter_text
from tektra.config.setting import Layer
from tektra.config.words import of_environment, of_options
from tektra.runtime.share import share_dir

HOME_VARIABLE = 'TEKTRA_HOME'
_HEAD = 'Written by tektra from the layers of the configuration; see: tektra config show --origin'


def home(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of this user's own files: TEKTRA_HOME, or ~/.tektra."""
    given = (os.environ if environment is None else environment).get(HOME_VARIABLE, '')
    return Path(given).expanduser() if given else Path.home() / '.tektra'


def own_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of this user's parameter files; it may not exist."""
    return home(environment) / 'config'


def load(
    options: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    shipped: Path | None = None,
    draft: tuple[Path, Path | None] | None = None,
) -> Configuration:
    """Return what all layers come to, with everything that is wrong in any of them.

    Args:
        options: the words of ``--set``.
        environment: default the own environment.
        shipped: default the ``config`` folder beside the launch files.
        draft: a file of the user's own and the one that is read in its place, None: none.
    """
    environment = os.environ if environment is None else environment
    folder = share_dir() / 'config' if shipped is None else shipped
    lists = frozenset(p.name for p in folder.glob('*.yaml') if not is_parameter_file(p))
    return merge(
        [
            *read_folder(folder, Layer.SHIPPED, lists),
            *read_folder(own_folder(environment), Layer.HOME, lists, draft),
            *of_environment(environment),
            *of_options(options),
        ]
    )


def write(made: Configuration, state: Path) -> Path:
    """Write the parameter file for launch below the state folder and return its path.

    The name depends on the content: a running graph, whose nodes read it again when they are
    restarted, keeps the one that it was started with.

    :raises OSError: if it cannot be written.
    """
    text = parameter_text(made, _HEAD)
    path = state / 'params' / f'{hashlib.sha256(text.encode()).hexdigest()[:12]}.yaml'
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f'.{os.getpid()}')
        draft.write_text(text, encoding='utf-8')
        draft.replace(path)
    return path.resolve()
