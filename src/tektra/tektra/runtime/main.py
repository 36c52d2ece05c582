"""Runs one node in one process: executor, signals, garbage collector, exit within a second."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import get_default_context

from tektra.runtime.node import TektraNode

# One thread a process for BLAS, OpenMP and ONNX Runtime unless the user says otherwise: with one
# core busy more threads only wait for each other. Must be set before numpy is imported, so the
# environment does it too.
THREAD_VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
# How long a thread may keep the interpreter while another one waits for it, in s. With Python's
# 5 ms the way from the executor over the worker to the loudspeaker's thread took 11 ms when a
# second of speech arrived at once.
SWITCH_S = 0.0005


def run_node(make: Callable[[], TektraNode[Any]]) -> int:
    """Run the node that ``make`` returns until SIGINT or SIGTERM; return the exit code."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, '1')
    sys.setswitchinterval(SWITCH_S)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    # Not rclpy's own handlers: they end the context at once, and a node's last words would be
    # lost. A waiting executor notices the event at the next heartbeat, within 0.2 s.
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    executor = SingleThreadedExecutor()
    node = make()
    executor.add_node(node)
    gc.collect()
    gc.freeze()  # what start-up made lives as long as the process: never scan it again
    while not stop.is_set():
        executor.spin_once()
    node.shut_down()
    executor.shutdown(timeout_sec=0)
    node.destroy_node()
    rclpy.try_shutdown()
    # rcl gives the participant's shared memory back when nothing refers to it any more; what the
    # executor was waiting for is kept in a suspended generator.
    del node, executor
    gc.unfreeze()
    gc.collect()
    get_default_context().destroy()
    # A model that still computes in its thread must not hold up the exit.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
