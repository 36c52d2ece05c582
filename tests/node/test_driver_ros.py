"""The driver of controller topics, against controllers with a command time-out."""

import dataclasses
import math

import pytest
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry

from robot_controllers import RobotControllers
from tektra.robot_gate.drivers import ros as ros_driver
from tektra.robot_gate.drivers.driver import (
    BaseVelocity,
    Category,
    DriverCommand,
    DriverError,
    JointTarget,
)
from tektra.robot_gate.drivers.registry import make_driver
from tektra.robot_gate.drivers.ros import DISCOVERY_NS
from tektra.robots.spec import DriverSpec, read_robot
from tektra.runtime.bare import without_types
from tektra.runtime.clock import BootClock
from tektra.runtime.share import share_dir

NOW = BootClock().now_ns
PATIENT_NS = 30 * 10**9
FORWARD = DriverCommand(base=BaseVelocity(x=0.2))


@pytest.fixture(autouse=True)
def fresh_ns(monkeypatch):
    """Have feedback count for longer; return for how long (ns) it does on a robot.

    This process is driver and robot at once, and gets no time on a busy machine.
    """
    real = ros_driver.FRESH_NS
    monkeypatch.setattr(ros_driver, 'FRESH_NS', PATIENT_NS)
    return real


def a_robot(**driver):
    tek = read_robot(share_dir() / 'config' / 'robots' / 'tek.yaml')
    spec = DriverSpec(
        **{
            'type': 'ros',
            'cmd_vel_topic': 'controller/cmd_vel',
            'trajectory_topic': 'controller/joint_trajectory',
            'controller_timeout_s': 0.2,
            **driver,
        }
    )
    return dataclasses.replace(tek, name='ros_bot', driver=spec)


class Bench:
    """One driver and the controllers that it drives, spun by waiting."""

    def __init__(self, ros, **driver):
        import rclpy

        self.ros, self.robot = ros, a_robot(**driver)
        more = {
            'context': ros.context,
            'use_global_arguments': False,
            'parameter_overrides': without_types(),
        }
        self.node = ros.add(
            rclpy.create_node('robot_gate', namespace=self.robot.namespace, **more)
        )
        self.controllers = ros.add(RobotControllers(self.robot, **more))
        self.driver = make_driver(self.robot, 'me', self.node)
        self.plant = self.controllers.plant

    def heard(self):
        """Return whether controllers listen to every output."""
        return all(output.get_subscription_count() for output in self.driver._outputs)

    def connected(self):
        self.driver.connect(NOW())
        self.ros.until(lambda: self.driver.connected)
        return self

    def enabled(self):
        self.connected()
        self.driver.enable(NOW())
        return self

    def write_until(self, done, command=FORWARD):
        """Write as the gate does, at every turn, until ``done()``."""

        def turn():
            self.driver.write(command, NOW())
            return done()

        self.ros.until(turn)


def test_it_is_connected_only_when_controllers_listen_and_report(ros):
    bench = Bench(ros)
    ros.executor.remove_node(bench.node)  # it hears nothing yet
    bench.driver.connect(NOW())
    ros.until(bench.heard)
    assert not bench.driver.connected and bench.driver.read(NOW()) is None
    with pytest.raises(DriverError, match='no odometry'):
        bench.driver.enable(NOW())
    ros.executor.add_node(bench.node)
    bench.connected()
    assert bench.driver.read(NOW()).pose.frame == 'odom'
    assert not bench.driver.read(NOW()).enabled


def test_it_drives_the_base_and_the_joints(ros):
    bench = Bench(ros).enabled()
    command = DriverCommand(BaseVelocity(x=0.2, yaw=0.1), {'head_pan': JointTarget(0.3, 0.5)})

    def reported():
        said = bench.driver.read(NOW())
        return said.base.x > 0.19 and said.pose.x > 0.01 and said.positions['head_pan'] > 0.25

    bench.write_until(reported, command)
    assert bench.driver.read(NOW()).enabled


def test_it_drives_a_controller_that_takes_stamped_twists(ros):
    bench = Bench(ros, cmd_vel_stamped=True).enabled()
    bench.write_until(lambda: bench.plant.base.x > 0.19)
    assert bench.controllers.twists[-1].header.stamp.sec > 0


def test_without_a_listener_it_never_connects_and_says_what_to_correct(ros):
    bench = Bench(ros).connected()
    bench.driver.close()
    wrong = dataclasses.replace(bench.robot.driver, cmd_vel_topic='controller/nobody')
    driver = make_driver(dataclasses.replace(bench.robot, driver=wrong), 'me', bench.node)
    driver.connect(NOW())
    ros.until(lambda: driver.read(NOW()) is not None)
    assert not driver.connected
    with pytest.raises(DriverError, match='nobody listens to /ros_bot/controller/nobody'):
        driver.enable(NOW())


def test_without_enable_nothing_is_published(ros):
    bench = Bench(ros).connected()
    for _ in range(20):
        bench.driver.write(FORWARD, NOW())
        ros.executor.spin_once(timeout_sec=0.01)
    assert not bench.controllers.twists and bench.plant.at_standstill


@pytest.mark.parametrize('category', list(Category))
def test_every_stop_ends_in_zero_until_enable_and_only_category_2_keeps_power(ros, category):
    bench = Bench(ros).enabled()
    moving = DriverCommand(BaseVelocity(x=0.2), {'head_pan': JointTarget(1.0, 1.0)})
    bench.write_until(lambda: bench.plant.base.x > 0.19, moving)
    bench.driver.stop(category, NOW())
    assert bench.driver.read(NOW()).enabled == (category is Category.HOLDING)
    ros.until(lambda: bench.plant.at_standstill)
    ros.until(lambda: bench.controllers.twists[-1] == Twist())
    last = lambda: bench.controllers.trajectories[-1].points[-1]  # noqa: E731
    ros.until(lambda: list(last().velocities) == [0.0] * 12)
    for _ in range(20):
        bench.driver.write(FORWARD, NOW())
        ros.executor.spin_once(timeout_sec=0.01)
    assert bench.plant.base.x == 0.0
    bench.driver.enable(NOW())
    bench.write_until(lambda: bench.plant.base.x > 0.1, FORWARD)


