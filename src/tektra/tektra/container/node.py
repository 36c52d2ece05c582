"""The container process: one executor for all its nodes, a worker thread for each.

It is no component manager: what it holds is fixed by its command line, and its exit is the exit of
all its nodes, which launch starts again together.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.utilities import remove_ros_args

from tektra.container.core import HOSTED, ContainerError, Wanted, parse, typed
from tektra.runtime import log
from tektra.runtime.main import begin, end, freeze, leave
from tektra.runtime.node import TektraNode
from tektra.runtime.params import ParameterError

# More failures than this that no node's own guard caught, within a second, are no accident: the
# process ends with an error and launch starts it afresh.
MAX_FAILURES = 20
EXIT_USAGE = 2

Make = Callable[[Wanted], TektraNode[Any]]


def make_node(wanted: Wanted) -> TektraNode[Any]:
    """Return the node, not yet in an executor; rclpy must have been initialised.

    :raises ParameterError: if a parameter value is not of the declared type.
    """
    module, name = HOSTED[wanted.kind]
    node_class = getattr(importlib.import_module(module), name)
    given = typed(wanted, node_class.params_class)
    overrides = [Parameter(key, value=value) for key, value in given.items()]
    made: TektraNode[Any] = node_class(wanted.name, parameter_overrides=overrides)
    return made


class Host:
    """Spins the nodes. A failure in one of them is that node's error, not the others' end."""

    def __init__(
        self,
        nodes: Sequence[TektraNode[Any]],
        executor: SingleThreadedExecutor,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._nodes = nodes
        self._executor = executor
        self._now_s = now_s
        self._failures: deque[float] = deque(maxlen=MAX_FAILURES)
        for node in nodes:
            executor.add_node(node)

    def spin_once(self, timeout_s: float | None = None) -> None:
        """Handle one callback.

        :raises Exception: the last failure, when there were too many.
        """
        try:
            self._executor.spin_once(timeout_s)
        except ExternalShutdownException:
            raise
        except Exception as error:
            if not self._executor.context.ok():
                raise ExternalShutdownException from error  # a signal while the wait set was built
            self._blame(error)
            now = self._now_s()
            self._failures.append(now)
            if len(self._failures) == MAX_FAILURES and now - self._failures[0] < 1.0:
                raise

    def shut_down(self) -> None:
        """Release everything; each node whatever the others do."""
        for node in self._nodes:
            try:
                node.shut_down()
            except Exception as error:
                node.report_error('shutdown', error)
        self._executor.shutdown(timeout_sec=0)
        for node in self._nodes:
            node.destroy_node()

    def _blame(self, error: Exception) -> None:
        """Report the failure at the node in whose method it happened."""
        for frame, _ in traceback.walk_tb(error.__traceback__):
            owner = frame.f_locals.get('self')
            if any(owner is node for node in self._nodes):
                owner.report_error(frame.f_code.co_name, error)  # type: ignore[union-attr]
                return
        self._nodes[0].report_error('a callback in the container', error)


def run_container(words: Sequence[str], make: Make = make_node) -> int:
    """Run the nodes that ``words`` name until SIGINT, SIGTERM or context shutdown.

    Return the exit code: 2 if the container cannot hold what it was asked to.
    """
    try:
        wanted = parse(remove_ros_args(list(words))[1:])
        stop = begin(words)
        nodes = [make(one) for one in wanted]
    except (ContainerError, ParameterError, log.LogError) as error:
        print(f'tektra container: error: {error}', file=sys.stderr)
        rclpy.try_shutdown()
        return EXIT_USAGE
    host = Host(nodes, SingleThreadedExecutor())
    freeze()
    with contextlib.suppress(ExternalShutdownException):
        while rclpy.ok() and not stop.is_set():
            host.spin_once()
    host.shut_down()
    del host, nodes
    end()
    return 0


def main() -> int:
    """Run the container."""
    leave(run_container(sys.argv))


if __name__ == '__main__':
    sys.exit(main())
