"""Where things are: the checkout, and its shared files."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_share_directory,
)


def checkout() -> Path | None:
    """Return the root of the checkout that this code runs from, or None where it is installed."""
    root = Path(__file__).resolve().parents[4]
    return root if (root / 'colcon.meta').is_file() and (root / 'launch').is_dir() else None


def share_dir() -> Path:
    """Return the folder that holds ``launch/`` and ``config/``: the checkout or share/tektra.

    :raises FileNotFoundError: if there is neither.
    """
    root = checkout()
    if root is not None:
        return root
    try:
        return Path(get_package_share_directory('tektra'))
    except PackageNotFoundError as error:
        raise FileNotFoundError(
            'share/tektra is not found: source the workspace (install/setup.bash) first'
        ) from error
