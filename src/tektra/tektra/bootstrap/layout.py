"""Where things are in a checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkout:
    """The paths of one checkout; `root` is absolute and holds no symbolic link."""

    root: Path

    @staticmethod
    def here() -> Checkout:
        """Return the checkout that this file belongs to."""
        return Checkout(Path(__file__).resolve().parents[4])

    @property
    def venv(self) -> Path:
        """The virtual environment; owned, made and removed by the set-up."""
        return self.root / '.venv'

    @property
    def python(self) -> Path:
        """The Python that runs Tektra."""
        return self.venv / 'bin' / 'python'

    @property
    def site_packages(self) -> Path:
        """Where the wheels are.

        Raises:
            FileNotFoundError: there is no virtual environment.
        """
        for path in (self.venv / 'lib').glob('python3.*/site-packages'):
            return path
        raise FileNotFoundError(f'{self.venv}: no virtual environment; run ./tektra setup')

    @property
    def source(self) -> Path:
        """The folder to import `tektra` from: an edited file needs no build."""
        return self.root / 'src' / 'tektra'

    @property
    def build(self) -> Path:
        """CMake's build folders."""
        return self.root / 'build'

    @property
    def install(self) -> Path:
        """What colcon installs, one folder a package."""
        return self.root / 'install'

    @property
    def colcon_log(self) -> Path:
        """What colcon logs."""
        return self.root / 'log'

    @property
    def state(self) -> Path:
        """What the set-up and the running graph note down."""
        return self.root / '.tektra'

    @property
    def log(self) -> Path:
        """The whole output of the last set-up."""
        return self.state / 'setup.log'

    @property
    def requirements(self) -> Path:
        """The pinned lists."""
        return self.root / 'requirements'
