"""Quality of service of every pair of publisher and subscription."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tektra.doctor.finding import Finding, Severity, ok

if TYPE_CHECKING:
    from tektra.doctor.graph import Domain


class QosPairs:
    """Whoever publishes a topic is heard by whoever subscribes to it."""

    name = 'quality of service'

    def __init__(self, look: Callable[[], Domain]) -> None:
        self._look = look

    def run(self) -> list[Finding]:
        """Check every pair of the domain."""
        there = self._look()
        from rclpy.qos import QoSCompatibility, qos_check_compatible

        found, pairs = [], 0
        for topic, publishers in sorted(there.publishers.items()):
            for publisher in publishers:
                for subscription in there.subscriptions.get(topic, []):
                    pairs += 1
                    result, reason = qos_check_compatible(publisher.qos, subscription.qos)
                    if result == QoSCompatibility.OK:
                        continue
                    error = result == QoSCompatibility.ERROR
                    what = (
                        f'{topic}: {subscription.node} does not hear {publisher.node}: '
                        f'{_reason(reason)}'
                    )
                    fix = f'give both the profile of {topic} in runtime/topics.py'
                    found.append(Finding(Severity(3 if error else 2), what, fix))
        return found or ok(f'{pairs} pairs on domain {there.number}, all compatible')


def _reason(text: str) -> str:
    """Return rmw's ``ERROR: one thing;ERROR: another;`` as a sentence."""
    parts = [part.partition(': ')[2] or part for part in text.split(';') if part.strip()]
    return '; '.join(parts)
