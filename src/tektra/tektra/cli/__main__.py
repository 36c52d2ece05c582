"""Entry point of ``python -m tektra.cli``."""

import os
import sys

# -m puts the caller's folder first: a click.py that lies there must not be taken for the library.
if sys.path[0] in ('', os.getcwd()):
    del sys.path[0]

from tektra.cli.main import main

main()
