"""The one table of topics: type, quality of service, and what happens when a queue is full."""

from __future__ import annotations

import difflib
import enum
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import (
    QoSDurabilityPolicy,
    QoSHistoryPolicy,
    QoSProfile,
    QoSReliabilityPolicy,
)
from rclpy.subscription import Subscription


class QueuePolicy(enum.Enum):
    """What gives way when a consumer is slower than its producer."""

    DROP_OLDEST = 'drop oldest'  # microphone, frames, state: the newest matters
    LOSSLESS = 'lossless'  # text, replies, speech: the producer waits
    REJECT_NEWEST = 'reject newest'  # actions: refused with a reason


@dataclass(frozen=True)
class Topic:
    """One row of the table.

    ``depth`` is in messages; ``lifespan_s`` (0 = for ever) is how long an undelivered sample is
    kept.
    """

    name: str
    type_name: str
    depth: int
    policy: QueuePolicy
    reliable: bool = True
    latched: bool = False
    lifespan_s: float = 0.0

    def message_type(self) -> Any:
        """Return the message class of ``type_name`` ('package/msg/Type')."""
        package, kind, name = self.type_name.split('/')
        return getattr(importlib.import_module(f'{package}.{kind}'), name)

    def of(self, robot: str) -> str:
        """Return the name of the topic as one robot's; without a robot as the node's own."""
        return f'/{robot}/{self.name}' if robot and not self.name.startswith('/') else self.name

    def qos(self) -> QoSProfile:
        """Return the profile that publishers and subscribers of this topic share."""
        profile = QoSProfile(
            history=QoSHistoryPolicy.KEEP_LAST,
            depth=self.depth,
            reliability=(
                QoSReliabilityPolicy.RELIABLE
                if self.reliable
                else QoSReliabilityPolicy.BEST_EFFORT
            ),
            durability=(
                QoSDurabilityPolicy.TRANSIENT_LOCAL
                if self.latched
                else QoSDurabilityPolicy.VOLATILE
            ),
        )
        if self.lifespan_s > 0:
            profile.lifespan = Duration(seconds=self.lifespan_s)
        return profile


def open_publisher(node: Node, name: str, robot: str = '') -> Publisher:
    """Return a plain publisher of a topic of the table; of a ``robot``: in its namespace."""
    row = topic(name)
    return node.create_publisher(
        row.message_type(), row.of(robot), row.qos(), event_callbacks=_NO_PUBLISHER_EVENTS
    )


def open_subscription(
    node: Node,
    name: str,
    callback: Callable[[Any], None],
    robot: str = '',
    *,
    best_effort: bool = False,
) -> Subscription:
    """Return a subscription to a topic of the table; of a ``robot``: in its namespace.

    ``best_effort``: also hear publishers that are not reliable, which a reliable subscription does
    not match.
    """
    row = topic(name)
    qos = row.qos()
    if best_effort:
        qos.reliability = QoSReliabilityPolicy.BEST_EFFORT
    return node.create_subscription(
        row.message_type(),
        row.of(robot),
        callback,
        qos,
        event_callbacks=_NO_SUBSCRIPTION_EVENTS,
    )


# rclpy adds an "incompatible QoS" waitable to every endpoint, and its executor walks all of them
# at every wake-up: without them a node needs about half the CPU. One table and the doctor's check
# of every pair do the same job.
_NO_PUBLISHER_EVENTS = PublisherEventCallbacks(use_default_callbacks=False)
_NO_SUBSCRIPTION_EVENTS = SubscriptionEventCallbacks(use_default_callbacks=False)

_OLD, _ALL = QueuePolicy.DROP_OLDEST, QueuePolicy.LOSSLESS

# Depths: audio 32 ms a chunk, so 64 chunks are 2 s; text and control in plenty, they are small.
_ROWS = (
    Topic('audio/mic', 'tektra_msgs/msg/AudioChunk', 64, _OLD),
    Topic('audio/reference', 'tektra_msgs/msg/AudioChunk', 64, _OLD),
    Topic('audio/speech', 'tektra_msgs/msg/AudioChunk', 256, _ALL),
    Topic('audio/vad', 'tektra_msgs/msg/VoiceActivity', 128, _ALL),
    Topic('audio/playback_control', 'tektra_msgs/msg/PlaybackControl', 64, _ALL),
    Topic('audio/playback_clock', 'tektra_msgs/msg/PlaybackClock', 128, _ALL),
    Topic('speech/transcript', 'tektra_msgs/msg/Transcript', 128, _ALL),
    Topic('speech/visemes', 'tektra_msgs/msg/VisemeTrack', 256, _ALL),
    Topic('text/input', 'tektra_msgs/msg/TextInput', 64, _ALL),
    Topic('turn/state', 'tektra_msgs/msg/TurnState', 128, _ALL),
    Topic('dialogue/reply', 'tektra_msgs/msg/DialogueReply', 512, _ALL),
    Topic('dialogue/event', 'tektra_msgs/msg/DialogueEvent', 256, _ALL),
    Topic('heartbeat', 'tektra_msgs/msg/NodeHeartbeat', 64, _OLD),
    Topic('system/state', 'tektra_msgs/msg/SystemState', 1, _OLD, latched=True),
    Topic('system/backends', 'tektra_msgs/msg/BackendState', 4, _OLD, latched=True),
    Topic('/diagnostics', 'diagnostic_msgs/msg/DiagnosticArray', 10, _OLD),
    Topic('clock/progress', 'tektra_msgs/msg/ClockProgress', 64, _OLD),
    # Best effort, as rclcpp::ClockQoS, so that it hears every source of the time.
    Topic('/clock', 'rosgraph_msgs/msg/Clock', 8, _OLD, reliable=False),
    # Safety. Commands are never latched: a late joiner would execute them.
    Topic('estop/stop_request', 'tektra_msgs/msg/StopRequest', 16, _ALL),
    Topic('/fleet/estop/stop_request', 'tektra_msgs/msg/StopRequest', 16, _ALL),
    Topic('estop/source', 'tektra_msgs/msg/EstopSource', 16, _OLD),
    Topic('estop/state', 'tektra_msgs/msg/EstopState', 1, _OLD, latched=True),
    Topic('gate/setpoint', 'tektra_msgs/msg/Setpoint', 16, _OLD, lifespan_s=0.2),
    Topic('gate_state', 'tektra_msgs/msg/GateState', 1, _OLD),
    # What the gate lets out of the robot. Best effort: a late one is of no use.
    Topic('joint_states', 'sensor_msgs/msg/JointState', 4, _OLD, reliable=False),
    Topic('odom', 'nav_msgs/msg/Odometry', 4, _OLD, reliable=False),
    Topic('/stop_word/health', 'tektra_msgs/msg/StopWordHealth', 4, _OLD),
)

TOPICS: dict[str, Topic] = {row.name: row for row in _ROWS}


def topic(name: str) -> Topic:
    """Return the row of ``name``.

    :raises KeyError: naming the closest rows, if there is none.
    """
    try:
        return TOPICS[name]
    except KeyError:
        close = ', '.join(difflib.get_close_matches(name, TOPICS)) or 'none is close'
        raise KeyError(
            f"topic '{name}' is not in runtime/topics.py; close: {close}; add a row there"
        ) from None
