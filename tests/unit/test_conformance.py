"""The conformance suite of drivers: a good one passes, and each fault is found where it is."""

import dataclasses

import pytest
from conformance_world import SimulatedWorld

from tektra.robot_gate.conformance import CHECKS, FAILED, NOT_APPLICABLE, OK, run_suite
from tektra.robot_gate.conformance_rig import plan_motion, still
from tektra.robot_gate.drivers.driver import BaseVelocity, Feedback
from tektra.robots.spec import read_robot
from tektra.runtime.share import share_dir


@pytest.fixture(scope='module')
def tek():
    return read_robot(share_dir() / 'config' / 'robots' / 'tek.yaml')


def failed(robot, *faults):
    world = SimulatedWorld(robot, faults)
    return {one.check for one in run_suite(robot, world) if one.verdict == FAILED}


def test_a_good_driver_passes_every_check_and_leaves_the_robot_without_power(tek):
    world = SimulatedWorld(tek)
    outcomes = list(run_suite(tek, world))
    assert [one.check for one in outcomes] == [text for text, _, _ in CHECKS]
    assert {one.verdict for one in outcomes} == {OK}
    assert not world.side.plant.enabled and world.side.plant.at_standstill


def test_a_robot_without_a_base_is_checked_by_its_first_joint(tek):
    arm = dataclasses.replace(tek, base=None, workspace=None)
    outcomes = list(run_suite(arm, SimulatedWorld(arm)))
    assert {one.verdict for one in outcomes} == {OK}, outcomes
    assert any('head_pan' in one.detail for one in outcomes)


def test_the_whole_suite_keeps_the_robot_near_its_place(tek):
    world = SimulatedWorld(tek)
    list(run_suite(tek, world))
    x, y, _ = world.side.plant.pose
    assert abs(x) < 0.2 and abs(y) < 0.01


@pytest.mark.parametrize(
    ('fault', 'check'),
    [
        ('credulous', 'refuses what is not finite'),
        ('patient', 'stops when set-points no longer come'),
        ('patient', 'stops when its host is killed (kill -9)'),
        ('repeats', 'stops when set-points no longer come'),
        ('category 2', 'stop category 2: stops, keeps power'),
        ('category 1', 'stop category 1: stops, then power off'),
        ('category 0', 'stop category 0: power off at once'),
        ('undisabled', 'disable takes power'),
        ('steals', 'refuses a second controller'),
        ('resumes', 'a new connection does not move it'),
        ('blocks', 'no call blocks for 5 ms'),
    ],
)
def test_a_fault_is_found_by_the_check_for_it(tek, fault, check):
    assert check in failed(tek, fault)


def test_a_time_out_that_lives_in_the_host_is_found_by_killing_it(tek):
    found = failed(tek, 'host timeout')
    assert found == {'stops when its host is killed (kill -9)'}


@pytest.mark.parametrize(
    ('fault', 'first'),
    [
        ('absent', 'connects within 5 s'),
        ('undeclared', 'declares a time-out within the budget'),
        ('quiet', 'reports its speed at least every 150 ms'),
        ('speedless', 'reports its speed at least every 150 ms'),
        ('unpowered', 'does not move before it is enabled'),
        ('remembers', 'enables at standstill without moving'),
        ('reversed', 'a small set-point moves it, zero stops it'),
        ('breaks', 'a small set-point moves it, zero stops it'),
    ],
)
def test_after_a_fault_that_makes_moving_unsafe_nothing_more_is_tried(tek, fault, first):
    world = SimulatedWorld(tek, [fault])
    outcomes = list(run_suite(tek, world))
    verdicts = {one.check: one for one in outcomes}
    assert verdicts[first].verdict == FAILED
    after = outcomes[outcomes.index(verdicts[first]) + 1 :]
    assert after and all(one.detail.startswith('not tried') for one in after)
    assert world.side.plant.at_standstill


def test_an_interrupted_suite_stops_the_robot(tek):
    world = SimulatedWorld(tek)
    suite = run_suite(tek, world)
    for outcome in suite:
        if outcome.check.startswith('enables'):
            break
    assert world.side.plant.enabled
    suite.close()
    assert not world.side.plant.enabled


def test_a_driver_without_a_switch_for_power_is_told_so(tek):
    world = SimulatedWorld(tek)
    opened = world.open

    def switchless(controller_id):
        driver = opened(controller_id)
        driver.power_control = False
        return driver

    world.open = switchless
    verdicts = {one.check: one.verdict for one in run_suite(tek, world)}
    assert verdicts['stop category 0: power off at once'] == NOT_APPLICABLE
    assert verdicts['stop category 1: stops, then power off'] == NOT_APPLICABLE
    assert verdicts['disable takes power'] == NOT_APPLICABLE
    assert verdicts['stop category 2: stops, keeps power'] == OK


def test_a_motion_rises_within_the_acceleration_and_turns_round(tek):
    there = plan_motion(tek, Feedback(0, 1, True))
    back = plan_motion(tek, Feedback(0, 1, True), backwards=True)
    assert there.command(0.0).base.x == 0.0
    assert there.command(0.05).base.x == pytest.approx(0.05 * tek.base.linear.acceleration)
    assert there.command(9.0).base.x == 0.1 and back.command(9.0).base.x == -0.1


def test_standstill_is_judged_by_every_part_that_is_measured(tek):
    assert still(tek, Feedback(0, 1, True, BaseVelocity(0.01)))
    assert not still(tek, Feedback(0, 1, True, BaseVelocity(0.03)))
    assert not still(tek, Feedback(0, 1, True, BaseVelocity(yaw=0.1)))
    assert not still(tek, Feedback(0, 1, True, velocities={'head_pan': 0.1}))
