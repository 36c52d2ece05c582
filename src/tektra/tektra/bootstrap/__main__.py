"""Entry point of the `tektra` script, which runs this folder."""

import sys
from pathlib import Path

# Python put this folder first on the path; the package is two levels up.
sys.path[0] = str(Path(__file__).resolve().parents[2])

from tektra.bootstrap.main import main  # noqa: E402

sys.exit(main(sys.argv[1:]))
