"""``stop_paths``: is every listed robot's stop path matched? Bring-up fails if one is not.

A robot is only as safe as the topics that reach it: before anything may move, its estop and its
robot_gate must both be matched with a publisher of ``estop/stop_request`` and of the fleet's.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSCompatibility, QoSProfile, qos_check_compatible
from rclpy.utilities import remove_ros_args

from tektra.robots.records import RecordError
from tektra.robots.registry import site
from tektra.robots.spec import RobotSpec
from tektra.runtime.bare import without_types
from tektra.runtime.topics import open_publisher
from tektra.stop_client.client import FLEET_REQUEST, REQUEST

LISTENERS = ('estop', 'robot_gate')
ENDS = (signal.SIGINT, signal.SIGTERM)
WAIT_S = 15.0
"""s until a path that is not matched is an error: cold start of the graph and discovery."""


@dataclass(frozen=True)
class StopPath:
    """What must hear a topic, with what the sentence about it needs."""

    robot: str
    listener: str
    topic: str

    def missing(self) -> str:
        """Return the sentence that says that it is not matched."""
        return (
            f"robot '{self.robot}': /{self.robot}/{self.listener} does not listen to {self.topic}:"
            f' a stop would not reach it; is it running? see: tektra nodes'
        )


def paths_of(robot: RobotSpec) -> list[StopPath]:
    """Return the paths that a robot needs; one that is fenced off from the fleet needs fewer."""
    topics = [f'/{robot.name}/{REQUEST}']
    if robot.estop.fleet != 'ignore':
        topics.append(FLEET_REQUEST)
    return [StopPath(robot.name, who, topic) for topic in topics for who in LISTENERS]


class StopPaths:
    """Publishers of the stop topics of some robots, that tell who is matched with them."""

    def __init__(self, node: Node, robots: Iterable[RobotSpec]) -> None:
        self._node = node
        self._paths = [path for robot in robots for path in paths_of(robot)]
        self._publishers: dict[str, Publisher] = {}
        for path in self._paths:
            if path.topic not in self._publishers:
                name = FLEET_REQUEST if path.topic == FLEET_REQUEST else REQUEST
                self._publishers[path.topic] = open_publisher(node, name, path.robot)

    def missing(self) -> list[StopPath]:
        """Return the paths that are not matched, in order; empty: every stop arrives."""
        return [path for path in self._paths if not self._matched(path)]

    def _matched(self, path: StopPath) -> bool:
        fitting = [
            (one.node_namespace, one.node_name)
            for one in self._node.get_subscriptions_info_by_topic(path.topic)
            if self._fits(path.topic, one.qos_profile)
        ]
        # Known to discovery is not yet matched; the count does not tell whom it counts.
        return (f'/{path.robot}', path.listener) in fitting and (
            self._publishers[path.topic].get_subscription_count() >= len(fitting)
        )

    def _fits(self, topic: str, qos: QoSProfile) -> bool:
        # Compared as discovery tells of both: only there is "for ever" the same word.
        return any(
            one.node_name == self._node.get_name()
            and qos_check_compatible(one.qos_profile, qos)[0] != QoSCompatibility.ERROR
            for one in self._node.get_publishers_info_by_topic(topic)
        )


def wait_for_paths(paths: StopPaths, spin: Callable[[], None], timeout_s: float) -> list[StopPath]:
    """Call ``spin`` until every path is matched; return those that are not after the time-out."""
    deadline = time.monotonic() + timeout_s
    while (missing := paths.missing()) and time.monotonic() < deadline:
        spin()
    return missing


def main() -> None:
    """Exit with 0 when all paths are matched, with 1 naming the robots that are not."""
    parser = argparse.ArgumentParser(prog='stop_paths', description=__doc__)
    parser.add_argument('robots', nargs='+', metavar='ROBOT')
    parser.add_argument('--timeout', type=float, default=WAIT_S, help='s to wait')
    parser.add_argument(
        '--stay',
        action='store_true',
        help='when all are matched, wait for SIGINT or SIGTERM: a launch file ends with this '
        'program (on_exit: shutdown), and so only if a path is missing',
    )
    given = parser.parse_args(remove_ros_args(sys.argv)[1:])
    if given.stay:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    try:
        robots = site(given.robots)
    except RecordError as error:
        sys.exit(f'tektra: error: {error}')
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node(
        f'stop_paths_{os.getpid()}',
        context=context,
        start_parameter_services=False,
        use_global_arguments=False,
        parameter_overrides=without_types(),
    )
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    missing = wait_for_paths(
        StopPaths(node, robots), lambda: executor.spin_once(timeout_sec=0.05), given.timeout
    )
    executor.shutdown(timeout_sec=0)
    node.destroy_node()
    context.try_shutdown()
    for path in missing:
        print(f'tektra: error: {path.missing()}', file=sys.stderr)
    if given.stay and not missing:
        signal.sigwait(ENDS)
    sys.exit(1 if missing else 0)


if __name__ == '__main__':
    main()