def test_no_trajectory_is_longer_than_the_horizon_and_each_ends_at_rest(ros):
    bench = Bench(ros).enabled()
    command = DriverCommand(joints={'head_pan': JointTarget(0.1, 2.0)})
    bench.write_until(lambda: bench.controllers.trajectories, command)
    points = bench.controllers.trajectories[-1].points
    assert points[-1].time_from_start.sec == 0
    assert points[-1].time_from_start.nanosec <= 200_000_000
    assert list(points[-1].velocities) == [0.0]


def test_the_points_of_a_trajectory_follow_each_other_however_short_it_is(ros):
    bench = Bench(ros).enabled()
    target = {'head_pan': JointTarget(0.1, 2.0)}
    bench.write_until(
        lambda: bench.controllers.trajectories, DriverCommand(joints=target, valid_for_s=0.01)
    )
    times = [p.time_from_start.nanosec for p in bench.controllers.trajectories[-1].points]
    assert 0 < times[0] < times[1] <= 10_000_000


def test_when_set_points_stop_the_controllers_stop(ros):
    bench = Bench(ros).enabled()
    moving = DriverCommand(BaseVelocity(x=0.2), {'head_pan': JointTarget(1.0, 1.0)})
    bench.write_until(lambda: bench.plant.base.x > 0.19, moving)
    ros.until(lambda: bench.plant.at_standstill)


def test_it_refuses_what_is_not_finite_too_long_or_unknown(ros):
    bench = Bench(ros).enabled()
    for command, why in (
        (DriverCommand(BaseVelocity(x=math.nan)), 'finite'),
        (DriverCommand(BaseVelocity(yaw=math.inf)), 'finite'),
        (DriverCommand(joints={'head_pan': JointTarget(0.0, math.nan)}), 'finite'),
        (DriverCommand(BaseVelocity(), valid_for_s=1.0), 'at most 0.2 s'),
        (DriverCommand(joints={'tail': JointTarget(0.0, 0.0)}), 'no joint tail'),
    ):
        with pytest.raises(DriverError, match=why):
            bench.driver.write(command, NOW())
    for _ in range(20):
        ros.executor.spin_once(timeout_sec=0.01)
    assert not bench.controllers.twists and not bench.controllers.trajectories
    bench.write_until(lambda: bench.controllers.twists)  # it could have been heard


def test_another_publisher_on_its_output_is_a_rival_and_enable_is_refused(ros):
    bench = Bench(ros).connected()
    assert bench.driver.rival() == ''
    topic = '/ros_bot/controller/cmd_vel'
    rival = ros.peer.create_publisher(Twist, topic, 1)
    ros.until(lambda: '/test_peer' in bench.driver.rival())
    with pytest.raises(DriverError, match='robot/cmd/<source>'):
        bench.driver.enable(NOW())
    ros.peer.destroy_publisher(rival)
    ros.until(lambda: not bench.driver.rival())


def test_nothing_is_enabled_before_a_rival_could_have_been_discovered(ros):
    bench = Bench(ros)
    ros.until(lambda: bench.driver.read(NOW()) is not None and bench.heard())
    begun = NOW()
    bench.driver.connect(begun)
    with pytest.raises(DriverError, match='rivals are looked for'):
        bench.driver.enable(NOW())
    bench.connected()
    assert NOW() - begun >= DISCOVERY_NS


def test_a_rival_of_the_same_name_is_seen_too(ros):
    bench = Bench(ros).connected()
    twin = make_driver(bench.robot, 'twin', bench.node)
    ros.until(lambda: 'named as this one' in bench.driver.rival())
    twin.close()
    ros.until(lambda: not bench.driver.rival())


def test_feedback_that_ends_is_neither_connected_nor_enabled(ros, fresh_ns, monkeypatch):
    bench = Bench(ros).enabled()
    ros.executor.remove_node(bench.controllers)
    monkeypatch.setattr(ros_driver, 'FRESH_NS', fresh_ns)
    ros.until(lambda: not bench.driver.connected)
    assert not bench.driver.read(NOW()).enabled


def test_odometry_that_is_no_number_is_an_error(ros):
    bench = Bench(ros).connected()
    bad = Odometry()
    bad.pose.pose.position.x = math.nan
    publisher = ros.peer.create_publisher(Odometry, '/ros_bot/controller/odom', 1)

    def refused():
        publisher.publish(bad)
        try:
            bench.driver.read(NOW())
        except DriverError as error:
            return 'finite' in str(error)
        return False

    ros.until(refused)


def test_feedback_from_the_gates_own_topics_is_refused(ros):
    with pytest.raises(DriverError, match='the gate itself publishes'):
        Bench(ros, odom_topic='odom')


def test_a_closed_driver_has_stopped_the_robot_and_left_the_topics(ros):
    bench = Bench(ros).enabled()
    bench.write_until(lambda: bench.plant.base.x > 0.19)
    bench.driver.close()
    ros.until(lambda: bench.plant.at_standstill)
    assert not bench.driver.connected
    ros.until(lambda: not ros.peer.count_publishers('/ros_bot/controller/cmd_vel'))


def test_a_robot_says_its_time_out_only_if_it_was_proven(ros):
    assert Bench(ros).driver.timeout_s == 0.2
    assert Bench(ros, controller_timeout_s=-1.0).driver.timeout_s < 0
