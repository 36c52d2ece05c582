"""Entry point of ``python -m tektra.cli``."""

from tektra.cli.main import main

main()
