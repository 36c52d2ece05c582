"""The set-up of a checkout on a laptop: standard library only, because nothing is installed yet.

`./tektra` runs this folder. `runtime_env` gives the environment that a process of Tektra needs.
"""

from tektra.bootstrap.environment import runtime_env
from tektra.bootstrap.layout import Checkout

__all__ = ['Checkout', 'runtime_env']
