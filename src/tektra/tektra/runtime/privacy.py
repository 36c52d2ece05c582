"""What keeps the libraries that nodes use from reporting to their makers."""

from __future__ import annotations

import os

SILENCE = {
    # Read when the library is loaded: onnxruntime 1.31 for Linux sends events to Microsoft over
    # HTTPS and stores an identifier of the machine below ~/.cache (its Privacy.md).
    'ORT_DISABLE_TELEMETRY': '1',
    'HF_HUB_DISABLE_TELEMETRY': '1',
    'DO_NOT_TRACK': '1',
}
"""Environment variables that switch telemetry off."""


def stay_private() -> None:
    """Set them for this process and its children; call it before the libraries are imported."""
    os.environ.update(SILENCE)
