"""A program that runs a launch file as `tektra up` does: claim, supervise, release.

Usage: python launching_runner.py LAUNCH_FILE STATE_DIR
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tektra.launching import plan, runfile
from tektra.launching.supervisor import Supervisor


def main() -> int:
    """Run the launch file to its end."""
    lock = runfile.claim(Path(sys.argv[2]))
    launch = plan.load(Path(sys.argv[1]), {})
    supervisor = Supervisor(launch, env=os.environ, held=[lock.descriptor])
    domain = int(os.environ.get('ROS_DOMAIN_ID', '0'))
    names = [process.node or process.name for process in launch.processes]
    lock.describe(domain, launch.file, launch.arguments, names)
    try:
        return supervisor.run_blocking()
    finally:
        lock.release()


if __name__ == '__main__':
    sys.exit(main())
