"""Runs one node in one process: executor, signals, garbage collector, exit within a second."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from tektra.runtime import log
from tektra.runtime.node import TektraNode

# One thread a process for BLAS, OpenMP and ONNX Runtime unless the user says otherwise: with one
# core busy more threads only wait for each other. Must be set before numpy is imported, so the
# environment does it too.
THREAD_VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')


def run_node(make: Callable[[], TektraNode[Any]]) -> int:
    """Run the node that ``make`` returns until SIGINT, SIGTERM or context shutdown.

    Return the exit code.
    """
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, '1')
    try:
        log.prepare()
    except log.LogError as error:
        sys.exit(f'tektra: error: {error}')
    rclpy.init()
    executor = SingleThreadedExecutor()
    node = make()
    executor.add_node(node)
    gc.collect()
    gc.freeze()  # what start-up made lives as long as the process: never scan it again
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception:
        if rclpy.ok():
            raise
        # The signal came while the executor was building its wait set: rclpy calls that an RCLError.
    node.shut_down()
    executor.shutdown(timeout_sec=0)
    node.destroy_node()
    rclpy.try_shutdown()
    # A model that still computes in its thread must not hold up the exit.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
