"""Raises the priority of this process where that is allowed."""

from __future__ import annotations

import os
from pathlib import Path

NICE = -10
"""Well above everything else, and not SCHED_FIFO: under a flood of requests estop is busy, and a
real-time process that is busy would keep the gate, which acts on the same requests, from running.
"""


def raise_priority(nice: int = NICE) -> str:
    """Raise all threads of this process; return why it was not possible, or ''.

    On Linux each thread has its own, and those of DDS receive what estop is to hear.
    """
    trouble = ''
    for thread in Path('/proc/self/task').iterdir():
        try:
            os.setpriority(os.PRIO_PROCESS, int(thread.name), nice)
        except ProcessLookupError:  # it has ended meanwhile
            continue
        except OSError as error:
            trouble = error.strerror or str(error)
    return trouble
