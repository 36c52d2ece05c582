"""``fleet_beacon``: the heartbeat of the site, by which a robot notices that it has lost the site.

A robot obeys it when its file says so: ``estop: {required_sources: {fleet: 1.0}}``.
"""

from __future__ import annotations

from dataclasses import dataclass

from rclpy.context import Context
from rclpy.parameter import Parameter
from tektra_msgs.msg import EstopSource

from tektra.robots.records import RecordError
from tektra.robots.registry import site
from tektra.runtime.main import StartError, run_node
from tektra.runtime.params import param
from tektra.runtime.plain import PlainNode
from tektra.runtime.topics import open_publisher

SOURCE = 'fleet'
PERIOD_S = 0.1


@dataclass(frozen=True)
class BeaconParams:
    """Parameters of the node."""

    robots: tuple[str, ...] = param(('',), 'robots of the site, as in the registry')


class FleetBeacon(PlainNode):
    """Beats for every robot of the site. It demands nothing: a fleet stop has its own topic.

    :raises StartError: if there is no robot, or one is not in the registry.
    """

    params_class = BeaconParams

    def __init__(
        self,
        name: str = 'fleet_beacon',
        *,
        context: Context | None = None,
        parameter_overrides: list[Parameter] | None = None,
    ) -> None:
        super().__init__(name, context=context, parameter_overrides=parameter_overrides)
        try:
            robots = site(self.params.robots)
        except RecordError as error:
            raise StartError(str(error)) from None
        if not robots:
            raise StartError('fleet_beacon: robots is empty; name the robots of the site')
        self._sources = [open_publisher(self, 'estop/source', one.name) for one in robots]
        self._message = EstopSource(
            source=SOURCE, instance_id=self.instance_id, period_s=PERIOD_S, seq=0
        )
        self.create_timer(PERIOD_S, self._beat_fleet, clock=self.steady)

    def _beat_fleet(self) -> None:
        self._message.seq += 1
        self._message.header.stamp = self.stamp()
        for publisher in self._sources:
            publisher.publish(self._message)


def main() -> None:
    """Run it in a process of its own."""
    run_node(FleetBeacon)


if __name__ == '__main__':
    main()
