"""Where this checkout keeps its run file and logs."""

from __future__ import annotations

import os
from pathlib import Path

from tektra.launching import runfile
from tektra.runtime.share import checkout


def state_dir() -> Path:
    """Return the state folder of the checkout, or of the user where Tektra is installed."""
    return runfile.state_dir(checkout(), os.environ)


def running() -> runfile.RunningGraph | None:
    """Return the running graph of this checkout, if there is one."""
    return runfile.find(state_dir())
