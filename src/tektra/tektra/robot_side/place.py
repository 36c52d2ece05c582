"""Where the simulated robot of this user is: a Unix socket that nobody else can reach."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from tektra.launching.domain import of_ros
from tektra.runtime.host_lock import lock_folder


def plant_socket(robot: str, environment: Mapping[str, str] | None = None) -> Path:
    """Return the path of a robot's plant; two ROS domains have two plants.

    :raises LaunchError: if ROS_DOMAIN_ID is not a domain.
    """
    domain = of_ros(os.environ if environment is None else environment)
    return lock_folder() / f'plant-{domain}-{robot}.sock'


def refuse_foreign(path: Path) -> None:
    """Refuse a socket in a folder where others could put theirs.

    :raises PermissionError: if its folder is another user's, or others may write there.
    :raises OSError: if there is no such folder.
    """
    info = path.parent.stat()
    if info.st_uid != os.getuid() or info.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(
            f'{path.parent}: others may put a socket here; chmod go-w it, or use another folder'
        )
