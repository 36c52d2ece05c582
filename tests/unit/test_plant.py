"""The simulated robot: what physics it has, and what it refuses."""

import dataclasses
import math

import pytest

from tektra.robot_side.plant import Plant
from tektra.robots.spec import AxisSpec, read_robot
from tektra.runtime.share import share_dir

DT_S = 0.01


@pytest.fixture(scope='module')
def tek():
    return read_robot(share_dir() / 'config' / 'robots' / 'tek.yaml')


def run(plant, seconds, each=lambda: None):
    for _ in range(round(seconds / DT_S)):
        each()
        plant.step(DT_S)


def driving(tek, x=0.5, yaw=0.0, **options):
    plant = Plant(tek, **options)
    plant.enable()
    plant.command_base(x, 0.0, yaw)
    run(plant, 1.0)
    return plant


def test_without_power_nothing_moves(tek):
    plant = Plant(tek)
    plant.command_base(0.5, 0.0, 1.0)
    plant.command_joint('head_pan', 1.0, 1.0)
    run(plant, 1.0)
    assert plant.at_standstill and plant.pose == (0.0, 0.0, 0.0)
    assert plant.positions['head_pan'] == 0.0


def test_a_command_given_without_power_does_not_wait_for_power(tek):
    plant = Plant(tek)
    plant.command_base(0.5, 0.0, 0.0)
    plant.enable()
    run(plant, 1.0)
    assert plant.pose == (0.0, 0.0, 0.0)


def test_the_base_reaches_its_speed_within_its_acceleration(tek):
    plant = Plant(tek)
    plant.enable()
    plant.command_base(0.5, 0.0, 0.0)
    last, most = 0.0, 0.0
    for _ in range(100):
        plant.step(DT_S)
        most, last = max(most, (plant.base.x - last) / DT_S), plant.base.x
    assert plant.base.x == 0.5
    assert 0.5 < most <= 1.5 * tek.base.linear.deceleration + 1e-6


def test_the_base_drives_a_circle_back_to_where_it_was(tek):
    plant = driving(tek, 0.3, 1.0)
    x, y, _ = plant.pose
    run(plant, 2 * math.pi)
    assert plant.pose[0] == pytest.approx(x, abs=0.01)
    assert plant.pose[1] == pytest.approx(y, abs=0.01)


def test_braking_stops_sooner_than_coasting(tek):
    ways = []
    for stop in (Plant.brake, Plant.disable):
        plant = driving(tek)
        start = plant.pose[0]
        stop(plant)
        run(plant, 2.0)
        assert plant.base.x == 0.0
        ways.append(plant.pose[0] - start)
    assert 0 < ways[0] < ways[1]


def test_braking_keeps_power_and_disabling_takes_it(tek):
    plant = driving(tek)
    plant.brake()
    assert plant.enabled
    plant.disable()
    assert not plant.enabled


def test_a_set_point_beyond_its_limits_saturates(tek):
    plant = driving(tek, 1e308)
    assert plant.base.x == tek.base.linear.velocity


def test_a_wall_stops_the_base_and_presses_the_bumper(tek):
    plant = driving(tek, 0.6, room_m=2.0)
    run(plant, 2.0)
    assert plant.bumper and plant.pose[0] == 0.75 and plant.range_m == 0.0
    assert plant.at_standstill
    plant.command_base(-0.5, 0.0, 0.0)
    run(plant, 0.5)
    assert not plant.bumper and plant.range_m > 0.05


def test_the_range_is_the_free_way_ahead(tek):
    plant = Plant(tek)
    assert plant.range_m == pytest.approx(5.75)
    plant = driving(tek, 0.0, 1.0)
    assert plant.range_m > 5.75


def test_a_joint_reaches_its_position_without_overshoot(tek):
    plant = Plant(tek)
    plant.enable()
    furthest, fastest = 0.0, 0.0
    plant.command_joint('head_pan', 1.0, 0.0)
    for _ in range(300):
        plant.step(DT_S)
        furthest = max(furthest, plant.positions['head_pan'])
        fastest = max(fastest, plant.velocities['head_pan'])
    assert plant.positions['head_pan'] == pytest.approx(1.0, abs=1e-3)
    assert furthest <= 1.001 and fastest <= tek.joints['head_pan'].velocity
    assert plant.velocities['head_pan'] == 0.0


