"""A look at the nodes and endpoints of one ROS domain, taken once for all checks."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from rclpy.qos import QoSProfile

from tektra.cli.client import GraphClient

SELF = 'tektra_doctor'
AT_LEAST_S, AT_MOST_S = 1.5, 8.0
QUIET_S = 1.0
"""Discovery counts as over when nothing new was seen for so long."""


@dataclass(frozen=True)
class Endpoint:
    """A publisher or a subscription of a node."""

    node: str
    qos: QoSProfile


@dataclass
class Domain:
    """What one domain holds. ``nodes`` are fully qualified, a name as often as it is there."""

    number: int
    nodes: list[str] = field(default_factory=list)
    publishers: dict[str, list[Endpoint]] = field(default_factory=dict)
    subscriptions: dict[str, list[Endpoint]] = field(default_factory=dict)


def look(domain_id: int, expected: Iterable[str] = ()) -> Domain:
    """Return what discovery finds on a domain, without the one who looks. Takes 1.5 to 8 s.

    Waits for the ``expected`` nodes (fully qualified) as long as it may.
    """
    client = GraphClient(domain_id, SELF)
    try:
        _settle(client, set(expected))
        return _snapshot(client, domain_id)
    finally:
        client.close()


def _settle(client: GraphClient, expected: set[str]) -> None:
    begin = quiet = time.monotonic()
    seen = -1
    while (now := time.monotonic()) - begin < AT_MOST_S:
        client.spin(0.05)
        names = client.node.get_topic_names_and_types()
        count = sum(client.node.count_publishers(n) for n, _ in names)
        count += sum(client.node.count_subscribers(n) for n, _ in names)
        if count != seen:
            seen, quiet = count, now
        elif now - quiet > QUIET_S and now - begin > AT_LEAST_S and expected <= _nodes(client):
            return


def _nodes(client: GraphClient) -> set[str]:
    return {full_name(space, name) for name, space in client.node.get_node_names_and_namespaces()}


def _snapshot(client: GraphClient, domain_id: int) -> Domain:
    node = client.node
    found = Domain(domain_id)
    for name, namespace in node.get_node_names_and_namespaces():
        if name != SELF:
            found.nodes.append(full_name(namespace, name))
    found.nodes.sort()
    for topic, _ in node.get_topic_names_and_types():
        for ends, infos in (
            (found.publishers, node.get_publishers_info_by_topic(topic)),
            (found.subscriptions, node.get_subscriptions_info_by_topic(topic)),
        ):
            ends[topic] = [
                Endpoint(full_name(info.node_namespace, info.node_name), info.qos_profile)
                for info in infos
                if info.node_name != SELF
            ]
    return found


def full_name(namespace: str, name: str) -> str:
    """Return the fully qualified name of a node."""
    return f'{namespace.rstrip("/")}/{name}'
