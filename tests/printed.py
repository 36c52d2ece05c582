"""What a running command has printed so far, without waiting for more."""

import contextlib
import os


class Printed:
    """Reads a process's output as it comes."""

    def __init__(self, process):
        self._descriptor = process.stdout.fileno()
        os.set_blocking(self._descriptor, False)
        self._bytes = b''

    def text(self):
        """Return all output so far."""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._descriptor, 65536):
                self._bytes += more
        return self._bytes.decode(errors='replace')
