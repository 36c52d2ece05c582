"""Runs one node in one process: executor, signals, garbage collector, exit within a second."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn, Protocol

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import get_default_context

from tektra.runtime import log
from tektra.runtime.privacy import stay_private

# One thread a process for BLAS, OpenMP and ONNX Runtime unless the user says otherwise: with one
# core busy more threads only wait for each other. Must be set before numpy is imported, so the
# environment does it too.
THREAD_VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
# How long a thread may keep the interpreter while another one waits for it, in s. With Python's
# 5 ms the way from the executor over the worker to the loudspeaker's thread took 11 ms when a
# second of speech arrived at once.
SWITCH_S = 0.0005


class StartError(RuntimeError):
    """A node that brings itself up could not; the text says why."""


class Runnable(Protocol):
    """A node of ROS that can be told to end; ``TektraNode`` and ``PlainNode`` are."""

    def shut_down(self) -> None:
        """Stop work and release everything; well under a second."""

    def destroy_node(self) -> None:
        """Let go of what ROS holds."""


def begin(words: Sequence[str] | None = None) -> threading.Event:
    """Prepare the process and rclpy; the event is set by SIGINT and SIGTERM.

    ``words`` are the command line, by default that of the process.

    :raises log.LogError: if the environment asks for logs that do not exist.
    """
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, '1')
    stay_private()
    sys.setswitchinterval(SWITCH_S)
    log.prepare()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    # Not rclpy's own handlers: they end the context at once, and a node's last words would be
    # lost. A waiting executor notices the event at the next heartbeat, within 0.2 s.
    args = None if words is None else list(words)
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    return stop


def freeze() -> None:
    """Keep what start-up made out of every later garbage collection: it lives as long."""
    gc.collect()
    gc.freeze()


def end() -> None:
    """Give back what rcl holds; the caller must have let go of its nodes and executors.

    The participant's shared memory goes when nothing refers to it any more, and what an executor
    was waiting for is kept in a suspended generator until it is collected.
    """
    rclpy.try_shutdown()
    gc.unfreeze()
    gc.collect()
    get_default_context().destroy()


def leave(code: int) -> NoReturn:
    """Exit at once: a model that still computes in its thread must not hold up the exit."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def run_node(make: Callable[[], Runnable]) -> int:
    """Run the node that ``make`` returns until SIGINT or SIGTERM; then exit with 0.

    Exit with 1 if it raises ``StartError``.
    """
    try:
        stop = begin()
    except log.LogError as error:
        sys.exit(f'tektra: error: {error}')
    try:
        node = make()
    except StartError as error:
        print(f'tektra: error: {error}', file=sys.stderr)
        end()
        leave(1)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    freeze()
    try:
        while not stop.is_set():
            executor.spin_once()
    finally:
        node.shut_down()
    executor.shutdown(timeout_sec=0)
    node.destroy_node()
    del node, executor
    end()
    leave(0)
