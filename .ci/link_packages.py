"""Links ROS and the development tools of this environment into a folder, and nothing else.

    python link_packages.py SITE_PACKAGES FOLDER

A distribution that SITE_PACKAGES (of another environment) has is left out, as is every one of the
lists of requirements/ that a robot installs: what such a one needs must be found there.
"""

import re
import shutil
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

LISTS = ('base.txt', 'no-deps.txt', 'speech-gpl.txt', 'noble.txt')
REQUIREMENTS = Path(__file__).resolve().parents[1] / 'requirements'


def normal(name: str) -> str:
    """Return a distribution name in its canonical spelling."""
    return re.sub(r'[-_.]+', '-', name).lower()


def left_out(site: Path) -> set[str]:
    """Return the names of distributions that are not to be linked."""
    lines = [line for name in LISTS for line in (REQUIREMENTS / name).read_text().splitlines()]
    listed = {normal(re.split('[=;]', line)[0]) for line in lines if re.match(r'[a-z0-9]', line)}
    return listed | {normal(found.name) for found in distributions(path=[str(site)])}


def tops(distribution: Distribution) -> set[str]:
    """Return the files and folders of site-packages that belong to a distribution."""
    parts = (file.parts[0] for file in distribution.files or ())
    return {part for part in parts if part not in ('..', '__pycache__') and part[-4:] != '.pth'}


def main() -> None:
    """Make the folder anew."""
    site, folder = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    skipped = left_out(site)
    for found in distributions():
        if normal(found.name) in skipped:
            continue
        for name in tops(found):
            link, target = folder / name, Path(str(found.locate_file(name)))
            if target.exists() and not link.is_symlink():
                link.symlink_to(target)


if __name__ == '__main__':
    main()
