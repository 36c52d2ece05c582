"""Where launch files, configuration and other shared files are: installed, or in a checkout."""

from __future__ import annotations

from pathlib import Path


def share_dir() -> Path:
    """Return share/tektra of the installed package, or the checkout's root in the source tree.

    Both hold ``launch/`` and ``config/``.

    :raises FileNotFoundError: if there is neither.
    """
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    root = Path(__file__).resolve().parents[4]
    if (root / 'launch').is_dir() and (root / 'colcon.meta').is_file():
        return root
    try:
        return Path(get_package_share_directory('tektra'))
    except PackageNotFoundError as error:
        raise FileNotFoundError(
            'share/tektra is not found: source the workspace (install/setup.bash) first'
        ) from error