def test_a_joint_follows_a_moving_set_point(tek):
    plant = Plant(tek)
    plant.enable()
    for n in range(100):
        plant.command_joint('head_pan', n * DT_S, 1.0)
        plant.step(DT_S)
    assert plant.velocities['head_pan'] == pytest.approx(1.0, abs=0.05)
    assert plant.positions['head_pan'] == pytest.approx(1.0, abs=0.05)


def test_a_joint_never_leaves_its_range(tek):
    plant = Plant(tek)
    plant.enable()
    plant.command_joint('left_gripper', 5.0, 100.0)
    run(plant, 2.0)
    assert plant.positions['left_gripper'] == tek.joints['left_gripper'].upper


def test_a_braked_joint_stays_where_it_stopped(tek):
    plant = Plant(tek)
    plant.enable()
    plant.command_joint('left_elbow', -2.0, -1.0)
    run(plant, 0.5)
    plant.brake()
    run(plant, 0.5)
    held = plant.positions['left_elbow']
    plant.disable()
    run(plant, 1.0)
    assert plant.positions['left_elbow'] == held and plant.at_standstill


def test_a_runaway_moves_after_zero_and_after_braking_until_power_is_taken(tek):
    plant = driving(tek, runaway=True)
    plant.command_base(0.0, 0.0, 0.0)
    plant.brake()
    run(plant, 1.0)
    assert plant.base.x == 0.5
    plant.disable()
    run(plant, 2.0)
    assert plant.at_standstill


def test_the_battery_drains_with_use(tek):
    idle, busy = Plant(tek), driving(tek)
    run(idle, 1.0)
    assert busy.battery < idle.battery < 1.0


def test_an_empty_battery_takes_power_and_gives_none(tek):
    plant = driving(tek, battery=1e-4)
    run(plant, 1.0)
    assert plant.battery == 0.0 and not plant.enabled
    plant.enable()
    assert not plant.enabled


def test_the_length_of_a_step_hardly_matters(tek):
    fine, coarse = driving(tek), Plant(tek)
    coarse.enable()
    coarse.command_base(0.5, 0.0, 0.0)
    coarse.step(1.0)
    assert coarse.pose[0] == pytest.approx(fine.pose[0], abs=1e-9)


@pytest.mark.parametrize('bad', [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused_and_changes_nothing(tek, bad):
    plant = driving(tek)
    before = plant.base, plant.pose, plant.positions
    for refused in (
        lambda: plant.command_base(bad, 0.0, 0.0),
        lambda: plant.command_base(0.0, bad, 0.0),
        lambda: plant.command_base(0.0, 0.0, bad),
        lambda: plant.command_joint('head_pan', bad, 0.0),
        lambda: plant.command_joint('head_pan', 0.0, bad),
        lambda: plant.step(bad),
    ):
        with pytest.raises(ValueError, match='finite'):
            refused()
    assert before == (plant.base, plant.pose, plant.positions)


def test_what_the_robot_has_not_is_refused(tek):
    plant = Plant(tek)
    with pytest.raises(ValueError, match='sideways'):
        plant.command_base(0.0, 0.1, 0.0)
    with pytest.raises(ValueError, match="no joint 'tail'"):
        plant.command_joint('tail', 0.0, 0.0)
    with pytest.raises(ValueError, match='has no base'):
        Plant(dataclasses.replace(tek, base=None, workspace=None)).command_base(0.0, 0.0, 0.0)
    for dt_s in (-0.1, 11.0):
        with pytest.raises(ValueError, match='outside'):
            plant.step(dt_s)


def test_a_holonomic_base_moves_sideways(tek):
    lateral = AxisSpec(velocity=0.5, acceleration=1.0, jerk=10.0, deceleration=1.0)
    base = dataclasses.replace(tek.base, lateral=lateral)
    plant = Plant(dataclasses.replace(tek, base=base))
    plant.enable()
    plant.command_base(0.0, 0.3, 0.0)
    run(plant, 1.0)
    assert plant.base.y == 0.3 and plant.pose[1] > 0.1 and plant.pose[0] == 0.0
